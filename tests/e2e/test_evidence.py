"""Evidence in real rollouts: a bad canary goes long before its step's time is over, a good one is
not disturbed, and a restart of the daemon forgets nothing."""

import math
import unittest

from harness import WorldTest, wait_for


def check(status, name="error_rate"):
    return next((c for c in status["checks"] if c["name"] == name), None)


class Evidence(WorldTest):
    def test_half_of_the_requests_failing_is_seen_within_seconds_of_a_minute(self):
        # 100 requests a second, 5 % of them on the canary: 5 a second.
        self.world.behave("v1.1.0", "fail_every=2")
        self.start(steps="5% 100%", hold="60s", turn="1s", rate=100)
        self.deploy_unwatched("v1.1.0")
        self.assert_rolled_back("v1.1.0", "the true rate is between .* if the canary were within")
        record = self.world.history()[0]
        self.assertEqual(record["cause"]["kind"], "error_rate")
        self.assertEqual([step["outcome"] for step in record["steps"]], ["failed"])
        self.assertLess(record["steps"][0]["held_ms"], 15_000)
        verdicts = [e["text"] for e in self.world.journal() if e["kind"] == "verdict"]
        self.assertEqual(len(verdicts), 1)
        self.assertIn("; limit 5 %; ", verdicts[0])

    def test_a_healthy_canary_passes_and_its_verdicts_carry_the_numbers(self):
        self.start(steps="25% 100%", hold="5s", turn="1s", rate=200)
        self.deploy_unwatched("v1.1.0", promote=True)
        self.assert_promoted("v1.1.0")
        for step in self.world.history()[0]["steps"]:
            self.assertEqual(step["outcome"], "passed")
            errors = check(step)
            self.assertEqual((errors["verdict"], errors["value"]), ("pass", 0))
            self.assertLess(errors["log_evidence"], 0)

    def test_a_restarted_daemon_goes_on_with_the_evidence_it_had(self):
        # A quarter fails; a false alarm is allowed once in a million: that takes a while.
        self.world.behave("v1.1.0", "fail_every=4")
        self.start(steps="5% 100%", hold="60s", turn="1s", rate=100,
                   more="  analysis: { false_alarm: 0.000001 }\n")
        self.deploy_unwatched("v1.1.0")

        def some_evidence():
            status = self.world.status()
            errors = check(status)
            return errors if errors and errors["log_evidence"] > math.log(20) else None
        before = wait_for(some_evidence, 60, "evidence that does not suffice yet")
        self.assertEqual(self.world.status()["phase"], "stepping")
        self.world.kill_daemon()
        self.world.serve()

        def counted_again():
            errors = check(self.world.status())
            return errors if errors and errors["requests"] >= before["requests"] else None
        after = wait_for(counted_again, 20, "the counts of before the restart")
        self.assertGreater(after["log_evidence"], before["log_evidence"] / 2)
        self.assert_rolled_back("v1.1.0", "error_rate")
        self.assertLess(self.world.history()[0]["steps"][0]["held_ms"], 60_000)

    def test_a_better_stable_only_warns_within_the_limits(self):
        # 4 % failures stay below the limit of 5 %, but stable has none: told once, and no rollback.
        self.world.behave("v1.1.0", "fail_every=25")
        self.start(steps="50%", hold="10s", turn="1s", rate=200)
        self.deploy_unwatched("v1.1.0")
        self.world.wait_phase("awaiting_promotion")
        warnings = [e["text"] for e in self.world.journal() if e["kind"] == "warning"]
        self.assertTrue(any(text.startswith("errors_vs_stable: ") for text in warnings), warnings)


if __name__ == "__main__":
    unittest.main()
