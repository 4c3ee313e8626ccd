"""Two commands at one release, as a CI job and a person beside it: who drives, what each tells, and
when it ends."""

import datetime
import json
import signal
import time

from harness import CANARY_WEIGHT, needs_requests, wait_for
from release_test_case import BUSY, CANARY, DONE, INTERRUPTED, ROLLED_BACK, ReleaseTest


@needs_requests
class Jobs(ReleaseTest):
    """A deploy from a CI job: no terminal, the tag as version. Those that die are elsewhere."""

    def test_a_second_terminal_can_follow(self):
        self.start(steps="25%", hold="8s")
        job = self.begin_deploy("v1.1.0")
        self.wait_weight(25)
        follower = self.world.begin("status", "--follow")
        wait_for(lambda: "step 1/1" in self.output_of(follower), 30, "it shows where it stands")
        self.ends_with(job, DONE)
        wait_for(lambda: "awaiting promotion" in self.output_of(follower), 10, "it follows")
        follower.terminate()
        follower.wait(20)

    def test_a_second_terminal_acts_through_the_job_that_drives(self):
        users = self.start(steps="25% 100%", hold="8s", replicas=1)
        job = self.begin_deploy("v1.1.0", "--promote")
        self.wait_weight(25)
        self.must(self.world.run("pause"))
        self.must(self.world.run("resume"))
        self.ends_with(job, DONE)
        for words in ("waiting whether", "drives it"):
            self.assertNotIn(words, self.output_of(job), "that is the other command's business")
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(users.stop())

    def test_a_promotion_of_a_weight_that_somebody_else_set_ends_and_once_more_it_promotes(self):
        users = self.start(steps="50%", hold="1s", replicas=1)
        self.must(self.world.run("deploy", "v1.1.0"))
        self.world.set_weight(0)
        held = self.must(self.world.run("promote", seconds=60), BUSY)
        self.assertIn("held: the weight is 0 % now", held.out)
        self.assertIn("next: `linnet promote` once more promotes all the same", held.out)
        left = wait_for(lambda: self.status()["abandoned"], 30, "nobody drives it")
        self.assertIn("`linnet promote` ends it", left["next"])
        self.must(self.world.run("promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(users.stop())

    def test_a_resume_where_nobody_drives_watches_until_the_last_step(self):
        users = self.start(steps="25% 50%", hold="3s", replicas=1)
        job = self.begin_deploy("v1.1.0")
        self.wait_weight(25)
        self.world.set_weight(0)
        self.ends_with(job, BUSY)
        wait_for(lambda: self.status()["abandoned"], 30, "nobody drives it")
        resumed = self.must(self.world.run("resume", seconds=60))
        self.assertIn("step 2 of 2", resumed.out)
        self.assertEqual(self.status()["phase"], "awaiting_promotion")
        self.must(self.world.run("rollback"))
        self.assert_no_failure(users.stop())

    def test_an_edited_spec_changes_nothing_of_the_rollout_that_runs(self):
        users = self.start(steps="25% 50%", hold="3s", replicas=1)
        job = self.begin_deploy("v1.1.0")
        self.wait_weight(25)
        self.world.set_weight(0)
        self.ends_with(job, BUSY)
        self.write_spec(steps="100%", hold="1s")
        resumed = self.must(self.world.run("resume", seconds=60))
        self.assertIn("differs from the spec that the running rollout began with", resumed.err)
        self.assertIn("step 2 of 2", resumed.out)
        self.assertEqual(self.world.weight(), 50)
        self.assertEqual(self.status()["phase"], "awaiting_promotion")
        refused = self.must(self.world.run("deploy", "v1.1.0"), BUSY)
        self.assertIn("the spec differs from the one that rollout", refused.err)
        back = self.must(self.world.run("rollback"))
        self.assertIn("differs from the spec that the running rollout began with", back.err)
        self.assert_rolled_back("v1.1.0")
        self.assertEqual([step["weight"] for step in self.history()[0]["steps"]], [25, 50])
        self.must(self.world.run("deploy", "v1.1.0"))  # with the new one
        self.assertEqual(self.world.weight(), 100)
        self.must(self.world.run("rollback"))
        self.assert_no_failure(users.stop())

    def test_status_names_who_changed_what_while_nobody_drives(self):
        users = self.start(steps="25%", hold="1s", replicas=1)
        self.must(self.world.run("deploy", "v1.1.0"))
        self.assertEqual(self.status()["other_hands"], [])
        self.world.kubectl("patch", "ingress", "api-gateway-ingress-canary", "-p", json.dumps(
            {"metadata": {"annotations": {CANARY_WEIGHT: "5"}}}))
        self.world.kubectl("scale", "deployment", CANARY, "--replicas=2")
        self.world.set_image(CANARY, "v1.2.0")
        hands = {hand["what"]: hand for hand in self.status()["other_hands"]}
        texts = {
            "weight": "the weight is 5 %, set by kubectl-patch; linnet left it at 25 %",
            "canary replicas": "the canary has 2 replicas, set by kubectl; linnet left it at 1",
            "canary version":
                "the canary runs v1.2.0, set by kubectl-set; linnet left it at v1.1.0"}
        self.assertEqual({what: hand["text"] for what, hand in hands.items()}, texts)
        for what in ("weight", "canary version"):  # of a scaling the API server keeps no time
            at = hands[what]["at"].replace("Z", "+00:00")
            then = datetime.datetime.fromisoformat(at).timestamp()
            self.assertLess(abs(time.time() - then), 60, hands[what])
        self.assertRegex(self.must(self.world.run("status")).out,
                         texts["weight"] + r"; 20.*(ago|now)\)")
        self.must(self.world.run("rollback"))
        self.assertEqual(self.status()["other_hands"], [])
        users.stop()  # some of v1.2.0

    def test_a_rollback_ends_with_its_rollout_though_a_deploy_follows(self):
        users = self.start(steps="50%", hold="1s", replicas=1)
        self.must(self.world.run("deploy", "v1.1.0"))
        rollback = self.world.begin("rollback")
        self.wait_weight(0)
        self.must(self.world.run("deploy", "v1.2.0", "--supersede"))
        self.ends_with(rollback, DONE, 20)
        self.assertNotIn("v1.2.0", self.output_of(rollback))
        self.assertEqual([run["to"] for run in self.history()], ["v1.1.0"])
        self.assertEqual(self.status()["phase"], "awaiting_promotion")
        self.must(self.world.run("rollback"))
        self.assert_at_rest()
        self.assert_no_failure(users.stop())

    def test_a_command_that_is_interrupted_tells_what_stays_as_it_is(self):
        users = self.start(steps="50%", hold="20s", replicas=1)
        job = self.begin_deploy("v1.1.0")
        self.wait_weight(50)
        job.send_signal(signal.SIGINT)
        wait_for(lambda: "once more to leave at once" in self.output_of(job), 20, "it is heard")
        job.send_signal(signal.SIGINT)
        self.ends_with(job, INTERRUPTED, 20)
        self.assertIn("the canary's pods keep running until `linnet rollback`",
                      self.output_of(job))
        self.must(self.world.run("rollback"))
        self.assert_at_rest()
        self.write_spec(steps="100%", hold="1s")
        self.must(self.world.run("deploy", "v1.2.0"))
        job = self.world.begin("promote")
        wait_for(lambda: "promoting" in self.output_of(job), 20, "it is promoted")
        job.send_signal(signal.SIGINT)
        self.ends_with(job, INTERRUPTED, 20)
        self.assertIn("its traffic stays as it is now; `linnet promote` goes on, `linnet rollback` "
                      "takes it back", self.output_of(job))
        self.assertNotIn("daemon", self.output_of(job))
        self.must(self.world.run("promote"))
        self.assert_promoted("v1.2.0")
        self.assert_no_failure(users.stop())

    def test_with_nothing_to_take_back_a_rollback_ends_at_once_beside_a_deploy(self):
        users = self.start(steps="50%", hold="1s", replicas=1)
        rollback = self.world.begin("rollback")
        deploy = self.begin_deploy("v1.1.0")
        self.ends_with(rollback, DONE, 60)
        # Either may be first: what the deploy tells of itself is how it has to end.
        code = deploy.wait(120)
        taken_back = "taking api-gateway-1 back" in self.output_of(deploy)
        self.assertEqual(code, ROLLED_BACK if taken_back else DONE, self.output_of(deploy))
        self.assert_no_failure(users.stop())
