"""The matrix products and convolutions of the panel against the rate of multiply-adds.

A kernel is timed where it stands, in its network, with the operands as the kernels before left them
in the caches, and by itself. Equal contractions of several networks are one row, with the least
times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmark.families import CONTRACTIONS
from benchmark.machine import Limits
from benchmark.profile import Group, Profile
from benchmark.report import geomean

GOAL = 0.9
LEAST_FLOPS = 1e6
"""Below this a kernel is over before its time can be measured."""


@dataclass(frozen=True)
class Contraction:
    """One shape at a number of threads.

    share, alone: of the rate of multiply-adds, in its network and by itself; operations are counted
    as the direct algorithm's. memory_bound: the weights and data alone take the memory longer than
    the multiply-adds take.
    """

    group: Group
    networks: tuple[str, ...]
    threads: int
    share: float
    alone: float
    memory_bound: bool

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        group = self.group
        return {
            "family": group.family, "shapes": group.shapes, "networks": self.networks,
            "threads": self.threads, "algorithm": group.algorithm, "gflops": group.gflops,
            "share_of_fma": self.share, "alone": self.alone, "memory_bound": self.memory_bound,
        }  # fmt: skip


def contractions(profiles: Iterable[Profile], limits: Limits) -> list[Contraction]:
    """Every distinct shape among profiles of one number of threads, the slowest first."""
    found: dict[tuple[Any, ...], list[tuple[Group, str]]] = defaultdict(list)
    for profile in profiles:
        for group in profile.groups:
            if is_contraction(group):
                key = (group.family, group.shapes[:2], group.shapes[-1])
                found[key].append((group, f"{profile.network} b{profile.batch}"))
    rows = [_contraction(equal, limits) for equal in found.values()]
    return sorted(rows, key=lambda row: row.share)


def is_contraction(group: Group) -> bool:
    """Whether a kernel is one that is large enough to be timed."""
    return group.family in CONTRACTIONS and group.flops >= LEAST_FLOPS


def _contraction(equal: Sequence[tuple[Group, str]], limits: Limits) -> Contraction:
    group = min((group for group, _ in equal), key=lambda group: group.seconds)
    alone = min(group.alone for group, _ in equal)
    compute = group.flops / limits.gflops
    moving = group.bytes / limits.level("memory").read
    return Contraction(
        group=group,
        networks=tuple(sorted({network for _, network in equal})),
        threads=limits.threads,
        share=group.gflops / limits.gflops,
        alone=group.flops / alone / 1e9 / limits.gflops,
        memory_bound=moving > compute,
    )


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
    table = _table(
        "family", "shapes", "geomean of FMA", "worst", "at 90 % or more",
        "alone: geomean", "worst", "at 90 % or more",
    )  # fmt: skip
    for family in (*CONTRACTIONS, "all"):
        own = [row for row in rows if family in ("all", row.group.family)]
        if own:
            shares, alone = [row.share for row in own], [row.alone for row in own]
            table.add_row(family, str(len(own)), *_summary(shares), *_summary(alone))
    return table


def _summary(shares: Sequence[float]) -> tuple[str, str, str]:
    good = sum(share >= GOAL for share in shares)
    return f"{geomean(shares):.1%}", f"{min(shares):.1%}", str(good)


def _shapes(rows: Sequence[Contraction]) -> Table:
    table = _table("shapes", "of FMA", "alone", "GFLOP/s", "us", "MFLOP", "algorithm", "networks")
    for row in rows:
        group = row.group
        table.add_row(
            f"{group.family} {' '.join(group.shapes)}", f"{row.share:.1%}", f"{row.alone:.1%}",
            f"{group.gflops:.1f}", f"{group.seconds * 1e6:.1f}", f"{group.flops / 1e6:.1f}",
            group.algorithm, " ".join(row.networks),
        )  # fmt: skip
    return table


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for name in columns:
        table.add_column(name, justify="right")
    return table
