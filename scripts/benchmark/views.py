"""What `scripts/bench` shows of this machine and of single networks."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmark.case import Build, Case, compile_ours
from benchmark.machine import measure
from benchmark.options import find_case
from benchmark.profile import Profile, profile
from benchmark.profile_table import describe, print_profile

TARGETS = {"native": "native", "avx2": "x86-64-v3"}
"""Ours for each choice of `--isa`."""


def show_limits(options: argparse.Namespace) -> int:
    """Measure and print what the machine can do."""
    for threads in options.threads:
        print(describe(measure(threads, TARGETS[options.isa])))
    return 0


def show_profile(options: argparse.Namespace) -> int:
    """Print the kernels of a network, for each batch and number of threads."""
    for batch in options.batch:
        case = find_case(options.profile, batch)
        for result in profiles(case, options):
            print_profile(result, measure(result.threads, TARGETS[options.isa]))
    return 0


def profiles(case: Case, options: argparse.Namespace) -> list[Profile]:
    """A network compiled and profiled for each number of threads; kernels come from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(folder) / "profiled.baryon"
        compile_ours(case, artifact, Build(TARGETS[options.isa], options.precision, cache=""))
        return [profile(case, artifact, threads) for threads in options.threads]
