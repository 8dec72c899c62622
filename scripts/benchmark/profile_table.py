"""A profile as a table, the most expensive kernel first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmark.machine import Limits
from benchmark.profile import Group, Profile

WIDTH = 190


def print_profile(profile: Profile, limits: Limits) -> None:
    """Every kernel, then sums by family and what is outside of kernels."""
    console = Console(width=WIDTH, highlight=False)
    console.print(_title(profile))
    console.print(_kernels(profile, limits))
    console.print(_families(profile, limits))
    console.print(
        f"kernels {profile.kernels * 1e3:.3f} ms, the whole run {profile.run * 1e3:.3f} ms "
        f"(least of many); the machine's limits: {describe(limits)}"
    )


def describe(limits: Limits) -> str:
    """The limits in a line."""
    levels = ", ".join(
        f"{level.name} {level.read:.0f} read {level.copy:.0f} copied GB/s"
        for level in limits.levels
    )
    return f"threads {limits.threads}, {limits.gflops:.0f} GFLOP/s, {levels}"


def _title(profile: Profile) -> str:
    return f"[bold]{profile.network}[/bold], batch {profile.batch}, threads {profile.threads}"


def _kernels(profile: Profile, limits: Limits) -> Table:
    left = ("kernel", "node", "family", "shapes")
    right = ("us", "share", "sum", "GFLOP/s", "of FMA", "GB/s", "of memory", "FLOP/byte")
    table = _table(left, right)
    total = 0.0
    for group in sorted(profile.groups, key=lambda g: -g.seconds):
        total += group.seconds
        table.add_row(
            group.name, group.nodes, group.family, " ".join(group.shapes),
            f"{group.seconds * 1e6:.1f}", _percent(group.seconds / profile.kernels),
            _percent(total / profile.kernels), *_rates(group, limits), f"{group.intensity:.1f}",
        )  # fmt: skip
    return table


def _rates(group: Group, limits: Limits) -> list[str]:
    memory = limits.level("memory").read
    return [
        f"{group.gflops:.1f}",
        _percent(group.gflops / limits.gflops),
        f"{group.gbytes:.1f}",
        _percent(group.gbytes / memory),
    ]


def _families(profile: Profile, limits: Limits) -> Table:
    sums: dict[str, list[Group]] = defaultdict(list)
    for group in profile.groups:
        sums[group.family].append(group)
    table = _table(("family",), ("kernels", "us", "share", "GFLOP/s", "of FMA"))
    for family, groups in sorted(sums.items(), key=lambda pair: -_seconds(pair[1])):
        seconds = _seconds(groups)
        rate = sum(g.flops for g in groups) / seconds / 1e9
        table.add_row(
            family, str(len(groups)), f"{seconds * 1e6:.1f}", _percent(seconds / profile.kernels),
            f"{rate:.1f}", _percent(rate / limits.gflops),
        )  # fmt: skip
    return table


def _seconds(groups: Sequence[Group]) -> float:
    return sum(group.seconds for group in groups)


def _percent(share: float) -> str:
    return f"{share * 100:.1f}%"


def _table(left: Sequence[str], right: Sequence[str], **options: Any) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", **options)
    for name in left:
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table
