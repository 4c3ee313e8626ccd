"""`linnet doctor` against set-ups that are broken on purpose: the traps of published canary
manifests, each named with its cause and what helps."""

import json
import unittest

from harness import needs_bed, wait_for
from release_test_case import CANARY, STABLE, ReleaseTest

INGRESS = "api-gateway-ingress-stable"
PREFIX = "nginx.ingress.kubernetes.io/"


@needs_bed
class Doctor(ReleaseTest):
    def setUp(self):
        super().setUp()
        self.start(load=False, replicas=1)

    def finding(self, check):
        ran = self.world.run("doctor", "--output", "json")
        found = {each["check"]: each for each in json.loads(ran.out)}
        self.assertIn(check, found)
        return found[check]

    def assert_found(self, check, cause, remedy):
        def is_found():
            found = self.finding(check)
            return found if not found["ok"] else None
        found = wait_for(is_found, 40, f"doctor finds: {check}", 0.5)
        self.assertRegex(found["cause"], cause)
        self.assertRegex(found["remedy"], remedy)

    def annotate(self, **annotations):
        self.world.patch("ingress", INGRESS, {"metadata": {"annotations": {
            PREFIX + name.replace("_", "-"): value for name, value in annotations.items()}}})

    def test_a_redirect_to_https_without_tls(self):
        self.annotate(ssl_redirect="true")
        self.assert_found("the Ingress lets requests through",
                          'ssl-redirect "true" but no tls section', "add spec.tls")

    def test_a_rewrite_that_throws_paths_away(self):
        self.annotate(rewrite_target="/")
        self.assert_found("the Ingress lets requests through",
                          r"rewrite-target / on .*/ \(Prefix\)", "capture group")

    def test_a_secret_that_must_exist_beforehand(self):
        self.world.write_kubeconfig()  # the Role of `linnet rbac` leaves Secrets alone
        container = {"name": "api-gateway", "env": [{"name": "KEY", "valueFrom": {
            "secretKeyRef": {"name": "api-keys", "key": "token"}}}]}
        self.world.kubectl("patch", "deployment", CANARY, "-p", json.dumps(
            {"spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}}}))
        self.assert_found("Secrets and ConfigMaps are there", "Secret api-keys does not exist",
                          "create it")
        self.assert_found("canary pods start", "api-keys", "create the Secret")

    def test_an_autoscaler_on_the_canary_and_one_on_stable(self):
        def scaler(deployment):
            return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                    "metadata": {"name": deployment},
                    "spec": {"minReplicas": 1, "maxReplicas": 2,
                             "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment",
                                                "name": deployment}}}
        self.world.apply(scaler(STABLE))
        self.assertRegex(self.finding("sizes have one owner")["cause"],
                         f"{STABLE} scales stable between 1 and 2; linnet leaves its size alone")
        self.world.apply(scaler(CANARY))
        self.assert_found("sizes have one owner", "scales the canary", "kubectl delete hpa")

    def test_a_cluster_that_does_not_know_service_monitors_is_no_trouble(self):
        found = self.finding("ServiceMonitor")
        self.assertTrue(found["ok"], found)
        self.assertIn("does not know the kind", found["cause"])

    def test_a_canary_ingress_that_is_not_one(self):
        self.world.patch("ingress", "api-gateway-ingress-canary", {"metadata": {"annotations": {
            PREFIX + "canary": "false"}}})
        self.assert_found("traffic can split", 'its annotation canary is "false"', "init")

    def test_pods_without_a_drain(self):
        self.assert_found("stable pods drain", "no preStop hook", "sleep: { seconds: 5 }")


if __name__ == "__main__":
    unittest.main()
