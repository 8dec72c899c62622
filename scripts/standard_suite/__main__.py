"""The command line of `scripts/onnx_suite`.

Every test of the suite goes through compiled code and again through the NumPy meaning. Tests that
are not expected to pass stand with their reasons in excluded.toml. Exits with 1 where another test
fails, or that list is out of date.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from standard_suite.cases import PATHS, Suite, SuiteTest
from standard_suite.processes import Limits, Outcome, run_all
from standard_suite.report import Report, Reviewed


def main() -> int:
    """Run what was asked for."""
    options = _parser().parse_args()
    chosen = [path for path in PATHS if getattr(options, path)] or [*PATHS]
    reviewed = Reviewed.read()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ONNX_HOME"] = folder  # where the suite puts data of its real networks
        start = time.monotonic()
        outcomes = [o for path in chosen for o in _run(path, options, reviewed)]
    report = Report(outcomes, reviewed, whole=options.only is None and options.part is None)
    print(report.text())
    print(f"{time.monotonic() - start:.0f} s, {options.jobs} tests at a time")
    if options.json:
        options.json.write_text(json.dumps(report.data(), indent=1), encoding="utf-8")
    return 1 if report.failures or report.stale else 0


def _run(path: str, options: argparse.Namespace, reviewed: Reviewed) -> Iterator[Outcome]:
    suite = Suite(path)
    tests = [t for t in suite.tests() if re.search(options.only or "", t.name)]
    if options.part:
        number, count = map(int, options.part.split("/"))
        tests = tests[number - 1 :: count]

    def run(test: SuiteTest) -> None:
        warnings.simplefilter("ignore")
        suite.run(test, reviewed.is_random(test))

    limits = Limits(options.timeout, options.memory << 20)
    for number, outcome in enumerate(run_all(tests, run, options.jobs, limits), 1):
        if sys.stderr.isatty():
            print(f"\r{path} {number}/{len(tests)}", end="", file=sys.stderr)
        if options.verbose and not outcome.passed:
            print(f"{path} {outcome.test.name}: {outcome.error}")
        yield outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/onnx_suite", description=__doc__)
    parser.add_argument("--compiled", action="store_true", help="only through compiled code")
    parser.add_argument("--meaning", action="store_true", help="only through the NumPy meaning")
    parser.add_argument("--only", metavar="PATTERN", help="tests whose names have it (a regex)")
    parser.add_argument("--part", metavar="I/N", help="every N-th test, from the I-th on")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--timeout", type=float, default=120, help="seconds for a test")
    parser.add_argument("--memory", type=int, default=8192, help="MiB of address space for a test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcomes")
    parser.add_argument("--verbose", action="store_true", help="show each failure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
