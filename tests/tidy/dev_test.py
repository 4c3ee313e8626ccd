"""The counts that ./dev takes: a run of nothing, or of a typing mistake, must not look like one
that found nothing."""

import pathlib
import subprocess
import unittest

DEV = pathlib.Path(__file__).resolve().parents[2] / "dev"


class DevTest(unittest.TestCase):
    def test_a_count_is_a_whole_number_above_zero(self):
        for words in (("crash", "--rounds"), ("crash", "--seed"), ("fuzz", "--minutes"),
                      ("fuzz", "--seconds")):
            for bad in ("0", "-1", "x", "1.5", "", "99999999"):
                with self.subTest(words=words, bad=bad):
                    ran = subprocess.run([DEV, *words, bad], capture_output=True, text=True,
                                         timeout=60)
                    self.assertEqual(ran.returncode, 2, ran.stderr)
                    self.assertEqual(ran.stderr, f"dev: {words[1]} needs a whole number from 1 to "
                                                 f"999999, not '{bad}'\n")
            ran = subprocess.run([DEV, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(ran.returncode, 2, ran.stderr)
