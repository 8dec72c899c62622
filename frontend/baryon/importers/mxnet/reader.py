"""Reads `-symbol.json`: the graph of operators that MXNet's Symbol and `HybridBlock.export` write.

The file is {"nodes": [...], "arg_nodes": [...], "heads": [...], "attrs": {...}}. A node has `op`
("null" for a variable), `name`, `inputs` ([node, output] or [node, output, version]), attributes,
all of whose values are text, and for loops, branches and fused operators `subgraphs`. Nodes come
before those that use them. The eras differ in where attributes are: `param` beside `attr` (until
0.8), `attr` (0.9 to 1.2), `attrs` (since 1.3); and until 0.8 the file leaves out the auxiliary
states of a node, whose names follow from the node's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from baryon.importers.errors import ModelError

VARIABLE = "null"
_KEYS = ("param", "attr", "attrs")
"""Where the eras keep attributes, the older first."""
_MOST_OUTPUTS = 1 << 16


class Entry(NamedTuple):
    """One output of a node."""

    node: int
    output: int


@dataclass(frozen=True)
class SymbolNode:
    """A node as the file has it; attributes of all kinds are in one dictionary of text."""

    op: str
    name: str
    attrs: Mapping[str, str]
    inputs: tuple[Entry, ...]
    subgraphs: tuple[Symbol, ...] = ()


@dataclass(frozen=True)
class Symbol:
    """A graph: nodes in an order in which they can be computed.

    version: of MXNet, as in 10901 for 1.9.1; 800 where the file does not say. is_np_shape: shapes
    are NumPy's: a size of 0 is none, and tensors may have no axes.
    """

    nodes: tuple[SymbolNode, ...]
    heads: tuple[Entry, ...]
    version: int
    is_np_shape: bool

    def walk(self) -> Iterator[SymbolNode]:
        """The nodes of this graph and of all graphs inside it."""
        for node in self.nodes:
            yield node
            for inner in node.subgraphs:
                yield from inner.walk()

    @property
    def variables(self) -> list[SymbolNode]:
        """The nodes that nothing computes."""
        return [node for node in self.nodes if node.op == VARIABLE]


def read_symbol(path: Path) -> Symbol:
    """The graph of a file. Raises ModelError for one that is no symbol, or contradicts itself."""
    return parse_symbol(load_json(path), str(path))


def load_json(path: Path) -> Any:
    """The content of a JSON file; ModelError where it is none or cannot be read."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"cannot read the file: {error.strerror}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"this is not JSON, or it is damaged: {error}", where=str(path)) from error


def parse_symbol(content: Any, where: str) -> Symbol:
    """The graph of a file's content; `where` is the file."""
    try:
        return _Parser(where).symbol(content, "the graph", None)
    except RecursionError as error:
        raise ModelError("graphs lie too deep in one another", where=where) from error


class _Parser:
    def __init__(self, where: str) -> None:
        self.where = where

    def fail(self, message: str, at: str = "") -> NoReturn:
        raise ModelError(message, where=f"{self.where}#{at}" if at else self.where)

    def symbol(self, content: Any, what: str, around: Symbol | None) -> Symbol:
        """A graph; what it does not say of itself is as in the one around it."""
        if not isinstance(content, dict) or not isinstance(content.get("nodes"), list):
            self.fail(f"{what} is no MXNet symbol: it has no list of nodes")
        stated = content.get("attrs")
        stated = stated if isinstance(stated, dict) else {}
        version = _stated(stated, "mxnet_version", 800 if around is None else around.version)
        np_shape = _stated(stated, "is_np_shape", int(around is not None and around.is_np_shape))
        shell = Symbol((), (), version, bool(np_shape))
        nodes = tuple(self.node(n, i, shell) for i, n in enumerate(content["nodes"]))
        heads = content.get("heads")
        if not isinstance(heads, list) or not heads:
            self.fail(f"{what} has no heads, so it computes nothing")
        found = tuple(self.entry(h, len(nodes), "the heads") for h in heads)
        names = [n.name for n in nodes if n.op == VARIABLE]
        if len({*names}) != len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            self.fail(f"{what} has two variables of the name {twice!r}")
        return Symbol(nodes, found, version, bool(np_shape))

    def node(self, content: Any, number: int, around: Symbol) -> SymbolNode:
        title = f"node {number}"
        if not isinstance(content, dict):
            self.fail("it is not an object", title)
        op, name, inputs = (content.get(key) for key in ("op", "name", "inputs"))
        if not isinstance(op, str) or not isinstance(name, str) or not isinstance(inputs, list):
            self.fail("it lacks an op, a name or inputs", title)
        attrs: dict[str, str] = {}
        for key in _KEYS:
            given = content.get(key, {})
            if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
                self.fail(f"{key} must have texts as values", name or title)
            attrs |= given
        entries = tuple(self.entry(e, number, name or title) for e in inputs)
        if op == VARIABLE and entries:
            self.fail("a variable has no inputs", name or title)
        inner = content.get("subgraphs", [])
        if not isinstance(inner, list):
            self.fail("its subgraphs are no list", name or title)
        graphs = tuple(self.symbol(g, f"a graph inside of {name!r}", around) for g in inner)
        return SymbolNode(op, name, attrs, entries, graphs)

    def entry(self, content: Any, before: int, reader: str) -> Entry:
        """A reference to an output of one of the `before` first nodes."""
        numbers = content if isinstance(content, list) else []
        if len(numbers) not in (2, 3) or not all(type(n) is int for n in numbers):
            self.fail(f"{content!r:.80} does not name an output of a node", reader)
        node, output = numbers[:2]
        if not 0 <= node < before or not 0 <= output < _MOST_OUTPUTS:
            self.fail(f"it reads output {output} of node {node}, which does not come before it",
                      reader)  # fmt: skip
        return Entry(node, output)


def _stated(attrs: Mapping[str, Any], name: str, default: int) -> int:
    """A number that a graph says of itself, as ["int", 10901]."""
    value = attrs.get(name)
    is_number = isinstance(value, list) and len(value) == 2 and type(value[1]) is int
    return value[1] if is_number and isinstance(value, list) else default
