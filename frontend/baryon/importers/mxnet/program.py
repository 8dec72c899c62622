"""A symbol as a program on arrays: its nodes are calls of functions of `np` and `npx`.

So one description serves for all: computed at once, recorded for gradients, traced into a module.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from baryon.array import ndarray
from baryon.importers.errors import ModelError
from baryon.importers.mxnet.node import MxOp, Node
from baryon.importers.mxnet.reader import VARIABLE, Entry, Symbol, SymbolNode
from baryon.importers.mxnet.table import find
from baryon.ir import BaryonError, Loc, UnsupportedError, placed

_MISUSE = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, TypeError, ValueError
)  # fmt: skip
"""What a mapping raises when a damaged file gives a node the wrong inputs or attributes."""

_OLD = 900
"""Files of earlier versions leave out the auxiliary states of nodes."""


class Program:
    """A graph of a file: the main one, or one inside of a node.

    where: the file. inputs: the variables that its heads need for prediction, in the file's order.
    Raises UnsupportedError for operators that baryon lacks, all at once.
    """

    def __init__(self, symbol: Symbol, where: str) -> None:
        self.symbol, self.where = symbol, where
        self._ops = {i: _found(n) for i, n in enumerate(symbol.nodes) if n.op != VARIABLE}
        self._states = {i: self._left_out(i) for i in self._ops}
        self.order = self._needed(set())
        used = {symbol.nodes[i].name: None for i in self.order if self._is_variable(i)}
        states = {name: None for i in self.order for name in self._states.get(i, ())}
        self.inputs = [*(used | states)]
        self._inner = {
            i: [Program(g, where) for g in symbol.nodes[i].subgraphs]
            for i in self.order if not self._is_variable(i)
        }  # fmt: skip
        self._last = self._last_uses()

    @property
    def output_names(self) -> list[str]:
        """The heads as MXNet calls them: the node's name with _output, or _output0, _output1."""
        several = Counter(head.node for head in self.symbol.heads)
        return [self._output_name(head, several[head.node] > 1) for head in self.symbol.heads]

    def _output_name(self, head: Entry, several: bool) -> str:
        name = self.symbol.nodes[head.node].name
        if self._is_variable(head.node):
            return name
        return f"{name}_output{head.output if several or head.output else ''}"

    def variable(self, name: str) -> SymbolNode:
        """The node of an input; one without attributes for a state that the file leaves out."""
        found = (n for n in self.symbol.variables if n.name == name)
        return next(found, SymbolNode(VARIABLE, name, {}, ()))

    def readers(self, name: str) -> list[tuple[SymbolNode, int]]:
        """The nodes that read an input, and as which of theirs."""
        found = []
        for i in self.order:
            node = self.symbol.nodes[i]
            names = [self._name_of(e.node) for e in node.inputs] + [*self._states.get(i, ())]
            found += [(node, at) for at, other in enumerate(names) if other == name]
        return found

    @property
    def frozen(self) -> set[str]:
        """The inputs that operators take as constants."""
        entries = (
            entry for i in self.order if not self._is_variable(i) and self._ops[i].frozen
            for entry in self.symbol.nodes[i].inputs
        )  # fmt: skip
        names = (self._name_of(entry.node) for entry in entries)
        return {name for name in names if name is not None}

    def find(self, *ops: str) -> int | None:
        """The number of the first node of some operators."""
        return next((i for i in self.order if self.symbol.nodes[i].op in ops), None)

    def node(self, number: int, *without: str) -> Node:
        """A node as its mapping sees it; `without`: attributes that are left out."""
        proto = self.symbol.nodes[number]
        attrs = {k: v for k, v in proto.attrs.items() if k not in without}
        place = f"{self.where}#{proto.name}"
        return Node(replace(proto, attrs=attrs), self.symbol, place, self._inner[number])

    def run(
        self, values: Mapping[str, ndarray], given: Mapping[int, Sequence[ndarray]] | None = None
    ) -> list[ndarray]:
        """The heads, from the variables by name; `given`: what some nodes compute."""
        made: dict[int, Sequence[ndarray]] = dict(given or {})
        for i in self._needed({*made}) if made else self.order:
            node = self.symbol.nodes[i]
            if self._is_variable(i):
                made[i] = [values[node.name]]
                continue
            unread = self._ops[i].unread
            read = [self._read(made, e, node.name) for at, e in enumerate(node.inputs)
                    if at not in unread]  # fmt: skip
            states = [values[name] for name in self._states[i]]
            made[i] = self._compute(i, [*read, *states])
            for done in self._last[i]:
                made.pop(done, None)
        return [self._read(made, head, "the heads") for head in self.symbol.heads]

    def _compute(self, number: int, inputs: Sequence[ndarray]) -> Sequence[ndarray]:
        proto = self.symbol.nodes[number]
        node = self.node(number)
        place = node.where
        try:
            with placed(Loc(f"{Path(self.where).name}#{proto.name}")):
                results = self._ops[number].build(node, *inputs)
        except BaryonError as error:
            error.where = place
            raise
        except _MISUSE as error:
            message = f"{node.op}: its inputs or attributes do not fit: {error}"
            raise ModelError(message, where=place) from error
        if node.attributes.unread:
            names = ", ".join(node.attributes.unread)
            raise node.unsupported(f"the attribute {names} is not supported")
        return results if isinstance(results, tuple | list) else [results]  # type: ignore[list-item]

    def _read(self, made: Mapping[int, Sequence[ndarray]], entry: Entry, reader: str) -> ndarray:
        found = made[entry.node]
        if entry.output >= len(found):
            name = self.symbol.nodes[entry.node].name
            raise UnsupportedError(
                f"{reader} uses output {entry.output} of {name}, which is not offered",
                where=f"{self.where}#{name}",
            )
        return found[entry.output]

    def _is_variable(self, number: int) -> bool:
        return self.symbol.nodes[number].op == VARIABLE

    def _name_of(self, number: int) -> str | None:
        return self.symbol.nodes[number].name if self._is_variable(number) else None

    def _left_out(self, number: int) -> list[str]:
        """Names of states that files of old versions imply."""
        node = self.symbol.nodes[number]
        if self.symbol.version >= _OLD:
            return []
        return [f"{node.name}_{name}" for name in self._ops[number].states[len(node.inputs) :]]

    def _needed(self, given: set[int]) -> list[int]:
        """The nodes that the heads need besides those that are given, in order."""
        needed = {head.node for head in self.symbol.heads} - given
        for i in range(len(self.symbol.nodes) - 1, -1, -1):
            if i in needed and not self._is_variable(i):
                unread = self._ops[i].unread
                inputs = enumerate(self.symbol.nodes[i].inputs)
                needed.update(entry.node for at, entry in inputs if at not in unread)
                needed -= given
        return sorted(needed)

    def _last_uses(self) -> dict[int, list[int]]:
        """For each node those that nobody reads after it."""
        kept = {head.node for head in self.symbol.heads}
        last = {e.node: i for i in self.order for e in self.symbol.nodes[i].inputs}
        uses: dict[int, list[int]] = defaultdict(list)
        for node, reader in last.items():
            if node not in kept and node in {*self.order}:
                uses[reader].append(node)
        return uses


def _found(node: SymbolNode) -> MxOp:
    found = find(node.op)
    assert found is not None, "refuse_missing comes first"
    return found
