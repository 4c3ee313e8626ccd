"""A scratch world for the shipped binary: its own state and socket folders, an example service in
several versions, free ports, and users at a steady pace. The demo, the end-to-end tests and the
benchmarks all live in one of these, and leave nothing behind: every process that belongs to the
scratch folder is ended by its id, then the folder is removed."""

import datetime
import errno
import http.client
import itertools
import json
import os
import pathlib
import random
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = pathlib.Path(os.environ.get("LINNET_BUILD", ROOT / "build" / "release"))
LINNET = RELEASE / "src" / "cli" / "linnet"
SERVICE = RELEASE / "tests" / "support" / "example_service"
LOAD = RELEASE / "tests" / "support" / "steady_load"
SHIFTED_CLOCK = RELEASE / "tests" / "support" / "libshifted_clock.so"

# Phases in which nothing is under way.
ENDED = ("idle", "succeeded", "rolled_back", "failed")


class TimedOut(AssertionError):
    """A condition did not come true in time; the message says which and what was seen instead."""


def pause(seconds):
    """For polling only, inside wait_for(): nothing else in the tests lets time pass."""
    select.select([], [], [], seconds)


def wait_for(condition, seconds, what, every=0.02):
    """Returns condition()'s first true value. Exceptions of a world still starting are retried."""
    end = time.monotonic() + seconds
    seen = None
    while True:
        try:
            seen = condition()
            if seen:
                return seen
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            seen = repr(error)
        if time.monotonic() > end:
            raise TimedOut(f"not within {seconds} s: {what}; last seen: {seen!r}")
        pause(every)


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """A loopback port below the range that the kernel hands out by itself, so that no outgoing
    connection takes it between now and its use."""
    for _ in range(1000):
        port = random.randrange(18000, 30000)
        if port_is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, "no free port between 18000 and 30000")


# --------------------------------------------------------------------------------------------------
# Processes, found by what they were started with rather than by their name: other people's daemons,
# services and NGINX on the same machine are not ours to end.


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _stat(pid):
    """Fields of /proc/PID/stat after the name: [state, parent, ...], or nothing."""
    text = _read(f"/proc/{pid}/stat").decode(errors="replace")
    return text.rpartition(")")[2].split()


def is_alive(pid):
    fields = _stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def command_line(pid):
    return _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def processes_of(folder):
    """Process ids whose command line or environment names the folder, and all their descendants."""
    folder = str(folder).encode()
    parents, found = {}, set()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        pid, fields = int(name), _stat(name)
        if not fields or fields[0] in "ZX":
            continue
        parents[pid] = int(fields[1])
        if folder in _read(f"/proc/{pid}/cmdline") or folder in _read(f"/proc/{pid}/environ"):
            found.add(pid)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found - {os.getpid()}


def cpu_seconds(pid):
    """User and system time that the process has used."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def end_process(process, seconds=5):
    """Ends a child of ours: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --------------------------------------------------------------------------------------------------
class Ran:
    """What one run of `linnet` gave."""

    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = words, code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return (f"$ linnet {shlex.join(self.words)}\n{self.out}{self.err}"
                f"-> exit code {self.code}")


class Load:
    """Users at a steady pace, beside the world: tests/support/steady_load.cpp."""

    def __init__(self, folder, port, rate, clients, extra=(), host="127.0.0.1", path="/"):
        self.log = folder / f"load-{port}-{time.monotonic_ns()}.log"
        self.summary_file = self.log.with_suffix(".json")
        self.process = subprocess.Popen(
            [LOAD, "--url", f"http://{host}:{port}{path}", "--rate", str(rate), "--clients",
             str(clients), "--summary", self.summary_file, "--log", self.log, *extra])
        wait_for(self.summary_file.exists, 10, "the load client starts", 0.005)

    def summary(self):
        """The counts until now."""
        asked = time.monotonic_ns() // 1000
        self.process.send_signal(signal.SIGUSR1)
        return wait_for(lambda: self._newer_than(asked), 5, "the load client's summary", 0.005)

    def _newer_than(self, asked_us):
        try:
            found = json.loads(self.summary_file.read_text())
        except FileNotFoundError:
            return None
        return found if found["at_us"] >= asked_us else None

    def stop(self):
        """Waits for the answers that are due and returns the final counts; in them `unanswered`,
        where requests are."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)
        counts = json.loads(self.summary_file.read_text())
        return {**counts, "unanswered": self.unanswered()} if counts["failures"] else counts

    def events(self):
        """One tuple per request: (start_us, end_us, client, status, version, what)."""
        with open(self.log, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if len(words) == 6:
                    yield (int(words[0]), int(words[1]), int(words[2]), int(words[3]), words[4],
                           words[5])

    def unanswered(self):
        """A line for each of the first requests without an answer."""
        return self._lines(event for event in self.events()
                           if event[3] == 0 and event[5] != "closed_idle")

    def slow(self):
        """A line for each of the first that took longer than a second."""
        return self._lines(event for event in self.events() if event[1] - event[0] > 1_000_000)

    def _lines(self, events, limit=20):
        """With the time of day at which each began."""
        wall = time.time() - time.monotonic()
        return [f"{datetime.datetime.fromtimestamp(wall + start / 1e6):%H:%M:%S.%f} client {client}"
                f" waited {(end - start) / 1e6:.3f} s: {what} {status} {version}"
                for start, end, client, status, version, what in itertools.islice(events, limit)]


class UnixConnection(http.client.HTTPConnection):
    """HTTP to the daemon's socket."""

    def __init__(self, path, timeout):
        super().__init__("linnet", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class World:
    """Use as a context manager. `linnet` is the binary, tried as a user would: by its command line,
    its socket and its effects."""

    def __init__(self, label="test"):
        # Short: the path of a unix socket may have 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"linnet-{label}-"))
        self.state = self.folder / "state" / "linnet"
        self.runtime = self.folder / "run" / "linnet"
        self.spec_file = self.folder / "linnet.yaml"
        self.behaviours_file = self.folder / "behaviours"
        # Workers of a root's NGINX are another user, who must be able to walk to the state folder.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        self.folder.chmod(mode)
        for name in ("state", "run", "home", "versions"):
            (self.folder / name).mkdir(mode=mode)
        self.port = free_port()
        self.environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("LINNET_", "GITLAB_", "GITHUB_", "XDG_"))
        }
        self.environment.update(
            LINNET_STATE_DIR=str(self.state), LINNET_RUNTIME_DIR=str(self.runtime),
            HOME=str(self.folder / "home"), LINNET_SPEC=str(self.spec_file),
            PATH=os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin")
        self.loads, self.daemon, self.ran = [], None, []
        self._behaviours = {}
        self._write_behaviours()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- the service ----
    def versions(self, *names):
        """Makes these versions exist: each is a folder with the program, as a package would be."""
        for name in names:
            folder = self.folder / "versions" / name
            folder.mkdir(exist_ok=True)
            if not (folder / "shop").exists():
                (folder / "shop").symlink_to(SERVICE)

    def behave(self, version, behaviour):
        """From now on the version misbehaves like this ('' again: it does not)."""
        self._behaviours[version] = behaviour
        self._write_behaviours()

    def _write_behaviours(self):
        draft = self.behaviours_file.with_suffix(".new")
        draft.write_text("".join(f"{v} {b}\n" for v, b in self._behaviours.items()))
        draft.rename(self.behaviours_file)

    def command(self):
        return [str(self.folder / "versions" / "{{version}}" / "shop"), "--version", "{{version}}",
                "--port", "{{port}}", "--behaviours", str(self.behaviours_file)]

    def spec(self, name="shop", steps="5% 25% 50% 100%", hold="1s", replicas=2, turn="200ms",
             listen=None, nginx="", more="", process="", version="v1.0.0", drain="200ms",
             every="100ms"):
        """The text of a spec with short steps. `more` is YAML below `spec:`, `nginx` and `process`
        are keys in flow style ('sticky: client_address')."""
        listen = listen or f"127.0.0.1:{self.port}"
        rows = "".join(f"    - {{ weight: {weight}, hold: {hold} }}\n" for weight in steps.split())
        lines = [
            "apiVersion: linnet.dev/v1alpha1", "kind: Release", f"metadata: {{ name: {name} }}",
            "spec:", f"  version: {version}", "  workload:", "    process:",
            f"      command: {json.dumps(self.command())}", f"      replicas: {replicas}",
            f"      health: {{ path: /health, every: {every}, healthy_after: 2, startup: 5s }}",
            f"      stop: {{ drain: {drain}, kill_after: 2s }}",
        ]
        if process:
            lines.append(f"      {process}")
        lines += ["  traffic:",
                  f"    nginx: {{ listen: {listen}{', ' + nginx if nginx else ''} }}",
                  f"  turn: {turn}", "  steps:", rows.rstrip("\n")]
        return "\n".join(lines) + "\n" + more

    def write_spec(self, text=None, **options):
        self.spec_file.write_text(text if text is not None else self.spec(**options))

    # ---- linnet ----
    def run(self, *words, seconds=60, environment=None, stdin=subprocess.DEVNULL):
        """Runs `linnet WORDS...` without a terminal and waits for its end."""
        words = [str(word) for word in words]
        done = subprocess.run([LINNET, *words], env={**self.environment, **(environment or {})},
                              stdin=stdin, capture_output=True, timeout=seconds, text=True,
                              cwd=self.folder, check=False)
        self.ran.append(Ran(words, done.returncode, done.stdout, done.stderr))
        return self.ran[-1]

    def begin(self, *words):
        """Starts `linnet WORDS...` beside the test."""
        out = open(self.folder / f"command-{len(self.ran)}-{words[0]}.log", "wb")
        with out:
            return subprocess.Popen([LINNET, *words], env=self.environment, cwd=self.folder,
                                    stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def serve(self, *words, wait=True):
        """Runs the daemon as a child of the test, so that its end is seen at once."""
        with open(self.folder / "serve.log", "ab") as log:
            self.daemon = subprocess.Popen([LINNET, "serve", *words], env=self.environment,
                                           cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log)
        if wait:
            wait_for(self._daemon_answers, 10, "the daemon answers")
        return self.daemon

    def _daemon_answers(self):
        if self.daemon.poll() is not None:
            log = (self.folder / "serve.log").read_text()
            raise AssertionError(f"linnet serve ended with {self.daemon.returncode}:\n{log}")
        return self.api("GET", "/v1/version")[0] == 200

    def kill_daemon(self, number=signal.SIGKILL):
        """kill -9 unless told otherwise; returns its exit code."""
        self.daemon.send_signal(number)
        return self.daemon.wait(30)

    @property
    def socket(self):
        return self.runtime / "linnet.sock"

    def api(self, method, path, body=None, seconds=30):
        """(status, document) of the daemon's API."""
        connection = UnixConnection(self.socket, seconds)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"} if body is not None else {})
            answer = connection.getresponse()
            text = answer.read()
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, text.decode(errors="replace")
        finally:
            connection.close()

    def status(self, release="shop"):
        code, document = self.api("GET", f"/v1/releases/{release}/status")
        if code != 200:
            raise ValueError(f"status: {code} {document}")
        return document

    def history(self, release="shop"):
        return self.api("GET", f"/v1/releases/{release}/history?limit=200")[1]

    def instances(self, release="shop"):
        return self.api("GET", f"/v1/releases/{release}/instances")[1]

    def journal(self, release="shop"):
        entries, after = [], 0
        while True:
            page = self.api("GET", f"/v1/releases/{release}/journal?after={after}&limit=500")[1]
            entries += page["entries"]
            if not page["entries"]:
                return entries
            after = page["next"] if page["next"] > after else page["entries"][-1]["seq"]

    def wait_phase(self, *phases, seconds=60, release="shop"):
        """The first status in one of these phases."""
        def look():
            status = self.status(release)
            return status if status["phase"] in phases else None
        try:
            return wait_for(look, seconds, f"{release} is {' or '.join(phases)}")
        except TimedOut as error:
            raise TimedOut(f"{error}; status: {self.look(release)}") from None

    def look(self, release="shop"):
        try:
            return self.status(release)
        except (OSError, ValueError, http.client.HTTPException) as error:
            return repr(error)

    # ---- traffic ----
    def load(self, rate=200, clients=16, extra=(), port=None):
        """Users from now on; stop() is called at the latest by close()."""
        load = Load(self.folder, port or self.port, rate, clients, extra)
        self.loads.append(load)
        return load

    def get(self, path="/", port=None):
        """(status, X-Version) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("X-Version")
        finally:
            connection.close()

    def sample(self, requests=200):
        """How many of so many requests each version answered."""
        found = {}
        for _ in range(requests):
            version = self.get()[1]
            found[version] = found.get(version, 0) + 1
        return found

    def nginx_master(self):
        """The process id of this world's NGINX."""
        for pid in processes_of(self.folder):
            if command_line(pid).startswith("nginx: master"):
                return pid
        raise ValueError("no NGINX runs in this world")

    # ---- the end ----
    def logs(self, lines=40):
        """The ends of all logs here, for a failed test's message."""
        parts = [str(ran) for ran in self.ran[-4:]]
        files = [p for p in self.folder.rglob("*") if p.suffix in (".log", ".out", ".err")]
        for path in sorted(p for p in files if p.is_file() and not p.name.startswith("load-")):
            tail = _read(path)[-8000:].decode(errors="replace").splitlines()[-lines:]
            if tail:
                parts.append("\n".join([f"--- {path.relative_to(self.folder)}", *tail]))
        return "\n".join(parts)

    def stop_processes(self):
        """Users, then the daemon, then what it looked after."""
        for load in self.loads:
            end_process(load.process)
        if self.daemon is not None and self.daemon.poll() is None:
            end_process(self.daemon, 3)
        for number, seconds in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
            # The daemon first: it would start again what ends.
            ours = processes_of(self.folder)
            for pid in sorted(ours, key=lambda one: "serve" not in command_line(one)):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            try:
                wait_for(lambda: not processes_of(self.folder), seconds, "all processes end")
                return
            except TimedOut:
                continue
        left = {pid: command_line(pid) for pid in processes_of(self.folder)}
        raise AssertionError(f"processes that would not end: {left}")

    def close(self):
        try:
            self.stop_processes()
        finally:
            if not os.environ.get("LINNET_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)
