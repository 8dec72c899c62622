"""The tables of results, for people at a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmark.case import OURS, OURS_FP32

Row = Mapping[str, Any]


def ratio(row: Row) -> float | None:
    """The time of the fastest other engine over ours: above 1 we are faster.

    None where one side is missing.
    """
    peers = [ms for name, ms in row["ms"].items() if name not in (OURS, OURS_FP32)]
    return min(peers) / row["ms"][OURS] if peers and OURS in row["ms"] else None


def geomean(values: Iterable[float]) -> float:
    """The geometric mean of at least one value."""
    logs = [math.log(v) for v in values]
    return math.exp(sum(logs) / len(logs))


def summarize(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The geomean and the worst ratio for each number of threads and batch, and over all."""
    keys = sorted({(row["batch"], row["threads"]) for row in rows})
    parts = [
        {"batch": batch, "threads": threads}
        | _summary([r for r in rows if (r["batch"], r["threads"]) == (batch, threads)])
        for batch, threads in keys
    ]
    return [*parts, {"batch": None, "threads": None} | _summary(rows)]


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    ratios = [(value, row["model"]) for row in rows if (value := ratio(row)) is not None]
    if not ratios:
        return {"geomean": None, "worst": None, "worst_model": None}
    worst, name = min(ratios)
    return {"geomean": geomean(v for v, _ in ratios), "worst": worst, "worst_model": name}


def print_times(rows: Sequence[Row], engines: Sequence[str]) -> None:
    """Milliseconds per network and engine, the ratio, errors against float64; geomeans last."""
    times, errors = [f"{e} ms" for e in engines], [f"{e} error" for e in engines]
    table = _table("network", "batch", "threads", *times, "ratio", *errors)
    for row in rows:
        ms = [f"{row['ms'][e]:.3f}" if e in row["ms"] else "-" for e in engines]
        error = [f"{row['error'][e]:.1e}" if e in row["error"] else "-" for e in engines]
        counts = (str(row["batch"]), str(row["threads"]))
        table.add_row(row["model"], *counts, *ms, _number(ratio(row)), *error)
    table.add_section()
    for total in summarize(rows):
        counts = (str(total["batch"] or "all"), str(total["threads"] or "all"))
        blank = [""] * len(engines)
        worst = f"worst {_number(total['worst'])} {total['worst_model']}"
        table.add_row("geomean", *counts, *blank, _number(total["geomean"]), worst)
    Console(width=160, highlight=False).print(table)


def print_costs(rows: Sequence[Row]) -> None:
    """What comes before the first result of ours: compile, file, load."""
    columns = (
        "batch", "compile s", "kernels kept s", "all kept s", "kernels", "file MB", "load ms",
        "first ms",
    )  # fmt: skip
    table = _table("network", *columns)
    seen = set()
    for row in rows:
        key = (row["model"], row["batch"])
        if "compile_s" not in row or key in seen:
            continue
        seen.add(key)
        start = row["start"][OURS]
        table.add_row(
            row["model"], str(row["batch"]), f"{row['compile_s']:.1f}",
            f"{row['compile_kernels_s']:.1f}", f"{row['compile_warm_s']:.2f}", str(row["kernels"]),
            f"{row['artifact_bytes'] / 1e6:.1f}", f"{start['load_ms']:.1f}",
            f"{start['first_ms']:.1f}",
        )  # fmt: skip
    Console(width=160, highlight=False).print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table
