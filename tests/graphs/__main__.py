"""The command line of `scripts/fuzz`."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from graphs.campaign import Task, work

CHUNK = 10


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
