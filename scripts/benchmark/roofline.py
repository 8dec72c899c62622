"""The roofline plot (Williams, Waterman and Patterson, 2009) of one network's kernels.

Across: operations per byte. Up: operations per second. No kernel can be above the roofs, which are
measured on this machine; what a kernel's operands do not let it reach is below the slope of the
memory that they come from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullLocator

from baryon.units import plural
from benchmark.labels import Point, place_labels
from benchmark.machine import Limits
from benchmark.profile import Group, Profile

INK, QUIET, FAINT = "#22303c", "#6b7785", "#d5dbe1"
COLOURS = {
    "1x1 convolution": "#3d7ea6",
    "3x3 convolution": "#5aa786",
    "other convolution": "#8c9a3f",
    "depthwise convolution": "#e0a458",
    "matrix product": "#6a6fb0",
    "attention": "#c8553d",
    "recurrent": "#c8553d",
    "normalization": "#8e6c9e",
    "element-wise": "#d98880",
    "pooling": "#7d8c99",
    "reduction": "#7d8c99",
    "data movement": "#b0b7be",
}
OTHER = "#9a8f7f"
LARGEST = 4500
"""Area in square points of a bubble that has all of the time."""
LABELLED = 9
TIMES = "\N{MULTIPLICATION SIGN}"
NEGLIGIBLE = 0.003
"""Share of the time below which a kernel is not shown when that takes a wider frame."""
DIFFERENT = 0.15
"""Two roofs that are nearer than this would be one line."""
STYLE = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "text.color": INK,
    "svg.hashsalt": "baryon",
}


@dataclass(frozen=True)
class Bubble:
    """All calls of one kernel. share: of the time of all kernels."""

    group: Group
    calls: int
    share: float
    gflops: float

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return self.group.intensity

    @property
    def area(self) -> float:
        """In square points."""
        return max(LARGEST * self.share, 12)

    @property
    def colour(self) -> str:
        """That of the family."""
        return COLOURS.get(self.group.family, OTHER)


def bubbles(profile: Profile) -> list[Bubble]:
    """The kernels that compute, the one with the most time first."""
    calls: dict[str, list[Group]] = defaultdict(list)
    for group in profile.groups:
        if group.flops and group.bytes:
            calls[group.name].append(group)
    found = []
    for same in calls.values():
        seconds = sum(group.seconds for group in same)
        rate = sum(group.flops for group in same) / seconds / 1e9
        found.append(Bubble(same[0], len(same), seconds / profile.kernels, rate))
    return sorted(found, key=lambda b: -b.share)


def draw(profile: Profile, limits: Sequence[Limits], cpu: str, paths: Iterable[Path]) -> None:
    """Write the plot, as SVG, PNG or what else a path's suffix says.

    limits: of the profile's number of threads, and of others whose peak is shown too.
    """
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(11, 6.6), dpi=150, layout="constrained")
        _draw_on(axes, profile, limits, cpu)
        for path in paths:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {})
        plt.close(figure)


def _draw_on(axes: Any, profile: Profile, limits: Sequence[Limits], cpu: str) -> None:
    found = bubbles(profile)
    own = next(limit for limit in limits if limit.threads == profile.threads)
    others = [limit for limit in limits if abs(limit.gflops / own.gflops - 1) > DIFFERENT]
    _frame(axes, found, own)
    taken = _roofs(axes, own, others)
    axes.scatter(
        [b.intensity for b in found], [b.gflops for b in found], [b.area for b in found],
        [b.colour for b in found], alpha=0.72, edgecolors="white", linewidths=0.8, zorder=3,
    )  # fmt: skip
    _legend(axes, profile, found)
    _titles(axes, profile, own, cpu)
    points = [Point(label(b), b.intensity, b.gflops, b.area) for b in found]
    place_labels(axes, points, LABELLED, taken, INK)


def _frame(axes: Any, found: Sequence[Bubble], own: Limits) -> None:
    """Logarithmic axes around the bubbles, without boxes."""
    axes.set(xscale="log", yscale="log")
    shown = [b for b in found if b.share > NEGLIGIBLE]
    across, up = [b.intensity for b in shown] or [1], [b.gflops for b in shown] or [1]
    ridge = own.gflops / own.level("L2").read
    axes.set_xlim(min(ridge / 3, min(across) / 2), max(20 * ridge, max(across) * 3))
    axes.set_ylim(min(own.gflops / 6, min(up) / 2), max(own.gflops * 2.2, max(up) * 1.8))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("arithmetic intensity, FLOP per byte of operands and results")
    axes.set_ylabel("GFLOP/s")
    axes.grid(which="major", color=FAINT, linewidth=0.6, alpha=0.6)
    axes.tick_params(which="both", length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _roofs(axes: Any, own: Limits, others: Sequence[Limits]) -> list[Any]:
    """The roofs; returns their texts."""
    low, high = axes.get_xlim()
    texts = []
    for name in ("memory", "L3", "L2"):
        rate = own.level(name).read
        ridge = own.gflops / rate
        axes.plot([low, ridge], [low * rate, own.gflops], color=QUIET, linewidth=1.1, zorder=1)
        texts.append(_along(axes, rate, f"{name} {rate:.0f} GB/s"))
    axes.plot([low, high], [own.gflops] * 2, color=INK, linewidth=1.6, zorder=1)
    texts.append(_above(axes, own.gflops, f"multiply-adds, {plural(own.threads, 'thread')}", INK))
    for other in others:
        axes.plot([low, high], [other.gflops] * 2, color=QUIET, linewidth=1, ls=(0, (5, 4)))
        texts.append(_above(axes, other.gflops, plural(other.threads, "thread"), QUIET))
    return texts


def _above(axes: Any, rate: float, name: str, colour: str) -> Any:
    text = f"{name}: {rate:.0f} GFLOP/s"
    place = (axes.get_xlim()[0], rate)
    shift = {"xytext": (6, 4), "textcoords": "offset points"}
    return axes.annotate(text, place, color=colour, fontsize=9, **shift)


def _along(axes: Any, rate: float, text: str) -> Any:
    """A text on a slope, near its lower end."""
    low, _ = axes.get_xlim()
    bottom, _ = axes.get_ylim()
    start = max(low, bottom / rate) * 1.12
    return axes.annotate(
        text, (start, start * rate), xytext=(-5, 6), textcoords="offset points", color=QUIET,
        fontsize=8.5, rotation=45, rotation_mode="anchor", transform_rotates_text=True,
    )  # fmt: skip


def _legend(axes: Any, profile: Profile, found: Sequence[Bubble]) -> None:
    """Families with their share of the time, also of those that compute nothing."""
    shares: dict[str, float] = defaultdict(float)
    for group in profile.groups:
        shares[group.family] += group.seconds / profile.kernels
    families = sorted(shares, key=lambda name: -shares[name])
    dots = [
        plt.Line2D([], [], ls="", marker="o", ms=8, color=COLOURS.get(f, OTHER), alpha=0.8)
        for f in families
    ]
    names = [f"{family}  {share_text(shares[family])}" for family in families]
    axes.legend(
        dots, names, loc="lower right", frameon=False, fontsize=9, labelcolor=INK,
        title="share of the time", title_fontsize=9, alignment="left",
    )  # fmt: skip


def share_text(share: float) -> str:
    """Such as 31 % or < 1 %."""
    return f"{share * 100:.0f} %" if share >= 0.01 else "< 1 %"


def _titles(axes: Any, profile: Profile, own: Limits, cpu: str) -> None:
    rate = sum(g.flops for g in profile.groups) / profile.run / 1e9
    head = f"{profile.network}, batch {profile.batch}, {plural(profile.threads, 'thread')}"
    tail = (
        f"{cpu}   ·   {profile.run * 1e3:.1f} ms   ·   {rate:.0f} GFLOP/s, "
        f"{rate / own.gflops * 100:.0f} % of the machine's   ·   area: share of the time"
    )
    shift = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate(head, (0, 1), xytext=(0, 30), fontsize=15, weight="bold", **shift)
    axes.annotate(tail, (0, 1), xytext=(0, 13), fontsize=9.5, color=QUIET, **shift)


def label(bubble: Bubble) -> str:
    """What a kernel computes, in a few characters."""
    group, times = bubble.group, f"  {TIMES}{bubble.calls}" if bubble.calls > 1 else ""
    sizes = [shape.split("x") for shape in group.shapes]
    if group.family.endswith("convolution"):
        return _convolution_label(sizes, group.family) + times
    if group.family == "matrix product":
        return f"{TIMES.join(sizes[0])} · {TIMES.join(sizes[1])}{times}"
    return f"{group.family} {TIMES.join(sizes[-1])}{times}"


def _convolution_label(sizes: Sequence[Sequence[str]], family: str) -> str:
    (_, channels, height, width), (outputs, _, *window) = sizes[0], sizes[1]
    kind = "depthwise " if family.startswith("depthwise") else ""
    return f"{kind}{TIMES.join(window)}  {channels}→{outputs}  {height}{TIMES}{width}"
