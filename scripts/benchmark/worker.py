"""One engine with one network in a process of its own, asked by lines of JSON.

python -m benchmark.worker ENGINE MODEL FEEDS.npz THREADS PRECISION

It answers a line after loading, and then one line for each line that it reads:
{"do": "save", "path": ...}     write the outputs, for comparison
{"do": "burst", "seconds": ...} run for that long; answers the median in ms
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import numpy as np

from benchmark.engines import Settings

WAKE = 0.05
"""Seconds of a run above which it does not matter that the threads were asleep before it."""


def burst(run: Callable[[], Any], seconds: float) -> float:
    """The median in milliseconds of runs for about so long: one at least, three if short."""
    times = [timed(run)]
    if times[0] < WAKE:  # that one woke the threads
        times = [timed(run) for _ in range(3)]
    while sum(times) < seconds:
        times.append(timed(run))
    return statistics.median(times) * 1e3


def timed(run: Callable[[], object]) -> float:
    """The seconds of one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def own_stdout() -> TextIO:
    """Standard output for the answers; what the engines print goes to standard error."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def main() -> None:
    """Load, then answer until standard input ends."""
    channel = own_stdout()
    engine, model, feeds, threads, precision = sys.argv[1:]

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=channel, flush=True)

    module = importlib.import_module(f"benchmark.engines.{engine}")
    start = time.perf_counter()
    names, run = module.load(model, Settings(int(threads), precision))
    loaded = time.perf_counter()
    with np.load(feeds) as archive:
        arrays = [archive[name] for name in names]
    first = timed(lambda: run(arrays))
    answer(load_ms=(loaded - start) * 1e3, first_ms=(loaded - start + first) * 1e3)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "save":
            np.savez(request["path"], *run(arrays))
            answer(saved=request["path"])
        else:
            answer(ms=burst(lambda: run(arrays), request["seconds"]))


if __name__ == "__main__":
    main()
