"""The table of results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmark.contest import OURS


def ratio(row: Mapping[str, Any]) -> float | None:
    """Our time over that of the fastest other engine; None where one side is missing."""
    peers = [ms for name, ms in row["ms"].items() if name != OURS]
    return row["ms"][OURS] / min(peers) if peers and OURS in row["ms"] else None


def geomean(values: Iterable[float]) -> float:
    """The geometric mean of at least one value."""
    logs = [math.log(v) for v in values]
    return math.exp(sum(logs) / len(logs))


def summarize(rows: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, float]]:
    """For each number of threads the geomean and the worst of the ratios."""
    found: dict[int, dict[str, float]] = {}
    for threads in sorted({row["threads"] for row in rows}):
        ratios = [r for row in rows if row["threads"] == threads and (r := ratio(row)) is not None]
        if ratios:
            found[threads] = {"geomean": geomean(ratios), "worst": max(ratios)}
    return found


def print_table(rows: Sequence[Mapping[str, Any]], engines: Sequence[str]) -> None:
    """Milliseconds per network and engine, our ratio to the best peer, the geomean last."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("network")
    columns = [
        "threads",
        *(f"{e} ms" for e in engines),
        "ratio",
        "error",
        "compile s",
        "load ms",
        "first ms",
    ]
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*_cells(row, engines))
    table.add_section()
    for threads, total in summarize(rows).items():
        blank = [""] * len(engines)
        table.add_row("geomean", str(threads), *blank, f"{total['geomean']:.3f}")
    Console(width=140, highlight=False).print(table)


def _cells(row: Mapping[str, Any], engines: Sequence[str]) -> list[str]:
    ms = [f"{row['ms'][e]:.3f}" if e in row["ms"] else "-" for e in engines]
    relative = ratio(row)
    ours = row["start"].get(OURS, {})
    start = [f"{ours[key]:.1f}" if key in ours else "" for key in ("load_ms", "first_ms")]
    error = f"{max(row['error'].values()):.1e}" if row["error"] else ""
    shown = "" if relative is None else f"{relative:.3f}"
    compiled = f"{row['compile_s']:.1f}" if "compile_s" in row else ""
    return [row["model"], str(row["threads"]), *ms, shown, error, compiled, *start]
