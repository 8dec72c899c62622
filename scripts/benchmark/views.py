"""What `scripts/bench` shows of this machine and of single networks."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmark.alone import with_contractions_alone
from benchmark.case import Build, Case, compile_ours
from benchmark.kernels import contractions, print_contractions
from benchmark.machine import Limits, cpu_name, measure
from benchmark.options import cases, find_case
from benchmark.process import EngineError
from benchmark.profile import Profile, profile
from benchmark.profile_table import describe, print_profile
from benchmark.readme import write_table

TARGETS = {"native": "native", "avx2": "x86-64-v3"}
"""Ours for each choice of `--isa`."""
README = Path(__file__).parents[2] / "README.md"


def show_limits(options: argparse.Namespace) -> int:
    """Measure and print what the machine can do."""
    for limits in _limits(options):
        print(describe(limits))
    return 0


def _limits(options: argparse.Namespace) -> list[Limits]:
    return [measure(threads, TARGETS[options.isa]) for threads in options.threads]


def show_profile(options: argparse.Namespace) -> int:
    """Print the kernels of a network, for each batch and number of threads, and plot the last."""
    limits = _limits(options)
    for batch in options.batch:
        found = profiles(find_case(options.profile, batch), options)
        for result, limit in zip(found, limits, strict=True):
            print_profile(result, limit)
    if options.roofline:
        from benchmark.roofline import draw  # noqa: PLC0415 (matplotlib takes a second)

        draw(found[-1], limits, cpu_name(), options.roofline)
    return 0


def profiles(
    case: Case, options: argparse.Namespace, measured: Callable[..., Profile] = profile
) -> list[Profile]:
    """A network compiled and profiled for each number of threads; kernels come from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(folder) / "profiled.baryon"
        compile_ours(case, artifact, Build(TARGETS[options.isa], options.precision, cache=""))
        return [measured(case, artifact, threads) for threads in options.threads]


def show_kernels(options: argparse.Namespace) -> int:
    """Print the contractions of all networks; 1 if a network cannot be compiled."""
    found: list[list[Profile]] = []
    failed = 0
    for case in cases(options):
        try:
            found.append(profiles(case, options, with_contractions_alone))
        except EngineError as error:
            failed = 1
            print(f"{case.name} b{case.batch}: {error}", file=sys.stderr)
    every = {}
    for limits, of_count in zip(_limits(options), zip(*found, strict=True), strict=True):
        rows = every[limits.threads] = contractions(of_count, limits)
        print_contractions(rows, limits)
    if options.json:
        parts = {count: [row.to_json() for row in rows] for count, rows in every.items()}
        options.json.write_text(json.dumps(parts, indent=1))
    return failed


def write_readme(options: argparse.Namespace) -> int:
    """Put the table of a result into the README."""
    report = json.loads(options.table.read_text())
    README.write_text(write_table(README.read_text(encoding="utf-8"), report), encoding="utf-8")
    return 0
