"""The engine of a command as a process that ends: with the command, which waits until the last
notice was heard, and alone, which the command makes good."""

import json
import os
import signal
import time

from fault_test_case import FaultTest
from harness import needs_bed, wait_for
from release_test_case import DONE, INTERRUPTED, ROLLED_BACK
from servers import Quiet, served

LONGEST = 20  # seconds that a command may stay for a notice: 10 s, and a loaded machine


def receiver():
    """A handler for notices: `seen` has those that came, as (rollout, event); it answers `code`."""
    class Hook(Quiet):
        seen = []
        code = 200

        def do_POST(self):  # noqa: N802  (the library's name)
            notice = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.seen.append((notice["rollout"], notice["event"]))
            self.answer(self.code)
    return Hook


@needs_bed
class Notices(FaultTest):
    def begin(self, events, **options):
        """A release whose notices of these events a receiver of this test gets: the receiver."""
        hook = receiver()
        server = self.enterContext(served(hook))
        url = f"http://127.0.0.1:{server.port}/x"
        self.start(replicas=1, extra=f"  notify: [{{ webhook: {{ url: '{url}', "
                                     f"on: [{events}] }} }}]\n", **options)
        return hook

    def test_the_last_notice_of_each_command_comes_once_though_the_command_ends(self):
        hook = self.begin("waiting, promoted, rolled_back", steps="50%", hold="1s")
        expected = []
        for words, notice in (
                (("deploy", "v1.1.0"), ("api-gateway-1", "waiting")),
                (("rollback",), ("api-gateway-1", "rolled_back")),
                (("deploy", "v1.2.0", "--promote"), ("api-gateway-2", "promoted")),
                (("rollback",), None), (("cleanup",), None)):
            ran = self.must(self.world.run(*words))
            self.assertNotIn("notice", ran.err)
            expected += [notice] if notice else []
            self.assertEqual(hook.seen, expected, f"after {words}")

    def test_a_receiver_that_fails_keeps_no_command_for_long_and_the_next_one_tells_it(self):
        hook = self.begin("rolled_back", steps="50%", hold="60s")
        hook.code = 500
        job = self.begin_deploy("v1.1.0")
        self.wait_weight(50)
        self.must(self.world.run("rollback"))
        self.wait_told(job, "was rolled back")
        told = time.monotonic()
        self.ends_with(job, ROLLED_BACK, LONGEST)
        self.assertGreater(time.monotonic() - told, 5, "it was tried again meanwhile")
        self.assertRegex(
            self.output_of(job), "the notice rolled_back of api-gateway-1 was not delivered: .*"
            "127.0.0.1.*answered 500 .*; the next command that acts on api-gateway sends it again")
        self.assertGreater(len(hook.seen), 1)
        hook.seen.clear()
        hook.code = 200
        self.must(self.world.run("rollback"))
        self.assertEqual(hook.seen, [("api-gateway-1", "rolled_back")])
        self.must(self.world.run("rollback"))
        self.assertEqual(len(hook.seen), 1)

    def test_one_more_ctrl_c_ends_the_waiting_for_a_receiver_that_fails(self):
        hook = self.begin("rolled_back", steps="50%", hold="60s")
        hook.code = 500
        job = self.begin_deploy("v1.1.0")
        self.wait_weight(50)
        job.send_signal(signal.SIGINT)
        wait_for(lambda: hook.seen, 60, "the notice is tried", 0.05)
        self.wait_told(job, "was rolled back")
        job.send_signal(signal.SIGINT)
        self.ends_with(job, INTERRUPTED, 4)
        self.assertIn("was not delivered", self.output_of(job))
        lease = self.world.get("lease", "linnet-api-gateway")
        self.assertEqual(lease["spec"]["holderIdentity"], "", "it ended in order")


@needs_bed
class OnlyTheEngineDies(FaultTest):
    """As by the kernel that is short of memory: the command lives on."""

    def kill_the_engine(self, job):
        [engine] = self.engines_of(job)
        os.kill(engine, signal.SIGKILL)

    def test_a_deploy_goes_on_where_it_stood_and_promotes(self):
        load, deploy = self.begin_release("--promote", hold="8s")
        self.wait_told(deploy, "25 % in force")
        self.kill_the_engine(deploy)
        self.wait_told(deploy, "the engine of this command has ended: starting it again", 10)
        self.ends_with(deploy, DONE)
        self.assertNotIn("daemon", self.output_of(deploy))
        self.assert_promoted("v1.1.0")
        self.assertEqual([step["outcome"] for step in self.history()[0]["steps"]], ["passed"] * 2)
        self.assert_no_failure(load.stop())

    def test_a_bad_version_is_taken_back_though_it_dies_of_the_rollback(self):
        load = self.start(steps="50%", hold="60s")
        deploy = self.begin_deploy("v2.0.0-errors")
        self.wait_told(deploy, "rolling back: ", 60)
        self.kill_the_engine(deploy)
        self.ends_with(deploy, ROLLED_BACK)
        self.assert_rolled_back("v2.0.0-errors", "error_rate")
        self.assert_no_failure(load.stop(), ["v2.0.0-errors"])

    def test_a_promotion_goes_on(self):
        load = self.start(steps="50%", hold="1s", replicas=1)
        self.must(self.world.run("deploy", "v1.1.0"))
        promote = self.world.begin("promote", "--no-start")
        self.wait_told(promote, "promoting: ")
        self.kill_the_engine(promote)
        self.ends_with(promote, DONE)
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_an_interrupted_deploy_takes_its_canary_back_all_the_same(self):
        load, deploy = self.begin_release(hold="60s")
        self.kill_the_engine(deploy)
        deploy.terminate()
        self.ends_with(deploy, INTERRUPTED)
        self.assert_rolled_back("v1.1.0", "interrupted")
        self.assert_no_failure(load.stop())
