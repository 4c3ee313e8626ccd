"""What the cluster tests live in. `Cluster` is the cluster itself: kubectl, the API by plain HTTP,
Prometheus, and the pieces that can be taken away. `World` is one test's share of it: a namespace
and a host of its own, a folder for what `linnet` keeps, users at a steady pace whose every answer
is counted. Tests run in the bed's network (tests/cluster/run), so that all addresses can be
reached; without a bed only the API server can."""

import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import random
import shutil
import string
import subprocess
import sys
import tempfile
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from world import (  # noqa: E402  (the path is set above)
    LINNET, Load, Ran, TimedOut, UnixConnection, end_process, processes_of, wait_for)

MANIFESTS = HERE / "manifests"
HOST = "api.autograph.local"  # in the manifests; a test's own takes its place
IMAGE = "autograph/api-gateway"
CANARY_WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"
# Of the ingress controller: the bed's, or the one of a cluster of yours (tests/cluster/run).
INGRESS_HOST, INGRESS_PORT = os.environ.get("LINNET_CLUSTER_INGRESS", "127.0.0.1:80").split(":")
INGRESS_PORT, GATEWAY_PORT = int(INGRESS_PORT), 8000
SHARED_PROXY = "LINNET_CLUSTER_API"  # names the socket of a proxy that is there
PROMETHEUS = "http://127.0.0.1:9090"  # in the bed's network; 192.168.77.1 from its pods

# The folders of the API that tests ask for, by the word that kubectl uses, too.
KINDS = {
    "deployment": "apis/apps/v1/namespaces/{}/deployments",
    "replicaset": "apis/apps/v1/namespaces/{}/replicasets",
    "ingress": "apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "httproute": "apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
    "grpcroute": "apis/gateway.networking.k8s.io/v1/namespaces/{}/grpcroutes",
    "gateway": "apis/gateway.networking.k8s.io/v1/namespaces/{}/gateways",
    "endpointslice": "apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "lease": "apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "event": "apis/events.k8s.io/v1/namespaces/{}/events",
    "hpa": "apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "pdb": "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "role": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "rolebinding": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    **{kind: "api/v1/namespaces/{}/" + kind + "s"
       for kind in ("pod", "service", "configmap", "secret", "serviceaccount")},
}


class Refused(AssertionError):
    """The API server, or kubectl, said no."""


def get_json(url):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def begin_proxy(socket):
    """The process: a cluster's API at this path, asked with the rights that KUBECONFIG has."""
    with open(socket.with_suffix(".log"), "wb") as log:
        proxy = subprocess.Popen(["kubectl", "proxy", f"--unix-socket={socket}"],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_for(socket.exists, 20, "kubectl proxy listens", 0.01)
    return proxy


class Cluster:
    """The cluster that KUBECONFIG names, a file of JSON with one context. A `kubectl proxy` makes
    its API plain HTTP, whatever the kubeconfig asks for, so that looking is cheap enough to wait
    by: one for all tests of a run (tests/cluster/run), or else one of its own."""

    def __init__(self, folder):
        bed = os.environ.get("LINNET_CLUSTER_BED")
        self.bed = pathlib.Path(bed) if bed else None
        shared = os.environ.get(SHARED_PROXY)
        self.socket = pathlib.Path(shared) if shared else folder / "api.sock"
        self._proxy = None

    def close(self):
        if self._proxy is not None:
            end_process(self._proxy)

    # ---- the API ----
    def kubectl(self, *words, text=None, seconds=60, check=True):
        """Its output. `text` is its standard input."""
        command = ["kubectl", *(str(word) for word in words)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False,
                              timeout=seconds)
        if check and done.returncode != 0:
            raise Refused(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def api(self, method, path, body=None, kind="application/json", seconds=30):
        """(status, document) of one request as an administrator."""
        if not self.socket.exists():
            self._proxy = begin_proxy(self.socket)
        connection = UnixConnection(self.socket, seconds)
        try:
            connection.request(method, f"/{path}", json.dumps(body) if body is not None else None,
                               {"Content-Type": kind, "Host": "localhost"})
            answer = connection.getresponse()
            text = answer.read()
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, text.decode(errors="replace")
        finally:
            connection.close()

    def must(self, method, path, body=None, kind="application/json", may_be_gone=False):
        status, document = self.api(method, path, body, kind)
        if status >= 300 and not (may_be_gone and status == 404):
            message = document.get("message") if isinstance(document, dict) else document
            raise Refused(f"{method} {path}: {status} {message}")
        return document

    # ---- Prometheus ----
    def prometheus(self, query):
        """[(labels, value)] now."""
        answer = get_json(f"{PROMETHEUS}/api/v1/query?" + urllib.parse.urlencode({"query": query}))
        if answer["status"] != "success":
            raise Refused(f"{query}: {answer}")
        return [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]

    def scrape_every(self, text):
        """Prometheus' interval from now on ("1s"); the bed's default is 5 s."""
        path = self.bed / "etc" / "prometheus.yml"
        # Tests beside each other do so at once, and Prometheus must never read half a file.
        with open(path.with_suffix(".lock"), "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lines = [f"global: {{ scrape_interval: {text}, scrape_timeout: {text} }}"
                     if line.startswith("global:") else line
                     for line in path.read_text().splitlines()]
            draft = path.with_suffix(".new")
            draft.write_text("\n".join(lines) + "\n")
            draft.rename(path)
            self.piece("signal", "prometheus", "HUP")

    # ---- faults ----
    def piece(self, *words):
        """`piece("stop", "traefik")`: tests/cluster/bed/inside has the names. What it takes away
        from one test it takes from all that run beside it: such a test asks for `alone`."""
        done = subprocess.run([HERE / "bed" / "cluster", "piece", *words], capture_output=True,
                              text=True, timeout=30, check=False)
        if done.returncode != 0:
            raise Refused(f"piece {' '.join(words)}: {done.stdout}{done.stderr}")

    @contextlib.contextmanager
    def without(self, name):
        """The piece is killed inside the block, started again after it, and waited for."""
        self.piece("stop", name)
        try:
            yield
        finally:
            self.piece("start", name)
            self.wait_back(name)

    @contextlib.contextmanager
    def frozen(self, name):
        """The piece hangs inside the block: it takes connections and answers nothing."""
        self.piece("signal", name, "STOP")
        try:
            yield
        finally:
            self.piece("signal", name, "CONT")
            self.wait_back(name)

    def wait_back(self, name, seconds=60):
        wait_for(lambda: self.answers(name), seconds, f"{name} is back")

    def answers(self, name):
        if name == "traefik":
            return get_json("http://127.0.0.1:9101/api/rawdata").get("services") is not None
        if name == "prometheus":
            return bool(self.prometheus("vector(1)"))
        return self.api("GET", "readyz")[0] == 200


class World:
    """Use as a context manager. With no namespace named it makes one of its own, so that tests can
    run side by side; `World("autograph")` has the mission's names to the letter, and is alone."""

    def __init__(self, namespace=None):
        # Short: the path of a unix socket may have 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="linnet-cluster-"))
        self.cluster = Cluster(self.folder)
        some = "".join(random.choices(string.ascii_lowercase, k=5))
        self.namespace = namespace or f"autograph-{some}"
        self.host = HOST if namespace == "autograph" else f"api.{self.namespace}.local"
        self.spec_file = self.folder / "linnet.yaml"
        for name in ("home", "state", "run", "config", "cache"):
            (self.folder / name).mkdir(mode=0o700)
        self.environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("LINNET_", "GITLAB_", "GITHUB_", "CI_", "XDG_")) and
            name != "CI"}
        self.environment.update(
            HOME=str(self.folder / "home"), KUBECONFIG=str(self.folder / "kubeconfig"),
            XDG_STATE_HOME=str(self.folder / "state"), XDG_RUNTIME_DIR=str(self.folder / "run"),
            XDG_CONFIG_HOME=str(self.folder / "config"), XDG_CACHE_HOME=str(self.folder / "cache"))
        self.loads, self.ran = [], []
        self.write_kubeconfig()
        self._make_namespace()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _make_namespace(self):
        def made():
            status, document = self.cluster.api(
                "POST", "api/v1/namespaces", {"metadata": {"name": self.namespace}})
            if status == 409:  # of a test before, on its way out
                self.cluster.api("DELETE", f"api/v1/namespaces/{self.namespace}")
            return status == 201 or (document and None)
        wait_for(made, 60, f"namespace {self.namespace} is made", 0.1)
        # Pods are refused before it is there.
        wait_for(lambda: self.get("serviceaccount", "default"), 20, "the namespace is furnished")

    # ---- who asks ----
    def write_kubeconfig(self, path=None, token=None, namespace=None):
        """A kubeconfig for `linnet`: the administrator's, or with this token. Its path."""
        path = path or self.folder / "kubeconfig"
        config = json.loads(pathlib.Path(os.environ["KUBECONFIG"]).read_text())
        config["contexts"][0]["context"]["namespace"] = namespace or self.namespace
        if token is not None:
            config["users"][0]["user"] = {"token": token}
        path.write_text(json.dumps(config))  # JSON is YAML, too
        path.chmod(0o600)
        return path

    def service_account(self, name, rules, seconds=3600):
        """Makes a service account with exactly these rules in the namespace; a token of it."""
        must = self.cluster.must
        must("POST", self.path_of("serviceaccount"), {"metadata": {"name": name}})
        must("POST", self.path_of("role"), {"metadata": {"name": name}, "rules": rules})
        must("POST", self.path_of("rolebinding"), {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name,
                          "namespace": self.namespace}]})
        return self.token_of(name, seconds)

    def token_of(self, account, seconds=3600):
        return self.cluster.must("POST", f"{self.path_of('serviceaccount', account)}/token", {
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "spec": {"expirationSeconds": seconds}})["status"]["token"]

    # ---- objects ----
    def kubectl(self, *words, **options):
        return self.cluster.kubectl("-n", self.namespace, *words, **options)

    def apply(self, *manifests, changes=()):
        """Each is the name of a file in manifests/ ("stable"), or a text or document. `changes`
        are words to be replaced, as {"replicas: 3": "replicas: 1"}."""
        for manifest in manifests:
            if isinstance(manifest, dict):
                text = json.dumps(manifest)
            elif "\n" in manifest:
                text = manifest
            else:
                text = (MANIFESTS / f"{manifest}.yaml").read_text()
            for old, new in {HOST: self.host, **dict(changes)}.items():
                text = text.replace(old, new)
            self.kubectl("apply", "-f", "-", text=text)

    def get(self, kind, name):
        """The object, or nothing."""
        status, document = self.cluster.api("GET", self.path_of(kind, name))
        if status == 404:
            return None
        if status != 200:
            raise ValueError(f"{kind} {name}: {status} {document}")
        return document

    def list(self, kind, labels=""):
        query = urllib.parse.urlencode({"labelSelector": labels})
        return self.cluster.must("GET", f"{self.path_of(kind)}?{query}")["items"]

    def events_of(self, uid):
        """Those about the object with this uid, asked for as `kubectl describe` does."""
        query = urllib.parse.urlencode({"fieldSelector": f"involvedObject.uid={uid}"})
        path = f"api/v1/namespaces/{self.namespace}/events"
        return self.cluster.must("GET", f"{path}?{query}")["items"]

    def pods(self, labels=""):
        """Those that are not on their way out."""
        return [pod for pod in self.list("pod", labels)
                if "deletionTimestamp" not in pod["metadata"]]

    def patch(self, kind, name, document):
        """A merge patch, as somebody else than linnet."""
        return self.cluster.must("PATCH", self.path_of(kind, name), document,
                                 "application/merge-patch+json")

    def delete(self, kind, name):
        return self.cluster.must("DELETE", self.path_of(kind, name))

    def path_of(self, kind, name=None):
        folder = KINDS[kind].format(self.namespace)
        return f"{folder}/{name}" if name else folder

    def wait_ready(self, *deployments, seconds=60):
        for name in deployments:
            wait_for(lambda name=name: self.is_ready(name), seconds, f"{name} is ready", 0.05)

    def is_ready(self, name):
        """All replicas of the newest version serve, and none of an older one is left."""
        deployment = self.get("deployment", name)
        status, wanted = deployment["status"], deployment["spec"]["replicas"]
        return (status.get("observedGeneration", 0) >= deployment["metadata"]["generation"] and
                status.get("updatedReplicas", 0) == status.get("readyReplicas", 0) == wanted and
                status.get("replicas", 0) == wanted)

    def set_image(self, deployment, version):
        """As `kubectl set image` does it, its name included."""
        container = self.get("deployment", deployment)["spec"]["template"]["spec"][
            "containers"][0]["name"]
        path = self.path_of("deployment", deployment)
        self.cluster.must("PATCH", f"{path}?fieldManager=kubectl-set", {"spec": {"template": {
            "spec": {"containers": [{"name": container, "image": f"{IMAGE}:{version}"}]}}}},
            "application/strategic-merge-patch+json")

    def images(self, deployment):
        containers = self.get("deployment", deployment)["spec"]["template"]["spec"]["containers"]
        return [container["image"] for container in containers]

    def tell(self, labels, **how):
        """Changes how running pods behave: tell("version=canary", fail=20, delay=100)."""
        query = urllib.parse.urlencode(how)
        for pod in self.pods(labels):
            self.cluster.must("GET", f"{self.path_of('pod', pod['metadata']['name'])}:8080/proxy"
                                     f"/ctl?{query}")

    # ---- traffic ----
    def weight(self, ingress="api-gateway-ingress-canary"):
        """The canary's weight as the Ingress has it; nothing without that Ingress."""
        found = self.get("ingress", ingress)
        return found and int(found["metadata"]["annotations"].get(CANARY_WEIGHT, 0))

    def set_weight(self, weight, ingress="api-gateway-ingress-canary"):
        self.patch("ingress", ingress, {"metadata": {"annotations": {CANARY_WEIGHT: str(weight)}}})

    def request(self, path="/", port=INGRESS_PORT):
        """(status, X-Version) of one request on a connection of its own."""
        connection = http.client.HTTPConnection(INGRESS_HOST, port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": self.host})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("X-Version")
        finally:
            connection.close()

    def sample(self, requests=200, port=INGRESS_PORT):
        """How many of so many requests each version answered."""
        found = {}
        for _ in range(requests):
            version = self.request(port=port)[1]
            found[version] = found.get(version, 0) + 1
        return found

    def wait_served(self, version=None, port=INGRESS_PORT, seconds=20):
        """The data plane answers for the host (with this version)."""
        def served():
            status, seen = self.request(port=port)
            return status == 200 and version in (None, seen)
        wait_for(served, seconds, f"{self.host} is served by {version or 'somebody'}")

    def load(self, rate=100, clients=16, port=INGRESS_PORT, path="/", extra=()):
        """Users from now on: `.summary()` counts until now, `.stop()` returns the final counts,
        `.events()` has each request. Nothing is retried."""
        load = Load(self.folder, port, rate, clients, ("--host", self.host, *extra), INGRESS_HOST,
                    path)
        self.loads.append(load)
        return load

    # ---- linnet ----
    def run(self, *words, seconds=120, environment=None, program=LINNET):
        """Runs `linnet WORDS...` (or another program) without a terminal, to its end."""
        words = [str(word) for word in words]
        done = subprocess.run([program, *words], env={**self.environment, **(environment or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds,
                              text=True, cwd=self.folder, check=False)
        self.ran.append(Ran(words, done.returncode, done.stdout, done.stderr))
        return self.ran[-1]

    def begin(self, *words, environment=None, program=LINNET):
        """Starts `linnet WORDS...` beside the test; its output goes to the returned `.log`."""
        name = pathlib.Path(words[0]).stem
        log = self.folder / f"command-{len(list(self.folder.glob('command-*')))}-{name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [program, *(str(word) for word in words)], cwd=self.folder,
                env={**self.environment, **(environment or {})}, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out)
        process.log = log
        return process

    # ---- the end ----
    def logs(self, lines=40):
        """What is to be seen of this world, for a failed test's message."""
        parts = [str(ran) for ran in self.ran[-4:]]
        for load in self.loads:
            if slow := load.slow():
                parts.append("\n".join(["--- requests that took longer than 1 s", *slow]))
        for path in sorted(self.folder.rglob("*.log")):
            if path.is_file() and not path.name.startswith("load-"):
                tail = path.read_bytes()[-8000:].decode(errors="replace").splitlines()[-lines:]
                if tail:
                    parts.append("\n".join([f"--- {path.relative_to(self.folder)}", *tail]))
        for words in (("get", "deployments,pods,services,ingresses", "-o", "wide"),
                      ("get", "events", "--sort-by=.lastTimestamp")):
            text = self.kubectl(*words, check=False, seconds=20)
            parts.append(f"--- kubectl {' '.join(words)}\n" + "\n".join(text.splitlines()[-lines:]))
        return "\n".join(parts)

    def close(self):
        try:
            for load in self.loads:
                end_process(load.process)
            if not os.environ.get("LINNET_KEEP"):
                self.cluster.api("DELETE", f"api/v1/namespaces/{self.namespace}")
        finally:
            self.cluster.close()
            for pid in processes_of(self.folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            if not os.environ.get("LINNET_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)


__all__ = ["Cluster", "World", "Refused", "TimedOut", "wait_for"]
