"""Releases on a real cluster, behind a real ingress, under real requests: each good version arrives
and loses none, each bad one is taken back for its cause."""

import time
import unittest

from harness import is_long, needs_bed, needs_requests, wait_for
from release_test_case import (
    BUSY, CANARY, DONE, INVALID, NO_DATA, PROMETHEUS, ROLLED_BACK, STABLE, ReleaseTest)


@needs_requests
class GoodReleases(ReleaseTest):
    def test_init_adopts_what_runs_and_restarts_nothing(self):
        self.start_stable()
        before = {pod["metadata"]["uid"] for pod in self.world.list("pod", "version=stable")}
        self.write_spec()
        load = self.world.load(100)
        planned = self.must(self.world.run("init", "--dry-run")).out
        told = self.must(self.world.run("init")).out
        for made in (f"Deployment {CANARY}", "Service api-gateway-service-canary",
                     "Ingress api-gateway-ingress-canary: at weight 0 %"):
            self.assertIn(f"create {made}", planned)
            self.assertIn(f"create {made}", told)
        self.assertNotIn("create", self.must(self.world.run("init")).out)
        after = {pod["metadata"]["uid"] for pod in self.world.list("pod", "version=stable")}
        self.assertEqual(before, after)
        self.assertEqual(self.world.weight(), 0)
        self.assertEqual(self.world.get("deployment", CANARY)["spec"]["replicas"], 0)
        self.assertEqual(self.status()["versions"]["stable"], "v1.0.0")
        self.assert_no_failure(load.stop())

    def test_a_good_version_goes_through_all_steps_and_is_promoted(self):
        load = self.start()
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assertEqual([step["outcome"] for step in self.history()[0]["steps"]], ["passed"] * 4)
        self.assertLessEqual({"Preparing", "Stepping", "TrafficWeight", "Promoting", "Succeeded"},
                             self.events())
        self.assert_no_failure(load.stop())

    def test_a_step_of_half_a_percent_gets_that_share(self):
        load = self.start(rate=200, steps="0.5% 50%", hold="5s")
        job = self.begin_deploy("v1.1.0", "--promote")
        self.wait_weight(5)
        annotations = self.world.get("ingress", "api-gateway-ingress-canary")["metadata"][
            "annotations"]
        self.assertEqual(annotations["nginx.ingress.kubernetes.io/canary-weight-total"], "1000")
        self.wait_weight(50)
        # What of this step was answered until now: 1 in 200, and the turn at 50 %.
        seen = load.summary()["versions"]
        self.assertGreaterEqual(seen["v1.1.0"]["requests"], 5)
        self.assertLess(seen["v1.1.0"]["requests"], 0.03 * seen["v1.0.0"]["requests"])
        self.ends_with(job, DONE)
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def events(self):
        """The reasons of those on stable's Deployment, as `kubectl describe` shows them."""
        uid = self.world.get("deployment", STABLE)["metadata"]["uid"]
        def written():
            reasons = {event["reason"] for event in self.world.events_of(uid)}
            return reasons if "Succeeded" in reasons else None
        return wait_for(written, 20, "the events are written")

    @needs_bed
    def test_by_prometheus_as_well(self):
        self.cluster.scrape_every("1s")
        self.addCleanup(self.cluster.scrape_every, "5s")
        load = self.start(metrics=PROMETHEUS, hold="5s")
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    @is_long
    def test_three_releases_in_a_row_and_cleanup(self):
        load = self.start(steps="25% 100%", hold="2s")
        for version in ("v1.1.0", "v1.2.0", "v1.3.0"):
            self.must(self.world.run("deploy", version, "--promote"))
            self.assert_promoted(version)
        self.must(self.world.run("cleanup"))
        self.assert_at_rest()
        self.must(self.world.run("cleanup", "--remove"))
        for kind, name in (("deployment", CANARY), ("service", "api-gateway-service-canary"),
                           ("ingress", "api-gateway-ingress-canary")):
            self.assertIsNone(self.world.get(kind, name), f"{kind} {name}")
        self.assert_not_begun(f"the Deployment {CANARY} does not exist: `linnet init`")
        self.assertIsNotNone(self.world.get("ingress", "api-gateway-ingress-stable"))
        self.must(self.world.run("init"))
        self.must(self.world.run("deploy", "v1.0.0", "--promote"))
        self.assert_promoted("v1.0.0")
        self.assert_no_failure(load.stop())

    def test_nothing_begins_while_stables_service_selects_the_canarys_pods_too(self):
        load = self.start(steps="50%", hold="1s", replicas=1)
        self.world.kubectl("patch", "service", "api-gateway-service-stable", "--type=json", "-p",
                           '[{"op": "remove", "path": "/spec/selector/version"}]')
        self.assert_not_begun(f"api-gateway-service-stable selects the pods of {CANARY} as well")
        self.world.apply("stable", changes={"replicas: 3": "replicas: 1"})
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def assert_not_begun(self, why):
        before = self.history()
        ran = self.must(self.world.run("deploy", "v1.1.0", seconds=20), INVALID)
        self.assertIn("nothing was begun", ran.err)
        self.assertIn(why, ran.err)
        self.assertNotIn(self.status()["phase"], ("preparing", "stepping"))
        self.assertEqual((self.history(), self.world.pods("version=canary")), (before, []))

    @is_long
    def test_the_canary_follows_stables_template(self):
        load = self.start(steps="50% 100%", hold="2s")
        # On busy cores the data plane may learn late who stops.
        self.world.tell("version=stable", drain=10_000)
        self.world.kubectl("set", "env", f"deployment/{STABLE}", "GREETING=new")
        self.world.wait_ready(STABLE)
        self.must(self.world.run("deploy", "v1.1.0"))

        def has_it(pod):
            return any(one["name"] == "GREETING" for one in pod["spec"]["containers"][0]["env"])
        pods = self.world.pods("version=canary")
        self.assertTrue(pods and all(has_it(pod) for pod in pods))
        self.must(self.world.run("promote"))
        self.assert_promoted("v1.1.0")
        self.world.kubectl("set", "env", f"deployment/{CANARY}", "MINE=1")
        self.world.tell("version=stable", drain=10_000)
        self.world.kubectl("set", "env", f"deployment/{STABLE}", "GREETING-")
        self.world.wait_ready(STABLE)
        self.assertIn(f"owns fields of {CANARY}", self.world.run("doctor").out)
        self.must(self.world.run("deploy", "v1.2.0", "--promote"))
        self.assertIn("MINE", str(self.world.get("deployment", CANARY)), "it is somebody's")
        self.assert_promoted("v1.2.0")
        self.assert_no_failure(load.stop())

    def test_an_application_that_exits_at_once_on_sigterm_loses_nothing(self):
        load = self.start(stable="v2.0.0-nodrain", steps="50% 100%", hold="2s")
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.must(self.world.run("deploy", "v2.0.0-nodrain"))
        self.must(self.world.run("rollback"), DONE)
        self.assert_rolled_back("v2.0.0-nodrain", "operator", stable="v1.1.0")
        self.must(self.world.run("deploy", "v2.0.0-nodrain"))
        self.must(self.world.run("cleanup"), DONE)
        self.assert_rolled_back("v2.0.0-nodrain", "operator", stable="v1.1.0")
        self.assert_no_failure(load.stop())

    def test_without_a_terminal_it_stops_before_promotion_and_names_the_next_command(self):
        load = self.start(steps="50%", hold="2s")
        ran = self.must(self.world.run("deploy", "v1.1.0"))
        self.assertIn("linnet promote", ran.out)
        self.assertEqual(self.status()["phase"], "awaiting_promotion")
        self.must(self.world.run("promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_a_second_deploy_is_refused_and_told_who(self):
        self.start(steps="50%", hold="60s", load=True)
        first = self.begin_deploy("v1.1.0")
        self.wait_weight(50)
        ran = self.must(self.world.run("deploy", "v1.2.0"), BUSY)
        self.assertRegex(ran.err, "api-gateway-1 to v1.1.0 by .* runs since")
        self.must(self.world.run("rollback"))
        self.ends_with(first, ROLLED_BACK)


@needs_requests
class BadReleases(ReleaseTest):
    def taken_back(self, version, cause, code=ROLLED_BACK, bad=True, unanswered=False, **options):
        load = self.start(**options)
        began = time.monotonic()
        self.must(self.world.run("deploy", version, "--promote"), code)
        seconds = time.monotonic() - began
        record = self.assert_rolled_back(version, cause)
        its_own = (version,) * bad + ("none",) * unanswered
        seen = load.stop()
        self.assert_no_failure(seen, its_own)
        answers = seen["versions"].get(version, {"requests": 0, "bad": 0})
        lost = seen["versions"].get("none", {"bad": 0})["bad"] if unanswered else 0
        print(f"figure: taken back for {record['cause']['kind']}, {seconds:.1f} s after `deploy`; "
              f"{answers['requests']} requests met the version, {answers['bad'] + lost} failed")
        return record

    def test_twenty_percent_errors(self):
        self.taken_back("v2.0.0-errors", "error_rate", hold="10s")

    def test_a_slow_version(self):
        self.taken_back("v2.0.0-slow", "latency_p95", hold="10s")

    def test_a_version_that_crash_loops(self):
        # It is ready for a moment: either its deaths show first or what they broke. A request that
        # a pod died with is answered by the data plane, in the name of no version.
        self.taken_back("v2.0.0-crash", "health|not_ready|error_rate", unanswered=True)

    def test_an_image_that_does_not_exist(self):
        self.taken_back("v9.9.9", "image", bad=False)

    def test_a_version_that_is_never_ready(self):
        self.taken_back("v2.0.0-unready", "not_ready|health", bad=False,
                        extra="  progress: 8s\n")

    def test_errors_that_begin_late(self):
        self.taken_back("v2.0.0-late", "error_rate", rate=200)

    def test_errors_that_begin_at_the_third_stage(self):
        load = self.start(hold="4s")
        deploy = self.begin_deploy("v1.1.0", "--promote")
        self.wait_weight(50)
        self.world.tell("version=canary", fail=30)
        self.ends_with(deploy, ROLLED_BACK)
        record = self.assert_rolled_back("v1.1.0", "error_rate")
        self.assertEqual([step["outcome"] for step in record["steps"]],
                         ["passed", "passed", "failed"])
        self.assert_no_failure(load.stop(), ("v1.1.0",))

    def test_ready_but_without_requests_is_never_passed(self):
        record = self.taken_back("v1.1.0", "no_data", NO_DATA, bad=False, rate=1, steps="1% 100%",
                                 extra="  no_data: { hold: 8s, then: rollback }\n")
        self.assertNotIn("passed", [step["outcome"] for step in record["steps"]])

    def test_a_round_robin_that_begins_anew_at_each_reload_is_seen_as_no_data(self):
        """Each change of any Ingress makes the data plane draw from the beginning, where stable is
        drawn first: with 8 requests a second and a change each two, the canary at 5 % never is."""
        load = self.start(rate=8, steps="5% 100%", hold="4s",
                          extra="  no_data: { hold: 8s, then: rollback }\n")
        deploy = self.begin_deploy("v1.1.0", "--promote")
        changes = 0
        while deploy.poll() is None:
            changes += 1
            self.world.apply(OTHER_INGRESS, changes={"/0": f"/{changes}"})
        self.ends_with(deploy, NO_DATA)
        record = self.assert_rolled_back("v1.1.0", "no_data")
        self.assertNotIn("passed", [step["outcome"] for step in record["steps"]])
        self.assert_no_failure(load.stop())

    def with_canary(self, **changes):
        """A version whose pods cannot start as they should; `changes` of the container."""
        load = self.start(extra="  progress: 8s\n")
        container = {"name": "api-gateway", **changes}
        self.world.patch("deployment", CANARY, {"spec": {"template": {"spec": {"containers": [
            {**self.world.get("deployment", CANARY)["spec"]["template"]["spec"]["containers"][0],
             **container}]}}}})
        deploy = self.begin_deploy("v1.1.0", "--promote")
        self.ends_with(deploy, ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "not_ready|health")
        self.assert_no_failure(load.stop())
        return self.output_of(deploy)

    def test_a_pod_that_no_node_has_room_for(self):
        self.assertRegex(self.with_canary(resources={"requests": {"cpu": "1000"}}),
                         "(?i)insufficient cpu")

    def test_a_pod_whose_startup_probe_fails(self):
        probe = {"httpGet": {"path": "/health", "port": 9}, "periodSeconds": 1,
                 "failureThreshold": 60}
        self.assertRegex(self.with_canary(startupProbe=probe), "(?i)startup probe")

    def test_a_pod_whose_liveness_probe_fails(self):
        probe = {"httpGet": {"path": "/health", "port": 9}, "periodSeconds": 1,
                 "failureThreshold": 1}
        self.with_canary(livenessProbe=probe, readinessProbe=probe)


# Of another service: what it says is of no matter, that it changes is.
OTHER_INGRESS = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: other }
spec:
  ingressClassName: nginx
  rules:
    - host: other.local
      http:
        paths:
          - path: /0
            pathType: Prefix
            backend: { service: { name: api-gateway-service-stable, port: { number: 8080 } } }
"""


@needs_requests
class RollbackByHand(ReleaseTest):
    @is_long
    def test_at_each_step(self):
        load = self.start(hold="6s")
        for weight in (5, 25, 50, 100):
            with self.subTest(weight):
                deploy = self.begin_deploy("v1.1.0")
                self.wait_weight(weight)
                self.must(self.world.run("rollback"))
                self.ends_with(deploy, ROLLED_BACK)
                self.assert_rolled_back("v1.1.0", "operator")
        self.assert_no_failure(load.stop())

    def test_an_interrupted_deploy_takes_the_canary_back(self):
        load = self.start(steps="50%", hold="120s")
        deploy = self.begin_deploy("v1.1.0")
        self.wait_weight(50)
        deploy.terminate()
        self.ends_with(deploy, 130)
        self.assert_rolled_back("v1.1.0", "interrupted")
        self.assert_no_failure(load.stop())


@needs_requests
class OtherHands(ReleaseTest):
    def test_a_weight_set_by_kubectl_holds_the_release_and_is_left(self):
        self.start(steps="25% 100%", hold="20s")
        deploy = self.begin_deploy("v1.1.0")
        self.wait_weight(25)
        self.world.kubectl(
            "patch", "ingress", "api-gateway-ingress-canary", "-p",
            '{"metadata":{"annotations":{"nginx.ingress.kubernetes.io/canary-weight":"0"}}}')
        self.ends_with(deploy, BUSY)
        self.assertRegex(self.output_of(deploy),
                         "the weight is 0 % now, set by .*; 25 % was wanted")
        self.assertEqual(self.world.weight(), 0)
        self.must(self.world.run("rollback"))
        self.assert_rolled_back("v1.1.0", "operator")

    def test_a_weight_that_somebody_raises_holds_the_release_and_is_left(self):
        load = self.start(steps="25% 100%", hold="20s")
        deploy = self.begin_deploy("v1.1.0")
        self.wait_weight(25)
        self.world.set_weight(60)
        self.ends_with(deploy, BUSY)
        self.assertRegex(self.output_of(deploy),
                         "the weight is 60 % now, set by .*; 25 % was wanted")
        self.assertEqual(self.world.weight(), 60)
        self.must(self.world.run("rollback"))
        self.assert_rolled_back("v1.1.0", "operator")
        self.assert_no_failure(load.stop())

    def test_an_autoscaler_keeps_stables_replicas(self):
        load = self.start(steps="50% 100%", hold="3s")
        self.world.apply({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": STABLE},
            "spec": {"minReplicas": 4, "maxReplicas": 4,
                     "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment",
                                        "name": STABLE},
                     "metrics": [{"type": "Resource", "resource": {
                         "name": "cpu", "target": {"type": "Utilization",
                                                   "averageUtilization": 50}}}]}})
        wait_for(lambda: self.world.get("deployment", STABLE)["spec"]["replicas"] == 4, 60,
                 "the autoscaler has its way")
        self.world.wait_ready(STABLE)
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assertEqual(self.world.get("deployment", STABLE)["spec"]["replicas"], 4)
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())


if __name__ == "__main__":
    unittest.main()
