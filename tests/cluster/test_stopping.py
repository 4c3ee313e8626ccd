"""Pods that are asked to stop and stay, as on a node that is gone: they hold nothing up. And a
stable that has none."""

import json
import re

from harness import is_long, needs_requests, wait_for
from release_test_case import CANARY, DONE, ROLLED_BACK, STABLE, ReleaseTest

FINALIZER = "tests.linnet.dev/keeps"
STAYS = {"spec": {
    "terminationGracePeriodSeconds": 300,
    "containers": [{"name": "api-gateway",
                    "lifecycle": {"preStop": {"sleep": {"seconds": 280}}}}]}}
IS_READY_LATE = {"spec": {"containers": [{
    "name": "api-gateway", "readinessProbe": {"initialDelaySeconds": 5}}]}}


@needs_requests
class PodsThatStay(ReleaseTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.let_go)

    def let_go(self):
        for pod in self.world.list("pod"):
            name = pod["metadata"]["name"]
            self.keep(name, None)
            self.world.kubectl("delete", "pod", name, "--force", "--grace-period=0",
                               "--ignore-not-found", check=False)

    def keep(self, name, finalizers):
        self.world.kubectl("patch", "pod", name, "--type=merge", "-p",
                           f'{{"metadata":{{"finalizers":{finalizers or "null"}}}}}', check=False)

    @is_long
    def test_hold_neither_a_rollback_up_nor_the_next_promotion(self):
        self.start_stable(pods=STAYS)
        self.write_spec(steps="25%", hold="5s")
        load = self.world.load(100)
        self.must(self.world.run("init"))
        deploy = self.begin_deploy("v1.1.0")
        self.wait_weight(25)
        stays = self.world.pods("version=canary")[0]["metadata"]["name"]
        self.keep(stays, f'["{FINALIZER}"]')
        self.must(self.world.run("rollback"))
        self.ends_with(deploy, ROLLED_BACK)
        self.assertRegex(self.output_of(deploy), f"stopping still: .*{re.escape(stays)}")
        self.assertEqual(self.history()[0]["outcome"], "rolled_back")
        # Stable's own old pods stay as well while it is restarted.
        self.must(self.world.run("deploy", "v1.2.0", "--promote", seconds=200), DONE)
        self.assertEqual(self.world.images(STABLE), ["autograph/api-gateway:v1.2.0"])
        self.assertEqual(self.history()[0]["outcome"], "succeeded")
        self.assertEqual(self.world.get("deployment", CANARY)["spec"]["replicas"], 0)
        wait_for(lambda: self.world.sample(20) == {"v1.2.0": 20}, 20, "v1.2.0 answers all")
        self.assert_no_failure(load.stop())


@needs_requests
class WithoutAStable(ReleaseTest):
    def promoting(self):
        """A promotion has just told stable its version, of which no pod is ready for 5 s: its
        requests, and the job that drives."""
        self.start_stable(replicas=2, pods=IS_READY_LATE)
        self.world.kubectl("patch", "deployment", STABLE, "--patch", json.dumps(
            {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}))
        self.write_spec(steps="50%", hold="2s")
        load = self.world.load(100)
        self.must(self.world.run("init"))
        job = self.begin_deploy("v1.1.0", "--promote")
        wait_for(lambda: self.world.images(STABLE) == ["autograph/api-gateway:v1.1.0"], 60,
                 "stable is being restarted")
        return load, job

    def test_a_rollback_leaves_the_canary_its_traffic_while_stable_has_no_pod(self):
        load, job = self.promoting()
        wait_for(lambda: not self.world.get("deployment", STABLE)["status"].get("readyReplicas"),
                 30, "no pod of stable is ready")
        told = self.must(self.world.run("rollback")).out
        self.assertIn("the canary keeps its traffic until", told)
        self.ends_with(job, ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "operator")
        self.assert_no_failure(load.stop())

    def test_a_rollback_leaves_the_canary_its_traffic_while_stable_stops_all_pods_to_return(self):
        load, job = self.promoting()
        # Nobody drives when stable is whole on the new version: there a rollback finds it.
        job.kill()
        self.world.kubectl("rollout", "status", "deployment", STABLE)
        self.assertEqual(self.world.weight(), 100)
        told = self.must(self.world.run("rollback")).out
        self.assertIn("all pods of stable stop as it returns", told)
        self.assert_rolled_back("v1.1.0", "operator")
        self.assert_no_failure(load.stop())
