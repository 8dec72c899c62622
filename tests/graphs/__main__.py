"""The command line of `scripts/fuzz`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from graphs.generate import Drawn, draw
from graphs.gradients import Trained, check_differences, draw_trained
from graphs.judge import Check, check_compiled, check_passes, check_text
from graphs.shrink import shrink

CHUNK = 10


@dataclass(frozen=True)
class Task:
    """Seeds and what to do with their graphs."""

    seeds: Sequence[int]
    compiled: bool
    gradients: bool
    out: Path


@dataclass(frozen=True)
class Outcome:
    """graphs: how many were checked. mismatches: a line for each."""

    graphs: int
    mismatches: list[str]


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Random graphs through the pipeline, judged by the interpreter in float64.",
    )
    parser.add_argument("--graphs", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--compiled", action="store_true", help="compile and run them too")
    parser.add_argument("--gradients", action="store_true", help="graphs with their gradients")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument(
        "--out", type=Path, default=Path("out/fuzz"), metavar="DIR", help="for graphs that fail"
    )
    return parser.parse_args()


def work(task: Task) -> Outcome:
    """Check the graphs of some seeds."""
    lines: list[str] = []
    graphs = 0
    for seed in task.seeds:
        drawn = draw_trained(seed) if task.gradients else draw(seed)
        if drawn is not None:
            graphs += 1
            lines += failures(seed, drawn, task)
    return Outcome(graphs, lines)


def failures(seed: int, drawn: Drawn, task: Task) -> list[str]:
    """A line for each check that a graph fails; the graph is written, as small as it gets."""
    checks: list[Check] = [check_text, check_passes, *([check_compiled] if task.compiled else [])]
    lines = []
    if isinstance(drawn, Trained) and (found := check_differences(drawn)):
        lines.append(f"seed {seed}: {found}; {write(task.out, seed, drawn)}")
    for check in checks:
        found = check(drawn)
        if found is not None:
            small = shrink(drawn, check, found)
            lines.append(f"seed {seed}: {check(small) or found}; {write(task.out, seed, small)}")
    return lines


def write(folder: Path, seed: int, drawn: Drawn) -> Path:
    """The graph as text for `baryon opt`, its constants beside it, its inputs in another file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{seed}.ir"
    path.write_text(str(drawn.module))
    np.savez(path.with_suffix(".npz"), allow_pickle=False, **drawn.module.constants)
    np.savez(folder / f"{seed}_inputs.npz", *drawn.inputs, allow_pickle=False)
    return path


def main() -> None:
    """Run, print mismatches as they are found, and one closing line."""
    options = arguments()
    seeds = range(options.seed, options.seed + options.graphs)
    tasks = [
        Task(seeds[n : n + CHUNK], options.compiled, options.gradients, options.out)
        for n in range(0, len(seeds), CHUNK)
    ]
    start, graphs, bad = time.perf_counter(), 0, 0
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(work, tasks):
            graphs, bad = graphs + outcome.graphs, bad + len(outcome.mismatches)
            print(*outcome.mismatches, sep="\n", end="\n" * bool(outcome.mismatches), flush=True)
    how = "compiled and run" if options.compiled else "interpreted after all passes"
    kind = "graphs with gradients" if options.gradients else "graphs"
    seconds = time.perf_counter() - start
    print(f"{graphs} {kind} {how}, seeds {seeds.start} to {seeds.stop - 1}: "
          f"{bad} mismatches ({seconds:.0f} s)")  # fmt: skip
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
