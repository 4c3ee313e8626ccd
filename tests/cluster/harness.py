"""What the cluster tests share: a test case with a world of its own (cluster.py), whose logs are
printed when the test fails, and tests that have the cluster to themselves."""

import fcntl
import json
import os
import sys
import unittest

from cluster import (  # noqa: F401  (tests take these from here)
    CANARY_WEIGHT, GATEWAY_PORT, IMAGE, INGRESS_PORT, KINDS, PROMETHEUS, Refused, TimedOut, World,
    wait_for)
import suite  # after cluster, which sets the path
from suite import is_long  # noqa: F401  (tests take it from here)

needs_bed = unittest.skipUnless(os.environ.get("LINNET_CLUSTER_BED"),
                                "needs the test bed's data plane, images or faults")
needs_requests = unittest.skipUnless(
    os.environ.get("LINNET_CLUSTER_BED") or os.environ.get("LINNET_CLUSTER_INGRESS"),
    "needs the example's images, and the address of an ingress controller: --ingress")
needs_minutes = unittest.skipUnless(os.environ.get("LINNET_SLOW_TESTS"), "takes minutes: --slow")


class ClusterTest(unittest.TestCase):
    """One world a test; all of it is gone afterwards, whatever happened. `namespace` and `alone`
    may be set by a class: tests with a namespace of that name run one after the other, and tests
    that take a piece of the cluster away do not run beside any."""

    maxDiff = None
    namespace = None
    alone = False

    def setUp(self):
        if self.namespace:
            fcntl.flock(self.lock(self.namespace), fcntl.LOCK_EX)
        lock = self.lock("cluster")
        # Who waits to be alone keeps others from beginning meanwhile, or its turn never comes.
        with open(f"{lock.name}.gate", "ab") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX if self.alone else fcntl.LOCK_SH)
        self.world = World(self.namespace)
        self.cluster = self.world.cluster
        self.addCleanup(self.world.close)

    def lock(self, name):
        """A file to be locked, let go of after the world is gone."""
        file = open(f"/tmp/linnet-{name}-tests-{os.getuid()}.lock", "ab")
        self.addCleanup(file.close)
        return file

    def tearDown(self):
        if suite.has_failed(self):
            print(f"\n=== logs of {self.id()}\n{self.world.logs()}\n===", file=sys.stderr)

    def start_stable(self, version="v1.0.0", replicas=3, pods=None):
        """The service as somebody has it before linnet: ready, and served through the Ingress.
        `pods` is what its pods have besides, a patch of their template: there from the first pod,
        since the data plane may send requests to a pod for a moment after it is replaced."""
        stable = "api-gateway-stable"
        self.world.apply("stable", changes={
            f"{IMAGE}:v1.0.0": f"{IMAGE}:{version}",
            "replicas: 3": f"replicas: {0 if pods else replicas}"})
        if pods:
            self.world.kubectl("patch", "deployment", stable, "-p", json.dumps(
                {"spec": {"replicas": replicas, "template": pods}}))
        self.world.wait_ready(stable)
        self.world.wait_served(version)

    def clean_up_rights(self, place, name):
        """What `linnet rbac` gives where the controller's pages are does not go with the world."""
        for kind in ("rolebinding", "role"):
            self.addCleanup(self.cluster.must, "DELETE", f"{KINDS[kind].format(place)}/{name}",
                            may_be_gone=True)

    def assert_no_failure(self, summary, bad_versions=()):
        """No request went unanswered, and none got a 5xx but from the versions that mean it."""
        self.assertEqual(summary["failures"], {}, summary)
        self.assertGreater(summary["requests"], 0)
        for version, seen in summary["versions"].items():
            if version not in bad_versions:
                self.assertEqual(seen["bad"], 0, f"{version}: {summary}")
