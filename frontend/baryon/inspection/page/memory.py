"""The memory plan over time: a rectangle for each buffer, calls from left to right."""

from __future__ import annotations

from collections.abc import Mapping

from baryon.inspection.report import Buffer, InspectionReport
from baryon.page import Markup, element
from baryon.units import format_bytes

WIDTH, LEFT, TOP, TALL, FOOT = 1180, 74, 24, 300, 24
"""Pixels: of the drawing, and of the axis, the heading, the arena and the numbers in it."""
LINES = 4
LEGIBLE = 90.0, 13.0
"""Pixels of a rectangle in which its name is written."""


def drawing(report: InspectionReport, colours: Mapping[str, str]) -> Markup:
    """The arena from its first byte at the foot to its last at the top; a line marks the peak."""
    calls, arena = len(report.groups), report.estimate.memory.arena or 1
    step = (WIDTH - LEFT) / max(1, calls)
    return element(
        "svg",
        element("title", "The arena over the calls of a run"),
        _grid(arena),
        [_buffer(b, step, arena, colours.get(b.kind, "k7")) for b in report.buffers],
        _peak(report, step),
        _numbers(calls, step),
        viewBox=f"0 0 {WIDTH} {TOP + TALL + FOOT}", class_="memory picture", role="img",
    )  # fmt: skip


def _y(offset: int, arena: int) -> float:
    return TOP + TALL * (1 - offset / arena)


def _grid(arena: int) -> list[Markup]:
    parts = []
    for n in range(LINES + 1):
        y = _y(arena * n // LINES, arena)
        label = format_bytes(arena * n / LINES) if n else "0"
        parts += [
            element("line", class_="grid", x1=LEFT, x2=WIDTH, y1=y, y2=y),
            element("text", label, class_="tick", x=LEFT - 6, y=y + 4, text_anchor="end"),
        ]
    return parts


def _buffer(buffer: Buffer, step: float, arena: int, colour: str) -> Markup:
    x, wide = LEFT + step * buffer.first, step * (buffer.last - buffer.first + 1)
    y = _y(buffer.offset + buffer.size, arena)
    tall = max(1.0, _y(buffer.offset, arena) - y)
    about = (
        f"%{buffer.name}\n{format_bytes(buffer.size)} at {format_bytes(buffer.offset)}\n"
        f"calls {buffer.first} to {buffer.last}"
    )
    box = element("rect", class_=f"buffer {colour}", x=x, y=y, width=wide, height=tall)
    fits = wide >= LEGIBLE[0] and tall >= LEGIBLE[1]
    name = element("text", format_bytes(buffer.size), class_="inside", x=x + 5, y=y + 12)
    return element("g", element("title", about), box, name if fits else "")


def _peak(report: InspectionReport, step: float) -> list[Markup]:
    if not report.buffers:
        return []
    at, live = report.peak, report.groups[report.peak].live
    x, right = LEFT + step * (at + 0.5), at > len(report.groups) / 2
    words = f"peak: {format_bytes(live)} in use in call {at}"
    anchor, beside = ("end", -6) if right else ("start", 6)
    return [
        element("line", class_="peak", x1=x, x2=x, y1=6, y2=TOP + TALL),
        element("text", words, class_="name", x=x + beside, y=14, text_anchor=anchor),
    ]


def _numbers(calls: int, step: float) -> list[Markup]:
    every = max(1, -(-calls // 24))
    y = TOP + TALL + FOOT - 6
    return [
        element("text", str(n), class_="tick", x=LEFT + step * (n + 0.5), y=y,
                text_anchor="middle")
        for n in range(0, calls, every)
    ]  # fmt: skip
