"""Runs a folder's `test_*.py`, a few at a time, each test in a process of its own: one that breaks
its interpreter or hangs takes no other with it. What tests/e2e/run and tests/cluster/run share."""

import argparse
import concurrent.futures
import os
import subprocess
import sys
import time
import unittest


def arguments(text, at_a_time):
    """The parser of a suite's command line; a suite may add to it."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("-j", type=int, default=at_a_time, help=f"tests at a time ({at_a_time})")
    parser.add_argument("words", nargs="*", help="only tests with one of these in their names")
    return parser


def has_failed(test):
    """Whether a test that is being torn down has failed until now."""
    result = test._outcome.result  # the only place where unittest tells it then
    return any(test in (found, getattr(found, "test_case", None))
               for found, _ in result.failures + result.errors)


def found_tests(folder, words):
    """All test cases in the folder, in the order of the files."""
    sys.path.insert(0, str(folder))
    found = []

    def walk(suite):
        for item in suite:
            if isinstance(item, unittest.TestSuite):
                walk(item)
            else:
                found.append(item)
    walk(unittest.defaultTestLoader.discover(str(folder), "test_*.py", str(folder)))
    return [test for test in found if not words or any(word in test.id() for word in words)]


def is_long(test):
    """Decorates a test that takes two minutes: it is begun before the others."""
    test.is_long = True
    return test


def in_lanes(tests):
    """(lanes, alone): the names of tests that follow each other in each of the lanes, which may run
    beside each other, and of those that run afterwards, one by one. A class says so by `alone`, or
    by a `namespace` that its tests share; one that says nothing has a lane for each test."""
    long, lanes, shared, alone = [], [], {}, []
    for test in tests:
        namespace = getattr(test, "namespace", None)
        if getattr(test, "alone", False):
            alone.append(test.id())
        elif namespace:
            shared.setdefault(namespace, []).append(test.id())
        elif getattr(getattr(test, test._testMethodName), "is_long", False):
            long.append([test.id()])
        else:
            lanes.append([test.id()])
    # The longest first, so that none is left over when the others are done.
    return sorted(shared.values(), key=len, reverse=True) + long + lanes, alone


# What a test prints in such lines is shown below its name when it has passed.
FIGURE = "figure: "


def run_one(folder, name, limit_seconds):
    """("ok", "FAIL" or "skip", seconds, text) of one test."""
    begin = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen([sys.executable, "-m", "unittest", name], cwd=folder,
                               env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
    try:
        text = process.communicate(timeout=limit_seconds)[0]
    except subprocess.TimeoutExpired:
        process.send_signal(2)  # Ctrl-C: its cleanups run
        try:
            text = process.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            text = process.communicate()[0]
        text += f"\nended after {limit_seconds} s\n"
        return "FAIL", time.monotonic() - begin, text
    how = "ok" if process.returncode == 0 else "FAIL"
    if how == "ok" and "OK (skipped=" in text:
        how = "skip"
    return how, time.monotonic() - begin, text


def sentence(name):
    words = name.split(".")
    return f"{words[0].removeprefix('test_')}: {words[-1].removeprefix('test_').replace('_', ' ')}"


def run(suite, folder, options, limit_seconds):
    """Runs them and prints `SUITE: N passed, N failed` last. Returns the exit code."""
    chosen, failed, skipped = found_tests(folder, options.words), [], []
    begin = time.monotonic()

    def run_lane(lane):
        for name in lane:
            how, seconds, text = run_one(folder, name, limit_seconds)
            said = f"{how:4} {seconds:6.1f} s  {sentence(name)}\n"
            if how == "FAIL":
                failed.append(name)
                said += f"{text}\n"
            elif how == "skip":
                skipped.append(name)
            else:
                said += "".join(f"               {line.removeprefix(FIGURE)}\n"
                                for line in text.splitlines() if line.startswith(FIGURE))
            # In one piece: other lanes print as well.
            print(said, end="", flush=True)

    lanes, alone = in_lanes(chosen)
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        list(pool.map(run_lane, lanes))
    run_lane(alone)
    print(f"Ran {len(chosen)} tests in {time.monotonic() - begin:.1f} s")
    if skipped:
        print(f"{len(skipped)} were skipped: they cannot run here, or only with --slow")
    for name in failed:
        print(f"failed: {name}")
    print(f"{suite}: {len(chosen) - len(failed) - len(skipped)} passed, {len(failed)} failed")
    return 1 if failed or not chosen else 0
