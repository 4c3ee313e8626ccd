"""Releases of a gRPC service: a GRPCRoute's weights, real calls over HTTP/2, and failures that no
data plane sees, since a failed call is a 200 with a status behind it: the pods' own counts tell."""

import collections
import re
import subprocess
import threading
import unittest

from harness import GATEWAY_PORT, needs_bed, wait_for
from release_test_case import (
    DONE, GATEWAY_TRAFFIC, OWN_METRICS, ROLLED_BACK, STABLE, ReleaseTest)


@needs_bed
class Grpc(ReleaseTest):
    def start(self, **options):
        self.world.apply("stable")
        self.world.wait_ready(STABLE)
        self.world.apply("gateway", changes={"HTTPRoute": "GRPCRoute", "weight: 90": "weight: 1",
                                             "weight: 10": "weight: 0"})
        self.frame = self.world.folder / "frame"
        self.frame.write_bytes(bytes(5))  # an empty message
        wait_for(lambda: self.call() == ("200", "v1.0.0"), 20, "a call is answered")
        route = GATEWAY_TRAFFIC.replace("route: api", "kind: GRPCRoute, route: api")
        self.write_spec(traffic=route, metrics=OWN_METRICS, **options)
        self.must(self.world.run("init"))

    def call(self):
        """(HTTP status, version) of one call on a connection of its own. curl speaks HTTP/2."""
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "--http2-prior-knowledge", "--connect-to",
             f"::127.0.0.1:{GATEWAY_PORT}", "-H", "Content-Type: application/grpc",
             "-H", "TE: trailers", "--data-binary", f"@{self.frame}",
             "-w", "%{http_code} %header{x-version}", f"http://{self.world.host}/shop.Orders/Get"],
            capture_output=True, text=True, timeout=20, check=False)
        return tuple(done.stdout.split())

    def begin_calls(self):
        """One call after the other, until answered() is asked for."""
        self.answers, self.over = collections.Counter(), threading.Event()

        def call_on():
            while not self.over.is_set():
                self.answers[self.call()] += 1
        self.users = threading.Thread(target=call_on)
        self.users.start()
        self.addCleanup(self.over.set)

    def answered(self):
        """How many calls each version answered; all were answered."""
        self.over.set()
        self.users.join()
        self.assertEqual({status for status, *_ in self.answers}, {"200"}, self.answers)
        return {version: count for (_, version), count in self.answers.items()}

    def weights(self):
        rules = self.world.get("grpcroute", "api-gateway")["spec"]["rules"]
        return [backend["weight"] for backend in rules[0]["backendRefs"]]

    def test_a_good_version_is_promoted_without_a_failed_call(self):
        self.start()
        self.begin_calls()
        ran = self.must(self.world.run("deploy", "v1.1.0", "--promote"), DONE)
        self.assertEqual(re.findall(r"\d+ % -> \d+ %: (?:step \d|stable)", ran.out)[:2],
                         ["0 % -> 5 %: step 1", "5 % -> 25 %: step 2"])
        self.assertEqual(self.weights()[1], 0)
        self.assertEqual(self.world.images(STABLE), ["autograph/api-gateway:v1.1.0"])
        self.assertEqual(self.call(), ("200", "v1.1.0"))
        self.assertGreater(self.answered()["v1.1.0"], 100)

    def test_calls_that_fail_take_a_version_back_though_each_answer_is_a_200(self):
        self.start(steps="25% 100%", hold="10s")
        self.begin_calls()
        self.must(self.world.run("deploy", "v2.0.0-errors", "--promote"), ROLLED_BACK)
        self.assertEqual(self.history()[0]["cause"]["kind"], "error_rate")
        self.assertEqual(self.weights()[1], 0)
        self.assertEqual(self.call(), ("200", "v1.0.0"))
        self.answered()


if __name__ == "__main__":
    unittest.main()
