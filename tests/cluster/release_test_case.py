"""What the tests of releases on a cluster share: the mission's spec with shorter steps, a service
that somebody runs already, users whose every answer is counted, and the sentences of endings."""

import json
import os
import re

from harness import ClusterTest, wait_for

# Exit codes of docs/commands.md.
DONE, ROLLED_BACK, INVALID, NO_DATA, UNREACHABLE, BUSY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

STABLE, CANARY = "api-gateway-stable", "api-gateway-canary"
# The ingress controller's own pages: of the bed's, or of the one that tests/cluster/run is told.
SCRAPE = f"""
    source: scrape
    recipe: {os.environ.get('LINNET_CLUSTER_RECIPE', 'traefik-ingress')}
    with: {{ {os.environ.get('LINNET_CLUSTER_WITH', 'controller_selector: app=traefik')} }}"""
PROMETHEUS = """
    source: prometheus
    recipe: traefik-ingress
    address: http://192.168.77.1:9090"""
OWN_METRICS = """
    source: scrape
    recipe: application"""
GATEWAY_TRAFFIC = """
    router: gateway-api
    with: { route: api-gateway, stable_service: api-gateway-service-stable,
            canary_service: api-gateway-service-canary, port: 8080 }"""
INGRESS_TRAFFIC = """
    router: ingress-nginx
    with: { ingress: [api-gateway-ingress-stable], canary_ingress: api-gateway-ingress-canary,
            stable_service: api-gateway-service-stable,
            canary_service: api-gateway-service-canary, port: 8080 }"""


def spec(namespace, steps="5% 25% 50% 100%", hold="3s", metrics=SCRAPE, traffic=INGRESS_TRAFFIC,
         extra=""):
    lines = "".join(f"\n    - {{ weight: {weight}, hold: {hold} }}" for weight in steps.split())
    return f"""apiVersion: linnet.dev/v1alpha1
kind: Release
metadata: {{ name: api-gateway, namespace: {namespace} }}
spec:
  workload:
    deployments:
      stable: {STABLE}
      canary: {CANARY}
      container: api-gateway
      image: "autograph/api-gateway:{{{{version}}}}"
  traffic:{traffic}
  metrics:{metrics}
  steps:{lines}
  min_requests: 5
{extra}"""


class ReleaseTest(ClusterTest):
    """One release of a service that was there before linnet came. linnet itself has the rights that
    `linnet rbac` prints for it and no others; what a test does beside it, an administrator does."""

    def start(self, rate=100, load=True, stable="v1.0.0", replicas=3, **options):
        self.start_stable(stable, replicas)
        self.write_spec(**options)
        users = self.world.load(rate) if load else None
        self.must(self.world.run("init"))
        return users

    def write_spec(self, **options):
        self.world.spec_file.write_text(spec(self.world.namespace, **options))
        self.take_least_rights()

    def take_least_rights(self):
        # Of two namespaces: the release's, and the one of the controller whose pages are read.
        rights = self.must(self.world.run("rbac")).out
        self.cluster.kubectl("apply", "-f", "-", text=rights)
        for place in set(re.findall(r"namespace: (\S+)", rights)) - {self.world.namespace}:
            self.clean_up_rights(place, f"linnet-{self.world.namespace}-api-gateway")
        self.world.write_kubeconfig(token=self.world.token_of("linnet"))

    def must(self, ran, code=DONE):
        self.assertEqual(ran.code, code, str(ran))
        return ran

    # ---- what linnet says ----
    def status(self):
        ran = self.world.run("status", "--output", "json")
        return json.loads(self.must(ran).out)

    def history(self):
        return json.loads(self.must(self.world.run("history", "--output", "json")).out)

    def wait_phase(self, *phases, seconds=90):
        def there():
            status = self.status()
            return status if status["phase"] in phases else None
        return wait_for(there, seconds, f"the phase is {' or '.join(phases)}", 0.2)

    def wait_weight(self, weight, seconds=60):
        wait_for(lambda: self.world.weight() == weight, seconds, f"the weight is {weight}", 0.02)

    def begin_deploy(self, version, *options):
        return self.world.begin("deploy", version, *options)

    def output_of(self, process):
        return process.log.read_text(errors="replace")

    def ends_with(self, process, code, seconds=120):
        self.assertEqual(process.wait(seconds), code, self.output_of(process))

    # ---- endings ----
    def assert_promoted(self, version):
        self.assertEqual(self.world.images(STABLE), [f"autograph/api-gateway:{version}"])
        self.assert_at_rest()
        self.assertEqual(self.world.sample(20), {version: 20})
        self.assertEqual(self.status()["phase"], "succeeded")

    def assert_rolled_back(self, version, cause=".", stable="v1.0.0"):
        self.assertEqual(self.world.images(STABLE), [f"autograph/api-gateway:{stable}"])
        self.assert_at_rest()
        record = self.history()[0]
        self.assertEqual((record["to"], record["outcome"]), (version, "rolled_back"), record)
        self.assertRegex(json.dumps(record["cause"]), cause)
        return record

    def assert_at_rest(self):
        """Stable has all traffic, the canary is kept without pods, its Ingress at weight 0."""
        self.assertEqual(self.world.weight(), 0)
        wait_for(lambda: not self.world.pods("version=canary"), 30, "the canary is gone")
        self.assertEqual(self.world.get("deployment", CANARY)["spec"]["replicas"], 0)
