"""What the tests of broken releases on a cluster share."""

import json
import re
import urllib.parse

from harness import wait_for
from release_test_case import ReleaseTest
from world import is_alive


class FaultTest(ReleaseTest):
    def begin_release(self, *options, weight=25, **spec):
        """A good release that has got to this weight; its users and its command."""
        spec = {"steps": "25% 100%", "hold": "5s", **spec}
        load = self.start(**spec)
        deploy = self.begin_deploy("v1.1.0", *options)
        self.wait_weight(weight)
        return load, deploy

    def wait_told(self, process, pattern, seconds=40):
        wait_for(lambda: re.search(pattern, self.output_of(process)), seconds,
                 f"it is told: {pattern}", 0.1)

    def wait_reason(self, pattern, seconds=40):
        wait_for(lambda: re.search(pattern, self.status()["reason"]), seconds,
                 f"the reason is: {pattern}", 0.2)

    def wait_users(self, load, seconds):
        """Until so many seconds of users' requests went by."""
        before = load.summary()["requests"]
        wait_for(lambda: load.summary()["requests"] >= before + 100 * seconds, seconds + 30,
                 f"{100 * seconds} requests more", 0.2)

    @staticmethod
    def children_of(job):
        with open(f"/proc/{job.pid}/task/{job.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def engines_of(self, job):
        engines = self.children_of(job)
        self.assertTrue(engines)
        return engines

    def kill(self, job):
        """As a runner that is taken away does; the engine is gone with it."""
        engines = self.engines_of(job)
        job.kill()
        job.wait(10)
        wait_for(lambda: not any(is_alive(pid) for pid in engines), 5, "its engine is gone")

    def through(self, wire):
        path = self.world.folder / "kubeconfig"
        config = json.loads(path.read_text())
        cluster = config["clusters"][0]["cluster"]
        cluster["tls-server-name"] = urllib.parse.urlsplit(cluster["server"]).hostname
        cluster["server"] = f"https://127.0.0.1:{wire.port}"
        path.write_text(json.dumps(config))

    def api_server(self):
        config = json.loads((self.world.folder / "kubeconfig").read_text())
        return urllib.parse.urlsplit(config["clusters"][0]["cluster"]["server"]).netloc

    def versions_are_unharmed(self, load):
        """No answer of a version was bad; what the data plane itself broke is another matter."""
        for version, seen in load.stop()["versions"].items():
            if version.startswith("v"):
                self.assertEqual(seen["bad"], 0, version)
