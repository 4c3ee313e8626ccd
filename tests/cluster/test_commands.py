"""The mission's command lines to the letter, with its names, against a real API server: the
launchers, the monitor, and what people ask when something is wrong."""

import json
import os
import pathlib
import shutil
import signal
import time
import unittest

from harness import PROMETHEUS as PROMETHEUS_HERE, is_long, needs_bed, needs_requests, wait_for
from release_test_case import (
    BUSY, CANARY, DONE, INGRESS_TRAFFIC, INTERRUPTED, INVALID, NO_DATA, PROMETHEUS, ROLLED_BACK,
    SCRAPE, STABLE, UNREACHABLE, ReleaseTest, spec)
from world import LINNET, ROOT

SCRIPT = ROOT / "k8s" / "canary-deploy.sh"
ROLE = "linnet-api-gateway"
MONITOR = ROOT / "monitor_canary.py"


class MissionTest(ReleaseTest):
    """Namespace autograph, k8s/canary.yaml but for its metrics server and shorter steps."""

    namespace = "autograph"

    def setUp(self):
        super().setUp()
        text = (ROOT / "k8s" / "canary.yaml").read_text().replace("hold: 60s", "hold: 2s")
        begin, end = text.index("  metrics:"), text.index("  steps:")
        self.world.spec_file.write_text(
            text[:begin] + "  min_requests: 5\n  metrics:" + SCRAPE + "\n" + text[end:])
        self.world.environment.update(
            LINNET_SPEC=str(self.world.spec_file), LINNET=str(LINNET),
            PATH=f"{pathlib.Path(LINNET).parent}:{os.environ['PATH']}")
        self.take_least_rights()

    def script(self, *words, code=DONE):
        return self.must(self.world.run(*words, program=SCRIPT), code)


@needs_requests
class Mission(MissionTest):
    def start_service(self):
        self.start_stable()
        self.load = self.world.load(100)

    def test_init_makes_all_of_it_where_there_is_nothing(self):
        self.script("init")
        for kind, name in (("deployment", STABLE), ("deployment", CANARY),
                           ("service", "api-gateway-service-stable"),
                           ("service", "api-gateway-service-canary"),
                           ("ingress", "api-gateway-ingress-stable"),
                           ("ingress", "api-gateway-ingress-canary"),
                           ("hpa", STABLE), ("pdb", STABLE)):
            self.assertIsNotNone(self.world.get(kind, name), f"{kind} {name}")
        self.world.wait_served("v1.0.0")
        load = self.world.load(100)
        self.script("deploy", "v1.2.0")
        self.script("promote")
        self.assert_promoted("v1.2.0")
        self.assert_no_failure(load.stop())

    def test_the_eight_commands(self):
        self.start_service()
        self.script("init")
        self.assertIn("stable  v1.0.0  3/3 ready", self.script("status").out)
        self.script("deploy", "v1.2.0")
        self.script("promote")
        self.assert_promoted("v1.2.0")
        self.script("deploy", "v1.1.0")
        self.script("traffic", "25")
        self.assertEqual(self.world.weight(), 25)
        self.script("rollback")
        self.assert_rolled_back("v1.1.0", "operator", stable="v1.2.0")
        watched = self.world.run("monitor", "--duration", "3s", program=SCRIPT)
        self.assertIn(watched.code, (DONE, 3), str(watched))
        self.script("cleanup")
        self.assert_at_rest()
        self.assert_no_failure(self.load.stop())

    def test_the_monitor_lines(self):
        self.start_service()
        self.script("init")
        self.script("deploy", "v1.1.0")  # waits for promotion at 100 %

        def monitor(*words, code):
            self.must(self.world.run(*words, program=MONITOR), code)
        monitor("--duration", "5", code=DONE)
        monitor("--error-threshold", "10", "--latency-threshold", "2000", "--duration", "5",
                code=DONE)
        self.world.tell("version=canary", fail=60)
        monitor("--duration", "5", "--interval", "1", code=ROLLED_BACK)
        monitor("--duration", "20", "--auto-rollback", "--alert-on-error", code=ROLLED_BACK)
        self.assert_rolled_back("v1.1.0")


@needs_bed
class WhereServiceMonitorsAreKnown(MissionTest):
    """Alone: a kind is the whole cluster's."""

    alone = True

    def test_init_makes_one_as_well(self):
        kind = "servicemonitors.monitoring.coreos.com"
        names = {"kind": "ServiceMonitor", "plural": "servicemonitors",
                 "singular": "servicemonitor"}
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        self.addCleanup(self.cluster.kubectl, "delete", "crd", kind)
        self.cluster.kubectl("apply", "-f", "-", text=json.dumps({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": kind},
            "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names,
                     "versions": [{"name": "v1", "served": True, "storage": True,
                                   "schema": {"openAPIV3Schema": schema}}]}}))
        self.cluster.kubectl("wait", "--for=condition=Established", "crd", kind)
        self.assertIn("create ServiceMonitor api-gateway", self.script("init").out)
        made = json.loads(self.world.kubectl("get", "servicemonitor", "api-gateway", "-o", "json"))
        selected = made["spec"]["selector"]["matchLabels"]
        for service in ("api-gateway-service-stable", "api-gateway-service-canary"):
            labels = self.world.get("service", service)["metadata"]["labels"]
            self.assertLessEqual(selected.items(), labels.items())
        self.assertIn("ok    ServiceMonitor", self.world.run("doctor").out)


@needs_bed
class MonitorLines(ReleaseTest):
    """`python3 monitor_canary.py` with the mission's literal durations, and its options that say
    where to look: they count, and not what the spec says."""

    def begin_release(self, **options):
        self.cluster.scrape_every("1s")
        self.addCleanup(self.cluster.scrape_every, "5s")
        users = self.start(steps="100%", hold="2s", replicas=1, **options)
        self.must(self.world.run("deploy", "v1.1.0"))  # waits for promotion at 100 %
        return users

    def begin_monitor(self, *words):
        return self.world.begin(MONITOR, *words, program="python3",
                                environment={"LINNET_SPEC": str(self.world.spec_file),
                                             "LINNET": str(LINNET)})

    def misplace(self):
        """The spec is of another namespace, another canary, and a Prometheus that is not there."""
        self.world.write_kubeconfig()
        text = self.world.spec_file.read_text()
        for old, new in ((self.world.namespace, "elsewhere"),
                         (f"canary: {CANARY}", "canary: other"),
                         ("http://192.168.77.1:9090", "http://127.0.0.1:1")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.world.spec_file.write_text(text)

    def where(self):
        return ("--prometheus", PROMETHEUS_HERE, "--deployment", CANARY, "--namespace",
                self.world.namespace, "--interval", "2")

    @is_long
    def test_a_minute_and_two_minutes_of_a_good_canary(self):
        users = self.begin_release()
        began = time.monotonic()
        one = self.begin_monitor("--duration", "60")
        two = self.begin_monitor("--error-threshold", "10", "--latency-threshold", "2000",
                                 "--duration", "120")
        self.ends_with(one, DONE)
        self.assertGreater(time.monotonic() - began, 59)
        self.ends_with(two, DONE, seconds=180)
        self.assertGreater(time.monotonic() - began, 119)
        self.assertEqual(self.status()["phase"], "awaiting_promotion")
        self.assert_no_failure(users.stop())

    def test_where_to_look_is_said_by_options(self):
        users = self.begin_release(metrics=PROMETHEUS)
        self.misplace()
        self.ends_with(self.begin_monitor(*self.where(), "--duration", "20"), DONE)
        self.assert_no_failure(users.stop())

    def test_a_deployment_that_is_not_there_is_told_at_once(self):
        self.start(load=False, replicas=1)
        self.world.write_kubeconfig()  # the Role of `linnet rbac` sees no other Deployment
        began = time.monotonic()
        ran = self.must(self.world.run("monitor", "--deployment", "nope", "--duration", "60"),
                        INVALID)
        self.assertLess(time.monotonic() - began, 30)
        self.assertIn(f"has no Deployment nope; it has {CANARY}, {STABLE}", ran.err)

    def test_a_violated_limit_is_seen_where_the_options_say(self):
        users = self.begin_release(metrics=PROMETHEUS)
        self.misplace()
        self.world.tell("version=canary", fail=60)
        monitor = self.begin_monitor(*self.where(), "--duration", "20", "--alert-on-error")
        self.ends_with(monitor, ROLLED_BACK)
        self.assertIn("ALERT", self.output_of(monitor))
        self.assertEqual(self.world.weight(), 100, "without --auto-rollback nothing is moved")
        users.stop()

    def test_a_prometheus_that_is_not_there_is_no_pass(self):
        self.begin_release(metrics=PROMETHEUS)
        monitor = self.begin_monitor("--prometheus", "http://127.0.0.1:1", "--duration", "5")
        self.assertIn(monitor.wait(60), (NO_DATA, UNREACHABLE), self.output_of(monitor))
        self.assertIn("127.0.0.1:1", self.output_of(monitor))


@needs_requests
class Adoption(ReleaseTest):
    """`init --adopt` of a service that runs under names of its own and serves users."""

    NAMES = {"api-gateway-stable": "gateway", "api-gateway-service-stable": "web",
             "api-gateway-ingress-stable": "front"}

    def start_service(self):
        self.world.apply("stable", changes=self.NAMES)
        self.world.wait_ready("gateway")
        self.world.wait_served("v1.0.0")
        return self.world.load(100)

    def write(self, **changes):
        """The spec with its names, and with these words changed."""
        text = spec(self.world.namespace)
        for old, new in {**self.NAMES, **changes}.items():
            text = text.replace(old, new)
        self.world.spec_file.write_text(text)

    def adopt(self, name="gateway", *options, code=DONE):
        return self.must(self.world.run("init", "--adopt", f"deployment/{name}", *options), code)

    def as_it_is(self):
        """What tells whether somebody changed the Deployment or restarted its pods."""
        return (self.world.get("deployment", "gateway")["metadata"]["generation"],
                {pod["metadata"]["uid"] for pod in self.world.list("pod", "version=stable")})

    def test_what_runs_is_adopted_without_a_restart_and_then_released(self):
        users = self.start_service()
        # By `app` alone, as most Services select: the canary gets labels that it does not select.
        self.world.kubectl("patch", "service", "web", "--type=json", "-p",
                           '[{"op": "remove", "path": "/spec/selector/version"}]')
        self.write()
        self.take_least_rights()
        before = self.as_it_is()
        self.adopt()
        self.adopt()
        self.assertEqual(self.as_it_is(), before)
        self.assertEqual(self.status()["versions"]["stable"], "v1.0.0")
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assertEqual(self.world.images("gateway"), ["autograph/api-gateway:v1.1.0"])
        self.assert_no_failure(users.stop())

    def test_a_spec_that_does_not_fit_is_told_and_nothing_is_begun(self):
        users = self.start_service()
        before = self.as_it_is()
        self.write()

        def told(words, *adopted, code=INVALID, **changes):
            self.write(**changes)
            self.assertRegex(self.adopt(*adopted, code=code).err, words)
            self.assertIsNone(self.world.get("deployment", CANARY))
            self.assertEqual(self.as_it_is(), before)
        told("stable Deployment is gateway, not shop: set spec.workload.deployments.stable: shop",
             "shop")
        told("no Deployment shop to adopt", "shop", "--version", "v1.0.0", gateway="shop")
        told("has no container shop, but api-gateway", **{"container: api-gateway":
                                                          "container: shop"})
        told("runs the image autograph/api-gateway:v1.0.0, in which no version is to be seen",
             **{"autograph/": "registry.example/"})
        told("stable already runs v1.0.0; release another version with `deploy v1.1.0`",
             "gateway", "--version", "v1.1.0")
        self.assert_no_failure(users.stop())


@needs_requests
class Questions(ReleaseTest):
    def test_plan_changes_nothing(self):
        self.start(load=False)
        before = self.world.get("deployment", CANARY)["metadata"]["generation"]
        ran = self.must(self.world.run("plan", "v1.1.0"))
        self.assertIn("start 1 canary instance of v1.1.0", ran.out)
        self.assertIn("restart stable on v1.1.0 (now v1.0.0)", ran.out)
        self.assertEqual(self.world.get("deployment", CANARY)["metadata"]["generation"], before)

    def test_before_init_nothing_is_counted_and_of_what_runs_nothing_planned(self):
        self.start_stable(replicas=1)
        self.write_spec()
        told = self.must(self.world.run("status")).out
        self.assertIn("not initialised: `linnet init`", told)
        self.assertNotIn("ready", told)
        for words in (("plan", "v1.1.0"), ("cleanup",)):
            ran = self.must(self.world.run(*words))
            self.assertIn("not initialised", ran.out)
            self.assertNotRegex(ran.out, r"now nothing|stable  has")
        self.must(self.world.run("init"))
        plan = json.loads(self.must(self.world.run("plan", "v1.0.0", "-o", "json")).out)
        self.assertEqual([step["what"] for step in plan["steps"]],
                         ["stable already runs v1.0.0; nothing to do"])
        self.assertEqual(plan["changes"], [])

    def test_plan_shows_what_is_written_then(self):
        self.start_stable()
        self.write_spec(hold="1s")
        ran = self.must(self.world.run("init", "--dry-run"))
        self.assertRegex(ran.out, f"\nDeployment {CANARY}: created\n  spec.replicas: +0\n")
        self.assertIsNone(self.world.get("deployment", CANARY))
        self.must(self.world.run("init"))
        again = self.must(self.world.run("init", "--dry-run", "-o", "json"))
        self.assertEqual(json.loads(again.out)["changes"], [])
        ran = self.must(self.world.run("plan", "v1.1.0"))
        container = "spec.template.spec.containers[api-gateway].image:"
        images = "autograph/api-gateway:v1.0.0 -> autograph/api-gateway:v1.1.0"
        for line in (f"Deployment {CANARY}", f"  {container}  {images}",
                     "Ingress api-gateway-ingress-canary", f"Deployment {STABLE}"):
            self.assertIn(f"\n{line}\n", ran.out)
        plan = json.loads(self.must(self.world.run("plan", "v1.1.0", "-o", "json")).out)
        planned = {change["name"]: {field["path"]: field["values"] for field in change["fields"]}
                   for change in plan["changes"]}
        weight = "metadata.annotations[nginx.ingress.kubernetes.io/canary-weight]"
        self.assertEqual(planned["api-gateway-ingress-canary"][weight],
                         ["0", "5", "25", "50", "100", "0"])
        self.assertEqual(planned[CANARY]["spec.replicas"], [0, 1, 2, 3, 0])
        self.assertEqual(list(planned[STABLE]), [container[:-1]])
        self.world.load(100)
        seen = []
        job = self.begin_deploy("v1.1.0", "--promote")
        while job.poll() is None:
            now = self.world.get("deployment", CANARY)["spec"]["replicas"]
            seen += [now] if seen[-1:] != [now] else []
        self.ends_with(job, DONE)
        self.assertEqual(seen, planned[CANARY]["spec.replicas"])
        self.assert_promoted("v1.1.0")

    def test_logs_of_the_pods(self):
        self.start(load=False)
        written = self.must(self.world.run("logs", "--lines", "5")).out
        self.assertRegex(written, "listening :8080 v1.0.0")

    def test_logs_follow_the_pods_that_are_there_and_those_that_come(self):
        self.start(load=False, replicas=1)
        first = self.world.pods("version=stable")[0]["metadata"]["name"]
        follower = self.world.begin("logs", "--follow", "--lines", "1")
        canary = self.world.begin("logs", "--follow", "--track", "canary", "-o", "json")

        def shows(follower, line):
            wait_for(lambda: line in self.output_of(follower), 30, f"'{line}' is shown")
        shows(follower, f"{first}  listening :8080 v1.0.0")
        self.world.kubectl("delete", "pod", first, "--wait=false")
        shows(follower, f"{first}  SIGTERM: ends in 1.5s")
        second = wait_for(lambda: self.world.pods("version=stable"), 30,
                          "there is another")[0]["metadata"]["name"]
        shows(follower, f"{second}  listening :8080 v1.0.0")
        self.world.kubectl("scale", "deployment", CANARY, "--replicas=1")
        shows(canary, '"line":"listening :8080 v1.0.0"}')
        third = self.world.pods("version=canary")[0]["metadata"]["name"]
        shows(follower, f"{third}  listening :8080 v1.0.0")
        for process, wanted in ((follower, 4), (canary, 1)):
            process.send_signal(signal.SIGINT)
            self.ends_with(process, INTERRUPTED, 20)
            lines = [line for line in self.output_of(process).splitlines()
                     if not line.startswith("linnet: ")]
            self.assertEqual(len(lines), wanted, f"each comes once: {lines}")

    @needs_bed
    def test_doctor_finds_nothing_wrong_with_a_sound_release(self):
        drains = {"name": "api-gateway", "lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}
        self.start_stable(pods={"spec": {"containers": [drains]}})
        self.write_spec()
        self.world.load()
        self.must(self.world.run("init"))
        ran = self.world.run("doctor", "--output", "json")
        wrong = {finding["check"]: finding["cause"] for finding in json.loads(ran.out)
                 if not finding["ok"]}
        # The bed's Traefik runs beside the cluster: how late it applies a weight is not to be seen.
        self.assertIn("no Deployment or DaemonSet of", wrong.pop("a rollback applies at once", ""))
        self.assertEqual(wrong, {})

    def test_doctor_names_the_cause_of_pods_that_do_not_start(self):
        self.start(load=False)
        self.world.set_image(CANARY, "v9.9.9")
        self.world.kubectl("scale", "deployment", CANARY, "--replicas=1")
        wait_for(lambda: "v9.9.9" in self.world.run("doctor").out, 60, "doctor names the image",
                 0.5)

    def test_a_shell_is_offered_what_the_cluster_has(self):
        self.start(load=False, replicas=1)
        self.world.write_kubeconfig()  # the Role of `linnet rbac` sees no other namespace
        path = f"{pathlib.Path(LINNET).parent}:{os.environ['PATH']}"
        script = ('source <(linnet completion bash); COMP_LINE="$*" COMP_WORDS=("$@") '
                  'COMP_CWORD=$(($# - 1)); _linnet; printf "%s\\n" "${COMPREPLY[@]}"')

        def offered(*line):
            ran = self.world.run("-c", script, "bash", "linnet", *line, program="bash",
                                 environment={"PATH": path})
            self.assertEqual(ran.err, "")
            return ran.out.split()
        self.assertEqual(offered("status", "-n", self.world.namespace[:-1]),
                         [self.world.namespace])
        self.assertEqual(offered("monitor", "--deployment", "api-"), [CANARY, STABLE])
        self.assertEqual(offered("init", "--adopt", "deployment/api-"),
                         [f"deployment/{CANARY}", f"deployment/{STABLE}"])
        self.assertEqual(offered("recipes", "show", "cloudw"), ["cloudwatch"])
        self.assertEqual(offered("monitor", "-n", "monitoring", "--deployment", ""),
                         ["prometheus"])
        self.assertEqual(offered("status", "--namespace", self.world.namespace, "--release", ""),
                         ["api-gateway"])
        self.assertEqual(len(offered("status", "--context", "")), 1)
        weak = self.world.write_kubeconfig(self.world.folder / "weak",
                                           self.world.service_account("weak", []))
        self.assertEqual(offered("status", "--kubeconfig", str(weak), "-n", ""), [])

    def without_right(self, verb, resource):
        """The Role of `linnet rbac` but for this; the API server has noticed. Undone by grant()."""
        rules = [{**rule, "verbs": [each for each in rule["verbs"] if each != verb]}
                 if resource in rule["resources"] else rule for rule in self.rules]
        self.grant([rule for rule in rules if rule["verbs"]], verb, resource, "no")

    def grant(self, rules, verb, resource, expected="yes"):
        self.world.patch("role", ROLE, {"rules": rules})
        who = f"system:serviceaccount:{self.world.namespace}:linnet"
        names = [f"{resource}/{name}" for rule in self.rules
                 if verb in rule["verbs"] and resource in rule["resources"]
                 for name in rule.get("resourceNames", [])]
        what = (names or [resource])[0]
        wait_for(lambda: self.world.kubectl("auth", "can-i", verb, what, "--as", who,
                                            check=False).strip() == expected,
                 20, f"{who} may {verb} {resource}: {expected}", 0.05)

    def test_each_right_that_is_missing_is_named_and_nothing_is_begun(self):
        self.start_stable(replicas=1)
        self.write_spec()
        self.rules = self.world.get("role", ROLE)["rules"]
        for verb, resource in (("create", "services"), ("create", "ingresses"),
                               ("create", "deployments"), ("patch", "ingresses"),
                               ("list", "pods"), ("update", "configmaps"), ("create", "leases")):
            with self.subTest(verb=verb, resource=resource):
                self.without_right(verb, resource)
                ran = self.must(self.world.run("init"), UNREACHABLE)
                self.assertRegex(ran.err, f"{verb}.* {resource}")
                self.assertIsNone(self.world.get("deployment", CANARY))
                self.assertIsNone(self.world.get("service", "api-gateway-service-canary"))
                self.grant(self.rules, verb, resource)
        self.must(self.world.run("init"))
        for verb, resource in (("patch", "deployments"), ("patch", "ingresses"),
                               ("watch", "endpointslices"), ("update", "leases")):
            with self.subTest(verb=verb, resource=resource):
                self.without_right(verb, resource)
                ran = self.must(self.world.run("deploy", "v1.1.0"), UNREACHABLE)
                self.assertRegex(ran.err, f"{verb}.* {resource}")
                self.assertEqual(self.world.pods("version=canary"), [])
                self.grant(self.rules, verb, resource)
        # To delete only a part of what was made would leave a canary that does not work.
        for resource in ("services", "deployments", "ingresses"):
            with self.subTest(verb="delete", resource=resource):
                self.without_right("delete", resource)
                ran = self.must(self.world.run("cleanup", "--remove"), UNREACHABLE)
                self.assertRegex(ran.err, f"delete {resource}.*\n.*linnet rbac.*--no-init")
                for kind, name in (("deployment", CANARY),
                                   ("service", "api-gateway-service-canary"),
                                   ("ingress", "api-gateway-ingress-canary")):
                    self.assertIsNotNone(self.world.get(kind, name), f"{kind} {name}")
                self.grant(self.rules, "delete", resource)
        self.must(self.world.run("cleanup", "--remove"))
        self.assertIsNone(self.world.get("service", "api-gateway-service-canary"))

    def test_a_cluster_that_is_not_there(self):
        self.start_stable(replicas=1)
        self.write_spec()
        config = json.loads((self.world.folder / "kubeconfig").read_text())
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
        (self.world.folder / "away").write_text(json.dumps(config))
        ran = self.world.run("status", "--kubeconfig", self.world.folder / "away")
        self.assertEqual(ran.code, UNREACHABLE, str(ran))
        self.assertIn("127.0.0.1:1", ran.err)
        bad = self.world.write_kubeconfig(self.world.folder / "bad", token="nobodys")
        for file, cause, remedy in (("away", "127.0.0.1:1", "kubectl cluster-info"),
                                    (bad, "401 Unauthorized", "log in anew"),
                                    ("none", "there is no file none", "kubeconfig")):
            with self.subTest(file=file):
                ran = self.world.run("doctor", "-o", "json", "--kubeconfig", file)
                found = json.loads(self.must(ran, 1).out)[-1]
                self.assertEqual((found["check"], found["ok"]), ("cluster", False))
                self.assertIn(cause, found["cause"])
                self.assertIn(remedy, found["remedy"])

    def test_a_namespace_that_is_not_there_is_no_idle_release(self):
        self.write_spec()
        self.world.write_kubeconfig()
        for words in (("status",), ("init",), ("init", "--dry-run"), ("deploy", "v1.1.0")):
            ran = self.must(self.world.run(*words, "-n", "nowhere"), INVALID)
            self.assertIn("there is no namespace 'nowhere'", ran.err)
        self.assertIn("there is no namespace 'nowhere'",
                      self.must(self.world.run("doctor", "-n", "nowhere"), 1).out)

    def test_what_is_refused_leaves_the_spec_that_is_kept_and_makes_no_object(self):
        self.start(load=False, replicas=1)

        def kept():
            return self.world.get("configmap", "linnet-api-gateway")["data"]["spec"]
        before = kept()
        self.write_spec(hold="7s")
        self.must(self.world.run("plan", "v1.1.0"))
        self.assertEqual(self.must(self.world.run("promote"), BUSY).out, "")
        self.assertEqual(self.world.run("pause").code, BUSY)
        self.world.delete("deployment", CANARY)
        refused = self.must(self.world.run("deploy", "v1.1.0"), INVALID)
        self.assertIn("nothing was begun", refused.err)
        self.assertEqual(kept(), before)
        self.must(self.world.run("init"))
        self.assertIn("hold: 7s", kept())
        self.world.write_kubeconfig()  # where the Role of `linnet rbac` says nothing
        for words in (("plan", "v1.1.0"), ("deploy", "v1.1.0"), ("promote",), ("rollback",)):
            ran = self.world.run(*words, "-n", "default")
            self.assertNotEqual(ran.code, DONE if words[0] != "plan" else None, words)
        for kind in ("configmap", "lease"):
            self.assertNotIn("linnet-api-gateway", self.world.cluster.kubectl(
                "-n", "default", "get", kind, "-o", "name"))

    def test_without_a_file_the_cluster_has_the_spec(self):
        self.start(steps="100%", hold="1s", replicas=1)
        wrong = self.must(self.world.run("status", "--release", "cart"), INVALID)
        self.assertIn("holds no release 'cart', only api-gateway", wrong.err)
        self.world.spec_file.unlink()
        self.world.environment.pop("LINNET_SPEC", None)
        named = ("-n", self.world.namespace, "--release", "api-gateway")
        self.must(self.world.run("deploy", "v1.1.0", "--promote", *named))
        self.assertEqual(self.world.images(STABLE), ["autograph/api-gateway:v1.1.0"])
        self.assertIn("v1.1.0", self.must(self.world.run("status", *named)).out)
        self.world.write_kubeconfig()  # the Role of `linnet rbac` sees no other release
        wrong = self.must(self.world.run("pause", *named[:-1], "cart"), INVALID)
        self.assertIn("has no release 'cart', only api-gateway", wrong.err)
        left = [path.name for path in self.world.folder.rglob("*")
                if path.name.endswith((".sock", ".sock.lock"))]
        self.assertEqual(left, [], "no daemon was started, and nothing is left behind")

    @needs_bed
    def test_a_release_with_recipes_of_ones_own_is_taken_back_where_their_files_are_not(self):
        folder = self.world.spec_file.parent / "recipes"
        for kind, name in (("routers", "ingress-nginx"), ("metrics", "traefik-ingress")):
            text = (ROOT / "recipes" / kind / f"{name}.yaml").read_text()
            (folder / kind).mkdir(parents=True)
            (folder / kind / "my-own.yaml").write_text(
                text.replace(f"name: {name}\n", "name: my-own\n"))
        self.start(steps="100%", hold="1s", replicas=1,
                   metrics=SCRAPE.replace("traefik-ingress", "my-own"),
                   traffic=INGRESS_TRAFFIC.replace("router: ingress-nginx", "router: my-own"))
        self.must(self.world.run("deploy", "v1.1.0"))  # waits for promotion at 100 %
        kept = self.world.spec_file.read_text()
        shutil.rmtree(folder / "metrics")
        refused = self.must(self.world.run("deploy", "v1.2.0", "--supersede"), INVALID)
        self.assertIn("recipes/metrics/my-own.yaml beside the spec", refused.err)
        unjudged = self.must(self.world.run("promote"), INVALID)
        self.assertIn("nothing is promoted that cannot be judged: there is no", unjudged.err)
        self.assertEqual(self.world.images(STABLE), ["autograph/api-gateway:v1.0.0"])
        shutil.rmtree(folder)
        self.world.spec_file.unlink()
        self.world.environment.pop("LINNET_SPEC", None)
        named = ("-n", self.world.namespace, "--release", "api-gateway")
        self.assertIn("v1.1.0", self.must(self.world.run("status", *named)).out)
        self.must(self.world.run("history", *named))
        found = self.world.run("doctor", *named, "-o", "json")
        self.assertNotIn("my-own", found.out + found.err, "nothing is missing")
        self.assertEqual(self.world.weight(), 100)
        self.must(self.world.run("rollback", *named))
        self.assertEqual(self.world.weight(), 0)
        self.world.spec_file.write_text(kept)  # and again beside a spec without its recipes
        self.must(self.world.run("cleanup", "--spec", self.world.spec_file))
        refused = self.must(self.world.run("deploy", "v1.2.0", "--spec", self.world.spec_file),
                            INVALID)
        self.assertIn("recipes/routers/my-own.yaml beside the spec", refused.err)


if __name__ == "__main__":
    unittest.main()
