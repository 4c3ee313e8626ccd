"""The test bed itself: that it is a cluster as linnet's users have one, and that what the other
tests count by can be trusted."""

import unittest

from harness import GATEWAY_PORT, ClusterTest, needs_bed, wait_for

STABLE, CANARY = "api-gateway-stable", "api-gateway-canary"


class AnyCluster(ClusterTest):
    def test_a_service_account_may_do_what_its_role_says_and_no_more(self):
        token = self.world.service_account("reader", [
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}])
        config = self.world.write_kubeconfig(self.world.folder / "reader", token)

        def may(verb):
            return self.world.kubectl("--kubeconfig", config, "auth", "can-i", verb, "deployments",
                                      check=False).strip()
        self.assertEqual((may("list"), may("patch")), ("yes", "no"))


class WithCanary(ClusterTest):
    def start_both(self):
        self.start_stable()
        self.world.apply("canary")
        self.world.wait_ready(CANARY)


@needs_bed
class Splits(WithCanary):
    # The data plane's round robin starts anew at each change of any Ingress, stable first: beside
    # other tests the canary gets less than its weight.
    alone = True

    def test_a_weight_of_25_gives_the_canary_a_quarter(self):
        self.start_both()
        self.assertEqual(self.world.sample(40), {"v1.0.0": 40})
        self.world.set_weight(25)
        wait_for(lambda: "v1.1.0" in self.world.sample(8), 20, "the weight is in force")
        seen = self.world.sample(400)
        self.assertAlmostEqual(seen["v1.1.0"], 100, delta=12)
        self.assertEqual(sum(seen.values()), 400)

    def test_a_route_with_weights_90_and_10_splits_like_that(self):
        self.start_both()
        self.world.apply("gateway")
        self.world.wait_served(port=GATEWAY_PORT)
        seen = self.world.sample(400, port=GATEWAY_PORT)
        self.assertAlmostEqual(seen["v1.1.0"], 40, delta=8)


@needs_bed
class Bed(WithCanary):
    def test_prometheus_sees_both_tracks_at_the_data_plane_and_at_the_pods(self):
        self.start_both()
        self.world.set_weight(50)
        load = self.world.load(100)
        space = self.world.namespace

        def rates():
            proxy = self.cluster.prometheus(
                f'sum by (service)(increase(traefik_service_requests_total'
                f'{{service=~"{space}-.*"}}[1m]))')
            pods = self.cluster.prometheus(
                f'sum by (version)(increase(http_requests_total{{namespace="{space}"}}[1m]))')
            proxy = {labels["service"]: value for labels, value in proxy if value > 0}
            pods = {labels["version"]: value for labels, value in pods if value > 0}
            return (proxy, pods) if len(proxy) == 2 and len(pods) == 2 else None
        proxy, pods = wait_for(rates, 40, "both tracks have samples", 0.5)
        name = f"{space}-api-gateway-ingress-stable-api-gateway-service-stable-8080"
        self.assertEqual(set(proxy), {f"{name}@kubernetesingressnginx",
                                      f"{name}-canary@kubernetesingressnginx"})
        self.assertEqual(set(pods), {"v1.0.0", "v1.1.0"})
        self.assert_no_failure(load.stop())

    def test_a_rolling_update_of_pods_that_drain_loses_no_request(self):
        # On busy cores the data plane has learned 5 s late who stops: pods serve for longer. The
        # grace is longer than that drain, or the kubelet ends it.
        self.start_stable(pods={"spec": {"terminationGracePeriodSeconds": 60}})
        self.world.tell("version=stable", drain=15_000)
        old = {pod["metadata"]["name"] for pod in self.world.pods("version=stable")}
        load = self.world.load(100)
        self.world.set_image(STABLE, "v1.1.0")
        self.world.wait_ready(STABLE)

        def are_gone():
            return not old & {pod["metadata"]["name"] for pod in self.world.list("pod")}
        wait_for(are_gone, 90, "the old pods are gone", 0.2)
        summary = load.stop()
        self.assert_no_failure(summary)
        self.assertEqual(set(summary["versions"]), {"v1.0.0", "v1.1.0"})

    def test_a_rolling_update_of_pods_that_exit_at_once_loses_requests_and_they_are_counted(self):
        self.start_stable("v2.0.0-nodrain")
        load = self.world.load(400, clients=64, extra=("--timeout-ms", "2000"))

        def has_lost():
            summary = load.summary()
            return sum(summary["failures"].values()) + sum(
                seen["bad"] for seen in summary["versions"].values()) > 0

        def is_replaced_again():
            """One update may go well by chance; not each of many."""
            self.world.kubectl("rollout", "restart", f"deployment/{STABLE}")
            self.world.wait_ready(STABLE)
            return has_lost()
        wait_for(is_replaced_again, 120, "an update has lost a request")
        load.stop()

    def test_a_version_behaves_as_its_tag_says(self):
        self.world.apply("canary")
        for version, word in (("v2.0.0-crash", "CrashLoopBackOff"), ("v9.9.9", "ErrImagePull")):
            self.world.set_image(CANARY, version)

            def waiting(version=version):
                return [state["state"]["waiting"]["reason"]
                        for pod in self.world.pods("version=canary")
                        for state in pod["status"].get("containerStatuses", [])
                        if state["image"].endswith(version) and "waiting" in state["state"]]
            wait_for(lambda word=word: word in waiting(), 40, f"{version} waits with {word}", 0.2)

    def test_errors_and_latency_by_tag_and_by_command(self):
        self.start_stable("v2.0.0-errors", replicas=1)
        load = self.world.load(200)
        wait_for(lambda: load.summary()["requests"] >= 400, 20, "400 requests", 0.2)
        seen = load.summary()["versions"]["v2.0.0-errors"]
        self.assertAlmostEqual(seen["bad"] / seen["requests"], 0.2, delta=0.08)
        self.world.tell("version=stable", fail=0, delay=300)
        since = load.summary()["versions"]["v2.0.0-errors"]
        wait_for(lambda: load.summary()["requests"] >= since["requests"] + 200, 20, "more", 0.2)
        self.assertLess(load.stop()["versions"]["v2.0.0-errors"]["bad"] - since["bad"], 10)

    def test_the_data_planes_metrics_are_to_be_had_through_the_api_server(self):
        self.start_stable(replicas=1)
        status, text = self.cluster.api(
            "GET", "api/v1/namespaces/traefik/services/traefik:9100/proxy/metrics")
        self.assertEqual(status, 200, text)
        self.assertIn("traefik_service_requests_total", text)
        pod = self.world.pods("version=stable")[0]["metadata"]["name"]
        status, text = self.cluster.api(
            "GET", f"api/v1/namespaces/{self.world.namespace}/pods/{pod}:8080/proxy/metrics")
        self.assertEqual(status, 200, text)
        self.assertIn('http_requests_total{version="v1.0.0",status="200"}', text)


@needs_bed
class Faults(ClusterTest):
    alone = True

    def test_pieces_go_away_and_come_back_while_requests_go_on(self):
        self.start_stable(replicas=2)
        load = self.world.load(50)
        for piece in ("prometheus", "kube-apiserver", "etcd"):
            with self.subTest(piece), self.cluster.without(piece):
                self.assertEqual(self.world.request(), (200, "v1.0.0"))
        with self.cluster.frozen("prometheus"):
            self.assertEqual(self.world.request(), (200, "v1.0.0"))
        self.assert_no_failure(load.stop())
        with self.cluster.without("traefik"):
            self.assertRaises(ConnectionRefusedError, self.world.request)
        self.world.wait_served("v1.0.0")


@needs_bed
class MissionNames(ClusterTest):
    namespace = "autograph"

    def test_the_missions_names_and_host(self):
        self.start_stable()
        self.assertEqual(self.world.host, "api.autograph.local")
        self.assertEqual(self.world.request(), (200, "v1.0.0"))


if __name__ == "__main__":
    unittest.main()
