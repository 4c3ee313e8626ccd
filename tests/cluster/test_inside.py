"""linnet inside the cluster: the shipped binary in an image, as the Job of docs/kubernetes.md, with
the service account of `linnet rbac` and nothing else."""

import functools
import re
import subprocess
import sys
import time
import unittest

from cluster import HERE
from harness import KINDS, needs_bed, needs_minutes, wait_for
from release_test_case import CANARY, DONE, ROLLED_BACK, ReleaseTest
from world import LINNET, ROOT

SPEC = "/spec/linnet.yaml"


@functools.cache
def image():
    made = subprocess.run([sys.executable, HERE / "bed" / "linnet_image.py", LINNET], check=True,
                          stdout=subprocess.PIPE, text=True, timeout=120)
    return made.stdout.strip()


def documented_job():
    """The manifest of docs/kubernetes.md."""
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    part = text.partition("## As a Job in the cluster")[2]
    return re.search(r"```yaml\n(.*?)```", part, re.S).group(1)


def with_token_of(seconds, job):
    """The same manifest, with a token that lives that long (600 s is the least that the API server
    gives) instead of an hour; the kubelet renews it after four fifths of that."""
    job = job.replace("serviceAccountName: linnet",
                      "serviceAccountName: linnet\n      automountServiceAccountToken: false")
    job = job.replace("          volumeMounts:\n", """          volumeMounts:
            - { name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount }
""")
    return job.replace("      volumes:\n", f"""      volumes:
        - name: token
          projected:
            sources:
              - serviceAccountToken: {{ path: token, expirationSeconds: {seconds} }}
              - configMap:
                  name: kube-root-ca.crt
                  items: [{{ key: ca.crt, path: ca.crt }}]
              - downwardAPI:
                  items: [{{ path: namespace, fieldRef: {{ fieldPath: metadata.namespace }} }}]
""")


class Job:
    """One run of `linnet WORDS...` in a pod, from now on."""

    def __init__(self, world, *words, token_seconds=None):
        text = documented_job().replace("registry.example/linnet:0.1.0", image())
        text = re.sub(r"args: \[.*\]", f"args: [{', '.join(words)}]", text)
        if token_seconds:
            text = with_token_of(token_seconds, text)
        self.world = world
        made = world.kubectl("create", "-f", "-", "-o", "name", text=text)
        self.name = made.strip().removeprefix("job.batch/")

    def pod(self):
        """Once it was made: the Job's controller takes its time."""
        made = wait_for(lambda: self.world.list("pod", f"job-name={self.name}"), 30,
                        f"{self.name} has a pod", 0.1)
        return made[0]

    def log(self):
        return self.world.kubectl("logs", self.pod()["metadata"]["name"], check=False)

    def code(self, seconds=120):
        """The exit code, once it has ended."""
        def ended():
            seen = self.pod()["status"].get("containerStatuses", [])
            return seen and seen[0]["state"].get("terminated")
        try:
            return wait_for(ended, seconds, f"{self.name} ends", 0.2)["exitCode"]
        finally:
            # Beside the test's own commands, which a failed test prints.
            (self.world.folder / f"{self.name}.log").write_text(self.log())

    def delete(self):
        self.world.kubectl("delete", "job", self.name, "--wait=false")


@needs_bed
class Inside(ReleaseTest):
    def begin(self, extra="", **options):
        self.reach_the_api_server()
        self.start_stable()
        self.write_spec(extra=extra, **options)
        self.world.kubectl("create", "configmap", "release-spec",
                           f"--from-file={self.world.spec_file}")
        return self.world.load(100)

    def reach_the_api_server(self):
        """What kube-proxy does, for the one Service that pods need here; it stays with the bed."""
        service = self.cluster.must("GET", "api/v1/namespaces/default/services/kubernetes")["spec"]
        rule = ["PREROUTING", "-d", service["clusterIP"], "-p", "tcp", "--dport", "443", "-j",
                "DNAT", "--to-destination", "192.168.77.1:6443"]

        def iptables(how):
            done = subprocess.run(["iptables", "-w", "-t", "nat", how, *rule], check=False,
                                  capture_output=True, text=True)
            return done.returncode == 0
        self.assertTrue(iptables("-C") or iptables("-A"))

    def runs(self, *words, code=DONE):
        job = Job(self.world, *words, "--spec", SPEC)
        self.assertEqual(job.code(), code, job.log())
        return job.log()

    def without_reading_through_the_api_server(self):
        """Takes away the right to read pages in another way than by the pods' addresses."""
        for namespace, role in ((self.world.namespace, "linnet-api-gateway"),
                                ("traefik", f"linnet-{self.world.namespace}-api-gateway")):
            path = f"{KINDS['role'].format(namespace)}/{role}"
            rules = [rule for rule in self.cluster.must("GET", path)["rules"]
                     if rule["resources"] != ["pods/proxy"]]
            self.cluster.must("PATCH", path, {"rules": rules}, "application/merge-patch+json")

    def test_a_good_version_is_promoted_by_a_job(self):
        users = self.begin("  turn: 250ms\n")
        self.without_reading_through_the_api_server()
        self.assertIn(f"create Deployment {CANARY}", self.runs("init"))
        log = self.runs("deploy", "v1.1.0", "--promote")
        self.assertIn("25 % in force: read back, and", log)
        self.assert_promoted("v1.1.0")
        self.assertEqual([step["outcome"] for step in self.history()[0]["steps"]], ["passed"] * 4)
        self.assertEqual(self.history()[0]["by"].partition("@")[0], "65532")
        self.assert_no_failure(users.stop())

    def test_a_bad_version_is_taken_back_by_a_job(self):
        users = self.begin(hold="30s")
        self.runs("init")
        log = self.runs("deploy", "v2.0.0-errors", "--promote", code=ROLLED_BACK)
        self.assertIn("requests failed", log)
        self.assert_rolled_back("v2.0.0-errors", "error_rate")
        self.assert_no_failure(users.stop(), bad_versions=("v2.0.0-errors",))

    def test_a_job_that_is_deleted_takes_its_canary_back(self):
        users = self.begin(steps="50%", hold="60s")
        self.runs("init")
        job = Job(self.world, "deploy", "v1.1.0", "--promote", "--spec", SPEC)
        self.wait_weight(50)
        job.delete()
        self.wait_weight(0, seconds=20)
        self.wait_phase("rolled_back")
        self.assert_rolled_back("v1.1.0")
        self.assert_no_failure(users.stop())

    @needs_minutes
    def test_a_release_outlives_the_token_that_it_began_with(self):
        users = self.begin(steps="20%", hold="660s")
        self.runs("init")
        begin = time.monotonic()
        job = Job(self.world, "deploy", "v1.1.0", "--promote", "--spec", SPEC, token_seconds=600)
        self.assertEqual(job.code(900), DONE, job.log())
        self.assertGreater(time.monotonic() - begin, 650)
        self.assertNotIn("Unauthorized", job.log())
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(users.stop())

    def test_doctor_and_status_in_a_pod(self):
        self.begin()
        self.runs("init")
        self.assertIn("stable  v1.0.0  3/3 ready", self.runs("status"))
        job = Job(self.world, "doctor", "--spec", SPEC)
        job.code()
        wrong = [line for line in job.log().splitlines() if line.startswith("FAIL")]
        # The bed's application has no preStop hook, and its Traefik runs beside the cluster.
        self.assertTrue(all("pods drain" in line or "applies at once: unknown" in line
                            for line in wrong), job.log())
        self.assertIn("ok    metrics arrive: the metrics pages of app=traefik", job.log())


if __name__ == "__main__":
    unittest.main()
