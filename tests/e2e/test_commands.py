"""What a person or a CI job does by hand: traffic, rollback, pause and resume, status, history, and
what each command says about wrong input. Exit codes are those of docs/commands.md."""

import json
import os
import pty
import subprocess
import unittest

from harness import (BUSY, DONE, INTERRUPTED, INVALID, LINNET, NO_DATA, ROLLED_BACK, ROOT,
                     UNREACHABLE, WorldTest, end_process, wait_for)

STATUS_KEYS = {"release", "phase", "step", "steps", "weight_wanted", "weight_in_force", "versions",
               "replicas", "checks", "reason", "since", "rollout"}
CHECK_KEYS = {"name", "verdict", "value", "limit", "requests", "bad", "evidence"}
HISTORY_KEYS = {"id", "from", "to", "by", "started", "ended", "outcome", "cause", "steps"}


class ByHand(WorldTest):
    def test_rollback_takes_a_running_release_back_at_once(self):
        load = self.start(hold="60s", steps="25% 100%")
        process = self.begin_deploy("v1.1.0")
        self.until_step(1)
        self.must(self.world.run("rollback"))
        self.assert_rolled_back("v1.1.0")
        self.assertEqual(process.wait(20), ROLLED_BACK)
        self.assert_no_failure(load.stop())

    def test_traffic_sets_the_share_by_hand_and_is_not_overruled(self):
        load = self.start(hold="1s", steps="5% 100%")
        self.begin_deploy("v1.1.0")
        self.until_step(1)
        self.must(self.world.run("traffic", "30"))
        status = self.world.wait_phase("holding")
        wait_for(lambda: self.world.status()["weight_in_force"] == 30, 10, "30 % are in force")
        self.assertIn("30", status["reason"])
        seen = self.world.sample(300)
        self.assertTrue(45 < seen.get("v1.1.0", 0) < 140, seen)
        self.must(self.world.run("resume"))
        self.world.wait_phase("awaiting_promotion")
        self.assert_no_failure(load.stop())

    def test_pause_holds_the_step_and_resume_goes_on(self):
        self.start(hold="2s", steps="5% 100%")
        process = self.begin_deploy("v1.1.0")
        self.until_step(1)
        self.must(self.world.run("pause"))
        self.world.wait_phase("holding")
        held = self.world.status()["weight_in_force"]
        counted = self.world.status()
        # More than its hold passes, measured by what the users got.
        load = self.world.loads[0]
        before = load.summary()["requests"]
        wait_for(lambda: load.summary()["requests"] > before + 900, 30, "three seconds of requests")
        self.assertEqual(self.world.status()["weight_in_force"], held, counted)
        # Whoever paused it will resume it: the deploy waits, as a job's own limit allows.
        self.assertIsNone(process.poll())
        self.must(self.world.run("resume"))
        self.world.wait_phase("awaiting_promotion")
        self.assertEqual(process.wait(20), DONE)

    def test_a_paused_canary_that_turns_bad_is_still_taken_back(self):
        self.start(hold="60s", steps="25% 100%")
        self.begin_deploy("v1.2.0")
        self.until_step(1)
        self.must(self.world.run("pause"))
        self.world.wait_phase("holding")
        self.world.behave("v1.2.0", "fail_every=2")
        self.assert_rolled_back("v1.2.0", "error_rate|error rate")

    def test_cleanup_after_a_release_leaves_stable_alone(self):
        load = self.start(steps="100%")
        self.must(self.world.run("deploy", "v1.1.0"))
        self.must(self.world.run("cleanup"))
        status = self.world.status()
        self.assertEqual(status["weight_in_force"], 0)
        self.assertEqual(self.world.sample(20), {"v1.0.0": 20})
        self.assert_no_failure(load.stop())

    def test_a_deploy_that_is_interrupted_takes_the_release_back(self):
        self.start(hold="60s")
        process = self.begin_deploy("v1.1.0")
        self.until_step(1)
        process.send_signal(2)
        self.assertEqual(process.wait(30), INTERRUPTED)
        self.assert_rolled_back("v1.1.0", "interrupt")

    def test_a_deploy_with_hold_leaves_the_release_as_it_is_when_interrupted(self):
        self.start(hold="60s")
        process = self.begin_deploy("v1.1.0", "--hold")
        self.until_step(1)
        process.send_signal(2)
        self.assertEqual(process.wait(30), INTERRUPTED)
        self.assertIn(self.world.status()["phase"], ("stepping", "holding"))
        self.assertEqual(self.world.status()["weight_in_force"], 5)

    def test_in_a_terminal_a_deploy_asks_before_it_promotes(self):
        self.start(steps="100%")
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        environment = {**self.world.environment, "TERM": "xterm"}
        process = subprocess.Popen([LINNET, "deploy", "v1.1.0"], env=environment, stdin=theirs,
                                   stdout=theirs, stderr=theirs, cwd=self.world.folder)
        os.close(theirs)
        self.addCleanup(end_process, process)
        seen = bytearray()
        os.set_blocking(ours, False)

        def asked():
            try:
                seen.extend(os.read(ours, 65536))
            except BlockingIOError:
                pass
            return b"?" in seen.replace(b"\x1b[?", b"")
        wait_for(asked, 60, "the question")
        self.assertEqual(self.world.status()["phase"], "awaiting_promotion")
        os.write(ours, b"y\n")
        self.assert_promoted("v1.1.0")

        def drained():
            try:
                seen.extend(os.read(ours, 65536))
            except BlockingIOError:
                pass
            except OSError:  # the other end is closed
                return True
            return process.poll() is not None
        wait_for(drained, 20, "the deploy ends")
        self.assertEqual(process.wait(10), DONE)


class Answers(WorldTest):
    def test_status_as_json_has_the_documented_keys_and_nothing_else_on_standard_output(self):
        self.start(hold="60s")
        self.begin_deploy("v1.1.0")
        self.until_step(1)
        wait_for(lambda: self.world.status()["checks"], 20, "checks are judged")
        status = self.must(self.world.run("status", "--output", "json")).json
        self.assertLessEqual(STATUS_KEYS, set(status))
        self.assertEqual((status["release"], status["phase"]), ("shop", "stepping"))
        self.assertEqual(status["versions"], {"stable": "v1.0.0", "canary": "v1.1.0"})
        self.assertEqual((status["weight_wanted"], status["weight_in_force"]), (5.0, 5.0))
        for check in status["checks"]:
            self.assertLessEqual(CHECK_KEYS, set(check))
            self.assertIn(check["verdict"], ("pass", "fail", "inconclusive", "no_data", "error"))
        self.assertLessEqual({"id", "by", "started"}, set(status["rollout"]))

    def test_history_as_json_has_the_documented_keys(self):
        self.start(steps="50% 100%")
        self.must(self.world.run("deploy", "v1.1.0", "--promote", "--output", "json"))
        history = self.must(self.world.run("history", "--output", "json")).json
        self.assertEqual(len(history), 1)
        self.assertLessEqual(HISTORY_KEYS, set(history[0]))
        self.assertEqual((history[0]["from"], history[0]["to"], history[0]["outcome"]),
                         ("v1.0.0", "v1.1.0", "succeeded"))
        self.assertEqual(len(history[0]["steps"]), 2)

    def test_a_deploy_as_json_prints_one_document(self):
        self.start(steps="100%")
        ran = self.must(self.world.run("deploy", "v1.1.0", "--output", "json"))
        self.assertEqual(ran.json["phase"], "awaiting_promotion")

    def test_status_for_people_fits_one_screen_and_has_no_colours_in_a_pipe(self):
        self.start(hold="60s")
        self.begin_deploy("v1.1.0")
        self.until_step(1)
        text = self.must(self.world.run("status")).out
        self.assertLessEqual(len(text.splitlines()), 24, text)
        self.assertNotIn("\x1b", text)
        for word in ("shop", "v1.0.0", "v1.1.0", "5 %"):
            self.assertIn(word, text)

    def test_status_without_a_daemon_cannot_reach_and_starts_none(self):
        self.world.write_spec()
        self.must(self.world.run("status"), UNREACHABLE)
        self.assertFalse(self.world.socket.exists())

    def test_a_command_that_finds_no_daemon_starts_one_and_says_so(self):
        self.world.versions("v1.0.0")
        self.world.write_spec()
        ran = self.must(self.world.run("init"))
        self.assertIn("start", ran.err)
        self.assertEqual(self.world.get(), (200, "v1.0.0"))
        self.assertEqual(self.world.api("GET", "/v1/version")[0], 200)

    def test_no_start_refuses_to_start_a_daemon(self):
        self.world.versions("v1.0.0")
        self.world.write_spec()
        self.must(self.world.run("init", "--no-start"), UNREACHABLE)
        self.assertFalse(self.world.socket.exists())

    def test_doctor_finds_nothing_wrong_in_a_good_world(self):
        self.start()
        self.must(self.world.run("doctor"))

    def test_doctor_names_the_cause_when_the_canary_does_not_start(self):
        self.start(more="  progress: 60s\n")
        self.world.behave("v1.2.0", "never_ready")
        self.begin_deploy("v1.2.0")

        def found():
            ran = self.world.run("doctor")
            return ran if ran.code != DONE else None
        ran = wait_for(found, 30, "doctor finds it")
        self.assertRegex(ran.out + ran.err, "canary")

    def test_plan_says_what_a_deploy_would_do_and_does_nothing(self):
        self.start()
        text = self.must(self.world.run("plan", "v1.1.0")).out
        for word in ("v1.1.0", "5 %", "25 %", "50 %", "100 %"):
            self.assertIn(word, text)
        self.assertEqual(self.world.status()["phase"], "idle")
        self.assertEqual(self.world.status()["replicas"]["canary"]["wanted"], 0)

    def test_logs_show_what_the_service_wrote(self):
        self.start()
        self.assertIn("v1.0.0 listens", self.must(self.world.run("logs")).out)

    def test_metrics_are_prometheus_text(self):
        self.start()
        wait_for(lambda: "linnet_" in str(self.world.api("GET", "/metrics")[1]), 10, "metrics")
        for line in str(self.world.api("GET", "/metrics")[1]).splitlines():
            self.assertRegex(line, r"^(#.*|[a-z_]+(\{.*\})? [-+0-9.eInfNa]+( \d+)?)$")


class WrongInput(WorldTest):
    def test_weights_out_of_range_are_refused_with_the_range(self):
        self.start()
        for weight in ("-1", "101", "5.55", "abc", "", "1e1", "nan"):
            ran = self.must(self.world.run("traffic", weight), INVALID)
            self.assertTrue(ran.err.strip(), weight)
        self.assertEqual(self.world.status()["weight_in_force"], 0)

    def test_versions_with_shell_characters_are_refused_and_never_run(self):
        self.start()
        trap = self.world.folder / "trap"
        for version in (f"v1;touch {trap}", f"$(touch {trap})", f"`touch {trap}`", "../../bin/sh",
                        "v1 v2", "-rf", ".hidden", "a" * 200, "v1\nv2"):
            self.must(self.world.run("deploy", "--", version), INVALID)
        self.assertFalse(trap.exists())
        self.assertEqual(self.world.history(), [])

    def test_a_wrong_spec_names_all_mistakes_with_file_and_line(self):
        self.world.write_spec(self.world.spec() + "  min_requets: 3\n  turn: soon\n")
        ran = self.must(self.world.run("validate"), INVALID)
        text = ran.out + ran.err
        self.assertIn("linnet.yaml", text)
        self.assertIn("min_requests", text)  # the nearest known key
        self.assertIn("turn", text)
        self.assertRegex(text, r"linnet\.yaml:\d+")

    def test_a_good_spec_is_valid(self):
        self.world.write_spec()
        self.must(self.world.run("validate"))

    def test_the_demos_spec_is_valid(self):
        self.must(self.world.run("--spec", ROOT / "demo" / "linnet.yaml", "validate"))

    def test_unknown_commands_and_options_name_the_nearest_one(self):
        self.assertIn("deploy", self.must(self.world.run("depoly"), INVALID).err)
        self.assertIn("--promote", self.must(self.world.run("deploy", "v1", "--promot"),
                                             INVALID).err)

    def test_a_spec_that_is_not_there_is_named(self):
        ran = self.must(self.world.run("deploy", "v1.1.0"), INVALID)
        self.assertIn("linnet.yaml", ran.err)

    def test_hostile_specs_are_refused_quickly(self):
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n"
            for old, new in zip("abcdefgh", "bcdefghi"))
        for text in (bomb, "[" * 100_000, "x: {" * 50_000, "spec:\n" + "  a: 1\n" * 100_000,
                     self.world.spec() + "  turn: 1s\n  turn: 2s\n", "\0\xff", ""):
            self.world.spec_file.write_bytes(text.encode("latin-1"))
            self.must(self.world.run("validate", seconds=20), INVALID)

    def test_a_rollout_outside_its_window_is_refused_and_force_overrides(self):
        self.start(steps="100%", more="  freezes: [{ from: 2000-01-01, to: 2999-12-31, "
                                      "why: holidays }]\n")
        ran = self.world.run("deploy", "v1.1.0")
        self.assertIn(ran.code, (INVALID, BUSY), str(ran))
        self.assertIn("holidays", ran.out + ran.err)
        self.must(self.world.run("deploy", "v1.1.0", "--force"))


class Launchers(WorldTest):
    def launch(self, *words):
        environment = {**self.world.environment, "LINNET": str(LINNET)}
        return subprocess.run(words, env=environment, cwd=self.world.folder, check=False, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120)

    def test_canary_deploy_sh_passes_its_documented_commands_on(self):
        self.start(steps="50% 100%")
        script = str(ROOT / "k8s" / "canary-deploy.sh")
        self.assertEqual(self.launch(script, "status").returncode, DONE)
        self.assertEqual(self.launch(script, "deploy", "v1.1.0").returncode, DONE)
        self.assertEqual(self.launch(script, "traffic", "25").returncode, DONE)
        self.assertEqual(self.launch(script, "rollback").returncode, DONE)
        self.assertEqual(self.world.sample(10), {"v1.0.0": 10})
        for words in (["init"], ["deploy", "v1.2.0"], ["promote"], ["monitor", "--duration", "1"],
                      ["cleanup"], ["traffic", "101"]):
            ran = self.launch(script, *words)
            # Nothing runs any more that could be watched.
            expected = {"monitor": NO_DATA, "traffic": INVALID}.get(words[0], DONE)
            self.assertEqual(ran.returncode, expected, f"{words}: {ran.stdout}{ran.stderr}")
        self.assertEqual(self.world.sample(10), {"v1.2.0": 10})

    def test_monitor_canary_py_rolls_back_and_alerts_when_told(self):
        self.start(hold="60s", steps="50%", more="  on_failure: hold\n")
        self.world.behave("v1.2.0", "fail_every=2")
        self.begin_deploy("v1.2.0")
        self.until_step(1)
        ran = self.launch("python3", str(ROOT / "monitor_canary.py"), "--auto-rollback",
                          "--alert-on-error", "--prometheus", "http://127.0.0.1:9", "--deployment",
                          "shop-canary", "--namespace", "shop", "--interval", "1")
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        self.assertIn("ALERT: shop: ", ran.stderr)
        self.assert_rolled_back("v1.2.0", "linnet monitor")

    def test_monitor_canary_py_tells_good_from_bad_by_its_exit_code(self):
        self.start(hold="60s", steps="50%", more="  on_failure: hold\n")
        script = str(ROOT / "monitor_canary.py")
        self.begin_deploy("v1.2.0")
        self.until_step(1)
        good = self.launch("python3", script, "--duration", "3")
        self.assertEqual(good.returncode, DONE, good.stdout + good.stderr)
        self.world.behave("v1.2.0", "fail_every=2")
        bad = self.launch("python3", script, "--error-threshold", "10", "--latency-threshold",
                          "2000", "--duration", "10")
        self.assertEqual(bad.returncode, 1, bad.stdout + bad.stderr)


class Webhooks(WorldTest):
    def test_a_rollback_is_posted_to_the_webhook(self):
        import http.server
        import threading
        seen = []

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802  (the library's name)
                seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook = f"http://127.0.0.1:{server.server_port}/x"
        self.start(steps="50%", more=f"  notify: [{{ webhook: {{ url: '{hook}', "
                                     "on: [rolled_back] } }]\n")
        self.world.behave("v1.2.0", "fail_every=2")
        self.must(self.world.run("deploy", "v1.2.0"), ROLLED_BACK)
        wait_for(lambda: seen, 20, "the webhook is called")
        self.assertIn("v1.2.0", json.dumps(seen))
        self.assertEqual(len(seen), 1)


if __name__ == "__main__":
    unittest.main()
