"""Commands and CI jobs that meet at one release on a real cluster, and those that are killed or
interrupted in the midst of it: the next goes on from where they were."""

import json
import os
import pty
import signal
import subprocess

from fault_test_case import FaultTest
from harness import needs_requests, wait_for
from release_test_case import CANARY, DONE, INTERRUPTED, ROLLED_BACK, STABLE
from world import LINNET

LEASE = "linnet-api-gateway"


@needs_requests
class OneEngine(FaultTest):
    def take_lease(self, holder):
        self.world.patch("lease", LEASE, {"spec": {"holderIdentity": holder}})

    def test_who_loses_the_lease_stops_acting_and_says_so(self):
        load, deploy = self.begin_release("--promote", hold="4s")
        self.take_lease("ben@elsewhere")
        self.wait_told(deploy, "the Lease was lost: .*ben@elsewhere")

        def renewed_for_a_while():
            self.world.patch("lease", LEASE, {"metadata": {"annotations": {
                "test/renewed": str(load.summary()["at_us"])}}})
            return load.summary()["requests"] >= enough
        enough = load.summary()["requests"] + 800
        wait_for(renewed_for_a_while, 30, "users went on for 8 s", 0.5)
        self.assertEqual(self.world.weight(), 25, "the step's time was over long ago")
        # Ben is never heard of again: his time runs out.
        self.wait_told(deploy, "taken over from ben@elsewhere")
        self.ends_with(deploy, DONE)
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_of_two_jobs_with_the_same_release_one_drives_and_both_see_its_end(self):
        load, first = self.begin_release("--promote")
        second = self.begin_deploy("v1.1.0", "--promote")
        self.ends_with(second, DONE)
        self.ends_with(first, DONE)
        self.assert_promoted("v1.1.0")
        self.assertEqual(len(self.history()), 1)
        self.assertEqual(self.output_of(first).count("0 % -> 25 %"), 1)
        self.assertNotIn("taken over from", self.output_of(second))
        self.assert_no_failure(load.stop())


@needs_requests
class KilledJobs(FaultTest):
    """The next job waits until the Lease of the dead one is over, and goes on from where it was."""

    def next_job(self, *words, code=DONE):
        ran = self.must(self.world.run(*words), code)
        self.assertIn("taken over from", ran.out)
        return ran

    def test_while_the_canary_starts(self):
        load = self.start(steps="50% 100%", hold="2s")
        job = self.begin_deploy("v1.1.0")
        wait_for(lambda: self.world.get("deployment", CANARY)["spec"]["replicas"] > 0, 30,
                 "the canary is being started", 0.005)
        self.kill(job)
        self.assertEqual(self.status()["phase"], "preparing")
        self.next_job("deploy", "v1.1.0", "--promote")
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_in_the_midst_of_a_step(self):
        load, job = self.begin_release("--promote", hold="3s")
        self.kill(job)
        self.assertEqual(self.status()["phase"], "stepping")
        left = wait_for(lambda: self.status()["abandoned"], 60, "it is told that nobody drives it")
        self.assertIn(f"process {job.pid}", left["by"])
        self.assertIn("`linnet deploy v1.1.0` goes on", left["next"])
        self.assertIn("nobody drives it since 20", self.must(self.world.run("status")).out)
        found = {each["check"]: each for each in json.loads(
            self.world.run("doctor", "-o", "json").out)}["a rollout that runs is driven"]
        self.assertEqual((found["ok"], found["remedy"]), (False, left["next"]))
        self.next_job("deploy", "v1.1.0")  # the first job's --promote holds
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_in_the_midst_of_a_step_and_then_taken_back(self):
        load, job = self.begin_release("--promote", hold="30s")
        self.kill(job)
        rollback = self.world.begin("rollback")
        # The dead job's Lease stands for 15 s.
        self.wait_weight(0, seconds=5)
        self.ends_with(rollback, DONE)
        self.assertRegex(self.output_of(rollback),
                         r"(?s)0 % is written.*waiting whether it still lives.*taken over from")
        self.assert_rolled_back("v1.1.0", "operator")
        self.assert_no_failure(load.stop())

    def test_while_it_is_paused(self):
        load, job = self.begin_release("--promote", hold="5s")
        self.must(self.world.run("pause"))
        self.kill(job)
        self.assertEqual(self.status()["phase"], "holding")
        self.next_job("resume")
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_while_it_asks_whether_to_promote(self):
        load = self.start(steps="50%", hold="2s")
        ours, terminal = pty.openpty()
        self.addCleanup(os.close, ours)
        with subprocess.Popen([LINNET, "deploy", "v1.1.0"], cwd=self.world.folder,
                              env={**self.world.environment, "TERM": "xterm"}, stdin=terminal,
                              stdout=terminal, stderr=terminal) as job:
            os.close(terminal)
            said = b""
            while b"Promote v1.1.0 to stable?" not in said:
                said += os.read(ours, 4096)
            self.kill(job)
        self.assertEqual(self.status()["phase"], "awaiting_promotion")
        self.next_job("promote")
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_while_stable_is_restarted(self):
        load = self.start(steps="50%", hold="2s")
        job = self.begin_deploy("v1.1.0", "--promote")
        wait_for(lambda: self.world.images(STABLE) == ["autograph/api-gateway:v1.1.0"], 60,
                 "stable is being restarted")
        self.kill(job)
        self.assertEqual(self.status()["phase"], "promoting")
        self.next_job("promote")
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_while_it_takes_the_canary_back(self):
        load, job = self.begin_release(hold="30s")
        job.terminate()
        self.wait_weight(0)
        self.wait_told(job, "rolling back")
        self.kill(job)
        self.assertEqual(self.status()["phase"], "rolling_back")
        self.next_job("deploy", "v1.1.0", code=ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "interrupted")
        self.assert_no_failure(load.stop())


@needs_requests
class Interrupted(FaultTest):
    def test_by_ctrl_c_it_takes_the_canary_back(self):
        load, deploy = self.begin_release(hold="60s")
        deploy.send_signal(signal.SIGINT)
        self.ends_with(deploy, INTERRUPTED)
        self.assert_rolled_back("v1.1.0", "interrupted")
        self.assert_no_failure(load.stop())

    def test_with_hold_it_leaves_the_release_for_the_next_command(self):
        load, deploy = self.begin_release("--hold", hold="6s")
        deploy.terminate()
        self.ends_with(deploy, INTERRUPTED)
        self.assertEqual((self.status()["phase"], self.world.weight()), ("stepping", 25))
        ran = self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assertNotIn("taken over", ran.out, "the Lease was given back")
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())
