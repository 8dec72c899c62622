"""Kernels by themselves: one call again and again, its operands where its last run left them.

In its network a kernel also pays for operands that left the caches while others ran. What it takes
by itself says how good its code is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import baryon.runtime
from baryon.runtime import Executable, Session
from benchmark.case import Case
from benchmark.kernels import is_contraction
from benchmark.profile import Profile, profile

ROUNDS, SECONDS, LEAST_RUNS = 5, 0.01, 5
"""Each kernel runs for so long, several times with the others between: what disturbs a
machine often lasts longer than one of these."""


def with_contractions_alone(case: Case, artifact: Path, threads: int) -> Profile:
    """The profile of an artifact, with the times of its contractions by themselves."""
    whole = profile(case, artifact, threads)
    solo = Solo(baryon.runtime.load(artifact, threads=threads), case.feeds())
    chosen = [group.number for group in whole.groups if is_contraction(group)]
    rounds = [[solo.seconds(number) for number in chosen] for _ in range(ROUNDS)]
    least = dict(zip(chosen, map(min, zip(*rounds, strict=True)), strict=True))
    groups = (replace(group, alone=least.get(group.number, group.alone)) for group in whole.groups)
    return replace(whole, groups=tuple(groups))


class Solo:
    """A network that was run once, any call of which can be run again."""

    def __init__(self, network: Executable, feeds: Mapping[str, NDArray[Any]]) -> None:
        self._inputs = [np.ascontiguousarray(feeds[spec.name]) for spec in network.inputs]
        self._outputs = [np.empty(spec.max_shape, spec.dtype) for spec in network.outputs]
        self._session = Session(network)
        self._run(0, len(network.meta["groups"]))
        self._around = min(self._times(0, 0))

    def seconds(self, call: int) -> float:
        """The least of many runs of one kernel, without what starting it from Python takes."""
        return min(self._times(call, 1)) - self._around

    def _times(self, first: int, count: int) -> list[float]:
        end = time.perf_counter() + SECONDS
        times: list[float] = []
        while len(times) < LEAST_RUNS or time.perf_counter() < end:
            start = time.perf_counter()
            self._run(first, count)
            times.append(time.perf_counter() - start)
        return times

    def _run(self, first: int, count: int) -> None:
        self._session.run(first, count, self._inputs, self._outputs)
