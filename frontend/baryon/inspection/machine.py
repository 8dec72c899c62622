"""What estimates of time divide by: the clock of a core and the rates of memory."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from baryon.ir import Array
from baryon.runtime import _native

CACHED, LARGE = 1 << 20, 32 << 20
"""Bytes of arrays that stay in caches beside others, and of some that do not."""
ATTEMPTS = 8


@dataclass(frozen=True)
class Machine:
    """A CPU, as far as estimates care.

    clock: hertz of a core. memory, cached: bytes per second that `threads` threads together read
    and write, from memory and from caches. threads: that a run uses.
    """

    clock: float
    memory: float
    cached: float
    threads: int

    @staticmethod
    def measured(threads: int | None = None) -> Machine:
        """This machine, in some 50 ms. threads: None for the CPUs that the process may use."""
        return _measured(threads or len(os.sched_getaffinity(0)))


@lru_cache
def _measured(threads: int) -> Machine:
    with ThreadPoolExecutor(threads) as pool:
        memory, cached = (_rate(pool, threads, size) for size in (LARGE, CACHED))
    return Machine(_native.clock_hz(), memory, cached, threads)


def _rate(pool: ThreadPoolExecutor, threads: int, size: int) -> float:
    """Bytes per second, of the quickest of some attempts: what disturbs one only slows it."""
    repeats = max(1, LARGE // size // 4)
    pairs = [(np.zeros(size, np.uint8), np.ones(size, np.uint8)) for _ in range(threads)]

    def copy(pair: tuple[Array, Array]) -> None:
        for _ in range(repeats):
            np.copyto(*pair)  # without the GIL

    best = float("inf")
    for _ in range(ATTEMPTS):
        start = time.perf_counter()
        list(pool.map(copy, pairs))
        best = min(best, time.perf_counter() - start)
    return 2 * size * repeats * threads / best
