"""The table of pattern groups, for terminals and as the page docs/patterns.md."""

from __future__ import annotations

from rich.table import Table

from baryon.cli.console import plain_table
from baryon.passes import GROUPS, PatternGroup

_HEAD = """\
# Pattern groups

What baryon fuses and simplifies has names, so that each can be switched off: to find the one that
a problem comes from, or to compare. `mx.compile(..., patterns="-conv-sum")`,
`net.optimize_for(x, backend="ONEDNN", patterns=...)` and `baryon compile --patterns` take `all`,
`none`, or names with commas between; with a minus before it, a name is switched off. So do the
variables of MXNet's oneDNN backend, read by `hybridize`, `optimize_for` and `compile`.
`baryon inspect MODEL --explain NODE` tells which of them took in a node, and why others did not.

This page is printed by `python -m baryon.cli.patterns`.

| group | what it does | switched off by |
| --- | --- | --- |
"""

_DETAILS = """
## What each is made of

Rules rewrite the graph (`passes/baryon/passes/rules`). Edges of fusion
(`passes/baryon/passes/edges.py`) say which op may join the kernel of which other one; the first
edge that fits decides.
"""


def pattern_table() -> Table:
    """The groups for `baryon opt --list`."""
    table = plain_table("pattern", "what it does", "switched off by")
    for group in GROUPS:
        table.add_row(group.name, group.doc, " ".join(group.settings))
    return table


def page() -> str:
    """The text of docs/patterns.md."""
    rows = [f"| {g.name} | {g.doc} | {_code(g.settings)} |\n" for g in GROUPS]
    return "".join([_HEAD, *rows, _DETAILS, *(_section(g) for g in GROUPS)])


def _section(group: PatternGroup) -> str:
    lines = [f"- rule `{rule.name}`: {rule.doc}" for rule in group.rules]
    lines += [f"- edge: {edge}" for edge in group.edges]
    lines += [f"- before a kernel of the family {name}" for name in group.before]
    return "\n".join([f"\n### {group.name}", *lines, ""])


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print(page(), end="")
