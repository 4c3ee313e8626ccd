"""What stands under the canary's names before `init`: a canary of the user's own is taken over and
told, somebody else's Deployment and another release's objects are left alone."""

import json
import unittest

from harness import IMAGE, needs_requests, wait_for
from cluster import MANIFESTS  # after harness, which sets the path
from release_test_case import CANARY, INVALID, STABLE, ReleaseTest, spec

SERVICE, INGRESS = "api-gateway-service-canary", "api-gateway-ingress-canary"


@needs_requests
class CanaryThatIsThere(ReleaseTest):
    def setUp(self):
        super().setUp()
        self.start_stable(replicas=1)
        self.write_spec()

    def put(self, labels, container="api-gateway", image="autograph/api-gateway:v1.1.0"):
        """Somebody's Deployment of the canary's name, with 2 pods."""
        stable = self.world.get("deployment", "api-gateway-stable")
        pods = stable["spec"]["template"]["spec"]
        pods["containers"][0].update(name=container, image=image)
        self.world.apply({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": CANARY, "labels": labels},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels}, "spec": pods}}})

    def assert_left_alone(self, *objects):
        self.assertEqual(self.world.get("deployment", CANARY)["spec"]["replicas"], 2)
        for kind, name in objects:
            self.assertIsNone(self.world.get(kind, name), name)

    def refused(self, cause):
        for words in (("init", "--dry-run"), ("init",)):
            ran = self.must(self.world.run(*words), INVALID)
            self.assertRegex(ran.out + ran.err, cause)

    def test_somebody_elses_deployment_is_neither_stopped_nor_overwritten(self):
        self.put({"app": "canary-birds"}, container="worker")
        self.refused(f"Deployment {CANARY} has no container api-gateway, but worker")
        self.world.kubectl("delete", "deployment", CANARY)
        self.put({"app": "canary-birds"}, image="birds/canary:v7")
        self.refused("was not made by linnet and runs the image birds/canary:v7")
        self.assert_left_alone(("service", SERVICE), ("ingress", INGRESS))

    def test_deploy_leaves_a_deployment_alone_that_was_put_in_the_canarys_place(self):
        self.must(self.world.run("init"))
        self.world.kubectl("delete", "deployment", CANARY)
        self.put({"app": "api-gateway", "version": "canary",
                  "linnet.dev/release": "api-gateway"}, container="worker")
        for words in (("deploy", "v1.1.0"), ("doctor",)):
            ran = self.world.run(*words)
            self.assertRegex(ran.out + ran.err, "has no container api-gateway, but worker")
        self.must(self.world.run("deploy", "v1.1.0"), INVALID)
        self.assertIn("obstacle", self.must(self.world.run("plan", "v1.1.0")).out)
        self.assert_left_alone()

    def test_a_canary_of_the_users_own_is_told_before_it_is_stopped(self):
        self.world.apply("canary", changes={"replicas: 1": "replicas: 2",
                                            'canary-weight: "0"': 'canary-weight: "30"'})
        told = f"adopt Deployment {CANARY}: 2 pods -> 0; weight 30 % -> 0 %"
        ran = self.must(self.world.run("init", "--dry-run"))
        self.assertIn(told, ran.out)
        changes = {change["name"]: {field["path"]: field["values"] for field in change["fields"]}
                   for change in json.loads(self.must(self.world.run(
                       "init", "--dry-run", "-o", "json")).out)["changes"]}
        self.assertEqual(changes[CANARY]["spec.replicas"], [2, 0])
        weight = "metadata.annotations[nginx.ingress.kubernetes.io/canary-weight]"
        self.assertEqual(changes[INGRESS][weight], ["30", "0"])
        self.assert_left_alone()
        ran = self.must(self.world.run("init"))
        self.assertIn(told, ran.out + ran.err)
        wait_for(lambda: self.world.weight() == 0, 20, "the weight is 0")
        wait_for(lambda: self.world.get("deployment", CANARY)["spec"]["replicas"] == 0, 20,
                 "the canary has no pods")
        ran = self.must(self.world.run("init", "--dry-run"))
        self.assertNotIn("adopt", ran.out)
        self.assertIn(f"{CANARY} is there and stays as it is, without pods", ran.out)

    def test_two_releases_do_not_share_a_canary(self):
        self.must(self.world.run("init"))
        first = self.world.spec_file.read_text()
        self.world.spec_file.write_text(first.replace("name: api-gateway,", "name: other,"))
        self.world.write_kubeconfig()  # the Role of `linnet rbac` is the first one's
        cause = (f"Deployment {CANARY} belongs to the release api-gateway .*"
                 f"`linnet cleanup --remove -n {self.world.namespace} --release api-gateway`")
        self.refused(cause)
        self.assertRegex(self.must(self.world.run("deploy", "v1.1.0"), INVALID).err, cause)
        # What it says to do for a release that was renamed is what helps.
        self.must(self.world.run("cleanup", "--remove", "-n", self.world.namespace, "--release",
                                 "api-gateway"))
        self.must(self.world.run("init"))
        labels = self.world.get("deployment", CANARY)["metadata"]["labels"]
        self.assertEqual(labels["linnet.dev/release"], "other")


@needs_requests
class TwoReleasesBehindOneIngress(ReleaseTest):
    """/ is the first one's; /docs is docs', with a stable and a Service of its own."""

    MAIN, CLONE = "api-gateway-ingress-stable", "api-gateway-ingress-stable-canary"
    OWN = "docs-ingress-canary"
    TRAFFIC = """
    router: ingress-nginx
    with: { ingress: api-gateway-ingress-stable, stable_service: api-gateway-service-stable,
            canary_service: api-gateway-service-canary, port: 8080 }"""
    DOCS = {"name: api-gateway,": "name: docs,", STABLE: "docs-stable", CANARY: "docs-canary",
            "api-gateway-service": "docs-service"}

    def setUp(self):
        super().setUp()
        self.start_stable(replicas=1)
        deployment_and_service = (MANIFESTS / "stable.yaml").read_text().split("\n---\n")[:2]
        self.world.apply("\n---\n".join(deployment_and_service), changes={
            STABLE: "docs-stable", "api-gateway-service": "docs-service",
            "app: api-gateway": "app: docs", f"{IMAGE}:v1.0.0": f"{IMAGE}:v1.2.0",
            "replicas: 3": "replicas: 1"})
        rules = self.world.get("ingress", self.MAIN)["spec"]["rules"]
        first = rules[0]["http"]["paths"][0]
        docs = {**first, "path": "/docs", "backend": {
            "service": {"name": "docs-service-stable", "port": {"number": 8080}}}}
        rules[0]["http"]["paths"] = [docs, first]
        self.world.patch("ingress", self.MAIN, {"spec": {"rules": rules}})
        self.world.wait_ready("docs-stable")
        wait_for(lambda: self.world.request("/docs") == (200, "v1.2.0"), 20, "/docs is served")
        self.assertEqual(self.world.request("/"), (200, "v1.0.0"))
        self.text = spec(self.world.namespace, steps="50%", hold="2s", traffic=self.TRAFFIC)

    def write_first(self):
        self.world.spec_file.write_text(self.text)

    def write_docs(self, canary_ingress=None):
        text = self.text
        for old, new in self.DOCS.items():
            text = text.replace(old, new)
        if canary_ingress:
            text = text.replace("with: { ingress:",
                                f"with: {{ canary_ingress: {canary_ingress}, ingress:")
        self.world.spec_file.write_text(text)

    def paths_of(self, ingress):
        return [path["path"] for rule in self.world.get("ingress", ingress)["spec"]["rules"]
                for path in rule["http"]["paths"]]

    def test_each_has_a_canary_of_its_own_and_leaves_the_others_alone(self):
        loads = [self.world.load(50), self.world.load(50, path="/docs")]
        self.write_first()
        self.must(self.world.run("init"))
        self.assertEqual(self.paths_of(self.CLONE), ["/"])
        self.must(self.world.run("deploy", "v1.1.0"))  # waits for promotion at 50 %
        self.assertEqual(self.world.weight(self.CLONE), 50)

        # With the default name it would be the first one's.
        self.write_docs()
        whose = f"Ingress {self.CLONE} belongs to the release api-gateway .*canary_ingress"
        for words in (("init", "--dry-run"), ("init",), ("cleanup", "--remove")):
            ran = self.must(self.world.run(*words), INVALID)
            self.assertRegex(ran.out + ran.err, whose)
        self.world.run("rollback")
        self.assertEqual(self.world.weight(self.CLONE), 50)

        self.write_docs(self.OWN)
        self.must(self.world.run("init"))
        self.assertEqual(self.paths_of(self.OWN), ["/docs"])
        labels = self.world.get("ingress", self.OWN)["metadata"]["labels"]
        self.assertEqual(labels["linnet.dev/release"], "docs")
        self.must(self.world.run("deploy", "v1.3.0", "--promote"))
        self.assertEqual(self.world.images("docs-stable"), [f"{IMAGE}:v1.3.0"])
        self.assertEqual(self.world.weight(self.OWN), 0)
        self.assertEqual(self.world.weight(self.CLONE), 50)
        self.must(self.world.run("cleanup", "--remove"))
        self.assertIsNone(self.world.get("ingress", self.OWN))
        self.assertEqual(self.world.weight(self.CLONE), 50)

        self.write_first()
        self.must(self.world.run("promote"))
        self.assertEqual(self.world.images(STABLE), [f"{IMAGE}:v1.1.0"])
        self.assertEqual(self.world.weight(self.CLONE), 0)
        for load in loads:
            self.assert_no_failure(load.stop())


if __name__ == "__main__":
    unittest.main()
