"""Operators of a file that cannot be imported: all of them at once, with what can be done."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from baryon.importers.mxnet.reader import VARIABLE, Symbol
from baryon.importers.mxnet.table import find
from baryon.ir import UnsupportedError


@dataclass(frozen=True)
class MissingOp:
    """An operator without a mapping. nodes: the names of those that use it."""

    name: str
    nodes: tuple[str, ...]

    @property
    def remedy(self) -> str:
        """What can be done."""
        return "it is not supported yet; how to add one: docs/recipes/import-an-mxnet-op.md"


def missing_ops(symbol: Symbol) -> list[MissingOp]:
    """The operators of a graph, and of those inside it, that nothing says how to import."""
    nodes: dict[str, list[str]] = defaultdict(list)
    for node in symbol.walk():
        if node.op != VARIABLE and find(node.op) is None:
            nodes[node.op].append(node.name)
    return [MissingOp(name, tuple(users)) for name, users in sorted(nodes.items())]


def refuse_missing(symbol: Symbol, where: str) -> None:
    """UnsupportedError that lists all operators without a mapping."""
    missing = missing_ops(symbol)
    if missing:
        lines = (f"{op.name}: {len(op.nodes)} x, at {', '.join(op.nodes[:3])}" for op in missing)
        raise UnsupportedError(
            "operators that cannot be imported: " + "; ".join(lines),
            where=where,
            hint="how to add one: docs/recipes/import-an-mxnet-op.md",
        )
