"""The one-machine figures: how fast the switch is, what it costs, what is lost (nothing), how heavy
the daemon is. Each function measures one subject in a world of its own and returns its figures."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from figures import Figure, median, quantile
from reference import PlainNginx, workers_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
from world import LINNET, ROOT, World, pause, wait_for  # noqa: E402



def now_us():
    return time.monotonic_ns() // 1000


def begin(world, **spec):
    """v1.0.0 as stable, daemon and NGINX running."""
    world.versions("v1.0.0", "v1.1.0", "v1.2.0")
    options = {"steps": "50%", "hold": "2h", "more": "  no_data: { hold: 2h }\n", **spec}
    world.write_spec(**options)
    world.serve()
    ran = world.run("init")
    assert ran.code == 0, ran


def intent(world, **wish):
    """Leaves a wish with the daemon and waits until the engine has taken it up."""
    code, answer = world.api("POST", "/v1/releases/shop/intents", {"by": "bench", **wish})
    assert code == 202, answer
    path = f"/v1/releases/shop/intents/{answer['intent']}?wait=10"
    state = world.api("GET", path)[1]
    assert state["state"] == "accepted", state


def deploy(world, version="v1.1.0", **wish):
    intent(world, kind="deploy", version=version, **wish)
    wait_for(lambda: world.status()["weight_in_force"] >= 50, 30, "the canary has its share", 0.01)


def last_canary_start(load, version, after_us):
    """The latest start of a request that the version answered; late answers are waited for."""
    wait_for(lambda: load.summary()["at_us"] > after_us + 300_000, 10, "late answers", 0.05)
    return load.summary()["versions"][version]["last_start_us"]


# --------------------------------------------------------------------------------------------------
def switch(rounds=50):
    """From the decision to roll back to the last request that begins on the canary."""
    delays = []
    with World("bench") as world:
        begin(world)
        load = world.load(rate=4000, clients=16)
        for _ in range(rounds):
            deploy(world)
            seen = world.journal()[-1]["seq"]
            intent(world, kind="rollback")
            decided = decided_at_us(world, seen)
            world.wait_phase("rolled_back")
            delays.append(max(last_canary_start(load, "v1.1.0", decided) - decided, 0) / 1000)
        summary = load.stop()
        reload_ms, closed = reload_delays()
    return [
        Figure(f"decision to last request on the canary, median of {rounds}", median(delays), "ms",
               5, f"nginx -s reload: {median(reload_ms):.0f} ms"),
        Figure("the same, p99", quantile(delays, 0.99), "ms", 50,
               f"nginx -s reload: {quantile(reload_ms, 0.99):.0f} ms"),
        Figure("failed requests and closed connections meanwhile",
               summary["failed"] + summary["closed_idle"] + summary["closed_in_use"], "", 0,
               f"reloads closed {closed:.1f} of 16 connections each"),
    ]


def decided_at_us(world, after):
    """When the engine took the release back, on the monotonic clock: the journal has wall time."""
    def entry():
        page = world.api("GET", f"/v1/releases/shop/journal?after={after}&wait=5")[1]
        return next((e for e in page["entries"] if e["kind"] == "phase"), None)
    at = wait_for(entry, 10, "the journal tells of the rollback")["at"]
    found = re.fullmatch(r"(.*)\.(\d{3})Z", at)
    seconds = time.mktime(time.strptime(found[1] + " UTC", "%Y-%m-%dT%H:%M:%S %Z")) - time.timezone
    wall_us = int(seconds) * 1_000_000 + int(found[2]) * 1000
    return wall_us - (time.time_ns() // 1000 - now_us())


def reload_delays(rounds=20):
    """The same by hand: a new configuration and `nginx -s reload`."""
    delays = []
    with World("bench") as world:
        nginx = PlainNginx(world, split=True)
        load = world.load(rate=4000, clients=16, port=nginx.port)
        for _ in range(rounds):
            began = load.summary()["versions"].get("v1.1.0", {"requests": 0})["requests"]
            wait_for(lambda least=began: load.summary()["versions"].get(
                "v1.1.0", {"requests": 0})["requests"] > least + 100, 10, "canary requests")
            nginx.write("stable")
            asked = now_us()
            nginx.reload()
            delays.append(max(last_canary_start(load, "v1.1.0", asked) - asked, 0) / 1000)
            nginx.write("$track")
            nginx.reload()
        summary = load.stop()
        nginx.stop()
    return delays, (summary["closed_idle"] + summary["closed_in_use"]) / (2 * rounds)


def changes(weights=200, ends=20):
    """Weight changes, promotions and rollbacks, one after the other, under users."""
    with World("bench") as world:
        begin(world)
        load = world.load(rate=1000, clients=16)
        deploy(world)
        before = load.summary()
        for turn in range(weights):
            weight = (turn * 37 + 1) % 100 + 0.1 * (turn % 10)
            intent(world, kind="traffic", weight=f"{min(weight, 100):.1f}%")
        by_weights = closed(load.summary()) - closed(before)
        intent(world, kind="rollback")
        for _ in range(ends - 1):
            world.wait_phase("rolled_back")
            deploy(world)
            intent(world, kind="rollback")
        world.wait_phase("rolled_back")
        for turn in range(ends):
            version = ("v1.1.0", "v1.2.0")[turn % 2]
            deploy(world, version)
            intent(world, kind="promote", skip_steps=True)
            world.wait_phase("succeeded")
        summary = load.stop()
    failed = summary["failed"] + summary["bad"]
    return [
        Figure(f"failed requests in {weights} weight changes, {ends} promotions, {ends} rollbacks",
               failed, f"of {summary['requests']:,}", 0, "none allowed"),
        Figure("kept connections closed by the weight changes", by_weights, "", 0,
               "a reload closes nearly all"),
        Figure("kept connections closed in all of it", closed(summary), ""),
    ]


def closed(summary):
    return summary["closed_idle"] + summary["closed_in_use"]


def share(requests=20_000):
    """The share that the canary really gets, against the one asked for, in standard deviations."""
    worst, worst_at = 0.0, ""
    with World("bench") as world:
        begin(world)
        deploy(world)
        load = world.load(rate=0, clients=16)
        for weight in (0.1, 1, 5, 25, 50, 75, 99.9, 100):
            intent(world, kind="traffic", weight=f"{weight}%")
            wait_for(lambda w=weight: world.status()["weight_in_force"] == w, 10, "in force", 0.01)
            before = counts(load.summary())
            goal = sum(before) + requests
            wait_for(lambda g=goal: sum(counts(load.summary())) >= g, 60, "requests")
            after = counts(load.summary())
            total, canary = sum(after) - sum(before), after[1] - before[1]
            expected = weight / 100
            sigma = max((expected * (1 - expected) / total) ** 0.5, 1e-12)
            off = abs(canary / total - expected) / sigma
            if off >= worst:
                worst, worst_at = off, f"at {weight} %: {100 * canary / total:.3f} % of {total:,}"
        load.stop()
    return [Figure("share measured against asked, 0.1 to 100 %, the worst", worst, "sigma", 3,
                   worst_at)]


def counts(summary):
    return tuple(summary["versions"].get(v, {"requests": 0})["requests"]
                 for v in ("v1.0.0", "v1.1.0"))


# --------------------------------------------------------------------------------------------------
def wrk(port, seconds, connections=16):
    """Requests that wrk got answers for, and its rate."""
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                          f"http://127.0.0.1:{port}/"], check=True, capture_output=True,
                         text=True).stdout
    return (int(re.search(r"(\d+) requests in", out)[1]),
            float(re.search(r"Requests/sec:\s*([\d.]+)", out)[1]))


def run_seconds(pids):
    """CPU time of processes, from the scheduler's own nanosecond account."""
    total = 0
    for pid in pids:
        for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(path.read_text().split()[0])
    return total / 1e9


def cpu(rounds=5, seconds=3):
    """What split and log add to a request, in CPU time of NGINX's workers."""
    # Each track has one instance, as the plain one has: no slot is empty.
    plain, ours = [], []
    with World("bench") as world:
        begin(world, replicas=1)
        deploy(world)
        nginx = PlainNginx(world)
        own = [pid for pid in workers_of(world.folder) if pid not in nginx.workers()]
        for _ in range(rounds):
            for port, pids, found in ((nginx.port, nginx.workers(), plain),
                                      (world.port, own, ours)):
                used = run_seconds(pids)
                requests, _rate = wrk(port, seconds)
                found.append((run_seconds(pids) - used) / requests * 1e6)
        nginx.stop()
    ratios = [mine / theirs for mine, theirs in zip(ours, plain)]
    return [Figure("added worker CPU per request, split and log", median(ours) - median(plain),
                   "us", 10, f"plain proxy_pass, no log: {median(plain):.1f} us; ratio "
                             f"{min(ratios):.2f} to {max(ratios):.2f} in {rounds} rounds")]


def lost(seconds=10, connections=32):
    """Requests at the highest rate of wrk that linnet did not count."""
    with World("bench") as world:
        begin(world)
        deploy(world)
        # What was asked until now is counted first.
        wait_for(lambda: settled(world), 10, "the counters stand still")
        before = world.api("GET", "/v1/releases/shop/counts")[1]
        requests, rate = wrk(world.port, seconds, connections)
        wait_for(lambda: settled(world), 20, "the counters stand still")
        after = world.api("GET", "/v1/releases/shop/counts")[1]
    counted = sum(after[t]["requests"] - before[t]["requests"] for t in ("stable", "canary"))
    said = after["lost"] - before["lost"]
    # NGINX also served what was on its way when wrk stopped, one request a connection at most.
    missing = max(requests - counted - said, 0)
    return [
        Figure("requests neither counted nor reported lost", missing, f"of {requests:,}", 0,
               f"wrk reached {rate:,.0f} a second with {connections} connections"),
        Figure("requests reported lost", said, "", 0, "0, or counted"),
    ]


def settled(world):
    def total():
        found = world.api("GET", "/v1/releases/shop/counts")[1]
        return found["stable"]["requests"] + found["canary"]["requests"] + found["lost"]
    first = total()
    pause(0.5)
    return total() == first


# --------------------------------------------------------------------------------------------------
def start_ms(command, environment):
    began = time.perf_counter_ns()
    pid = os.posix_spawn(command[0], command, environment, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status = os.waitpid(pid, 0)
    assert status == 0, (command, status)
    return (time.perf_counter_ns() - began) / 1e6


def start(rounds=200):
    """Whole runs of small commands, in turns with /bin/true."""
    commands = {"true": ["/bin/true"], "version": [str(LINNET), "version"],
                "status": [str(LINNET), "status"]}
    times = {name: [] for name in commands}
    with World("bench") as world:
        begin(world)
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(start_ms(command, world.environment))
    base = median(times["true"])
    beside = f"/bin/true: {base:.2f} ms, medians of {rounds} runs in turns"
    return [Figure(f"linnet {name} as a whole process ({median(times[name]):.2f} ms)",
                   median(times[name]) / base, "x", reach, beside)
            for name, reach in (("version", 5), ("status", 12))]


def idle(seconds=20):
    """The daemon with one release and nothing to do; health and turns as they are by default."""
    with World("bench") as world:
        begin(world, every="1s", turn="1s")
        pid = world.daemon.pid
        pause(2)  # what init left to do is done
        used = run_seconds([pid])
        pause(seconds)
        share_of_core = (run_seconds([pid]) - used) / seconds * 100
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        memory = int(re.search(r"VmRSS:\s*(\d+)", status)[1]) / 1024
    return [Figure("daemon idle, 1 release: memory", memory, "MB", 25, "resident set"),
            Figure("daemon idle, 1 release: CPU", share_of_core, "% of a core", 0.2,
                   f"over {seconds} s")]


def size():
    """The binary as packaged."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(LINNET, folder)
        subprocess.run(["strip", copy], check=True)
        megabytes = os.path.getsize(copy) / 1e6
    return [Figure("stripped binary", megabytes, "MB", 12, "")]


def build(changed="src/core/decide.cpp"):
    """A clean build of what is shipped without the compiler cache, and one after a changed file."""
    environment = {**os.environ, "CCACHE_DISABLE": "1"}

    def timed(*commands):
        """(seconds, those of the processors): the latter are the same on a busy machine."""
        began, used = time.monotonic(), os.times()
        for command in commands:
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        now = os.times()
        return time.monotonic() - began, (now.children_user + now.children_system
                                          - used.children_user - used.children_system)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "source"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".git"))
        make = ("cmake", "--build", copy / "build" / "release", "--target", "shipped", "-j",
                str(os.cpu_count()))
        clean, clean_cpu = timed(("cmake", "--preset", "release", "-S", copy), make)
        file = copy / changed
        file.write_text(file.read_text() + "\n")
        again, again_cpu = timed(make)
    # Judged by CPU time, since others may keep the machine busy; the clean build has all cores.
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return [Figure(f"clean build of what is shipped, CPU time on {cores} cores", clean_cpu / cores,
                   "s", 300, f"{clean:.0f} s of the clock, load {load:.1f}"),
            Figure(f"build after a change of {changed}, CPU time", again_cpu, "s", 20,
                   f"{again:.1f} s of the clock")]


def parse():
    """Access-log lines into histograms, one core."""
    program = ROOT / "build" / "release" / "bench" / "bench_access_log"
    subprocess.run(["cmake", "--build", ROOT / "build" / "release", "--target",
                    "bench_access_log"], check=True, stdout=subprocess.DEVNULL)
    out = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    found = re.search(r"lines_per_second (\d+) memchr (\d+)", out)
    return [Figure("access-log lines into histograms, one core", int(found[1]), "per second",
                   1_000_000, f"only finding the line ends: {int(found[2]):,}", at_least=True)]


FIGURES = {"switch": switch, "changes": changes, "share": share, "cpu": cpu, "lost": lost,
           "parse": parse, "start": start, "idle": idle, "size": size, "build": build}
