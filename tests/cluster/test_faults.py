"""What goes wrong around a release on a real cluster: pieces that are taken away, rights that end,
and other people's hands. Users ask the whole time and every answer is counted."""

import json

from fault_test_case import FaultTest
from harness import needs_bed, wait_for
from release_test_case import (
    BUSY, CANARY, DONE, INTERRUPTED, NO_DATA, PROMETHEUS, ROLLED_BACK, STABLE)
from wire import Wire

LEASE = "linnet-api-gateway"
MAIN = "api-gateway-ingress-stable"
BOTH = ("api-gateway-ingress-canary", "api-gateway-ingress-second-canary")
TWO_INGRESSES = f"""
    router: ingress-nginx
    with:
      ingress: [{MAIN}, api-gateway-ingress-second]
      canary_ingress: [{', '.join(BOTH)}]
      stable_service: api-gateway-service-stable
      canary_service: api-gateway-service-canary
      port: 8080"""
PATIENT = "  no_data: { hold: 60s, then: rollback }\n"


@needs_bed
class WithoutPrometheus(FaultTest):
    alone = True

    def setUp(self):
        super().setUp()
        self.cluster.scrape_every("1s")
        self.addCleanup(self.cluster.scrape_every, "5s")

    def begin_measured_release(self, extra=PATIENT):
        load, deploy = self.begin_release("--promote", metrics=PROMETHEUS, extra=extra, hold="6s")
        self.wait_told(deploy, "25 % in force")
        return load, deploy

    def goes_on(self, load, deploy):
        self.ends_with(deploy, DONE)
        self.assert_promoted("v1.1.0")
        self.assertEqual([step["outcome"] for step in self.history()[0]["steps"]], ["passed"] * 2)
        self.assert_no_failure(load.stop())

    def test_a_release_waits_while_it_is_stopped(self):
        load, deploy = self.begin_measured_release()
        with self.cluster.without("prometheus"):
            self.wait_reason("no metrics for [1-5][0-9][0-9.]*s.*holding")
            self.assertEqual(self.world.weight(), 25)
        self.goes_on(load, deploy)

    def test_a_release_waits_while_it_hangs(self):
        load, deploy = self.begin_measured_release()
        with self.cluster.frozen("prometheus"):
            self.wait_reason("no metrics for [1-5][0-9][0-9.]*s.*holding")
            self.assertEqual(self.world.weight(), 25)
        self.goes_on(load, deploy)

    def test_a_restart_is_no_verdict(self):
        load, deploy = self.begin_measured_release()
        with self.cluster.without("prometheus"):
            pass
        self.goes_on(load, deploy)

    def test_what_stays_unmeasured_is_taken_back(self):
        load, deploy = self.begin_measured_release("  no_data: { hold: 8s, then: rollback }\n")
        with self.cluster.without("prometheus"):
            self.ends_with(deploy, NO_DATA)
            self.assert_rolled_back("v1.1.0", "no_data")
        self.assert_no_failure(load.stop())


@needs_bed
class OnTheWay(FaultTest):
    """What lies between linnet and those that it asks."""

    def begin_behind(self, wire):
        load = self.start(steps="25% 100%", hold="5s", extra=PATIENT)
        self.through(wire)
        deploy = self.begin_deploy("v1.1.0", "--promote")
        self.wait_weight(25)
        return load, deploy

    def goes_on(self, load, deploy):
        self.ends_with(deploy, DONE)
        self.assert_promoted("v1.1.0")
        self.assertNotIn("taken over", self.output_of(deploy))
        self.assert_no_failure(load.stop())

    def test_watches_that_are_cut_again_and_again(self):
        with Wire(self.api_server()) as wire:
            load, deploy = self.begin_behind(wire)
            for _ in range(4):
                wire.cut()
                self.wait_users(load, 1)
            self.goes_on(load, deploy)

    def test_a_prometheus_that_answers_two_seconds_late(self):
        with Wire("192.168.77.1:9090") as wire:
            load, deploy = self.begin_release(
                "--promote", extra=PATIENT, hold="12s",
                metrics=PROMETHEUS.replace("192.168.77.1:9090", f"127.0.0.1:{wire.port}"))
            wire.slow()
            self.goes_on(load, deploy)

    def test_a_prometheus_that_knows_no_such_series_passes_nothing(self):
        load, deploy = self.begin_release(
            "--promote", metrics=PROMETHEUS.replace("traefik-ingress", "ingress-nginx"),
            extra="  no_data: { hold: 8s, then: rollback }\n")
        self.ends_with(deploy, NO_DATA)
        record = self.assert_rolled_back("v1.1.0", "no_data")
        self.assertEqual([step["outcome"] for step in record["steps"]], ["failed"])
        self.assert_no_failure(load.stop())


@needs_bed
class WithoutTheControlPlane(FaultTest):
    alone = True

    def goes_on(self, load, deploy):
        self.ends_with(deploy, DONE)
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_a_release_survives_a_restart_of_the_api_server(self):
        load, deploy = self.begin_release("--promote", extra=PATIENT)
        with self.cluster.without("kube-apiserver"):
            pass
        self.goes_on(load, deploy)

    def test_a_release_survives_an_api_server_that_hangs(self):
        load, deploy = self.begin_release("--promote", extra=PATIENT)
        with self.cluster.frozen("kube-apiserver"):
            self.wait_users(load, 8)
        self.goes_on(load, deploy)

    def test_a_release_survives_twenty_seconds_without_etcd(self):
        load, deploy = self.begin_release("--promote", extra=PATIENT)
        with self.cluster.without("etcd"):
            self.wait_users(load, 20)
            self.assertIsNone(deploy.poll(), self.output_of(deploy))
        self.goes_on(load, deploy)

    def test_a_rollback_is_seen_through_after_a_restart_of_the_api_server(self):
        load, deploy = self.begin_release(hold="120s")
        with self.cluster.without("kube-apiserver"):
            deploy.terminate()
        self.ends_with(deploy, INTERRUPTED)
        self.assert_rolled_back("v1.1.0", "interrupted")
        self.assert_no_failure(load.stop())


@needs_bed
class WithoutTheDataPlane(FaultTest):
    alone = True

    def test_counters_that_start_anew_are_no_verdict(self):
        load, deploy = self.begin_release("--promote", extra=PATIENT)
        self.wait_told(deploy, "25 % in force")
        with self.cluster.without("traefik"):
            pass
        self.ends_with(deploy, DONE)
        self.assert_promoted("v1.1.0")
        self.versions_are_unharmed(load)


@needs_bed
class Rights(FaultTest):
    def begin_job(self, **spec):
        load, deploy = self.begin_release("--promote", **{"hold": "60s", "extra": PATIENT, **spec})
        # What looks afterwards is somebody who still may.
        self.world.write_kubeconfig()
        return load, deploy

    def withdraw(self, verb, resource):
        """This one verb; what it takes to give it back."""
        role = self.world.get("role", "linnet-api-gateway")
        for rule in role["rules"]:
            if resource in rule["resources"]:
                rule["verbs"] = [one for one in rule["verbs"] if one != verb]
        rules = [rule for rule in role["rules"] if rule["verbs"]]
        self.world.patch("role", "linnet-api-gateway", {"rules": rules})
        return lambda: self.cluster.kubectl("apply", "-f", "-",
                                            text=self.must(self.world.run("rbac")).out)

    def ends_safely(self, load, deploy, said):
        self.assertNotIn(deploy.wait(90), (DONE, None), self.output_of(deploy))
        self.assertRegex(self.output_of(deploy), said)
        self.assertEqual(self.world.weight(), 25, "traffic is as it was")
        self.must(self.world.run("rollback"))
        self.assert_rolled_back("v1.1.0", "operator")
        self.assert_no_failure(load.stop())

    def test_a_token_that_is_not_valid_any_more_is_told(self):
        load, deploy = self.begin_job()
        self.world.delete("serviceaccount", "linnet")
        self.ends_safely(load, deploy, "Unauthorized|token")

    def test_a_token_file_that_is_renewed_is_read_again(self):
        file = self.world.folder / "token"
        load = self.start(steps="25% 100%", hold="6s", extra=PATIENT)
        config = json.loads((self.world.folder / "kubeconfig").read_text())
        file.write_text(config["users"][0]["user"]["token"])
        config["users"][0]["user"] = {"tokenFile": str(file)}
        (self.world.folder / "kubeconfig").write_text(json.dumps(config))
        deploy = self.begin_deploy("v1.1.0", "--promote")
        self.wait_weight(25)
        self.world.delete("serviceaccount", "linnet")  # its tokens end with it
        self.world.kubectl("create", "serviceaccount", "linnet")
        file.write_text(self.world.token_of("linnet"))
        self.ends_with(deploy, DONE)
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_a_single_verb_that_is_withdrawn_is_told_and_what_was_begun_ends_when_it_is_back(self):
        load, deploy = self.begin_job(hold="8s", extra=PATIENT + "  progress: 15s\n")
        self.wait_told(deploy, "25 % in force")
        give_back = self.withdraw("patch", "ingresses")
        denied = ("patch ingresses.networking.k8s.io api-gateway-ingress-canary in namespace "
                  f"{self.world.namespace}: 403.*linnet rbac")
        self.wait_told(deploy, "canary weight is 100 %.*" + denied)
        self.wait_told(deploy, "rolling back: 100 % is not in force after 15.*: 25 % is read back")
        self.wait_told(deploy, r"canary weight is 0 % \(taken back\).*" + denied)
        self.wait_told(deploy, "weight 0 % is not in force after 15.*it is tried on")
        self.assertIsNone(deploy.poll())
        self.assertEqual(self.world.weight(), 25, "never raised")
        give_back()
        self.ends_with(deploy, ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "not_in_force")
        self.assert_no_failure(load.stop())

    def test_rights_that_are_withdrawn_are_told(self):
        load, deploy = self.begin_job()
        self.world.kubectl("delete", "rolebinding", "--all")
        self.ends_safely(load, deploy, "(get|update|patch|list).*(configmaps|leases|ingresses)")

    def test_rights_that_are_away_for_a_moment_stop_no_rollback(self):
        """So does an API server that has just started and does not know the roles yet."""
        load, deploy = self.begin_job()
        self.wait_told(deploy, "25 % in force")
        self.world.kubectl("delete", "rolebinding", "--all")
        deploy.terminate()
        self.wait_told(deploy, "waiting for the cluster, 5m at most: .*403 Forbidden")
        self.cluster.kubectl("apply", "-f", "-", text=self.must(self.world.run("rbac")).out)
        self.ends_with(deploy, INTERRUPTED)
        self.assert_rolled_back("v1.1.0", "interrupted")
        self.assert_no_failure(load.stop())


@needs_bed
class SeveralIngresses(FaultTest):
    """One is written after the other: between them a job can die, and people find them apart."""

    def begin_release(self, *options, **spec):
        self.start_stable()
        second = self.world.get("ingress", MAIN)
        rules = second["spec"]["rules"]
        rules[0]["host"] = "second." + self.world.host
        self.world.apply({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                          "metadata": {"name": "api-gateway-ingress-second"},
                          "spec": {"ingressClassName": "nginx", "rules": rules}})
        self.write_spec(traffic=TWO_INGRESSES, steps="25% 100%", **spec)
        load = self.world.load(100)
        self.must(self.world.run("init"))
        deploy = self.begin_deploy("v1.1.0", *options)
        self.wait_told(deploy, "25 % in force")
        return load, deploy

    def weights(self):
        return [self.world.weight(name) for name in BOTH]

    def leave_half_done(self, name, weight, **annotations):
        """As a killed linnet leaves it: this one is written, the other is not."""
        words = [f"{key}={value}" for key, value in annotations.items()]
        self.world.kubectl("annotate", "ingress", name, "--overwrite", "--field-manager=linnet",
                           f"nginx.ingress.kubernetes.io/canary-weight={weight}", *words)

    def test_one_that_is_edited_holds_the_release_and_is_named(self):
        load, deploy = self.begin_release(hold="60s")
        self.world.kubectl("annotate", "ingress", BOTH[1], "--overwrite",
                           "nginx.ingress.kubernetes.io/canary-weight=0")
        self.ends_with(deploy, BUSY, 15)
        self.assertRegex(
            self.output_of(deploy), f"the weight is 0 % now, set by kubectl-annotate "
            rf"\(Ingress {BOTH[0]} carries 25 %, Ingress {BOTH[1]} 0 %\); 25 % was wanted")
        self.assertEqual(self.weights(), [25, 0])
        self.must(self.world.run("rollback"))
        self.assertEqual(self.weights(), [0, 0])
        self.assert_rolled_back("v1.1.0", "operator")
        self.assert_no_failure(load.stop())

    def test_a_raise_that_was_left_half_done_is_finished_by_the_next_job(self):
        load, deploy = self.begin_release("--promote", hold="5s")
        self.kill(deploy)
        self.leave_half_done(BOTH[1], 5)
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assertEqual(self.weights(), [0, 0])
        self.assertEqual([step["outcome"] for step in self.history()[0]["steps"]], ["passed"] * 2)
        self.assert_no_failure(load.stop())

    def test_a_rollback_that_was_left_half_done_is_finished_by_the_next_job(self):
        load, deploy = self.begin_release("--promote", hold="60s")
        self.kill(deploy)
        self.leave_half_done(BOTH[0], 0, **{"linnet.dev/taken-back": "true"})
        self.must(self.world.run("deploy", "v1.1.0", "--promote"), ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "taken_back")
        self.assertEqual(self.weights(), [0, 0])
        self.assert_no_failure(load.stop())


@needs_bed
class OtherPeoplesEdits(FaultTest):
    def test_a_canary_ingress_that_is_deleted_holds_the_release(self):
        load, deploy = self.begin_release(hold="30s")
        self.world.delete("ingress", "api-gateway-ingress-canary")
        self.ends_with(deploy, BUSY, 15)
        self.assertRegex(self.output_of(deploy), "the weight is 0 % now, set by .*Ingress")
        wait_for(lambda: "v1.1.0" not in self.world.sample(40), 20, "the data plane has seen it")
        self.must(self.world.run("rollback"))
        wait_for(lambda: not self.world.pods("version=canary"), 30, "the canary is gone")
        self.write_spec(steps="50%", hold="2s")
        self.must(self.world.run("init"))
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_a_document_that_somebody_broke_stops_no_rollback(self):
        load, deploy = self.begin_release(hold="60s")
        self.kill(deploy)
        self.world.patch("configmap", LEASE, {"data": {"linnet": "spilled {"}})
        ran = self.world.run("rollback")
        self.assertNotEqual(ran.code, DONE, "it could not be written down")
        self.assertIn(LEASE, ran.err)
        self.assertEqual(self.world.weight(), 0)
        self.assert_no_failure(load.stop())

    def test_a_canary_service_that_is_deleted_is_told_and_taken_back(self):
        load, deploy = self.begin_release(hold="120s", extra="  progress: 20s\n")
        self.world.delete("service", "api-gateway-service-canary")
        self.wait_told(deploy, "not among the endpoints of Service api-gateway-service-canary", 15)
        self.ends_with(deploy, ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "not_ready")
        self.versions_are_unharmed(load)

    def test_a_stable_service_that_is_deleted_is_told(self):
        load, deploy = self.begin_release(hold="120s")
        self.world.delete("service", "api-gateway-service-stable")
        self.wait_told(deploy, "stable has no ready instance.*api-gateway-service-stable", 20)
        self.world.apply("stable")  # its owner makes it anew
        self.must(self.world.run("rollback"))
        self.ends_with(deploy, ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "operator")
        self.versions_are_unharmed(load)

    def test_a_stable_image_that_is_changed_is_where_a_rollback_goes(self):
        load, deploy = self.begin_release(hold="60s")
        self.world.set_image(STABLE, "v1.2.0")
        self.wait_told(deploy, "stable runs v1.2.0 now, set by someone else; it was v1.0.0", 15)
        self.world.wait_ready(STABLE)
        self.must(self.world.run("rollback"))
        self.ends_with(deploy, ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "operator", stable="v1.2.0")
        self.versions_are_unharmed(load)  # the rolling update is Kubernetes' own

    def is_put_right(self, load, deploy, told):
        """It is told, what the release wants is there again, and all can still be taken back."""
        self.wait_told(deploy, told, 20)
        wait_for(lambda: (self.world.images(CANARY),
                          self.world.get("deployment", CANARY)["spec"]["replicas"]) ==
                 (["autograph/api-gateway:v1.1.0"], 1), 20, "it is as the release wants it")
        self.must(self.world.run("rollback"))
        self.ends_with(deploy, ROLLED_BACK)
        self.assert_rolled_back("v1.1.0", "operator")
        self.versions_are_unharmed(load)  # a pod that is killed under its traffic may lose some

    def test_a_canary_that_is_scaled_up_is_told_and_scaled_back(self):
        load, deploy = self.begin_release(hold="60s")
        self.world.kubectl("scale", "deployment", CANARY, "--replicas=3")
        self.is_put_right(load, deploy, "the canary Deployment was changed to 3 replicas of v1.1.0")

    def test_a_canary_that_is_scaled_away_is_told_and_brought_back(self):
        load, deploy = self.begin_release(hold="60s")
        self.world.kubectl("scale", "deployment", CANARY, "--replicas=0")
        self.is_put_right(load, deploy, "the canary Deployment was changed to 0 replicas of v1.1.0")

    def test_a_canary_image_that_is_changed_is_told_and_set_again(self):
        load, deploy = self.begin_release(hold="60s")
        self.world.set_image(CANARY, "v1.3.0")
        self.is_put_right(load, deploy, "the canary Deployment was changed to .* of v1.3.0")
