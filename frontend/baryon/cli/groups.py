"""The table of a network's fused groups, from an artifact's META."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from baryon.cli.console import plain_table, stdout
from baryon.ir import Array
from baryon.runtime import Executable
from baryon.units import format_bytes, format_count, format_shape

if TYPE_CHECKING:
    from baryon.inspection import Estimate

PROFILE_RUNS = 7


def measure(executable: Executable, feeds: Mapping[str, Array]) -> list[float]:
    """Microseconds per group, the least of a few runs: what disturbs a run only adds time.

    One call of the artifact's plan stands for one group of META, in the same order.
    """
    runs = [executable.profile(**feeds) for _ in range(PROFILE_RUNS)]
    return [min(call.nanoseconds for call in calls) / 1e3 for calls in zip(*runs, strict=True)]


def group_rows(
    meta: Mapping[str, Any], estimate: Estimate, measured_us: Sequence[float] | None = None
) -> list[dict[str, Any]]:
    """META's groups in the order of execution, with `estimate_us`, and `measured_us` if given."""
    rows = [dict(group) for group in meta.get("groups", ())]
    for row, guess in zip(rows, estimate.microseconds, strict=False):
        row["estimate_us"] = guess
    for row, spent in zip(rows, measured_us or (), strict=False):
        row["measured_us"] = spent
    return rows


def print_groups(
    meta: Mapping[str, Any], estimate: Estimate, measured_us: Sequence[float] | None = None
) -> None:
    """Print the groups: ops, shapes, layout, FLOPs, bytes, estimated and measured time."""
    rows = group_rows(meta, estimate, measured_us)
    timed = [] if measured_us is None else ["measured us", "GFLOP/s"]
    numbers = ("FLOPs", "bytes", "estimate us", *timed)
    mixed = ["precision"] if any(row.get("precision", "f32") != "f32" for row in rows) else []
    names = ("#", "group", "ops", "shapes", "layout", *mixed)
    table = plain_table(*names, *numbers, right=("#", *numbers))
    for number, row in enumerate(rows):
        cells = [*_names(row), *(str(row[name]) for name in mixed), *_work(row)]
        table.add_row(str(number), *cells, *(_timed_cells(row) if timed else ()))
    table.add_section()
    table.add_row("", "total", *[""] * (len(names) - 2), *_totals(rows, bool(timed)))
    stdout().print(table)


def _names(row: Mapping[str, Any]) -> list[str]:
    return [
        str(row.get("name", "")),
        " ".join(str(op).split(".", 1)[-1] for op in row.get("ops", ())),
        " ".join(map(format_shape, row.get("shapes", ()))),
        str(row.get("layout") or ""),
    ]


def _work(row: Mapping[str, Any]) -> list[str]:
    return [
        format_count(float(row.get("flops") or 0)),
        format_bytes(float(row.get("bytes") or 0)),
        f"{float(row.get('estimate_us') or 0):.1f}",
    ]


def _timed_cells(row: Mapping[str, Any]) -> list[str]:
    spent = row.get("measured_us")
    if spent is None:
        return ["", ""]
    rate = float(row.get("flops") or 0) / spent / 1e3 if spent > 0 else 0.0
    return [f"{spent:.1f}", f"{rate:.1f}"]


def _totals(rows: Sequence[Mapping[str, Any]], timed: bool) -> list[str]:
    flops, size, estimate, spent = (
        sum(float(row.get(key) or 0) for row in rows)
        for key in ("flops", "bytes", "estimate_us", "measured_us")
    )
    cells = [format_count(flops), format_bytes(size), f"{estimate:.1f}"]
    if timed:
        cells += [f"{spent:.1f}", f"{flops / spent / 1e3:.1f}" if spent else ""]
    return cells
