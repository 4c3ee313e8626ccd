"""Releases behind a data plane that applies a change up to 2 s after it was written, as Traefik
does by default (ingress-nginx: up to 3.5 s): what linnet reads back is not in force yet. The pods
are gone at once when they are told to end: one that is stopped too early loses a request."""

import os
import subprocess
import unittest

from harness import IMAGE, needs_bed, wait_for
from release_test_case import CANARY, DONE, OWN_METRICS, ROLLED_BACK, ReleaseTest
from world import end_process

CHANGES = {'":80"': '":81"', '":8000"': '":8001"', '":9100"': '":9105"', '":9101"': '":9106"',
           "providersThrottleDuration: 0s": "providersThrottleDuration: 2s",
           # Two would write each other's word into the status of the routes of other tests.
           "  kubernetesGateway: {}\n": ""}
LATE_PORT = 81


@needs_bed
class BehindALateDataPlane(ReleaseTest):
    namespace = "late"  # one after the other: its ports are

    def setUp(self):
        super().setUp()
        self.begin_late_traefik()

    def begin_late_traefik(self):
        """Beside the bed's own, which follows at once: the same Ingresses on another port."""
        text = (self.cluster.bed / "etc" / "traefik.yaml").read_text()
        for old, new in CHANGES.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        config = self.world.folder / "late.yaml"
        config.write_text(text)
        environment = {**os.environ,
                       "KUBECONFIG": str(self.cluster.bed / "pki" / "traefik.kubeconfig")}
        with open(self.world.folder / "late-traefik.log", "wb") as log:
            late = subprocess.Popen(
                [self.cluster.bed / "bin" / "traefik", f"--configfile={config}"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(end_process, late)

    def begin(self, **options):
        self.start(load=False, stable="v2.0.0-nodrain", metrics=OWN_METRICS, **options)
        wait_for(lambda: self.answers("v2.0.0-nodrain"), 30, "the late data plane answers")
        return self.world.load(100, port=LATE_PORT)

    def answers(self, version):
        try:
            return self.world.request(port=LATE_PORT) == (200, version)
        except OSError:
            return False

    def test_promotions_and_a_rollback_lose_nothing(self):
        load = self.begin(steps="50% 100%", hold="3s")
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        job = self.begin_deploy("v2.0.0-nodrain")
        self.wait_weight(50)
        self.must(self.world.run("rollback"))
        self.ends_with(job, ROLLED_BACK)
        self.assert_rolled_back("v2.0.0-nodrain", "operator", stable="v1.1.0")
        self.must(self.world.run("deploy", "v2.0.0-nodrain", "--promote"), DONE)
        self.assert_promoted("v2.0.0-nodrain")
        self.assert_no_failure(load.stop())

    def test_a_bad_version_is_taken_back_and_only_its_own_answers_fail(self):
        load = self.begin(steps="25% 100%", hold="5s")
        self.must(self.world.run("deploy", "v2.0.0-errors"), ROLLED_BACK)
        self.assert_rolled_back("v2.0.0-errors", "error_rate", stable="v2.0.0-nodrain")
        self.assertEqual(self.world.get("deployment", CANARY)["spec"]["replicas"], 0)
        self.assert_no_failure(load.stop(), bad_versions=("v2.0.0-errors",))

    def test_a_canary_of_the_users_own_is_off_its_traffic_before_init_stops_it(self):
        self.start_stable(replicas=1)
        self.write_spec(metrics=OWN_METRICS)
        self.world.apply("canary", changes={"replicas: 1": "replicas: 2",
                                            f"{IMAGE}:v1.1.0": f"{IMAGE}:v2.0.0-nodrain",
                                            'canary-weight: "0"': 'canary-weight: "30"'})
        self.world.wait_ready(CANARY)
        wait_for(lambda: self.answers("v2.0.0-nodrain"), 30, "the late data plane answers")
        load = self.world.load(100, port=LATE_PORT)
        # A change of before holds the next one up.
        self.world.set_weight(31)
        self.must(self.world.run("init"))
        wait_for(lambda: not self.world.list("pod", "version=canary"), 30,
                 "the canary's pods are gone")
        seen = load.stop()
        self.assert_no_failure(seen)
        self.assertIn("v2.0.0-nodrain", seen["versions"])


if __name__ == "__main__":
    unittest.main()
