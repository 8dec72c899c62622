"""Two artifacts of one network, timed call by call, taking turns.

Kernels are timed where they run: on the network's own buffers, with the caches as the kernel before
left them. Since both artifacts run within milliseconds of each other, what disturbs the machine for
longer than that meets both.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.build import load_all
from baryon.codegen.artifact import Artifact
from baryon.feeds import random_feeds
from baryon.runtime import Executable

WARM_BYTES = 64 << 20
"""Bytes of weights and arena from which on nothing of a run is still in a cache at the next one."""


class Loaded:
    """An artifact that runs with several numbers of threads, on one set of random inputs."""

    def __init__(self, artifact: Artifact, threads: Sequence[int]) -> None:
        self.executables = load_all(artifact, threads)
        self.feeds = random_feeds(self.executables[0])

    @property
    def is_cold(self) -> bool:
        """Whether each run finds the caches empty, whatever ran before."""
        sizes = self.executables[0].sizes
        return sizes["weights_bytes"] + sizes["arena_bytes"] > WARM_BYTES

    def nanoseconds(self, executable: Executable) -> NDArray[np.float64]:
        """The time of each call, then of the whole run; what ran before was the same network."""
        if not self.is_cold:
            executable.profile(**self.feeds)
        start = time.perf_counter()
        calls = executable.profile(**self.feeds)
        total = (time.perf_counter() - start) * 1e9
        return np.array([*(call.nanoseconds for call in calls), total])


@dataclass(frozen=True)
class Times:
    """Nanoseconds of two artifacts: [number of threads, pair of runs, artifact, call].

    The last "call" is the whole run.
    """

    nanoseconds: NDArray[np.float64]

    def ratios(self, calls: Sequence[int]) -> NDArray[np.float64]:
        """Time of some calls in the second artifact over that in the first: [threads, pair]."""
        spent = self.nanoseconds[..., list(calls)].sum(axis=-1)
        return np.asarray(spent[..., 1] / spent[..., 0])

    @property
    def total(self) -> NDArray[np.float64]:
        """The same for whole runs."""
        return self.ratios([-1])

    def shares(self) -> NDArray[np.float64]:
        """Of each call, its share of the first artifact's time; mean over numbers of threads."""
        least = self.nanoseconds[:, :, 0, :-1].min(axis=1)
        return np.asarray((least / least.sum(axis=1, keepdims=True)).mean(axis=0))


def compare(first: Loaded, second: Loaded, pairs: int, until: float | None = None) -> Times:
    """Run two artifacts in pairs of runs, the order turned around from pair to pair.

    until: a time of `time.perf_counter` after which no further pair begins (but the first three).
    """
    spent: list[Any] = []
    while len(spent) < pairs and (len(spent) < 3 or until is None or time.perf_counter() < until):
        spent.append(_pair(first, second, len(spent) % 2 == 1))
    return Times(np.array(spent).transpose(1, 0, 2, 3))


def _pair(first: Loaded, second: Loaded, turned: bool) -> list[list[NDArray[np.float64]]]:
    times = []
    for executables in zip(first.executables, second.executables, strict=True):
        order = list(zip((first, second), executables, strict=True))
        runs = [loaded.nanoseconds(exe) for loaded, exe in (order[::-1] if turned else order)]
        times.append(runs[::-1] if turned else runs)
    return times


def typical(ratios: NDArray[np.float64]) -> float:
    """One number of [threads, pair] ratios: the geometric mean over threads of the medians."""
    return float(np.exp(np.log(np.median(ratios, axis=1)).mean()))


def wins(ratios: NDArray[np.float64], margin: float) -> bool:
    """Whether the second is faster beyond noise.

    Faster by the margin, in three quarters of the pairs, and with no number of threads slower.
    """
    medians = np.median(ratios, axis=1)
    mostly = float((ratios < 1).mean()) >= 0.75
    return typical(ratios) < 1 - margin and mostly and float(medians.max()) < 1 + margin / 2
