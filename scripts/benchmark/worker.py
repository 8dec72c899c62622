"""One engine with one network in a process of its own, asked by lines of JSON.

python -m benchmark.worker ENGINE MODEL THREADS

It answers a line after loading, and then one line for each line that it reads:
{"do": "save", "path": ...}     write the outputs, for comparison
{"do": "burst", "seconds": ...} run for that long (3 runs at least); answers the median in ms
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


def make_inputs(inputs: list[tuple[str, list[int], str]]) -> list[Any]:
    """Normal numbers, equal in every process; zeros where the input is not floating point."""
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal(shape).astype(dtype) if "float" in dtype else np.zeros(shape, dtype)
        for _, shape, dtype in inputs
    ]


def burst(run: Callable[[], Any], seconds: float) -> float:
    """The median in milliseconds of runs for about so many seconds."""
    run()  # wake the threads
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def own_stdout() -> TextIO:
    """Standard output for the answers; what the engines print goes to standard error."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def main() -> None:
    """Load, then answer until standard input ends."""
    channel = own_stdout()
    engine, model, threads = sys.argv[1:]

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=channel, flush=True)

    module = importlib.import_module(f"benchmark.engines.{engine}")
    start = time.perf_counter()
    ports, run = module.load(model, int(threads))
    loaded = time.perf_counter()
    arrays = make_inputs(ports)
    begin = time.perf_counter()
    run(arrays)
    first = (time.perf_counter() - begin) + (loaded - start)
    answer(load_ms=(loaded - start) * 1e3, first_ms=first * 1e3)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "save":
            np.savez(request["path"], *run(arrays))
            answer(saved=request["path"])
        else:
            answer(ms=burst(lambda: run(arrays), request["seconds"]))


if __name__ == "__main__":
    main()
