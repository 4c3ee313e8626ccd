"""What breaks while linnet works: the daemon, a canary process, NGINX, the store, the access log.
After each the world ends as it would have without, or stable has all traffic."""

import errno
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import unittest

from harness import (DONE, ENDED, INVALID, LINNET, ROLLED_BACK, SHIFTED_CLOCK, UNREACHABLE,
                     WorldTest, command_line, is_alive, processes_of, wait_for)


class KilledDaemon(WorldTest):
    """kill -9 at a point of a rollout, then a new daemon: the end is the same as without."""

    def kill_in(self, reached, version="v1.1.0", **spec):
        """Deploys, kills the daemon once reached() is true, starts it again."""
        options = {"steps": "25% 100%", "hold": "2s", **spec}
        load = self.start(**options)
        self.deploy_unwatched(version, promote=True)
        wait_for(reached, 60, "the point to kill at", 0.005)
        self.world.kill_daemon()
        self.world.serve()
        return load

    def phase_is(self, *phases):
        return lambda: self.world.status()["phase"] in phases

    def assert_same_end(self, load):
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())
        steps = self.world.history()[0]["steps"]
        self.assertEqual([step["outcome"] for step in steps], ["passed", "passed"], steps)
        wait_for(lambda: self.services() == ["v1.1.0", "v1.1.0"], 30, "two processes, no more")

    def services(self):
        """Versions of the service's processes, however they came to be."""
        lines = [command_line(pid) for pid in processes_of(self.world.folder)]
        return sorted(line.split("--version ")[1].split()[0] for line in lines
                      if "shop --version " in line)

    def test_while_preparing(self):
        self.world.behave("v1.1.0", "start_delay_ms=1500")
        self.assert_same_end(self.kill_in(self.phase_is("preparing")))

    def test_while_stepping(self):
        self.assert_same_end(self.kill_in(
            lambda: self.world.status()["phase"] == "stepping"
            and self.world.status()["weight_in_force"] == 25))

    def waits_for(self, phase, text):
        """In this phase, and its reason says which part of it."""
        def there():
            status = self.world.status()
            return status["phase"] == phase and re.search(text, status["reason"])
        return there

    def test_while_promoting_and_the_canary_takes_all(self):
        self.assert_same_end(self.kill_in(
            self.waits_for("promoting", "requests on stable finish"), drain="1s"))

    def test_while_promoting_and_stable_restarts(self):
        self.world.behave("v1.1.0", "start_delay_ms=700")
        self.assert_same_end(self.kill_in(
            self.waits_for("promoting", "restarting stable, one by one: 1 of 2")))

    def test_while_promoting_and_stable_takes_all_again(self):
        self.assert_same_end(self.kill_in(
            lambda: self.world.status()["phase"] == "promoting"
            and self.world.status()["weight_wanted"] == 0, drain="1s"))

    def test_while_promoting_and_the_canary_drains(self):
        self.assert_same_end(self.kill_in(
            self.waits_for("promoting", "requests on the canary finish"), drain="1s"))

    def test_while_promoting_and_the_canary_stops(self):
        self.world.behave("v1.1.0", "ignore_term")
        self.assert_same_end(self.kill_in(self.waits_for("promoting", "stopping the canary")))

    def test_while_awaiting_promotion(self):
        load = self.start(steps="100%")
        self.must(self.world.run("deploy", "v1.1.0"))
        self.world.kill_daemon()
        self.world.serve()
        self.assertEqual(self.world.status()["phase"], "awaiting_promotion")
        self.must(self.world.run("promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_while_holding(self):
        load = self.start(steps="25% 100%", hold="60s")
        self.deploy_unwatched("v1.1.0")
        self.until_step(1)
        self.must(self.world.run("pause"))
        self.world.kill_daemon()
        self.world.serve()
        status = self.world.wait_phase("holding")
        self.assertEqual(status["weight_in_force"], 25)
        self.assert_no_failure(load.stop())

    def test_while_holding_a_weight_set_by_hand(self):
        load = self.start(steps="5% 100%", hold="60s")
        self.deploy_unwatched("v1.1.0")
        self.until_step(1)
        self.must(self.world.run("traffic", "40"))
        self.world.kill_daemon()
        self.world.serve()
        status = self.world.wait_phase("holding")
        self.assertEqual((status["weight_wanted"], status["cause"]["kind"]), (40, "manual_weight"))
        self.must(self.world.run("rollback"))
        self.assert_rolled_back("v1.1.0")
        self.assert_no_failure(load.stop())

    def kill_in_rollback(self, reached, behaviour=""):
        self.world.behave("v1.2.0", "fail_every=2 " + behaviour)
        load = self.kill_in(reached, version="v1.2.0", drain="1s")
        self.assert_rolled_back("v1.2.0", "error_rate|error rate")
        self.assertEqual(len(self.world.history()), 1)
        self.assert_no_failure(load.stop(), bad_versions=("v1.2.0",))

    def test_while_rolling_back(self):
        self.kill_in_rollback(self.phase_is("rolling_back", "rolled_back"))

    def test_while_rolling_back_and_the_canary_drains(self):
        self.kill_in_rollback(self.waits_for("rolling_back", "requests on the canary finish"))

    def test_while_rolling_back_and_the_canary_stops(self):
        self.kill_in_rollback(self.waits_for("rolling_back", "stopping the canary"), "ignore_term")

    def test_while_a_promotion_is_taken_back(self):
        self.world.behave("v1.1.0", "start_delay_ms=700")
        load = self.start(steps="100%")
        self.deploy_unwatched("v1.1.0", promote=True)
        wait_for(self.waits_for("promoting", "restarting stable, one by one: 1 of 2"), 60,
                 "stable restarts", 0.005)
        self.world.api("POST", "/v1/releases/shop/intents", {"kind": "rollback", "by": "test"})
        wait_for(self.waits_for("rolling_back", "bringing stable back|canary"), 30,
                 "the promotion is undone", 0.005)
        self.world.kill_daemon()
        self.world.serve()
        self.assert_rolled_back("v1.1.0", "rollback by test")
        wait_for(lambda: self.services() == ["v1.0.0", "v1.0.0"], 30, "two processes, no more")
        self.assert_no_failure(load.stop())

    def test_while_idle(self):
        load = self.start()
        before = {instance["pid"] for instance in self.world.instances()}
        self.world.kill_daemon()
        self.world.serve()
        wait_for(lambda: self.world.status()["replicas"]["stable"]["ready"] == 2, 20, "adopted")
        self.assertEqual({instance["pid"] for instance in self.world.instances()}, before)
        self.assert_no_failure(load.stop())

    def test_again_and_again(self):
        load = self.start(steps="5% 25% 100%", hold="2s")
        self.deploy_unwatched("v1.1.0", promote=True)
        for _ in range(6):
            began = load.summary()["requests"]
            # Some 200 ms of life, measured by what the users got.
            wait_for(lambda start=began: load.summary()["requests"] > start + 60, 20, "requests")
            self.world.kill_daemon()
            self.world.serve()
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_no_instance_is_doubled_or_left_over(self):
        self.kill_in(self.phase_is("promoting"), drain="500ms")
        self.assert_promoted("v1.1.0")
        wait_for(lambda: self.services() == ["v1.1.0", "v1.1.0"], 20, "two processes, no more")


class Guardian(WorldTest):
    def test_traffic_returns_to_stable_when_no_daemon_comes_back(self):
        load = self.start(steps="50%", hold="300s")
        self.deploy_unwatched("v1.1.0")
        self.until_step(1)
        self.world.kill_daemon()
        # The default limit is 10 s.
        wait_for(lambda: self.world.sample(30) == {"v1.0.0": 30}, 30, "all traffic is with stable")
        self.assert_no_failure(load.stop())

    def test_a_daemon_that_comes_late_sees_that_the_canary_was_taken_back(self):
        self.start(steps="50%", hold="300s")
        self.deploy_unwatched("v1.1.0")
        self.until_step(1)
        self.world.kill_daemon()
        wait_for(lambda: self.world.sample(30) == {"v1.0.0": 30}, 30, "all traffic is with stable")
        self.world.serve()
        self.assert_rolled_back("v1.1.0", "taken back")
        self.assertEqual(self.world.history()[0]["cause"]["kind"], "taken_back")

    def test_its_limit_can_be_set(self):
        self.start(steps="50%", hold="300s", serve=("--guardian-limit", "1s"))
        self.deploy_unwatched("v1.1.0")
        self.until_step(1)
        self.world.kill_daemon()
        wait_for(lambda: self.world.sample(30) == {"v1.0.0": 30}, 30, "all traffic is with stable")

    def test_no_guardian_outlives_a_daemon_that_said_goodbye(self):
        self.start(load=False)
        self.world.kill_daemon(signal.SIGTERM)
        self.assertEqual(self.world.get(), (200, "v1.0.0"))
        wait_for(lambda: not [pid for pid in processes_of(self.world.folder)
                              if command_line(pid).startswith(str(LINNET))], 20,
                 "no process of linnet is left")

    def test_sigterm_takes_a_running_release_back_and_leaves_the_service_up(self):
        load = self.start(steps="50%", hold="300s")
        self.deploy_unwatched("v1.1.0")
        self.until_step(1)
        self.assertEqual(self.world.kill_daemon(signal.SIGTERM), 0)
        self.assertEqual(self.world.sample(30), {"v1.0.0": 30})
        self.assert_no_failure(load.stop())
        self.world.serve()
        self.assert_rolled_back("v1.1.0", "interrupted by linnet serve")

    def test_sigterm_with_hold_leaves_a_running_release_as_it_is(self):
        load = self.start(steps="50%", hold="300s", serve=("--hold",))
        self.deploy_unwatched("v1.1.0")
        self.until_step(1)
        before = {instance["pid"] for instance in self.world.instances()}
        self.assertEqual(self.world.kill_daemon(signal.SIGTERM), 0)
        self.assertGreater(self.world.sample(100).get("v1.1.0", 0), 20)
        self.world.serve("--hold")
        status = self.until_step(1)
        self.assertEqual((status["phase"], status["weight_in_force"]), ("stepping", 50))
        self.assertEqual({instance["pid"] for instance in self.world.instances()}, before)
        self.assert_no_failure(load.stop())

    def test_sigterm_when_idle_leaves_the_world_as_it_is(self):
        load = self.start()
        before = {instance["pid"] for instance in self.world.instances()}
        self.assertEqual(self.world.kill_daemon(signal.SIGTERM), 0)
        self.assertEqual(self.world.sample(30), {"v1.0.0": 30})
        self.world.serve()
        self.assertEqual({instance["pid"] for instance in self.world.instances()}, before)
        self.assert_no_failure(load.stop())


class KilledParts(WorldTest):
    def test_a_killed_canary_process_is_started_again_or_taken_back_and_stable_is_not_touched(self):
        self.start(steps="25%", hold="5s")
        process = self.begin_deploy("v1.1.0")
        self.until_step(1)
        canary = [i for i in self.world.instances() if i["track"] == "canary"]
        os.kill(canary[0]["pid"], signal.SIGKILL)
        self.assertIn(process.wait(60), (DONE, ROLLED_BACK))
        self.assertEqual(self.world.loads[0].stop()["versions"]["v1.0.0"]["bad"], 0)

    def test_a_killed_stable_process_is_started_again(self):
        self.start(load=False)
        first = self.world.instances()[0]
        os.kill(first["pid"], signal.SIGKILL)

        def back():
            ready = [i for i in self.world.instances() if i["state"] == "ready"]
            return len(ready) == 2 and first["pid"] not in [i["pid"] for i in ready]
        wait_for(back, 30, "two ready processes, one of them new")
        self.assertEqual(self.world.sample(20), {"v1.0.0": 20})

    def test_a_killed_nginx_is_started_again_with_the_same_share(self):
        self.start(load=False, steps="50%", hold="300s")
        self.world.load(rate=100)
        self.begin_deploy("v1.1.0")
        self.until_step(1)
        master = self.world.nginx_master()
        workers = [pid for pid in processes_of(self.world.folder)
                   if command_line(pid).startswith("nginx: worker")]
        for pid in (master, *workers):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(master), 10, "the old NGINX is gone")
        wait_for(lambda: self.world.get()[0] == 200, 30, "requests are answered again")
        status = self.world.look()
        if status["phase"] == "stepping":
            seen = self.world.sample(100)
            self.assertTrue(20 < seen.get("v1.1.0", 0) < 80, seen)
        else:
            self.assert_rolled_back("v1.1.0")

    def test_a_weight_that_somebody_else_changed_is_not_raised_again(self):
        self.start(steps="50% 100%", hold="20s")
        self.begin_deploy("v1.1.0")
        self.until_step(1)
        link = self.weight_link()
        target = os.readlink(link)
        # As an operator would: the same switch, by hand, to a folder with nothing in it.
        other = link.parent / "by-hand"
        other.mkdir()
        draft = link.parent / "by-hand.new"
        draft.symlink_to(other.name if not os.path.isabs(target) else other)
        draft.rename(link)
        wait_for(lambda: self.world.sample(30) == {"v1.0.0": 30}, 10, "the switch is in force")
        status = self.world.wait_phase("holding", "rolling_back", "rolled_back", seconds=20)
        self.assertRegex(status["reason"], "weight|someone|taken back|0 %")
        self.assertEqual(self.world.sample(30), {"v1.0.0": 30})

    def weight_link(self):
        """The symlink that decides the share: the only one below the state folder that leads to a
        folder with a file per bucket."""
        found = [path for path in self.world.state.rglob("*")
                 if path.is_symlink() and path.is_dir() and len(list(path.iterdir())) > 50]
        self.assertEqual(len(found), 1, found)
        return found[0]


class Clock(WorldTest):
    def test_steps_are_as_long_as_they_are_whatever_happens_to_the_calendar(self):
        shift = self.world.folder / "shift"
        shift.write_text("0")
        self.world.environment.update(LD_PRELOAD=str(SHIFTED_CLOCK), SHIFTED_CLOCK=str(shift))
        load = self.start(steps="25% 100%", hold="3s")
        process = self.begin_deploy("v1.1.0", "--promote")
        self.until_step(1)
        shift.write_text("-3600")
        self.assertEqual(process.wait(60), DONE)
        self.assert_promoted("v1.1.0")
        record = self.world.history()[0]
        self.assertLess(record["ended"], record["started"])  # the clock was set back indeed
        for step in record["steps"]:
            self.assertTrue(step["outcome"] == "passed" and 3000 <= step["held_ms"] < 10_000, step)
        self.world.behave("v1.2.0", "fail_every=2")
        self.deploy_unwatched("v1.2.0")
        self.until_step(1)
        shift.write_text("7200")
        self.assert_rolled_back("v1.2.0", "error_rate|error rate", stable="v1.1.0")
        self.assert_no_failure(load.stop(), bad_versions=("v1.2.0",))


class AccessLog(WorldTest):
    def log_files(self):
        return [path for path in self.world.state.rglob("*")
                if path.is_file() and "access" in path.name]

    def hurt_log(self, hurt):
        """Something happens to the log in the middle of a step: the release still ends well."""
        load = self.start(steps="25% 100%", hold="3s")
        process = self.begin_deploy("v1.1.0", "--promote")
        self.until_step(1)
        files = self.log_files()
        if not files:
            self.assertTrue(list(self.world.folder.rglob("*.sock")), "neither a log nor a socket")
        for path in files:
            hurt(path)
        self.assertIn(process.wait(90), (DONE, ROLLED_BACK))
        status = self.world.wait_phase(*ENDED)
        self.assert_no_failure(load.stop())
        return status

    def test_a_removed_log_file_is_noticed(self):
        status = self.hurt_log(pathlib.Path.unlink)
        self.assertIn(status["phase"], ("succeeded", "rolled_back"), status)

    def test_a_log_file_that_is_rotated_by_someone_else_is_followed(self):
        status = self.hurt_log(lambda path: path.rename(path.with_suffix(".1")))
        self.assertIn(status["phase"], ("succeeded", "rolled_back"), status)

    def test_garbage_in_the_log_is_not_taken_for_requests(self):
        garbage = (b"\xff\xfe\0 not a line\n" * 50 + b"canary 500 99 " * 10_000 + b"\n"
                   + b"1 2 3 4 5 6 7 8 9\n" * 50 + b"canary,500,-1,nan\n")

        def hurt(path):
            with open(path, "ab") as file:
                file.write(garbage)
        status = self.hurt_log(hurt)
        self.assertEqual(status["phase"], "succeeded", status)

    def test_a_truncated_log_loses_no_release(self):
        status = self.hurt_log(lambda path: os.truncate(path, 0))
        self.assertEqual(status["phase"], "succeeded", status)


class Stores(WorldTest):
    def database(self):
        for path in self.world.state.rglob("*"):
            if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
                return path
        raise AssertionError("no SQLite file below the state folder")

    def test_a_second_daemon_on_the_same_store_refuses(self):
        self.start(load=False)
        first = self.world.api("GET", "/v1/version")[1]["pid"]
        ran = self.world.run("serve", seconds=20)
        self.assertNotEqual(ran.code, DONE, str(ran))
        self.assertIn(str(first), ran.out + ran.err)
        self.assertEqual(self.world.api("GET", "/v1/version")[1]["pid"], first)

    def test_a_second_daemon_with_another_socket_folder_refuses_as_well(self):
        self.start(load=False)
        other = self.world.folder / "other"
        other.mkdir()
        ran = self.world.run("serve", seconds=20, environment={"LINNET_RUNTIME_DIR": str(other)})
        self.assertNotEqual(ran.code, DONE, str(ran))

    def test_a_damaged_store_is_named_and_traffic_stays_with_stable(self):
        self.start(load=False, steps="50%", hold="1s")
        path = self.database()
        self.world.kill_daemon()
        for wal in path.parent.glob(path.name + "-*"):
            wal.unlink()
        with open(path, "r+b") as file:
            file.seek(0)
            file.write(b"damage! " * 200)
        ran = self.world.run("serve", seconds=20)
        self.assertNotEqual(ran.code, DONE, str(ran))
        self.assertIn(path.name, ran.out + ran.err)
        self.assertEqual(self.world.sample(20), {"v1.0.0": 20})

    @unittest.skipIf(os.geteuid() == 0, "root writes to read-only files")
    def test_a_read_only_store_is_named(self):
        self.start(load=False)
        path = self.database()
        self.world.kill_daemon()
        path.chmod(0o400)
        ran = self.world.run("serve", seconds=20)
        self.assertNotEqual(ran.code, DONE, str(ran))
        self.assertIn(path.name, ran.out + ran.err)

    def test_a_locked_store_raises_no_weight_and_a_rollback_still_switches(self):
        load = self.start(steps="50% 100%", hold="300s")
        self.begin_deploy("v1.2.0")
        self.until_step(1)
        lock = sqlite3.connect(self.database(), isolation_level=None)
        self.addCleanup(lock.close)
        lock.execute("BEGIN IMMEDIATE")
        self.world.behave("v1.2.0", "fail_every=2")
        wait_for(lambda: self.world.sample(30) == {"v1.0.0": 30}, 30,
                 "traffic is with stable although nothing can be written")
        lock.execute("ROLLBACK")
        self.assert_rolled_back("v1.2.0", "error_rate|error rate")
        self.assert_no_failure(load.stop(), bad_versions=("v1.2.0",))


@unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
class SmallDisk(WorldTest):
    """The state folder is a file system of its own."""

    def setUp(self):
        super().setUp()
        self.disk = self.world.folder / "state"
        self.mount("size=24m,mode=711")

    def mount(self, options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "linnet-e2e", self.disk],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"mount: {done.stderr}")
        self.addCleanup(self.unmount)

    def unmount(self):
        self.world.stop_processes()
        subprocess.run(["umount", "--lazy", self.disk], check=True)

    def fill(self):
        """Until not one byte fits."""
        with open(self.disk / "filler", "wb", buffering=0) as filler:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while filler.write(b"x" * size) == size:
                        pass
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)

    def test_a_full_disk_raises_no_weight_and_a_bad_canary_is_still_taken_back(self):
        load = self.start(steps="50% 100%", hold="2s", more="  no_data: { hold: 3s }\n")
        self.world.behave("v1.2.0", "")
        self.deploy_unwatched("v1.2.0")
        self.until_step(1)
        self.fill()
        self.world.behave("v1.2.0", "fail_every=2")
        # By its errors, or because its requests can no longer be counted.
        wait_for(lambda: self.world.sample(30) == {"v1.0.0": 30}, 60,
                 "traffic is with stable although nothing can be written")
        (self.disk / "filler").unlink()
        self.assert_rolled_back("v1.2.0", "failed|no_data|could not save")
        weights = {step["weight"] for step in self.world.history()[0]["steps"]}
        self.assertEqual(weights, {50})
        self.assert_no_failure(load.stop(), bad_versions=("v1.2.0",))

    def test_a_command_on_a_full_disk_says_so_and_works_when_there_is_room(self):
        load = self.start(steps="100%")
        self.fill()
        ran = self.world.run("deploy", "v1.1.0", "--promote")
        self.assertNotEqual(ran.code, DONE, str(ran))
        self.assertRegex(ran.out + ran.err, "full|space|disk")
        self.assertEqual(self.world.sample(20), {"v1.0.0": 20})
        (self.disk / "filler").unlink()
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(load.stop())

    def test_a_store_on_a_read_only_disk_is_named(self):
        self.start(load=False)
        self.world.stop_processes()
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
        ran = self.world.run("serve", seconds=20)
        self.assertNotEqual(ran.code, DONE, str(ran))
        self.assertIn(str(self.disk), ran.out + ran.err)
        self.assertRegex(ran.out + ran.err, "[Rr]ead-only")


class Places(WorldTest):
    def test_a_socket_path_that_is_too_long_is_named_with_its_limit(self):
        deep = self.world.folder / ("d" * 60) / ("e" * 60)
        deep.mkdir(parents=True)
        self.world.write_spec()
        ran = self.world.run("serve", seconds=20, environment={"LINNET_RUNTIME_DIR": str(deep)})
        self.assertIn(ran.code, (INVALID, UNREACHABLE), str(ran))
        self.assertRegex(ran.out + ran.err, "10[78]")

    def test_a_port_that_is_taken_is_named(self):
        import socket
        self.world.versions("v1.0.0")
        self.world.write_spec(more="  progress: 3s\n")
        with socket.create_server(("127.0.0.1", self.world.port)):
            ran = self.world.run("init", seconds=90)
        self.assertNotEqual(ran.code, DONE, str(ran))
        self.assertIn(str(self.world.port), ran.out + ran.err)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_commands_of_another_user_are_refused(self):
        self.start(load=False)
        for folder in (self.world.folder, self.world.folder / "run", self.world.runtime):
            folder.chmod(0o755)
        self.world.socket.chmod(0o777)  # even then: the peer's user is checked
        ran = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                              "--unix-socket", self.world.socket, "http://linnet/v1/releases"],
                             user="nobody", capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(ran.stdout, "200", ran)

    def test_the_socket_is_for_its_user_only(self):
        self.start(load=False)
        self.assertEqual(self.world.socket.stat().st_mode & 0o777, 0o600)

    def test_the_whole_thing_works_in_a_folder_with_a_space(self):
        odd = self.world.folder / "a place"
        odd.mkdir()
        odd.chmod(0o755)
        self.world.environment["LINNET_STATE_DIR"] = str(odd / "state")
        self.start(steps="100%")
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")


    def test_a_folder_that_nginx_cannot_be_told_of_is_named(self):
        odd = self.world.folder / "it's $odd"
        odd.mkdir()
        self.world.environment["LINNET_STATE_DIR"] = str(odd / "state")
        self.world.versions("v1.0.0")
        self.world.write_spec(more="  progress: 3s\n")
        ran = self.world.run("init", seconds=90)
        self.assertNotEqual(ran.code, DONE, str(ran))
        self.assertIn("it's $odd", ran.out + ran.err)


class StickyUsers(WorldTest):
    def test_rollback_evicts_users_who_stick_to_the_canary(self):
        self.start(steps="100%", nginx="sticky: client_address")
        self.must(self.world.run("deploy", "v1.1.0"))
        self.assertEqual(self.world.sample(20), {"v1.1.0": 20})
        self.must(self.world.run("rollback"))
        self.assertEqual(self.world.sample(20), {"v1.0.0": 20})

    def test_a_user_by_address_sees_one_version_only(self):
        self.start(steps="50%", hold="300s", nginx="sticky: client_address", load=False,
                   more="  no_data: { hold: 10m }\n")
        self.begin_deploy("v1.1.0")
        # One address of 2: it is with one of the tracks, and stays there.
        wait_for(lambda: self.world.status()["weight_in_force"] == 50, 30, "50 % are in force")
        self.assertEqual(len(self.world.sample(50)), 1)


if __name__ == "__main__":
    unittest.main()
