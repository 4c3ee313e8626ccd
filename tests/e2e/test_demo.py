"""The demo is the first thing that a new user runs: it must end well and tidy up. It checks its own
promises and ends with 1 when one does not hold."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from harness import ROOT, free_port, processes_of, wait_for


class Demo(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="linnet-e2e-")
        pathlib.Path(self.place.name).chmod(0o711)  # a root's NGINX works as another user
        self.addCleanup(self.place.cleanup)
        self.port = free_port()

    def begin(self, *words):
        process = subprocess.Popen(
            [sys.executable, ROOT / "demo" / "run", "--port", str(self.port), *words],
            env={**os.environ, "TMPDIR": self.place.name}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        self.addCleanup(process.stdout.close)
        return process

    def assert_tidy(self):
        wait_for(lambda: not processes_of(self.place.name), 10, "no process is left")
        self.assertEqual(list(pathlib.Path(self.place.name).iterdir()), [])

    def test_it_ends_as_promised_and_leaves_nothing_behind(self):
        process = self.begin()
        text = process.communicate(timeout=200)[0]
        self.assertEqual(process.returncode, 0, text)
        for word in ("$ linnet init", "$ linnet deploy v1.1.0", "$ linnet promote",
                     "$ linnet deploy v1.2.0", "$ linnet deploy v1.3.0", "$ linnet history"):
            self.assertIn(word, text)
        self.assert_tidy()

    def test_ctrl_c_leaves_nothing_behind(self):
        process = self.begin()
        wait_for(lambda: "clients now send" in process.stdout.readline(), 60, "the load runs")
        process.send_signal(signal.SIGINT)
        text = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 130, text)
        self.assert_tidy()


if __name__ == "__main__":
    unittest.main()
