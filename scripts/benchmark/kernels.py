"""The matrix products and convolutions of the panel against the rate of multiply-adds.

A kernel is timed where it stands: in its network, with the operands as the kernels before left them
in the caches. Equal contractions of several networks are one row, with the fastest time of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmark.machine import Limits
from benchmark.profile import Group, Profile
from benchmark.report import geomean

GOAL = 0.9
LEAST_FLOPS = 1e6
"""Below this a kernel is over before its time can be measured."""
FAMILIES = ("1x1 convolution", "3x3 convolution", "other convolution", "matrix product")


@dataclass(frozen=True)
class Contraction:
    """One shape at a number of threads. rate: GFLOP/s, counted as the direct algorithm's.

    memory_bound: the weights and data alone take the memory longer than the multiply-adds take.
    """

    group: Group
    networks: tuple[str, ...]
    threads: int
    share: float
    memory_bound: bool

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        group = self.group
        return {
            "family": group.family, "shapes": group.shapes, "networks": self.networks,
            "threads": self.threads, "algorithm": group.algorithm, "gflops": group.gflops,
            "share_of_fma": self.share, "memory_bound": self.memory_bound,
        }  # fmt: skip


def contractions(profiles: Iterable[Profile], limits: Limits) -> list[Contraction]:
    """Every distinct shape among profiles of one number of threads, the slowest first."""
    best: dict[tuple[Any, ...], tuple[Group, set[str]]] = {}
    for profile in profiles:
        for group in profile.groups:
            if group.family in FAMILIES and group.flops >= LEAST_FLOPS:
                key = (group.family, group.shapes[:2], group.shapes[-1])
                known, networks = best.get(key, (group, set()))
                networks.add(f"{profile.network} b{profile.batch}")
                best[key] = (min(known, group, key=lambda g: g.seconds), networks)
    rows = [_contraction(group, networks, limits) for group, networks in best.values()]
    return sorted(rows, key=lambda row: row.share)


def _contraction(group: Group, networks: set[str], limits: Limits) -> Contraction:
    compute = group.flops / limits.gflops
    moving = group.bytes / limits.level("memory").read
    share = group.gflops / limits.gflops
    return Contraction(group, tuple(sorted(networks)), limits.threads, share, moving > compute)


def print_contractions(rows: Sequence[Contraction], limits: Limits) -> None:
    """The geomean per family, and each shape below the goal."""
    console = Console(width=160, highlight=False)
    bound = [row for row in rows if not row.memory_bound]
    console.print(
        f"threads {limits.threads}: {len(rows)} shapes, multiply-adds at {limits.gflops:.0f} "
        f"GFLOP/s; {len(rows) - len(bound)} shapes are bound by memory and stand apart"
    )
    console.print(_sums(bound))
    slow = [row for row in bound if row.share < GOAL]
    console.print(f"{len(slow)} shapes are below {GOAL:.0%}:")
    console.print(_shapes(slow))
    console.print("bound by memory:")
    console.print(_shapes([row for row in rows if row.memory_bound]))


def _sums(rows: Sequence[Contraction]) -> Table:
    table = _table("family", "shapes", "geomean of FMA", "worst", "at 90 % or more")
    for family in (*FAMILIES, "all"):
        own = [row for row in rows if family in ("all", row.group.family)]
        if own:
            good = sum(row.share >= GOAL for row in own)
            mean, worst = geomean(row.share for row in own), min(row.share for row in own)
            table.add_row(family, str(len(own)), f"{mean:.1%}", f"{worst:.1%}", str(good))
    return table


def _shapes(rows: Sequence[Contraction]) -> Table:
    table = _table("shapes", "of FMA", "GFLOP/s", "us", "MFLOP", "algorithm", "networks")
    for row in rows:
        group = row.group
        table.add_row(
            f"{group.family} {' '.join(group.shapes)}", f"{row.share:.1%}", f"{group.gflops:.1f}",
            f"{group.seconds * 1e6:.1f}", f"{group.flops / 1e6:.1f}", group.algorithm,
            " ".join(row.networks),
        )  # fmt: skip
    return table


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for name in columns:
        table.add_column(name, justify="right")
    return table
