"""Releases through the Gateway API: one HTTPRoute, whose weights alone are changed, on a real data
plane under real requests. A backend without pods answers 503 for its share, so weight and pods
must never disagree."""

import json
import unittest

from harness import GATEWAY_PORT, needs_bed, wait_for
from release_test_case import (
    CANARY, DONE, GATEWAY_TRAFFIC, INVALID, ROLLED_BACK, STABLE, ReleaseTest)

ROUTE = "api-gateway"
METRICS = """
    source: scrape
    recipe: traefik-gateway
    with: { controller_selector: app=traefik }"""


@needs_bed
class Gateway(ReleaseTest):
    def start(self, both=False, **options):
        """The service as somebody has it: a route that knows stable only, or both Services."""
        self.world.apply("stable")
        self.world.wait_ready(STABLE)
        canary = "        - { name: api-gateway-service-canary, port: 8080, weight: 10 }\n"
        self.world.apply("gateway", changes=(
            {"weight: 10": "weight: 0"} if both else {canary: ""}))
        self.world.wait_served("v1.0.0", GATEWAY_PORT)
        self.write_spec(traffic=GATEWAY_TRAFFIC, metrics=METRICS, **options)
        users = self.world.load(100, port=GATEWAY_PORT)
        self.init = self.must(self.world.run("init"))
        return users

    def weights(self):
        """What the route says: the Service's name and its weight, 1 where it says none."""
        rules = self.world.get("httproute", ROUTE)["spec"]["rules"]
        return {backend["name"]: backend.get("weight", 1)
                for rule in rules for backend in rule["backendRefs"]}

    def assert_all_on(self, version):
        self.assertEqual(self.weights().get("api-gateway-service-canary", 0), 0)
        wait_for(lambda: not self.world.pods("version=canary"), 30, "the canary is gone")
        self.assertEqual(self.world.images(STABLE), [f"autograph/api-gateway:{version}"])
        self.assertEqual(self.world.sample(20, GATEWAY_PORT), {version: 20})

    def test_init_brings_the_canary_into_the_route_at_weight_zero_and_loses_nothing(self):
        load = self.start()
        self.assertIn(f"change HTTPRoute {ROUTE}: the canary comes into it", self.init.out)
        self.assertEqual(self.weights()["api-gateway-service-canary"], 0)
        self.assert_all_on("v1.0.0")
        self.assert_no_failure(load.stop())

    def test_a_good_version_is_promoted_without_a_failed_request(self):
        load = self.start()
        self.must(self.world.run("deploy", "v1.1.0", "--promote"), DONE)
        self.assertEqual([step["outcome"] for step in self.history()[0]["steps"]], ["passed"] * 4)
        self.assert_all_on("v1.1.0")
        self.assertEqual(self.status()["phase"], "succeeded")
        self.assert_no_failure(load.stop())

    def test_a_bad_version_is_taken_back_and_nobody_else_fails(self):
        load = self.start(both=True, hold="10s")
        self.must(self.world.run("deploy", "v2.0.0-errors", "--promote"), ROLLED_BACK)
        self.assert_all_on("v1.0.0")
        self.assertEqual(self.history()[0]["cause"]["kind"], "error_rate")
        self.assert_no_failure(load.stop(), ("v2.0.0-errors",))

    def test_a_canary_of_which_no_pod_is_ready_any_more_is_taken_back_in_seconds(self):
        load = self.start(both=True, steps="50%", hold="5m")
        deploy = self.begin_deploy("v1.1.0", "--promote")
        wait_for(lambda: self.weights()["api-gateway-service-canary"] > 0, 60, "the step begins")
        self.world.tell("version=canary", ready=0)
        self.ends_with(deploy, ROLLED_BACK, 60)
        cause = self.history()[0]["cause"]
        self.assertEqual(cause["kind"], "not_ready")
        self.assertIn("nobody answers on the canary", cause["text"])
        self.assert_all_on("v1.0.0")
        load.stop()  # the route answers 503 for the share of a Service without pods

    def refused_deploy(self):
        """What it says. Nothing was begun: no rollout, no canary, no weight."""
        ran = self.must(self.world.run("deploy", "v1.1.0"), INVALID)
        self.assertIn("nothing was begun", ran.err)
        self.assertEqual(self.history(), [])
        self.assertIsNone(self.status()["rollout"])
        self.assertEqual(self.world.get("deployment", CANARY)["spec"]["replicas"], 0)
        self.assertEqual(self.weights()["api-gateway-service-canary"], 0)
        return ran.err

    def test_deploy_begins_nothing_with_a_route_that_nobody_accepts(self):
        load = self.start(both=True, steps="50%", hold="2s")
        self.world.patch("httproute", ROUTE, {"spec": {"parentRefs": [{"name": "nobody"}]}})
        said = self.refused_deploy()
        self.assertRegex(said, f"HTTPRoute {ROUTE} waits for Accepted.*parent .* exist")
        self.assertIn(f"`kubectl describe httproutes.gateway.networking.k8s.io {ROUTE} "
                      f"-n {self.world.namespace}`", said)
        self.world.patch("httproute", ROUTE, {"spec": {"parentRefs": [{"name": "gateway"}]}})
        # Its controller may be a moment behind that.
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_all_on("v1.1.0")
        load.stop()  # some of the users had no route

    def test_deploy_begins_nothing_with_a_route_whose_backends_are_not_all_there(self):
        load = self.start(both=True)
        rules = self.world.get("httproute", ROUTE)["spec"]["rules"]
        docs = {"matches": [{"path": {"type": "PathPrefix", "value": "/docs"}}],
                "backendRefs": [{"name": "docs", "port": 80}]}
        self.world.patch("httproute", ROUTE, {"spec": {"rules": [*rules, docs]}})
        self.assertRegex(self.refused_deploy(),
                         f"HTTPRoute {ROUTE} waits for ResolvedRefs=False .*docs")
        self.assert_no_failure(load.stop())

    def test_doctor_tells_of_a_parent_that_is_not_there_and_does_not_send_to_init(self):
        self.start(both=True)
        self.world.patch("httproute", ROUTE, {"spec": {"parentRefs": [{"name": "nobody"}]}})
        ran = self.must(self.world.run("doctor", "-o", "json"), ROLLED_BACK)
        found = {each["check"]: each for each in json.loads(ran.out)}["the router can be read"]
        self.assertRegex(found["cause"], "api-gateway waits for Accepted")
        self.assertRegex(found["remedy"], "Does their parent .* exist")

    def test_a_canary_service_that_is_gone_stops_no_rollback(self):
        load = self.start(both=True, steps="50%", hold="2s")
        self.must(self.world.run("deploy", "v1.1.0"))
        self.world.delete("service", "api-gateway-service-canary")
        rollback = self.world.begin("rollback")
        wait_for(lambda: self.weights()["api-gateway-service-canary"] == 0, 5, "the weight is 0",
                 0.02)
        self.ends_with(rollback, DONE)
        load.stop()  # half of the users had nobody to answer until then

    def test_an_application_that_exits_at_once_loses_nothing_at_a_rollback_from_100_percent(self):
        load = self.start(both=True, steps="50% 100%", hold="2s")
        self.must(self.world.run("deploy", "v2.0.0-nodrain"))
        self.assertEqual(self.weights()["api-gateway-service-stable"], 0)
        self.must(self.world.run("rollback"))
        self.assert_all_on("v1.0.0")
        self.assert_no_failure(load.stop())


if __name__ == "__main__":
    unittest.main()
