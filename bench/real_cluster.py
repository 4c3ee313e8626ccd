"""The cluster's figures: how fast a canary is taken back on a real Kubernetes behind a real
ingress, what bad versions cost the users until then, what the API server is asked, how long a look
takes. Runs in the test bed's network (tests/cluster/enter.py). Peers' numbers are of runs of the
same set-up on a machine of this size (docs/measurements.md says how), not of this run."""

import collections
import concurrent.futures
import datetime
import fcntl
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from figures import Figure, median
from one_machine import start_ms

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from cluster import CANARY_WEIGHT, World, wait_for  # noqa: E402  (the path is set above)
from release_test_case import PROMETHEUS, SCRAPE, spec  # noqa: E402
from world import LINNET, end_process, pause  # noqa: E402

DONE, ROLLED_BACK = 0, 1
CANARY_INGRESS = "api-gateway-ingress-canary"
DOCUMENT = "linnet-api-gateway"  # the release's ConfigMap


class Release(World):
    """A service behind the ingress that linnet has taken over. With `counted`, linnet reaches the
    API server through counting_proxy.py."""

    def __init__(self, counted=False, rate=100, **options):
        lock = open(f"/tmp/linnet-cluster-tests-{os.getuid()}.lock", "ab")
        fcntl.flock(lock, fcntl.LOCK_SH)  # as a test: not beside one that takes the cluster apart
        self.lock, self.proxy = lock, None
        super().__init__()
        try:
            if counted:
                self._begin_proxy()
            self.apply("stable")
            self.wait_ready("api-gateway-stable")
            self.wait_served("v1.0.0")
            self.specify(**options)
            self.users = self.load(rate)
            self.must("init")
        except BaseException:
            self.close()
            raise

    def specify(self, **options):
        text = spec(self.namespace, **options)
        self.spec_file.write_text(text.replace("min_requests: 5\n", ""))  # the default, 20

    def must(self, *words, code=DONE, seconds=600):
        ran = self.run(*words, seconds=seconds)
        assert ran.code == code, ran
        return ran

    def close(self):
        try:
            super().close()
        finally:
            if self.proxy is not None:
                end_process(self.proxy)
            self.lock.close()

    # ---- what was asked of the API server ----
    def _begin_proxy(self):
        config = json.loads((self.folder / "kubeconfig").read_text())
        cluster = config["clusters"][0]["cluster"]
        authority = self.cluster.bed / "pki" / "ca.crt"
        self.proxy_log = self.folder / "requests"
        self.proxy_log.touch()
        self.proxy = subprocess.Popen(
            [sys.executable, ROOT / "bench" / "counting_proxy.py",
             cluster["server"].removeprefix("https://"), authority, self.proxy_log],
            stdout=subprocess.PIPE, text=True)
        self.proxy_port = int(self.proxy.stdout.readline())
        self.token = config["users"][0]["user"]["token"]
        cluster.pop("certificate-authority-data", None)
        cluster["server"] = f"http://127.0.0.1:{self.proxy_port}"
        (self.folder / "kubeconfig").write_text(json.dumps(config))

    def requests(self, since=0.0):
        """Each answered request that began since then (wall time, seconds)."""
        rows = [json.loads(line) for line in self.proxy_log.read_text().splitlines()]
        return [row for row in rows if row["at"] >= since]

    def patch_bare(self, connection, number):
        """Seconds from before a PATCH of one annotation until its answer passes the proxy."""
        path = f"/apis/networking.k8s.io/v1/namespaces/{self.namespace}/ingresses/bare"
        body = json.dumps({"metadata": {"annotations": {CANARY_WEIGHT: str(number)}}})
        began = time.time()
        connection.request("PATCH", path, body, {
            "Content-Type": "application/merge-patch+json",
            "Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        done = [row for row in self.requests(began) if row["path"].startswith(path)]
        return done[0]["answered"] - began

    def curl(self, path, *options):
        """The command of one GET by TLS, as an administrator."""
        config = json.loads((self.folder / "kubeconfig").read_text())
        file = self.folder / "curl"
        file.write_text(
            f'header = "Authorization: Bearer {config["users"][0]["user"]["token"]}"\n'
            f'cacert = "{self.cluster.bed / "pki" / "ca.crt"}"\nfail\nsilent\n')
        server = config["clusters"][0]["cluster"]["server"]
        return [shutil.which("curl"), "-K", str(file), *options, f"{server}/{path}"]

    # ---- what linnet wrote ----
    def journal(self):
        lines = self.get("configmap", DOCUMENT)["data"]["journal"].splitlines()
        return [json.loads(line) for line in lines if line]

    def told_at(self, since, pattern):
        """When the engine decided what the journal tells in such words: wall time in seconds, of
        which the journal keeps whole milliseconds."""
        def found():
            times = [wall(line["at"]) for line in self.journal()
                     if re.search(pattern, line["text"])]
            return next((at for at in times if at >= since - 0.001), None)
        return wait_for(found, 30, f"the journal has: {pattern}", 0.05)


def wall(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def to_wall():
    """What to add to a monotonic time, in seconds."""
    return time.time() - time.monotonic()


# --------------------------------------------------------------------------------------------------
def verdict(rounds=12, bare_each=5):
    """From the verdict to the weight 0 in the API server, and to the canary's last request."""
    ours, whole, theirs, bare = [], [], [], []
    with Release(counted=True, rate=400, steps="50%", hold="60s") as release:
        beside = release.get("ingress", CANARY_INGRESS)
        beside["metadata"] = {"name": "bare", "annotations": {
            **beside["metadata"]["annotations"], CANARY_WEIGHT: "0"}}
        beside["spec"]["rules"][0]["host"] = f"bare.{release.namespace}.local"
        del beside["status"]
        release.apply(beside)
        connection = http.client.HTTPConnection("127.0.0.1", release.proxy_port, timeout=10)
        for _ in range(rounds):
            began = time.time()
            release.must("deploy", "v2.0.0-broken", code=ROLLED_BACK)
            decided = release.told_at(began, "^rolling_back: ")
            write = next(row for row in release.requests(decided - 0.001)
                         if row["method"] == "PATCH" and f"{CANARY_WEIGHT}\":\"0\"" in row["body"])
            last = max(event[0] for event in release.users.events()
                       if event[4] == "v2.0.0-broken") / 1e6 + to_wall()
            ours.append(1000 * (write["answered"] - decided))
            whole.append(1000 * max(last - decided, 0))
            theirs.append(1000 * (last - write["answered"]))
            bare += [1000 * release.patch_bare(connection, number + 1)
                     for number in range(bare_each)]
    return [
        Figure(f"verdict to weight 0 acknowledged, median of {rounds} ({median(ours):.1f} ms)",
               median(ours) / median(bare), "x", 1.5,
               f"a bare PATCH, median of {len(bare)} in the same run: {median(bare):.1f} ms"),
        Figure("verdict to the last request that begins on the canary, median", median(whole),
               "ms", None, "Argo 43 ms and then 3.0 s; Flagger 9.9 s (ingress-nginx)"),
        Figure("of it ours: until the write is acknowledged, median and worst", median(ours), "ms",
               None, f"worst {max(ours):.1f} ms; the journal's clock has whole milliseconds"),
        Figure("of it the ingress controller's (Traefik), median and worst", median(theirs), "ms",
               None, f"worst {max(theirs):.0f} ms"),
    ]


# --------------------------------------------------------------------------------------------------
class Bad:
    """A bad version of the peers' set-up: what its best peer setting cost (of the medians of the
    runs in docs/measurements.md, ingress-nginx in front), and the most that linnet may cost."""

    def __init__(self, percent, version, peer, reach):
        self.percent, self.version, self.peer, self.reach = percent, version, peer, reach


# A quarter and a third of the best peer; then 1.5 times what the rule needs by simulation at alpha
# .01 (`./dev bench evidence`): 12.5 s and 52 s of 5 canary requests a second.
# What a peer saves at 20 and 10 % it pays with canaries within the limit: those rates are measured
# by `./dev bench evidence`, on simulated requests, for both.
PAYS = "it takes back 25 % of canaries with 3 % errors, linnet 0.03 %: bench evidence"
BAD = [Bad(100, "v2.0.0-broken", "57 in 10.0 s (Argo, 5 s, failureLimit 0)", 57 / 4),
       Bad(50, "v2.0.0-half", "24 in 9.7 s (the same)", 24 / 3),
       Bad(20, "v2.0.0-errors", f"7.5 in 7.8 s (the same; {PAYS}); expected 12.5", 1.5 * 12.5),
       Bad(10, "v2.0.0-ten", f"5.5 in 9.0 s (the same; {PAYS}); expected 26", 1.5 * 26)]
STEPS = "5% 25% 50% 100%"


def cost(release, version):
    """(requests harmed, seconds from the first bad answer to the canary's last) of one deploy."""
    began = time.monotonic_ns() // 1000
    release.must("deploy", version, code=ROLLED_BACK)
    answers = [event for event in release.users.events()
               if event[0] >= began and event[4] == version]
    bad = [event for event in answers if event[3] >= 500]
    return len(bad), (max(event[1] for event in answers) - min(event[1] for event in bad)) / 1e6


def no_other_harm(release):
    """Requests that failed without a bad version's doing."""
    seen = release.users.stop()
    return seen["failed"] + sum(one["bad"] for version, one in seen["versions"].items()
                                if not version.startswith("v2.0.0-"))


def harm(runs=3):
    """Requests that bad versions harm until they are taken back, the peers' set-up."""
    figures, other = [], 0
    with Release(steps=STEPS, hold="60s", metrics=SCRAPE) as release:
        for bad in BAD:
            found = [cost(release, bad.version) for _ in range(runs)]
            figures.append(harm_figure(bad, found, "scrape", bad.reach))
        other += no_other_harm(release)
    with Release(steps=STEPS, hold="60s", metrics=PROMETHEUS) as release:
        assert_five_seconds(release)
        for bad in BAD:
            figures.append(harm_figure(bad, [cost(release, bad.version)], "Prometheus, 5 s", None))
        assert_five_seconds(release)
        other += no_other_harm(release)
    return [*figures, Figure("other requests failed in these releases", other, "", 0)]


def assert_five_seconds(release):
    config = (release.cluster.bed / "etc" / "prometheus.yml").read_text()
    assert "scrape_interval: 5s" in config, "Prometheus does not scrape each 5 s"


def harm_figure(bad, found, source, reach):
    harmed, seconds = [one[0] for one in found], [one[1] for one in found]
    each = " ".join(f"{one[0]}/{one[1]:.1f}s" for one in found)
    return Figure(f"canary fails {bad.percent} %, {source}: harmed, median of {len(found)} "
                  f"({median(seconds):.1f} s)", median(harmed), "requests", reach,
                  f"{each}; best peer {bad.peer}")


# --------------------------------------------------------------------------------------------------
def healthy(releases=20, at_once=4):
    """Good versions that are taken back all the same."""
    def some(count):
        taken_back = []
        with Release(steps=STEPS, hold="5s") as release:
            for turn in range(count):
                ran = release.run("deploy", f"v1.{turn % 2 + 1}.0", "--promote", seconds=300)
                if ran.code != DONE:
                    taken_back.append(str(ran))
            return taken_back, release.users.stop()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        ended = list(pool.map(some, [releases // at_once] * at_once))
    taken_back = [text for texts, _ in ended for text in texts]
    for text in taken_back:
        print(text, file=sys.stderr)
    failed = sum(seen["failed"] + seen["bad"] for _, seen in ended)
    asked = sum(seen["requests"] for _, seen in ended)
    return [
        Figure(f"healthy releases taken back, of {releases} with steps of 5 s", len(taken_back), "",
               0, "Flagger at threshold 1: 1 of 4"),
        Figure("requests failed in them, promotions included", failed, f"of {asked:,}", 0),
    ]


# --------------------------------------------------------------------------------------------------


def kind_of(row):
    words = row["path"].split("?")[0].split("/")
    return words[words.index("namespaces") + 2] if "namespaces" in words else row["path"]


def is_watch(row):
    return "watch=true" in row["path"] or "watch=1" in row["path"]


def api(hold="15s", quiet=30):
    """Requests to the API server: of a whole release, and while nothing is to be done."""
    with Release(counted=True, steps=STEPS, hold=hold) as release:
        began = time.time()
        release.must("deploy", "v1.1.0", "--promote")
        took = time.time() - began
        rows = release.requests(began)
        writes = collections.Counter(kind_of(row) for row in rows if row["method"] != "GET")
        changes = {line["at"] for line in release.journal() if wall(line["at"]) >= began}
        reads = sum(row["method"] == "GET" and not is_watch(row) and "/proxy/" not in row["path"]
                    for row in rows)
        pages = sum("/proxy/" in row["path"] for row in rows)
        follower = release.begin("status", "--follow")
        pause(5)  # what it reads at first
        rest = time.time()
        pause(quiet)
        idle = [row["path"] for row in release.requests(rest) if not is_watch(row)]
        print(f"at rest: {collections.Counter(idle)}", file=sys.stderr)
        alive = idle.count("/version")
        end_process(follower)
    document = writes.pop("configmaps", 0)
    lease = writes.pop("leases", 0)
    weights = writes.pop("ingresses", 0)
    asked = [path for path in writes if "/authorization.k8s.io/" in path]
    rights = sum(writes.pop(path) for path in asked)
    return [
        Figure("weight writes of a release 5/25/50/100 and promotion", weights, "", 5,
               "five weights, the last one 0"),
        Figure(f"writes of the release's document in {took:.0f} s", document, "",
               len(changes) + weights + took / 10,
               f"{len(changes)} moments with a change in the journal, {weights} weights read back, "
               "one each 10 s beside"),
        Figure("writes of Deployments", writes.pop("deployments", 0), "", None,
               "canary's image, sizes, stable's image"),
        Figure("events for people", writes.pop("events", 0), "", None, "one a line of the journal"),
        Figure("renewals of the Lease", lease, "", None, f"in {took:.0f} s"),
        Figure("questions about our own rights", rights, "", None, "before a deploy begins"),
        Figure("other writes", sum(writes.values()), "", 0, str(dict(writes)) if writes else ""),
        Figure("reads but for watches", reads, "", None, f"and {pages} metrics pages"),
        Figure(f"requests at rest, `status --follow`, {quiet} s, but for watches",
               len(idle) - alive, "", 0,
               "Flagger 1 a second with 1 canary; without a command linnet asks nothing"),
        Figure("and whether the server is still there", alive, "", None,
               "a quiet watch does not tell that its server hangs"),
    ]


# --------------------------------------------------------------------------------------------------
class Watched:
    """A bare watch of a collection beside linnet's own: `when(holds)` is the wall time in seconds
    at which an object came that `holds` is true of."""

    def __init__(self, release, kind):
        self.seen = []
        curl = subprocess.Popen(release.curl(f"{release.path_of(kind)}?watch=true", "--no-buffer"),
                                stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, args=(curl,), daemon=True).start()

    def read(self, curl):
        with curl:
            for line in curl.stdout:
                self.seen.append((time.time(), json.loads(line)["object"]))

    def when(self, holds):
        return wait_for(lambda: next((at for at, thing in self.seen if holds(thing)), None), 30,
                        "the watch tells of it", 0.005)


def noticed(rounds=8):
    """From what somebody else does, or becomes of a pod, to the engine's words about it."""
    edit, edit_bare, trouble = [], [], []
    with Release(steps="50%", hold="60s") as release:
        ingresses, pods = Watched(release, "ingress"), Watched(release, "pod")
        for turn in range(rounds):
            began = time.time()
            deploy = release.begin("deploy", "v1.1.0")
            release.told_at(began, "50 % in force")
            other = str(turn + 1)
            began = time.time()
            release.set_weight(other)
            shown = ingresses.when(lambda ingress: weight_of(ingress) == other)
            edit_bare.append(1000 * (shown - began))
            edit.append(1000 * (release.told_at(began, f"the weight is {other} % now") - began))
            release.must("rollback")
            deploy.wait(60)
            began = time.time()
            deploy = release.begin("deploy", "v9.9.9")
            shown = pods.when(lambda pod: pod["metadata"]["creationTimestamp"] >= utc(began) and
                              cannot_start(pod))
            trouble.append(1000 * (release.told_at(began, "cannot be pulled") - shown))
            release.must("rollback")
            deploy.wait(60)
    return [
        Figure(f"another's weight change until linnet holds, median of {rounds}", median(edit),
               "ms", 1000, f"worst {max(edit):.0f} ms; a bare watch showed it after "
               f"{median(edit_bare):.0f} ms"),
        Figure(f"a pod that cannot start until linnet says why, median of {rounds}",
               median(trouble), "ms", 1000,
               f"worst {max(trouble):.0f} ms, from when a bare watch showed it"),
    ]


def utc(seconds):
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat()[:19] + "Z"


def weight_of(ingress):
    return ingress["metadata"].get("annotations", {}).get(CANARY_WEIGHT)


def cannot_start(pod):
    return any("ImagePull" in state["state"].get("waiting", {}).get("reason", "")
               for state in pod["status"].get("containerStatuses", []))


# --------------------------------------------------------------------------------------------------
def look(rounds=60):
    """`linnet status` from nothing, in turns with the least that it could be."""
    with Release(steps="50%", hold="60s") as release:
        # `status` finds its spec in the folder that it is run in.
        environment = {**release.environment, "LINNET_SPEC": str(release.spec_file)}
        kubectl = shutil.which("kubectl")
        commands = {
            "status": [str(LINNET), "status"],
            "curl": release.curl(f"{release.path_of('configmap')}/{DOCUMENT}"),
            "kubectl": [kubectl, "get", "configmap", DOCUMENT, "-o", "json"],
        }
        times = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(start_ms(command, environment))
    base, mine, theirs = (median(times[name]) for name in ("curl", "status", "kubectl"))
    return [
        Figure(f"linnet status as a whole process, cold ({mine:.1f} ms)", mine / base, "x", 2,
               f"curl, one GET by TLS: {base:.1f} ms; medians of {rounds} in turns"),
        Figure("the same against kubectl get of the document", mine / theirs, "x", 1,
               f"kubectl: {theirs:.1f} ms"),
    ]


# --------------------------------------------------------------------------------------------------
def counts():
    """Metrics pages with resets, gaps, NaN and duplicate series: counts that come out wrong."""
    subprocess.run(["cmake", "--build", ROOT / "build" / "release", "--target", "prometheus_test"],
                   check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        subprocess.run([ROOT / "build" / "release" / "src" / "prometheus" / "prometheus_test",
                        "--gtest_filter=ThousandScrapes.EveryCountIsRight",
                        f"--gtest_output=json:{report}"], stdout=subprocess.DEVNULL, check=False)
        told = json.loads(report.read_text())["testsuites"][0]["testsuite"][0]
    pages, counted, wrong = (int(told[name]) for name in ("pages", "counted", "wrong"))
    return [Figure(f"counted wrong, on {pages:,} damaged pages in three runs", wrong, "", 0,
                   f"{counted:,} requests, errors and latencies, each page's truth known")]


FIGURES = {"verdict": verdict, "noticed": noticed, "harm": harm, "healthy": healthy, "api": api,
           "look": look, "counts": counts}
