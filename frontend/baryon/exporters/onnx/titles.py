"""What nodes are called: after the nodes of the file that a module came from, or its layers."""

from __future__ import annotations

from collections.abc import Mapping

from baryon.ir import Loc, Module, Op


def titles_of(module: Module, scopes: Mapping[Op, str] | None = None) -> dict[Op, str]:
    """A title for each op that has one.

    scopes: the layer ("features.0") that an op of `main` belongs to.
    """
    found: dict[Op, str] = {}
    for op in module.main.body.walk():
        scope = (scopes or {}).get(op)
        title = f"{scope}/{op.name.split('.')[-1]}" if scope else _node(op.loc)
        if title:
            found[op] = title
    return found


def _node(loc: Loc) -> str:
    """The node of an imported file that an op was made from."""
    _, mark, node = loc.source.partition("#")
    return node if mark and not loc.line else ""
