"""The graph before and after each pass that changed it: counts of ops, the lines that differ."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import pairwise

from baryon.inspection.report import count_ops
from baryon.page import Cell, Markup, element, sortable
from baryon.passes import Snapshot

MOST_LINES = 1500
"""Of a text or of its differences; what is more is only counted."""
CONTEXT = 1


def sections(snapshots: Sequence[Snapshot]) -> list[Markup]:
    """The graph as imported, what each pass changed, and the graph as compiled; all folded."""
    if not snapshots:
        return [element("p", "The file holds no record of its passes.", class_="note")]
    first, last = snapshots[0], snapshots[-1]
    return [
        _folded("the graph as imported", _ops(first), _text(first.text)),
        *(_change(before, after) for before, after in pairwise(snapshots)),
        _folded("the graph as compiled", _ops(last), _text(last.text)),
    ]


def _ops(snapshot: Snapshot) -> str:
    return f"{count_ops(snapshot.text).total()} ops"


def _change(before: Snapshot, after: Snapshot) -> Markup:
    old, new = (count_ops(s.text) for s in (before, after))
    diff = [*difflib.unified_diff(
        before.text.splitlines(), after.text.splitlines(), n=CONTEXT, lineterm=""
    )][2:]  # fmt: skip
    plus, minus = (sum(line.startswith(sign) for line in diff) for sign in "+-")
    said = f"{old.total()} \u2192 {new.total()} ops, +{plus} \u2212{minus} lines"
    if not diff:
        said = "nothing to do"
    gone = [f"\u2212{n} {op}" for op, n in (old - new).most_common(6)]
    come = [f"+{n} {op}" for op, n in (new - old).most_common(6)]
    facts = element("p", ", ".join(gone + come), class_="note") if gone or come else ""
    return _folded(after.step.partition("{")[0], said, Markup(facts + _diff(diff)))


def _folded(name: str, said: str, body: Markup) -> Markup:
    head = element("summary", element("b", name), " ", element("small", said))
    return element("details", head, body, class_="pass")


def _diff(lines: Sequence[str]) -> Markup:
    kinds = {"+": "plus", "-": "minus", "@": "at"}
    shown = [
        element("span", line or " ", class_=kinds.get(line[:1])) for line in lines[:MOST_LINES]
    ]
    return _block(shown, len(lines))


def _text(text: str) -> Markup:
    lines = text.splitlines()
    return _block([element("span", line or " ") for line in lines[:MOST_LINES]], len(lines))


def _block(shown: Sequence[Markup], count: int) -> Markup:
    more = count - len(shown)
    rest = element("p", f"{more} more lines: baryon inspect FILE --ir", class_="note")
    return Markup(element("pre", shown) + (rest if more > 0 else ""))


def ops_table(snapshots: Sequence[Snapshot]) -> Markup:
    """Ops by type, as imported and as compiled."""
    before, after = (count_ops(s.text) for s in (snapshots[0], snapshots[-1]))
    names = sorted(before | after, key=lambda op: (-max(before[op], after[op]), op))
    rows = [
        [Cell.of(op), *(Cell(str(n) if n else "\u2013", n) for n in (before[op], after[op]))]
        for op in names
    ]
    columns = [("op", "text"), ("imported", "number"), ("compiled", "number")]
    return sortable("ops", columns, rows)
