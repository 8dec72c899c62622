"""The histogram of one tensor with the range that its codes can say."""

from __future__ import annotations

import math
from collections.abc import Sequence

from baryon.page import Markup, element, percent, significant
from baryon.quantization.report import Histogram, TensorReport

WIDTH, HEIGHT, AXIS = 420, 96, 22
"""Of the drawing in pixels, and of the strip for numbers below it."""


def figure(tensor: TensorReport) -> Markup:
    """What calibration saw of a tensor, drawn where there is a histogram, and in words."""
    cut = f"; {percent(tensor.clipped)} of the elements are cut off" if tensor.clipped else ""
    words = (
        f"saw {significant(tensor.low)} to {significant(tensor.high)}, codes say "
        f"{significant(tensor.clip_low)} to {significant(tensor.clip_high)}{cut}. "
        f"{tensor.dtype}, scale {significant(tensor.scale)}, zero point {tensor.zero}"
    )
    drawn = [draw(tensor, tensor.histogram)] if tensor.histogram else []
    name = element("b", tensor.name)
    return element("figure", *drawn, element("figcaption", name, ": ", words))


def draw(tensor: TensorReport, histogram: Histogram) -> Markup:
    """Counts by value, logarithmic, for a few outliers to be seen beside millions of zeros."""
    low = min(histogram.low, tensor.clip_low)
    span = max(histogram.high, tensor.clip_high) - low or 1.0

    def x(value: float) -> float:
        return WIDTH * (value - low) / span

    left, right = x(tensor.clip_low), x(tensor.clip_high)
    bins = max(1, len(histogram.counts))
    width = (x(histogram.high) - x(histogram.low)) / bins or 1.0
    return element(
        "svg",
        element("title", f"Histogram of {tensor.name}"),
        element("rect", class_="range", x=left, y=0, width=right - left, height=HEIGHT),
        element("path", class_="counts", d=_outline(histogram.counts),
                transform=f"translate({x(histogram.low):.1f}) scale({width:.4f} 1)"),
        element("rect", class_="cut", x=0, y=0, width=left, height=HEIGHT),
        element("rect", class_="cut", x=right, y=0, width=WIDTH - right, height=HEIGHT),
        _threshold(left, significant(tensor.clip_low)),
        _threshold(right, significant(tensor.clip_high)),
        element("line", class_="axis", x1=0, x2=WIDTH, y1=HEIGHT, y2=HEIGHT),
        viewBox=f"-2 0 {WIDTH + 4} {HEIGHT + AXIS}", width=WIDTH, height=HEIGHT + AXIS,
        role="img", class_="histogram",
    )  # fmt: skip


def _outline(counts: Sequence[int]) -> str:
    """A closed path of steps of width 1. That of a network has hundreds of them: it is short."""
    most = math.log1p(max(counts, default=0)) or 1.0
    tops = [HEIGHT * (1 - 0.92 * math.log1p(count) / most) for count in counts]
    return f"M0 {HEIGHT}{''.join(f'V{top:.0f}h1' for top in tops)}V{HEIGHT}Z"


def _threshold(x: float, text: str) -> Markup:
    anchor = "start" if x < 40 else "end" if x > WIDTH - 40 else "middle"
    return Markup(
        element("line", class_="threshold", x1=x, x2=x, y1=0, y2=HEIGHT + 5)
        + element("text", text, class_="tick", x=x, y=HEIGHT + 18, text_anchor=anchor)
    )
