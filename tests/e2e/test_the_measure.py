"""The tests below believe the load client and the example service: here these two are tested
themselves. A measure that forgives a lost request would let linnet lose some."""

import socket
import subprocess
import threading
import unittest

from harness import SERVICE, World, end_process, wait_for


class RudeServer:
    """Answers so many requests on each connection, then closes it in the way told."""

    def __init__(self, port, answers, ending):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.answers, self.ending = answers, ending
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        with client:
            for _ in range(self.answers):
                if not client.recv(4096):
                    return
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Version: v9\r\n\r\nhi")
            if self.ending == "in use" and client.recv(4096):
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nonly this")


class TheMeasure(unittest.TestCase):
    def setUp(self):
        self.world = World("measure")
        self.addCleanup(self.world.close)

    def service(self, version, behaviour=""):
        self.world.behave(version, behaviour)
        process = subprocess.Popen(
            [SERVICE, "--port", str(self.world.port), "--version", version, "--behaviours",
             self.world.behaviours_file], stdout=subprocess.DEVNULL, env=self.world.environment)
        self.addCleanup(end_process, process)
        wait_for(lambda: self.world.get("/health")[0], 10, "the service answers")
        return process

    def counts(self, requests, **options):
        load = self.world.load(**options)
        wait_for(lambda: load.summary()["requests"] >= requests, 20, f"{requests} requests")
        return load.stop(), list(load.events())

    def test_counts_every_answer_of_a_good_service(self):
        self.service("v1")
        summary, events = self.counts(200)
        self.assertEqual(summary["failed"] + summary["bad"] + summary["missed"], 0, summary)
        self.assertEqual(summary["connects"], 16)
        self.assertEqual(len(events), summary["requests"])
        self.assertEqual({event[4] for event in events}, {"v1"})

    def test_counts_each_fifth_answer_as_bad_when_each_fifth_is(self):
        self.service("v1", "fail_every=5")
        summary, _ = self.counts(200)
        self.assertEqual(summary["bad"], summary["requests"] // 5, summary)

    def test_sees_a_connection_that_is_closed_between_two_requests(self):
        server = RudeServer(self.world.port, 1, "idle")
        self.addCleanup(server.listener.close)
        summary, _ = self.counts(50, rate=100, clients=4)
        self.assertGreater(summary["closed_idle"], 10, summary)

    def test_sees_an_answer_that_is_cut_short(self):
        server = RudeServer(self.world.port, 3, "in use")
        self.addCleanup(server.listener.close)
        summary, _ = self.counts(50, rate=100, clients=4)
        self.assertGreater(summary["failures"].get("cut", 0), 5, summary)
        self.assertEqual(summary["closed_in_use"], summary["failed"])

    def test_counts_requests_that_nobody_answers(self):
        process = self.service("v1")
        load = self.world.load(rate=100)
        wait_for(lambda: load.summary()["requests"] > 20, 10, "answers")
        process.kill()
        wait_for(lambda: load.summary()["failures"].get("connect", 0) > 20, 10, "failures")

    def test_counts_a_request_that_takes_too_long(self):
        self.service("v1", "delay_ms=3000")
        summary, _ = self.counts(1, rate=10, extra=("--timeout-ms", "200"))
        self.assertGreaterEqual(summary["failures"].get("timeout", 0), 1, summary)

    def test_a_service_that_is_asked_to_stop_finishes_its_answers(self):
        process = self.service("v1", "delay_ms=500")
        load = self.world.load(rate=20, clients=4, extra=("--seconds", "1"))
        wait_for(lambda: sum(1 for _ in load.events()) > 0, 10, "an answer")
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        summary = load.stop()
        self.assertEqual(set(summary["failures"]) - {"connect"}, set(), summary)

    def test_a_running_version_can_turn_bad_and_good_again(self):
        self.service("v1")
        self.world.behave("v1", "health_ok_but_500")
        wait_for(lambda: self.world.get()[0] == 500, 10, "it turns bad")
        self.assertEqual(self.world.get("/health")[0], 200)
        self.world.behave("v1", "never_ready")
        wait_for(lambda: self.world.get("/health")[0] == 503, 10, "it is not ready")
        self.assertEqual(self.world.get()[0], 200)

    def test_a_service_crashes_when_told(self):
        process = self.service("v1", "crash_after_requests=3")
        for _ in range(3):
            self.assertEqual(self.world.get()[0], 200)
        with self.assertRaises((ConnectionError, OSError)):
            self.world.get()
        self.assertEqual(process.wait(10), 3)

    def test_a_closed_world_leaves_no_process_and_no_file(self):
        process = self.service("v1", "ignore_term")
        folder = self.world.folder
        self.world.close()
        self.assertIsNotNone(process.wait(10))
        self.assertFalse(folder.exists())
