"""The README's tables of comparison, written from the JSON of a run, so that they are that run's.

A table stands between `<!-- bench PRECISION TARGET -->` and `<!-- end of bench -->`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baryon.units import plural
from benchmark.case import OURS, OURS_FP32
from benchmark.report import ratio, summarize

END = "<!-- end of bench -->"
TITLES = {
    OURS: "baryon", OURS_FP32: "baryon float32", "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
}  # fmt: skip
ERRORS = {
    "int8": ("what the file means", "what its rounding makes of the float32 network's outputs")
}
"""For a precision: what answers are compared with, and the unit of their errors."""

Report = Mapping[str, Any]


class MarkerError(Exception):
    """A text without the place for a table."""


def write_table(text: str, report: Report) -> str:
    """The text with the report's table in its place. Raises MarkerError."""
    begin = f"<!-- bench {report['precision']} {report['target']} -->"
    if begin not in text or END not in text.partition(begin)[2]:
        raise MarkerError(f"there are no lines {begin!r} and {END!r}")
    head, _, rest = text.partition(begin)
    tail = rest.partition(END)[2]
    return f"{head}{begin}\n{markdown(report)}{END}{tail}"


def markdown(report: Report) -> str:
    """What was measured how, a table for each batch, and the geomeans."""
    rows = report["results"]
    batches = sorted({row["batch"] for row in rows})
    parts = [_how(report), *(_batch(report, batch) for batch in batches), _overall(report)]
    return "\n".join(parts)


def _how(report: Report) -> str:
    versions = ", ".join(f"{TITLES[n]} {v}" for n, v in report["versions"].items() if n != OURS)
    limits = "; ".join(
        f"{plural(found['threads'], 'thread')}: {found['gflops']:.0f} GFLOP/s"
        for found in report["limits"]
    )
    extra = "".join(f" with `{k}={v}`" for k, v in report["environment"].items())
    return (
        f"{report['cpu']}, {versions}{extra}, all in {report['precision']}; milliseconds, "
        f"and as ratio the time of the faster of the others over ours, so that more is better.\n"
        f"The machine's multiply-adds at that time: {limits}.\n"
    )


def _batch(report: Report, batch: int) -> str:
    rows = [row for row in report["results"] if row["batch"] == batch]
    threads = sorted({row["threads"] for row in rows})
    engines = [name for name in TITLES if any(name in row["ms"] for row in rows)]
    columns = [f"{plural(count, 'thread')}: {TITLES[OURS]}" for count in threads]
    others = [TITLES[name] for name in engines if name != OURS]
    head = ["network", *(name for column in columns for name in (column, *others, "ratio"))]
    lines = [f"Batch {batch}:\n", _line(head), _line(["---"] * len(head))]
    for name in dict.fromkeys(row["model"] for row in rows):
        found = {row["threads"]: row for row in rows if row["model"] == name}
        cells = [cell for count in threads for cell in _cells(found.get(count), engines)]
        lines.append(_line([name, *cells]))
    blank = [""] * len(engines)
    means = [
        cell
        for total in summarize(rows)
        if total["threads"] is not None
        for cell in (*blank, f"**{_number(total['geomean'])}**")
    ]
    return "\n".join([*lines, _line(["geomean", *means]), ""])


def _cells(row: Mapping[str, Any] | None, engines: Sequence[str]) -> list[str]:
    if row is None:
        return ["-"] * (len(engines) + 1)
    times = (row["ms"].get(name) for name in engines)
    return [*("-" if ms is None else _milliseconds(ms) for ms in times), _number(ratio(row))]


def _milliseconds(ms: float) -> str:
    return f"{ms:.3g}" if ms < 100 else f"{ms:.0f}"


def _overall(report: Report) -> str:
    total = summarize(report["results"])[-1]
    ours = [row["error"][OURS] for row in report["results"] if OURS in row["error"]]
    others = [max(row["error"].values()) for row in report["results"] if row["error"]]
    truth, unit = ERRORS.get(report["precision"], ("float64", "an output's largest number"))
    error = (
        f" The largest error against {truth} is {max(ours):.0e} of {unit} "
        f"({max(others):.0e} of any engine)."
        if ours
        else ""
    )
    return (
        f"Over all: geomean {_number(total['geomean'])}, least {_number(total['worst'])} "
        f"({total['worst_model']}).{error}\n"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
