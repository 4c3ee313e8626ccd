"""`linnet doctor` against set-ups that are broken on purpose: the traps of published canary
manifests, each named with its cause and what helps."""

import json
import re
import unittest

from harness import needs_bed, wait_for
from release_test_case import CANARY, INVALID, PROMETHEUS, SCRAPE, STABLE, ReleaseTest

INGRESS = "api-gateway-ingress-stable"
PREFIX = "nginx.ingress.kubernetes.io/"


class DoctorTest(ReleaseTest):
    def setUp(self):
        super().setUp()
        self.start(load=False, replicas=1)

    def finding(self, check, *options):
        ran = self.world.run("doctor", "--output", "json", *options)
        found = {each["check"]: each for each in json.loads(ran.out)}
        self.assertIn(check, found)
        return found[check]

    def assert_found(self, check, cause, remedy, *options):
        def is_found():
            found = self.finding(check, *options)
            # A pod's trouble is known a moment after it is seen that it is not ready.
            return found if not found["ok"] and re.search(cause, found["cause"]) else None
        found = wait_for(is_found, 40, f"doctor finds: {check}: {cause}", 0.5)
        self.assertRegex(found["remedy"], remedy)


@needs_bed
class Doctor(DoctorTest):
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

    def test_a_second_canary_ingress_of_the_same_place(self):
        left = self.world.get("ingress", "api-gateway-ingress-canary")
        left["metadata"] = {"name": "canary-of-before",
                            "annotations": left["metadata"]["annotations"]}
        self.world.apply(left)
        self.assert_found("traffic can split", "the Ingress canary-of-before is a canary of",
                          "kubectl delete ingress -n .* canary-of-before")
        for words in (("init",), ("deploy", "v1.1.0")):
            self.assertIn("canary-of-before", self.must(self.world.run(*words), INVALID).err)

    def test_an_ingress_that_nobody_serves(self):
        self.assertIn("is unknown (may not list ingressclasses)",
                      self.finding("traffic can split")["cause"])
        self.world.write_kubeconfig()  # classes are the cluster's: a Role cannot name them
        self.assertTrue(self.finding("traffic can split")["ok"])
        for name in (INGRESS, "api-gateway-ingress-canary"):
            self.world.patch("ingress", name, {"spec": {"ingressClassName": "ngnix"}})
        self.assert_found("traffic can split", f"nobody serves the Ingress {INGRESS}: the cluster "
                          "has no IngressClass ngnix", "spec.ingressClassName")
        self.assertIn("nobody serves", self.must(self.world.run("deploy", "v1.1.0"), INVALID).err)
        self.assertIn("nobody serves", self.must(self.world.run("init", "--dry-run")).out)

    def test_a_services_port_that_no_container_has(self):
        self.world.kubectl("patch", "service", "api-gateway-service-stable", "--type=json", "-p",
                           '[{"op": "replace", "path": "/spec/ports/0/targetPort", '
                           '"value": "web"}]')
        self.assert_found("Services know their pods' ports", "to the port named web, which no "
                          f"container of {STABLE} declares", "targetPort")

    def test_pods_without_a_drain(self):
        self.assert_found("stable pods drain", "no preStop hook", "sleep: { seconds: 5 }")

    def test_canary_pods_that_do_not_start(self):
        self.world.set_image(CANARY, "v9.9.9")
        self.world.kubectl("scale", "deployment", CANARY, "--replicas=1")
        self.assert_found("canary pods start", "v9.9.9 cannot be pulled", "push the image")

    def test_metrics_that_are_not_there(self):
        self.write_spec(metrics=PROMETHEUS.replace(":9090", ":1"))
        self.assert_found("metrics arrive", "192.168.77.1:1", "check spec.metrics")
        self.write_spec(metrics=SCRAPE.replace("app=traefik", "app=gone"))
        self.assert_found("metrics arrive", "app=gone in traefik", "spec.metrics|linnet recipes")

    def test_rights_that_are_missing(self):
        token = self.world.service_account("weak", [
            {"apiGroups": ["apps"], "resources": ["deployments"],
             "verbs": ["get", "list", "watch"]}])
        weak = ("--kubeconfig", self.world.write_kubeconfig(self.world.folder / "weak", token))
        self.assert_found("linnet has the rights it needs",
                          f"may not: patch deployments.apps {STABLE}", "linnet rbac", *weak)
        self.assert_found("a rollback applies at once",
                          "may not: list deployments.apps in all namespaces, list deployments.apps "
                          "in namespace traefik", "create role linnet-doctor -n traefik", *weak)


@needs_bed
class Controllers(DoctorTest):
    """Beside the bed's own, whose settings are a file: alone, since all who ask would see them."""

    alone = True

    def put(self, name, image, *arguments):
        labels = {"app": name}
        container = {"name": name, "image": image, "args": arguments}
        self.world.apply({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [container]}}}})

    def test_controllers_that_apply_a_weight_late(self):
        self.world.write_kubeconfig()  # the Role of `linnet rbac` looks where the pages are read
        self.put("edge", "traefik:v3.7", "--providers.providersThrottleDuration=2s")
        self.assert_found("a rollback applies at once", "edge throttles changes to one each 2s",
                          "providersThrottleDuration=0s")
        # That of the class which the Ingress has is the one that counts.
        image = "registry.k8s.io/ingress-nginx/controller:v1.12.1"
        self.put("nginx", image, "--sync-rate-limit=0.3")
        self.assert_found("a rollback applies at once", "^nginx applies at most 0.3 changes",
                          "sync-rate-limit=20")
        self.put("nginx", image, "--sync-rate-limit=20")
        self.assertTrue(self.finding("a rollback applies at once")["ok"])


if __name__ == "__main__":
    unittest.main()
