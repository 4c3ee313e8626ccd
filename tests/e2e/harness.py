"""What the end-to-end tests share: a test case with a world of its own (tests/support/world.py),
whose logs are printed when the test fails, and the sentences that many tests need."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import suite  # noqa: E402
from world import (  # noqa: E402,F401  (the path is set above; tests take these from here)
    ENDED, LINNET, LOAD, ROOT, SERVICE, SHIFTED_CLOCK, TimedOut, World, command_line, end_process,
    free_port, is_alive, processes_of, wait_for)

# Exit codes of docs/commands.md.
DONE, ROLLED_BACK, INVALID, NO_DATA, UNREACHABLE, BUSY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


class WorldTest(unittest.TestCase):
    """One world a test; all of it is gone afterwards, whatever happened."""

    maxDiff = None

    def setUp(self):
        self.world = World("e2e")
        self.addCleanup(self.world.close)

    def tearDown(self):
        if suite.has_failed(self):
            print(f"\n=== logs of {self.id()}\n{self.world.logs()}\n===", file=sys.stderr)

    # ---- beginnings ----
    def start(self, load=True, rate=300, clients=16, versions=("v1.0.0", "v1.1.0", "v1.2.0"),
              serve=(), **spec):
        """A daemon (with these options), v1.0.0 as stable behind NGINX, and users (or none)."""
        self.world.versions(*versions)
        self.world.write_spec(**spec)
        self.world.serve(*serve)
        self.must(self.world.run("init"))
        self.assertEqual(self.world.get(), (200, "v1.0.0"))
        return self.world.load(rate, clients) if load else None

    def begin_deploy(self, version, *options):
        """`linnet deploy` beside the test, once the engine has taken it up."""
        before = self.world.status().get("rollout")
        process = self.world.begin("deploy", version, *options)
        self.addCleanup(end_process, process)

        def taken_up():
            now = self.world.status().get("rollout")
            return now and (before is None or now["id"] != before["id"])
        wait_for(taken_up, 20, f"the deploy of {version} is taken up")
        return process

    def deploy_unwatched(self, version, **wish):
        """A deploy that no command follows: `linnet deploy` would start a killed daemon again."""
        code, answer = self.world.api("POST", "/v1/releases/shop/intents",
                                      {"kind": "deploy", "version": version, "by": "test", **wish})
        self.assertEqual(code, 202, answer)
        state = self.world.api(
            "GET", f"/v1/releases/shop/intents/{answer['intent']}?wait=20")[1]
        self.assertEqual(state["state"], "accepted", state)

    def until_step(self, step, seconds=60):
        """Waits until that step's weight is in force."""
        def there():
            status = self.world.status()
            in_force = status["weight_in_force"] == status["weight_wanted"] > 0
            return status if status["step"] >= step and in_force else None
        return wait_for(there, seconds, f"step {step} is in force")

    # ---- endings ----
    def must(self, ran, code=DONE):
        self.assertEqual(ran.code, code, str(ran))
        return ran

    def assert_rolled_back(self, version, cause=None, stable="v1.0.0"):
        """All traffic is with stable, and the history says why."""
        status = self.world.wait_phase("rolled_back")
        self.assertEqual(status["weight_in_force"], 0)
        self.assertEqual(status["versions"]["stable"], stable)
        self.assertEqual(self.world.get(), (200, stable))
        record = self.world.history()[0]
        self.assertEqual((record["to"], record["outcome"]), (version, "rolled_back"))
        text = f"{record['cause']} {status['reason']}"
        if cause is not None:
            self.assertRegex(text, cause)
        wait_for(lambda: self.world.status()["replicas"]["canary"]["ready"] == 0, 20,
                 "the canary is stopped")
        return text

    def assert_promoted(self, version):
        """Stable runs the version and gets all traffic."""
        status = self.world.wait_phase("succeeded")
        self.assertEqual(status["versions"]["stable"], version)
        self.assertEqual(status["weight_in_force"], 0)
        self.assertEqual(status["replicas"]["stable"]["ready"],
                         status["replicas"]["stable"]["wanted"])
        self.assertEqual(self.world.sample(20), {version: 20})

    def assert_no_failure(self, summary, bad_versions=()):
        """No request went unanswered, none got a 5xx but from the versions that mean it, and no
        kept connection was closed under a user."""
        self.assertEqual(summary["failures"], {}, summary)
        self.assertEqual(summary["closed_idle"] + summary["closed_in_use"], 0, summary)
        self.assertGreater(summary["requests"], 0)
        for version, seen in summary["versions"].items():
            if version not in bad_versions:
                self.assertEqual(seen["bad"], 0, f"{version}: {summary}")
