"""The kernels of one compiled network against the limits of the machine.

The runtime reads the clock before and after each kernel, some 50 ns per kernel; `outside` says what
a whole run takes over the sum of its kernels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import baryon.runtime
from baryon.units import format_shape
from benchmark.case import Case
from benchmark.families import family_of
from benchmark.machine import Limits
from benchmark.worker import timed

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """A kernel call. flops, bytes: of one call, as META has them.

    family: what kind of work it is. nodes: of the network's own nodes, the one it began with.
    shapes: of operands and results. seconds: the least of many runs. alone: of the kernel by
    itself; `seconds` until that is measured.
    """

    number: int
    name: str
    family: str
    nodes: str
    ops: tuple[str, ...]
    shapes: tuple[str, ...]
    notes: Mapping[str, str]
    flops: float
    bytes: float
    seconds: float
    alone: float

    @property
    def algorithm(self) -> str:
        """Of several that there are for a contraction; "direct" where nothing is noted."""
        return self.notes.get("plan", "").partition(" ")[0] or "direct"

    @property
    def gflops(self) -> float:
        """Billions of operations in a second."""
        return self.flops / self.seconds / 1e9

    @property
    def gbytes(self) -> float:
        """Billions of bytes in a second, if each operand moves once."""
        return self.bytes / self.seconds / 1e9

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.flops / max(self.bytes, 1)

    def bound(self, limits: Limits) -> float:
        """The seconds that the machine needs at least, with all operands in memory."""
        memory = self.bytes / limits.level("memory").read / 1e9
        return max(self.flops / limits.gflops / 1e9, memory)


@dataclass(frozen=True)
class Profile:
    """Times of one network. run: the least seconds of a whole run."""

    network: str
    batch: int
    threads: int
    groups: tuple[Group, ...]
    run: float

    @property
    def kernels(self) -> float:
        """Seconds of all kernels."""
        return sum(group.seconds for group in self.groups)

    @property
    def outside(self) -> float:
        """Seconds of a run in no kernel."""
        return self.run - self.kernels


def profile(case: Case, artifact: Path, threads: int, seconds: float = 2.0) -> Profile:
    """Time every kernel of an artifact for about so long."""
    network = baryon.runtime.load(artifact, threads=threads)
    feeds = case.feeds()
    runs = _repeat(lambda: network.profile(**feeds), seconds / 2)
    whole = _repeat(lambda: timed(lambda: network(**feeds)), seconds / 2)
    least = [min(call.nanoseconds for call in calls) / 1e9 for calls in zip(*runs, strict=True)]
    groups = network.meta["groups"]
    rows = [_group(n, *pair) for n, pair in enumerate(zip(groups, least, strict=True))]
    return Profile(case.name, case.batch, threads, tuple(rows), min(whole))


def _repeat(run: Callable[[], T], seconds: float) -> list[T]:
    """Results of runs for so long, five at least, after one that does not count."""
    run()
    results: list[T] = []
    end = time.perf_counter() + seconds
    while len(results) < 5 or time.perf_counter() < end:
        results.append(run())
    return results


def _group(number: int, meta: Mapping[str, Any], seconds: float) -> Group:
    return Group(
        number=number,
        name=str(meta["name"]),
        family=family_of(meta),
        nodes=str(meta["source"]).rpartition("#")[2],
        ops=tuple(str(op).rpartition(".")[2] for op in meta["ops"]),
        shapes=tuple(map(format_shape, meta["shapes"])),
        notes=dict(meta["notes"]),
        flops=float(meta["flops"]),
        bytes=float(meta["bytes"]),
        seconds=seconds,
        alone=seconds,
    )
