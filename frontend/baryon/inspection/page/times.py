"""Where the time goes: a bar for each kernel, in the order of execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from baryon.inspection.page.kinds import name_of, time_of_kinds
from baryon.inspection.report import GroupReport
from baryon.page import Markup, element, milliseconds, percent
from baryon.units import format_bytes

WIDTH, LEFT, TALL, FOOT = 1180, 58, 190, 22
"""Pixels: of the drawing, of the axis at its left, of the tallest bar, of the numbers below."""
LINES = 4


def drawing(groups: Sequence[GroupReport], colours: Mapping[str, str]) -> Markup:
    """Bars of measured times with a mark at the estimate; where nothing ran, of estimates."""
    most = max((max(g.microseconds, g.estimate_us) for g in groups), default=0.0) or 1.0
    step = (WIDTH - LEFT) / max(1, len(groups))
    return element(
        "svg",
        element("title", "Time of each kernel, in the order of execution"),
        _grid(most),
        [_bar(g, step, most, colours[g.kind]) for g in groups],
        _numbers(len(groups), step),
        viewBox=f"0 0 {WIDTH} {TALL + FOOT + 10}", class_="times picture", role="img",
    )  # fmt: skip


def _grid(most: float) -> list[Markup]:
    parts = []
    for n in range(LINES + 1):
        y = 10 + TALL * (1 - n / LINES)
        label = milliseconds(most * n / LINES / 1e3) if n else "0"
        parts += [
            element("line", class_="grid", x1=LEFT, x2=WIDTH, y1=y, y2=y),
            element("text", label, class_="tick", x=LEFT - 6, y=y + 4, text_anchor="end"),
        ]
    return parts


def _bar(group: GroupReport, step: float, most: float, colour: str) -> Markup:
    x, gap = LEFT + step * group.number, min(3.0, step * 0.2)
    tall = max(0.7, TALL * group.microseconds / most)
    bar = element("rect", class_=f"bar {colour}", x=x + gap / 2, y=10 + TALL - tall,
                  width=step - gap, height=tall)  # fmt: skip
    y = 10 + TALL * (1 - group.estimate_us / most)
    mark = element("line", class_="guess", x1=x + gap / 2, x2=x + step - gap / 2, y1=y, y2=y)
    strip = element("rect", class_="strip", x=x, y=10, width=step, height=TALL)
    marks = [mark] if group.measured_us is not None else []
    title = element("title", describe(group))
    return element("a", title, strip, bar, *marks, href=f"#group-{group.number}")


def describe(group: GroupReport) -> str:
    """What is shown over a bar."""
    lines = [f"{group.number}. {group.label}", " ".join(group.ops)]
    if group.measured_us is not None:
        lines.append(f"measured {milliseconds(group.measured_us / 1e3)}")
    lines.append(f"estimated {milliseconds(group.estimate_us / 1e3)}")
    lines.append(f"{format_bytes(group.live)} of the arena in use")
    return "\n".join(lines)


def _numbers(count: int, step: float) -> list[Markup]:
    every = max(1, -(-count // 24))
    return [
        element("text", str(n), class_="tick", x=LEFT + step * (n + 0.5), y=TALL + FOOT + 4,
                text_anchor="middle")
        for n in range(0, count, every)
    ]  # fmt: skip


def shares(groups: Sequence[GroupReport], colours: Mapping[str, str]) -> Markup:
    """One strip of all time by kind of kernel, and its legend."""
    spent = time_of_kinds(groups)
    total = sum(spent.values()) or 1.0
    parts = [
        element("i", class_=colours[kind], style=f"width:{100 * time / total:.2f}%",
                title=f"{name_of(kind)}: {percent(time / total)}")
        for kind, time in spent.items()
    ]  # fmt: skip
    keys = [
        element("span", element("i", class_=f"key {colours[kind]}"),
                f"{name_of(kind)} {percent(time / total)}")
        for kind, time in spent.items()
    ]  # fmt: skip
    return Markup(element("div", parts, class_="shares") + element("p", keys, class_="legend"))
