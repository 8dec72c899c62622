"""The drawing at the top: a bar for each layer, as tall as the error that it makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from baryon.page import Markup, element, milliseconds, percent
from baryon.quantization.page.severity import decibels, relative_error, severity, worst
from baryon.quantization.report import ErrorReport, LayerReport

LEFT, RIGHT = 56, 52
"""Pixels for the numbers of the axes."""
TOP, BARS, GAP, TIMES, BOTTOM = 46, 220, 34, 90, 26
"""Heights in pixels, from top to bottom: names, errors, a gap, times, numbers of layers."""
TOPS = (0.1, 1.0)
"""The largest error of an axis: the first that holds all, so that what is harmless looks so."""
TICKS = (0.01, 0.1, 0.3, 1.0)
LONGEST = 48
"""Letters of a name beside a bar."""
NAMED = 3
"""How many of the worst layers have their names beside their bars."""


@dataclass(frozen=True)
class Frame:
    """Where things stand. step: pixels of a layer. top: the error at the top of the axis."""

    count: int
    step: float
    top: float

    @property
    def width(self) -> float:
        """Of the drawing."""
        return LEFT + self.step * self.count + RIGHT

    def x(self, index: int) -> float:
        """The left of a layer."""
        return LEFT + self.step * index

    def center(self, index: int) -> float:
        """The middle of a layer."""
        return self.x(index) + self.step / 2

    def height(self, error: ErrorReport | None) -> float:
        """Of the bar of an error: by its root, so that a small one is seen and a large one stands
        out.
        """
        if error is None:
            return 0.0
        share = min(1.0, relative_error(error.sqnr) / self.top)
        return max(1.0, BARS * math.sqrt(share))


def frame(layers: Sequence[LayerReport]) -> Frame:
    """Wide enough for every layer to have a bar that can be hit with a mouse."""
    shown = [error for x in layers for error in (x.alone, x.accumulated) if error]
    errors = [relative_error(error.sqnr) for error in shown]
    top = next((top for top in TOPS if max(errors, default=0) <= top), TOPS[-1])
    return Frame(len(layers), min(60.0, max(5.0, 900 / max(1, len(layers)))), top)


def overview(layers: Sequence[LayerReport], anchors: Sequence[str]) -> Markup:
    """Errors above, times below. anchors: where a click on a layer leads."""
    box = frame(layers)
    timed = any(layer.float_ms is not None for layer in layers)
    tall = TOP + BARS + BOTTOM + (GAP + TIMES if timed else 0)
    return element(
        "svg",
        element("title", "The error that each layer makes alone; a tall bar hurts."),
        _grid(box),
        [_bar(box, i, layer, anchors[i]) for i, layer in enumerate(layers)],
        _line(box, layers),
        _names(box, layers),
        _times(box, layers) if timed else "",
        _numbers(box, tall - 8),
        viewBox=f"0 0 {box.width:.0f} {tall}", width=int(box.width), height=tall,
        role="img", class_="overview",
    )  # fmt: skip


def _grid(box: Frame) -> list[str]:
    parts: list[str] = []
    right = box.width - RIGHT
    for share in (0.0, *(tick for tick in TICKS if tick <= box.top)):
        y = TOP + BARS * (1 - (share / box.top) ** 0.5)
        label = percent(share)
        parts += [
            element("line", class_="grid", x1=LEFT, x2=right, y1=y, y2=y),
            element("text", label, class_="tick", x=LEFT - 6, y=y + 4, text_anchor="end"),
        ]
        if share:
            sqnr = f"{abs(20 * math.log10(share)):.0f} dB"
            parts.append(element("text", sqnr, class_="tick", x=right + 6, y=y + 4))
    return parts


def _bar(box: Frame, index: int, layer: LayerReport, anchor: str) -> Markup:
    """A link with a strip over the whole height, so that short bars can be hit too."""
    tall = box.height(layer.alone)
    gap = min(4.0, box.step * 0.2)
    bar = element(
        "rect", class_=f"bar {severity(layer)}", x=box.x(index) + gap / 2,
        y=TOP + BARS - tall, width=box.step - gap, height=tall,
    )  # fmt: skip
    strip = element(
        "rect", class_="strip", x=box.x(index), y=TOP, width=box.step, height=BARS
    )  # fmt: skip
    return element("a", element("title", describe(layer)), strip, bar, href=f"#{anchor}")


def describe(layer: LayerReport) -> str:
    """What is shown over a bar."""
    parts = [f"{layer.name} ({layer.op}): {layer.decision}"]
    if layer.alone:
        parts.append(f"alone {describe_error(layer.alone)}")
    if layer.accumulated:
        parts.append(f"in the quantized network {describe_error(layer.accumulated)}")
    return "\n".join([*parts, layer.reason])


def describe_error(error: ErrorReport) -> str:
    """Such as 1.2 % (38.4 dB), with the cosine."""
    return f"{percent(relative_error(error.sqnr))} ({decibels(error.sqnr)})"


def _line(box: Frame, layers: Sequence[LayerReport]) -> Markup:
    """The accumulated error, from layer to layer."""
    points = [
        f"{box.center(i):.1f},{TOP + BARS - box.height(layer.accumulated):.1f}"
        for i, layer in enumerate(layers)
        if layer.accumulated
    ]
    return element("polyline", class_="accumulated", points=" ".join(points))


def _names(box: Frame, layers: Sequence[LayerReport]) -> list[str]:
    """Names of the worst layers; each is a line lower than the one before where they are near."""
    found = worst(tuple(layers), NAMED)
    places = sorted((layers.index(layer), layer) for layer in found)  # in the network's order
    parts: list[str] = []
    for line, (index, layer) in enumerate(places):
        x, anchor = box.center(index), "end" if index > len(layers) / 2 else "start"
        y = 12 + 13 * line
        top = TOP + BARS - box.height(layer.alone)
        parts += [
            element("line", class_="leader", x1=x, x2=x, y1=y + 3, y2=max(y + 3, top - 2)),
            element("text", _short(layer.name), class_="name", x=x, y=y, text_anchor=anchor),
        ]
    return parts


def _short(name: str) -> str:
    """The end of a long name, which tells layers apart."""
    return name if len(name) <= LONGEST else f"\u2026{name[1 - LONGEST :]}"


def _times(box: Frame, layers: Sequence[LayerReport]) -> list[str]:
    """Two bars for each layer, before and after, on one linear axis."""
    foot = TOP + BARS + GAP + TIMES
    most = max((max(x.float_ms or 0, x.int8_ms or 0) for x in layers), default=0) or 1.0
    kinds = "/".join(sorted({x.timing for x in layers if x.float_ms is not None}))
    label = f"time ({kinds}), up to {milliseconds(most)}"
    parts: list[str] = [
        element("text", label, class_="tick", x=LEFT, y=foot - TIMES - 8),
        element("line", class_="grid", x1=LEFT, x2=box.width - RIGHT, y1=foot, y2=foot),
    ]
    for index, layer in enumerate(layers):
        pair = (("before", layer.float_ms), ("after", _after(layer)))
        for place, (kind, spent) in enumerate(pair):
            if spent is not None:
                parts.append(_time(box, index, place, kind, spent / most, foot))
    return parts


def _after(layer: LayerReport) -> float | None:
    """The time in the quantized network."""
    return layer.float_ms if layer.decision == "float32" else layer.int8_ms


def _time(box: Frame, index: int, place: int, kind: str, share: float, foot: float) -> Markup:
    wide = box.step * 0.4
    x, tall = box.x(index) + box.step * 0.1 + place * wide, TIMES * share
    return element("rect", class_=kind, x=x, y=foot - tall, width=wide, height=tall)


def _numbers(box: Frame, y: float) -> list[str]:
    """Numbers of layers: about twenty of them, the first always."""
    every = max(1, -(-box.count // 20))
    return [
        element("text", str(i + 1), class_="tick", x=box.center(i), y=y, text_anchor="middle")
        for i in range(0, box.count, every)
    ]
