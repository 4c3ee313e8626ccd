"""Releases as a user sees them: good ones are promoted and lose no request, bad ones are taken back
with the right cause. The numbers are counted by the clients, not by linnet."""

import unittest

from harness import BUSY, DONE, INVALID, ROLLED_BACK, WorldTest, wait_for


class GoodReleases(WorldTest):
    def test_a_good_version_is_promoted_and_no_request_is_lost(self):
        load = self.start()
        ran = self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        summary = load.stop()
        self.assert_no_failure(summary)
        self.assertEqual(set(summary["versions"]), {"v1.0.0", "v1.1.0"}, str(ran))

    def test_without_a_terminal_a_deploy_stops_before_promotion_and_names_the_next_command(self):
        self.start(steps="50% 100%")
        ran = self.must(self.world.run("deploy", "v1.1.0"))
        self.assertIn("promote", ran.out + ran.err)
        self.assertEqual(self.world.status()["phase"], "awaiting_promotion")
        self.assertEqual(self.world.sample(20), {"v1.1.0": 20})
        self.must(self.world.run("promote"))
        self.assert_promoted("v1.1.0")

    def test_promotion_automatic_needs_nobody(self):
        self.start(steps="50% 100%", more="  promotion: automatic\n")
        self.must(self.world.run("deploy", "v1.1.0"))
        self.assert_promoted("v1.1.0")

    def test_each_step_gets_its_share_of_the_requests(self):
        self.start(load=False, steps="5% 50%", hold="60s", more="  min_requests: 0\n")
        load = self.world.load(rate=1000, clients=16)
        self.begin_deploy("v1.1.0")
        self.until_step(1)
        before = load.summary()
        wait_for(lambda: load.summary()["requests"] - before["requests"] > 3000, 30, "requests")
        after = load.summary()

        def grown(version):
            old = before["versions"].get(version, {"requests": 0})
            return after["versions"][version]["requests"] - old["requests"]
        total = grown("v1.0.0") + grown("v1.1.0")
        sigma = (0.05 * 0.95 / total) ** 0.5
        self.assertLess(abs(grown("v1.1.0") / total - 0.05), 5 * sigma)

    def test_stable_keeps_its_size_all_the_way_through_a_promotion(self):
        self.start(steps="100%", replicas=3)
        process = self.begin_deploy("v1.1.0", "--promote")
        fewest = []

        def ended():
            status = self.world.status()
            fewest.append(status["replicas"]["stable"]["ready"] +
                          (status["replicas"]["canary"]["ready"]
                           if status["weight_in_force"] == 100 else 0))
            return status["phase"] == "succeeded"
        wait_for(ended, 60, "the promotion")
        self.assertGreaterEqual(min(fewest), 3, fewest)
        self.assertEqual(process.wait(20), DONE)

    def test_the_next_release_after_a_rollback_starts_from_a_clean_state(self):
        load = self.start(steps="50% 100%")
        self.world.behave("v1.2.0", "fail_every=2")
        self.must(self.world.run("deploy", "v1.2.0"), ROLLED_BACK)
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop(), bad_versions=("v1.2.0",))
        outcomes = [record["outcome"] for record in self.world.history()]
        self.assertEqual(outcomes, ["succeeded", "rolled_back"])

    def test_a_version_that_is_released_twice_is_released_twice(self):
        self.start(steps="100%")
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        again = self.world.run("deploy", "v1.1.0", "--promote")
        self.assertIn(again.code, (DONE, INVALID), str(again))
        self.assertEqual(self.world.sample(20), {"v1.1.0": 20})


class BadReleases(WorldTest):
    def deploy_bad(self, behaviour, cause, **spec):
        load = self.start(**spec)
        self.world.behave("v1.2.0", behaviour)
        ran = self.must(self.world.run("deploy", "v1.2.0", "--promote"), ROLLED_BACK)
        self.assert_rolled_back("v1.2.0", cause)
        summary = load.stop()
        self.assert_no_failure(summary, bad_versions=("v1.2.0",))
        return summary, ran

    def test_every_fifth_answer_a_500_is_taken_back_for_its_error_rate(self):
        summary, ran = self.deploy_bad("fail_every=5", "error_rate|error rate")
        self.assertGreater(summary["versions"]["v1.2.0"]["bad"], 0)
        self.assertRegex(ran.out + ran.err, r"\d")

    def test_a_slow_version_is_taken_back_for_its_latency(self):
        summary, _ = self.deploy_bad("delay_ms=600 delay_share=0.4", "latency|P95|p95",
                                     steps="20% 100%", hold="3s",
                                     more="  checks: [{ error_rate: {} }, { latency: { limit: "
                                          "300ms } }, { health: {} }]\n")
        self.assertGreater(summary["versions"]["v1.2.0"]["latency_ms"]["p95"], 300)

    def test_a_version_that_answers_health_but_500_to_users_is_taken_back(self):
        self.deploy_bad("health_ok_but_500", "error_rate|error rate")

    def test_a_version_that_is_never_ready_is_taken_back_before_it_gets_a_request(self):
        summary, _ = self.deploy_bad("never_ready", "ready|start", more="  progress: 3s\n")
        self.assertNotIn("v1.2.0", summary["versions"])

    def test_a_version_that_crashes_at_once_is_taken_back_before_it_gets_a_request(self):
        summary, _ = self.deploy_bad("crash_after_ms=1", "exit|crash|start|health|ready",
                                     more="  progress: 20s\n")
        self.assertNotIn("v1.2.0", summary["versions"])

    def test_a_version_that_crashes_under_its_users_is_taken_back(self):
        # Requests that a dying process has begun are lost to anybody; those are its own.
        load = self.start(steps="50% 100%", hold="3s")
        self.world.behave("v1.2.0", "crash_after_requests=40")
        self.must(self.world.run("deploy", "v1.2.0"), ROLLED_BACK)
        self.assert_rolled_back("v1.2.0")
        summary = load.stop()
        self.assertEqual(summary["failures"], {}, summary)

    def test_a_version_that_does_not_exist_is_refused_or_taken_back_with_its_name(self):
        load = self.start(more="  progress: 5s\n")
        ran = self.world.run("deploy", "v9.9.9")
        self.assertIn(ran.code, (ROLLED_BACK, INVALID), str(ran))
        self.assertIn("v9.9.9", ran.out + ran.err)
        self.assertEqual(self.world.sample(20), {"v1.0.0": 20})
        self.assert_no_failure(load.stop())

    def test_a_version_that_turns_bad_in_a_late_step_is_taken_back(self):
        load = self.start(steps="5% 25% 50%", hold="3s")
        process = self.begin_deploy("v1.2.0")
        self.until_step(2)
        self.world.behave("v1.2.0", "fail_every=3")
        self.assertEqual(process.wait(60), ROLLED_BACK)
        self.assert_rolled_back("v1.2.0", "error_rate|error rate")
        self.assert_no_failure(load.stop(), bad_versions=("v1.2.0",))

    def test_a_version_that_turns_bad_while_it_awaits_promotion_is_taken_back(self):
        self.start(steps="100%")
        self.must(self.world.run("deploy", "v1.2.0"))
        self.world.behave("v1.2.0", "fail_every=3")
        self.assert_rolled_back("v1.2.0", "error_rate|error rate")

    def test_a_canary_without_requests_never_advances(self):
        self.start(load=False, steps="5% 100%", hold="1s", more="  no_data: { hold: 3s }\n")
        ran = self.world.run("deploy", "v1.1.0")
        self.assertNotEqual(ran.code, DONE, str(ran))
        self.assert_rolled_back("v1.1.0", "data|request")
        steps = self.world.history()[0]["steps"]
        self.assertLessEqual(len(steps), 1, steps)

    def test_on_failure_hold_keeps_the_weight_until_a_person_decides(self):
        self.start(steps="50% 100%", more="  on_failure: hold\n")
        self.world.behave("v1.2.0", "fail_every=3")
        process = self.begin_deploy("v1.2.0")
        status = self.world.wait_phase("holding")
        self.assertEqual(status["weight_in_force"], 50)
        self.assertEqual(status["cause"]["kind"], "error_rate")
        self.assertRegex(status["reason"], r"limit 5 %.*rollback")
        self.must(self.world.run("rollback"), DONE)
        self.assert_rolled_back("v1.2.0")
        self.assertEqual(process.wait(20), ROLLED_BACK)


class OneAtATime(WorldTest):
    def test_a_second_deploy_is_refused_and_told_who_since_when_and_how_to_take_over(self):
        self.start(hold="60s")
        self.begin_deploy("v1.1.0")
        ran = self.must(self.world.run("deploy", "v1.2.0"), BUSY)
        text = ran.out + ran.err
        rollout = self.world.status()["rollout"]
        self.assertIn(rollout["by"], text)
        self.assertIn("v1.1.0", text)
        self.assertIn("--supersede", text)

    def test_an_interrupted_deploy_leaves_the_rollout_that_was_in_its_way(self):
        self.start(steps="50%", hold="60s")
        self.begin_deploy("v1.1.0")
        self.until_step(1)
        path = "/v1/releases/shop/intents"
        for version, text in (("v1.2.0", "is left as it is"), ("v1.1.0", "taking shop-1 back")):
            code, answer = self.world.api("POST", path, {"kind": "interrupt", "version": version})
            self.assertEqual(code, 202, answer)
            state = self.world.api("GET", f"{path}/{answer['intent']}?wait=20")[1]
            self.assertIn(text, state["text"])
            self.assertEqual(state["state"], "accepted")
            if version == "v1.2.0":
                self.assertEqual(self.world.status()["phase"], "stepping")
        self.assert_rolled_back("v1.1.0", "interrupted")

    def test_supersede_starts_over_from_weight_zero(self):
        load = self.start(hold="60s", steps="25% 100%")
        first = self.begin_deploy("v1.1.0")
        self.until_step(1)
        self.begin_deploy("v1.2.0", "--supersede")
        self.assertEqual(first.wait(30), ROLLED_BACK)
        self.until_step(1)
        status = self.world.status()
        self.assertEqual(status["versions"]["canary"], "v1.2.0")
        self.assertEqual(self.world.history()[0]["to"], "v1.1.0")
        self.assert_no_failure(load.stop())

    def test_two_releases_roll_out_beside_each_other(self):
        self.start(steps="50% 100%")
        other = self.world.folder / "other.yaml"
        from harness import free_port
        port = free_port()
        other.write_text(self.world.spec(name="other", steps="50% 100%",
                                         listen=f"127.0.0.1:{port}"))
        self.must(self.world.run("--spec", other, "init"))
        self.world.load(port=port)
        one, two = self.begin_deploy("v1.1.0", "--promote"), self.world.begin(
            "--spec", str(other), "deploy", "v1.2.0", "--promote")
        self.assertEqual((one.wait(60), two.wait(60)), (DONE, DONE))
        self.assertEqual(self.world.get()[1], "v1.1.0")
        self.assertEqual(self.world.get(port=port)[1], "v1.2.0")


if __name__ == "__main__":
    unittest.main()
