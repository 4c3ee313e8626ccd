#!/usr/bin/env python3
"""Watches the canary: the documented command line, carried out by `linnet monitor`.

Exit codes: 0 good, 1 a limit was violated, 2 wrong arguments, 3 no data, 4 cannot reach.
"""

import argparse
import os
import pathlib
import shutil
import sys


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description="Watch the canary's error rate and P95 latency.",
        epilog="example: monitor_canary.py --error-threshold 10 --latency-threshold 2000 "
               "--duration 120")
    made.add_argument("--duration", metavar="S", help="seconds to watch; without it, until Ctrl-C")
    made.add_argument("--interval", metavar="S", help="seconds between two lines (5)")
    made.add_argument("--error-threshold", metavar="PCT",
                      help="highest share of failed requests in percent (5)")
    made.add_argument("--latency-threshold", metavar="MS",
                      help="highest P95 in milliseconds (1000)")
    made.add_argument("--auto-rollback", action="store_true",
                      help="roll back when a limit is violated")
    made.add_argument("--alert-on-error", action="store_true",
                      help="print an ALERT line to standard error when a limit is violated")
    made.add_argument("--prometheus", metavar="URL", help="where Prometheus is")
    made.add_argument("--deployment", metavar="NAME", help="the canary's Deployment")
    made.add_argument("--namespace", metavar="NS", help="its namespace")
    made.add_argument("--spec", metavar="FILE", help="the spec of the release")
    made.add_argument("--release", metavar="NAME", help="which release of the spec")
    made.add_argument("--output", choices=("text", "json"), help="text or json")
    return made


def find_linnet() -> str:
    named = os.environ.get("LINNET")
    if named:
        return named
    built = pathlib.Path(__file__).resolve().parent / "build/release/src/cli/linnet"
    found = str(built) if os.access(built, os.X_OK) else shutil.which("linnet")
    if not found:
        print("monitor_canary.py: linnet was not found; build it, put it on PATH, or set LINNET",
              file=sys.stderr)
        raise SystemExit(4)
    return found


def main() -> None:
    words = ["linnet", "monitor"]
    for name, value in vars(parser().parse_args()).items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif value not in (None, False):
            words.append(f"{option}={value}")
    program = find_linnet()
    # The same spec as k8s/canary-deploy.sh.
    beside = pathlib.Path(__file__).resolve().parent / "k8s/canary.yaml"
    if beside.exists():
        os.environ.setdefault("LINNET_SPEC", str(beside))
    try:
        os.execvp(program, words)
    except OSError as error:
        print(f"monitor_canary.py: {program}: {error.strerror}", file=sys.stderr)
        raise SystemExit(4) from None


if __name__ == "__main__":
    main()
