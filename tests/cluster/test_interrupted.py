"""Ctrl-C before a deploy has begun on a real cluster: nothing begins later, and what is another's
goes on."""

import os
import signal

from fault_test_case import FaultTest
from harness import needs_requests, wait_for
from release_test_case import INTERRUPTED
from wire import Wire


@needs_requests
class InterruptedBeforeItBegan(FaultTest):
    def test_a_deploy_that_is_interrupted_while_it_looks_around_begins_nothing(self):
        users = self.start(steps="50%", hold="1s", replicas=1)
        self.must(self.world.run("deploy", "v1.1.0"))
        self.must(self.world.run("rollback"))
        self.write_spec(steps="50%", hold="2s")
        direct = (self.world.folder / "kubeconfig").read_text()
        with Wire(self.api_server(), late=0.7) as wire:
            self.through(wire)
            wire.slow()
            job = self.begin_deploy("v1.2.0", "--promote")
            wait_for(lambda: self.children_of(job), 60, "its engine is there", 0.02)
            # Each answer is late: three or four of them before the checks, three at least of those.
            self.wait_users(users, 3.5)
            job.send_signal(signal.SIGINT)
            self.ends_with(job, INTERRUPTED, 60)
        self.assertIn("nothing to take back", self.output_of(job))
        self.assertNotIn("v1.1.0 was rolled back", self.output_of(job), "that was another")
        (self.world.folder / "kubeconfig").write_text(direct)
        self.assertIn("hold: 1s", self.world.get("configmap", "linnet-api-gateway")["data"]["spec"])
        self.assertEqual(self.status()["rollout"]["to"], "v1.1.0")
        began = self.must(self.world.run("deploy", "v1.1.0"))
        self.assertNotIn("v1.2.0", began.out)
        self.assertEqual([run["to"] for run in self.history()], ["v1.1.0"])
        self.must(self.world.run("rollback"))
        self.assert_no_failure(users.stop())

    def test_a_deploy_that_is_interrupted_while_it_waits_leaves_the_rollout_in_its_way(self):
        load, alice = self.begin_release(hold="60s")
        engine, = self.engines_of(alice)
        os.kill(engine, signal.SIGSTOP)
        try:
            bob = self.begin_deploy("v1.2.0")
            self.wait_told(bob, "waiting whether it still lives")
            bob.send_signal(signal.SIGINT)
            self.wait_told(bob, "once more to leave at once")
        finally:
            os.kill(engine, signal.SIGCONT)
        self.ends_with(bob, INTERRUPTED, 30)
        self.assertIn("that is not the deploy of v1.2.0 and is left as it is", self.output_of(bob))
        self.assertIsNone(alice.poll(), self.output_of(alice))
        self.assertEqual(self.world.weight(), 25)
        alice.send_signal(signal.SIGINT)
        self.ends_with(alice, INTERRUPTED)
        self.assert_rolled_back("v1.1.0", "interrupted")
        self.assert_no_failure(load.stop())
