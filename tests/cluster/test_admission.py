"""Weights that an admission webhook lets through late, as that of ingress-nginx does while it
renders a large configuration: an API server gives up what nobody waits for any more."""

import base64
import json
import ssl
import threading
import unittest

from harness import needs_bed
from release_test_case import ROLLED_BACK, ReleaseTest
from servers import Quiet, certificate, served

SECONDS = 7  # longer than the engine waits for a first answer


class Slow(Quiet):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        threading.Event().wait(SECONDS)  # it is busy
        self.answer(200, json.dumps({
            "apiVersion": asked["apiVersion"], "kind": asked["kind"],
            "response": {"uid": asked["request"]["uid"], "allowed": True}}).encode())


@needs_bed
class SlowAdmission(ReleaseTest):
    def begin(self):
        """Of every change of this namespace's Ingresses."""
        files = certificate(self.world.folder, "webhook")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        server = self.enterContext(served(Slow, context))
        path = "apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        self.cluster.must("POST", path, {
            "metadata": {"name": self.world.namespace},
            "webhooks": [{
                "name": "slow.linnet.test", "sideEffects": "None", "timeoutSeconds": 30,
                "admissionReviewVersions": ["v1"],
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": self.world.namespace}},
                "rules": [{"apiGroups": ["networking.k8s.io"], "apiVersions": ["v1"],
                           "operations": ["UPDATE"], "resources": ["ingresses"]}],
                "clientConfig": {
                    "url": f"https://127.0.0.1:{server.port}/",
                    "caBundle": base64.b64encode(files[0].read_bytes()).decode()}}]})
        self.addCleanup(self.cluster.must, "DELETE", f"{path}/{self.world.namespace}")

    def test_a_bad_version_gets_its_weight_and_loses_it(self):
        users = self.start(steps="50% 100%", hold="60s", replicas=1)
        self.begin()
        ran = self.must(self.world.run("deploy", "v2.0.0-errors", seconds=150), ROLLED_BACK)
        self.assertIn("50 % in force", ran.out)
        self.assert_rolled_back("v2.0.0-errors", "error_rate")
        self.assert_no_failure(users.stop(), bad_versions=("v2.0.0-errors",))


if __name__ == "__main__":
    unittest.main()
