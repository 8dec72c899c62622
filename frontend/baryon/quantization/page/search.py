"""The accuracy-driven search: what was tried, and what came of it."""

from __future__ import annotations

from baryon.page import Markup, element, percent
from baryon.quantization.report import SearchReport, SearchStep

WIDTH, HEIGHT, LEFT, FOOT = 420, 120, 56, 22
"""Pixels: of the drawing, of the numbers to its left and below."""


def search(report: SearchReport) -> Markup:
    """In words, as a drawing, and as a table."""
    result = "kept to" if report.met else "not met"
    words = (
        f"{report.metric} of {report.float_value:.4f} in float32 was {report.int8_value:.4f} with "
        f"everything in INT8, and is {report.value:.4f} in the result; a drop of "
        f"{percent(report.max_drop)} was allowed: {result}. "
    )
    if report.samples:
        words += f"It was measured on {report.samples} samples, by which the search chose: "
        words += f"one of them weighs {percent(1 / report.samples)}, and others may show more. "
    kept = f"Kept in float32: {', '.join(report.kept)}." if report.kept else "Nothing was kept."
    drawn = [draw(report)] if report.steps else []
    return Markup(element("p", words + kept) + "".join(drawn) + _table(report))


def draw(report: SearchReport) -> Markup:
    """The metric of each network that was evaluated, and the line that it had to reach."""
    target = report.float_value - report.max_drop
    values = [step.metric for step in report.steps]
    low, high = min(*values, target), max(*values, report.float_value)
    span = high - low or 1.0

    def y(value: float) -> float:
        return 10 + (HEIGHT - 10) * (high - value) / span

    step = (WIDTH - LEFT - 20) / max(1, len(values))
    dots = [
        element("circle", class_=_kind(each), cx=LEFT + step * (i + 0.5), cy=y(each.metric), r=5)
        for i, each in enumerate(report.steps)
    ]
    marks = [
        element("line", class_=kind, x1=LEFT, x2=WIDTH, y1=y(value), y2=y(value))
        for kind, value in (("grid", report.float_value), ("threshold", target))
    ]
    labels = [
        element("text", f"{value:.3f}", class_="tick", x=LEFT - 6, y=y(value) + 4,
                text_anchor="end")
        for value in sorted({low, high})
    ]  # fmt: skip
    return element(
        "svg", element("title", "The metric of each network that the search evaluated"),
        marks, dots, labels,
        element("text", "networks that were tried, in order", class_="tick", x=LEFT,
                y=HEIGHT + FOOT),
        viewBox=f"0 0 {WIDTH} {HEIGHT + FOOT + 6}", width=WIDTH, height=HEIGHT + FOOT + 6,
        role="img", class_="search",
    )  # fmt: skip


def _kind(step: SearchStep) -> str:
    return "accepted" if step.accepted else "refused"


def _table(report: SearchReport) -> Markup:
    rows = [
        element("tr", element("td", str(i + 1)), element("td", f"{step.metric:.4f}"),
                element("td", "accepted" if step.accepted else "not enough"),
                element("td", ", ".join(step.kept) or "nothing"))
        for i, step in enumerate(report.steps)
    ]  # fmt: skip
    heads = [element("th", name) for name in ("#", report.metric, "", "kept in float32")]
    if not rows:
        return Markup("")
    return element(
        "details", element("summary", f"{len(rows)} networks were tried"),
        element("table", element("thead", element("tr", heads)), element("tbody", rows)),
    )  # fmt: skip
