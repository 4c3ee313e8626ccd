"""linnet's own client of the API server, and the workload on it, against a real one: the tests of
src/kubernetes/real_*_test.cpp, each of which has a namespace of its own."""

import os
import subprocess
import unittest

from harness import ClusterTest, needs_requests
from world import RELEASE

PROGRAM = RELEASE / "src" / "kubernetes" / "kubernetes_real_test"


class Client(ClusterTest):
    def passes(self, test):
        done = subprocess.run(
            [PROGRAM, f"--gtest_filter={test}"], capture_output=True, text=True, timeout=280,
            check=False, env={**os.environ,
                              "LINNET_TEST_KUBECONFIG": self.world.write_kubeconfig(),
                              "LINNET_TEST_NAMESPACE": self.world.namespace})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("[  PASSED  ] ", done.stdout)
        self.assertNotIn("PASSED  ] 0 tests", done.stdout, f"there is no {test}")

    def test_client(self):
        self.passes("RealClient.*")

    @needs_requests
    def test_workload_with_the_least_rights(self):
        self.passes("RealWorkload.InitReleaseBadVersionsAndCleanUpWithTheLeastRole")

    @needs_requests
    def test_events(self):
        self.passes("RealWorkload.EventsStandOnTheDeployment")


if __name__ == "__main__":
    unittest.main()
