"""The whole page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from baryon.inspection.page import memory, passes, times
from baryon.inspection.page.kinds import colours
from baryon.inspection.report import GroupReport, InspectionReport, WeightReport, count_ops
from baryon.page import (
    Cell,
    Markup,
    document,
    element,
    filter_of,
    milliseconds,
    percent,
    sortable,
)
from baryon.units import format_bytes, plural

MOST_WEIGHTS = 400
COLUMNS = [
    ("#", "number"), ("group", "text"), ("ops", "text"), ("shapes", "text"), ("MFLOP", "number"),
    ("moved", "number"), ("weights", "number"), ("arena", "number"), ("estimate", "number"),
]  # fmt: skip
MEASURED = [("measured", "number"), ("GFLOP/s", "number")]


def to_html(report: InspectionReport) -> str:
    """One file for a browser, without references to other files; it works without JavaScript."""
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    body = element("main", _sections(report), data_groups=len(report.groups))
    return document(f"{report.name}: inside", body, style)


def _sections(report: InspectionReport) -> list[str]:
    """From top to bottom: verdict, figures, time, groups, memory, weights, ops, passes."""
    colour = colours(report.groups)
    return [
        element("h1", report.name, " ",
                element("small", f"for {report.target}, {report.precision}")),
        element("p", verdict(report), class_="verdict"),
        _tiles(report),
        element("h2", "Where the time goes"),
        element("p", _about_times(report), class_="note"),
        times.drawing(report.groups, colour),
        times.shares(report.groups, colour),
        element("h2", "Groups"),
        filter_of("groups", "node, op, shape or kind"),
        _groups(report),
        element("h2", "Memory over time"),
        element("p", _about_memory(report), class_="note"),
        memory.drawing(report, colour),
        element("h2", "Weights by size"),
        _weights(report.weights),
        *([element("h2", "Ops by type"), passes.ops_table(report.snapshots)]
          if report.snapshots else []),
        element("h2", "Before and after each pass"),
        element("p", "Passes that changed nothing are left out.", class_="note"),
        *passes.sections(report.snapshots),
    ]  # fmt: skip


def verdict(report: InspectionReport) -> str:
    """The network in two sentences."""
    flops = sum(g.flops for g in report.groups)
    memory, threads = report.estimate.memory, report.estimate.machine.threads
    how = "measured" if report.measured else "estimated"
    rate = f", {flops / report.milliseconds / 1e6:.1f} GFLOP/s" if report.milliseconds else ""
    return (
        f"{len(report.groups)} kernel calls take {milliseconds(report.milliseconds)} by "
        f"{plural(threads, 'thread')} ({how}{rate}). "
        f"A run needs {format_bytes(memory.peak)} of memory, "
        f"{percent(memory.weights / memory.peak)} of it weights."
    )


def _tiles(report: InspectionReport) -> Markup:
    """The few numbers that are asked for first."""
    memory = report.estimate.memory
    found = [("time, estimated", milliseconds(report.estimate.milliseconds))]
    if report.measured:
        found.insert(0, ("time, measured", milliseconds(report.milliseconds)))
    found += [
        ("peak of memory", format_bytes(memory.peak)),
        ("weights", format_bytes(memory.weights)),
        ("arena", format_bytes(memory.arena)),
        ("kernel calls", str(len(report.groups))),
    ]
    if report.snapshots:
        found.append(("ops as imported", str(count_ops(report.snapshots[0].text).total())))
    found.append(("file", format_bytes(report.bytes)))
    tiles = [element("div", element("b", value), element("span", name)) for name, value in found]
    return element("div", tiles, class_="tiles")


def _about_times(report: InspectionReport) -> str:
    machine = report.estimate.machine
    model = (
        f"Estimates: the compiler's cost model at {machine.clock / 1e9:.2f} GHz, "
        f"{machine.memory / 1e9:.0f} GB/s of memory and {machine.cached / 1e9:.0f} GB/s of caches."
    )
    if not report.measured:
        return f"{model} The file did not run on this machine."
    return f"Bars are measured on this machine, lines across them estimated. {model}"


def _about_memory(report: InspectionReport) -> str:
    held = sum(b.size for b in report.buffers)
    arena = report.estimate.memory.arena
    if not report.buffers:
        return "No value lives between kernels."
    return (
        f"{len(report.buffers)} buffers of {format_bytes(held)} together share "
        f"{format_bytes(arena)}: from left to right the calls, from the foot to the top the arena. "
        "Colours are those of the kernels that write them."
    )


def _groups(report: InspectionReport) -> Markup:
    columns = COLUMNS + (MEASURED if report.measured else [])
    most = max((g.microseconds for g in report.groups), default=0.0) or 1.0
    colour = colours(report.groups)
    rows = [_group(g, most, colour[g.kind]) for g in report.groups]
    return sortable("groups", columns, rows)


def _group(group: GroupReport, most: float, colour: str) -> list[Cell]:
    place = element("a", str(group.number), id=f"group-{group.number}")
    ops = " ".join(op.partition(".")[2] for op in group.ops)
    named = element("span", group.label, title="\n".join((*group.nodes, group.plan)))
    precision = "" if group.precision == "f32" else f" ({group.precision})"
    cells = [
        Cell(place, group.number),
        Cell(named, group.label),
        Cell(f"{ops}{precision}", ops),
        Cell.of(" ".join(map(_short, group.shapes))),
        Cell(f"{group.flops / 1e6:,.2f}", group.flops),
        *(Cell(format_bytes(n), n) for n in (group.moved, group.weights, group.live)),
    ]
    guess = Cell(f"{group.estimate_us:,.1f} \u00b5s", group.estimate_us)
    if group.measured_us is None:
        return [*cells, _metered(guess, group.estimate_us / most, colour)]
    spent = Cell(f"{group.measured_us:,.1f} \u00b5s", group.measured_us)
    rate = group.flops / group.measured_us / 1e3 if group.measured_us else 0.0
    cells += [guess, _metered(spent, group.measured_us / most, colour)]
    return [*cells, Cell(f"{rate:.1f}", rate)]


def _metered(cell: Cell, share: float, colour: str) -> Cell:
    bar = element("i", class_=colour, style=f"width:{max(1.0, 100 * share):.1f}%")
    meter = element("span", bar, class_="meter")
    return Cell(Markup(meter + element("span", cell.shown)), cell.value)


def _short(shape: str) -> str:
    """`f32[1,64]{channels_last}` as 1x64, `i8[4]` as i8:4."""
    dtype, _, dims = shape.partition("]")[0].partition("[")
    size = dims.replace(",", "\u00d7") or "1"
    return size if dtype == "f32" else f"{dtype}:{size}"


def _weights(weights: Sequence[WeightReport]) -> Markup:
    if not weights:
        return element("p", "It has none.", class_="note")
    most, total = weights[0].size, sum(w.size for w in weights)
    rows = [
        [
            Cell.of(w.label), Cell.of(w.dtype), Cell(str(w.uses), w.uses),
            _metered(Cell(format_bytes(w.size), w.size), w.size / most, "k0"),
            Cell(percent(w.size / total), w.size / total),
        ]
        for w in weights[:MOST_WEIGHTS]
    ]  # fmt: skip
    columns = [
        ("first read by", "text"), ("type", "text"), ("reads", "number"), ("size", "number"),
        ("share", "number"),
    ]  # fmt: skip
    more = len(weights) - len(rows)
    rest = element("p", f"{more} smaller ones", class_="note") if more > 0 else ""
    return Markup(sortable("weights", columns, rows) + rest)
