"""What all graphs of a file share: names, constants, sizes of symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from baryon.exporters.onnx import schemas
from baryon.exporters.onnx.tensor import Tensor
from baryon.ir import Array, Module, Op, Sym, UnsupportedError, Value, i64

if TYPE_CHECKING:
    from baryon.exporters.onnx.writer import Writer

_INLINE = 1 << 10
"""Elements up to which constants that forms make are compared with those that are there."""


class File:
    """A model under construction. titles: what to call ops, for those that have a name.

    counted: the sizes of symbols that ops define, as vectors of one int64.
    """

    def __init__(self, module: Module, opset: int, titles: Mapping[Op, str]) -> None:
        self.module, self.opset, self.titles = module, opset, titles
        self.arrays: dict[str, Array] = {}
        self.first: list[onnx.NodeProto] = []
        self.outputs: dict[Value, str] = {}
        self.counted: dict[str, Tensor] = {}
        self._names: set[str] = set()
        self._nodes: set[str] = set()
        self._counts: dict[str, int] = {}
        self._constants: dict[Any, Tensor] = {}
        self._payloads: dict[str, Tensor] = {}
        self._sizes: dict[Sym, Tensor] = {}
        self._places: dict[str, tuple[str, int, int]] = {}

    def reserve(self, name: str) -> str:
        """Take a name that must be this one: an input, an output."""
        self._names.add(name)
        return name

    def unique(self, name: str) -> str:
        """The name for a value, or with a number behind it where it is taken."""
        return self._free(name, self._names)

    def node_name(self, name: str) -> str:
        """The name for a node, likewise; those of nodes and of values do not meet."""
        return self._free(name, self._nodes)

    def _free(self, name: str, taken: set[str]) -> str:
        found = name
        while found in taken:
            self._counts[name] = self._counts.get(name, 0) + 1
            found = f"{name}_{self._counts[name]}"
        taken.add(found)
        return found

    def label(self, op: Op) -> str:
        """What the nodes of an op are called."""
        own = op.results[0].name if op.results else ""
        return self.titles.get(op) or own or op.name.split(".")[-1]

    def name_of(self, value: Value) -> str:
        """What a value is called, if it has a name."""
        return self.outputs.pop(value, "") or value.name

    def payload(self, name: str) -> Tensor:
        """A constant of the module."""
        if name not in self._payloads:
            self._payloads[name] = self.initializer(self.module.constants[name], name)
        return self._payloads[name]

    def constant(self, array: Array, label: str) -> Tensor:
        """A constant that a form makes; small equal ones are one."""
        key = (array.dtype, array.shape, array.tobytes()) if array.size <= _INLINE else id(array)
        if key not in self._constants:
            name = f"{label}/constant" if label else "constant"
            self._constants[key] = self.initializer(array, name)
        return self._constants[key]

    def initializer(self, array: Array, name: str) -> Tensor:
        """An array of the file, under a name like this one."""
        found = self.unique(name)
        self.arrays[found] = array
        dtype = schemas.of_numpy(array.dtype)
        return Tensor(found, dtype, tuple(array.shape))

    def note_symbols(self, inputs: Sequence[Tensor]) -> None:
        """Remember which axis of which input says the size of each symbol."""
        for x in inputs:
            for axis, dim in enumerate(x.shape or ()):
                if isinstance(dim, Sym):
                    place = (x.name, axis, dim.factor)
                    best = self._places.get(dim.name, place)
                    self._places[dim.name] = min(best, place, key=lambda p: p[2])

    def size(self, dim: Sym) -> Tensor:
        """A symbolic dimension as a vector of one int64, computed before all other nodes."""
        if dim not in self._sizes:
            if dim.name not in self._places:
                raise UnsupportedError(f"no input has the symbol {dim.name}, which a shape needs")
            self._sizes[dim] = self._sized(dim)
        return self._sizes[dim]

    def _sized(self, dim: Sym) -> Tensor:
        source, axis, factor = self._places[dim.name]
        name = self._first("Shape", [source], dim.name, start=axis, end=axis + 1)
        for op, number, neutral in (("Div", factor, 1), ("Mul", dim.factor, 1)):
            if number != neutral:
                by = self.constant(np.asarray([number], np.int64), dim.name)
                name = self._first(op, [name, by.name], dim.name)
        return Tensor(name, i64, (1,))

    def _first(self, op: str, inputs: Sequence[str], label: str, **attrs: Any) -> str:
        name = self.unique(f"{label}/{op}")
        self.first.append(helper.make_node(op, inputs, [name], name=self.node_name(name), **attrs))
        return name

    def graph(
        self, writer: Writer, name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> onnx.GraphProto:
        """A graph without what nobody reads."""
        infos = {x.name for x in (*inputs, *outputs)}
        nodes = needed(writer.nodes, [x.name for x in outputs])
        made = {n for node in nodes for n in node.output}
        return helper.make_graph(
            nodes,
            name,
            [schemas.value_info(x.name, x.dtype, x.shape) for x in inputs],
            [schemas.value_info(x.name, x.dtype, x.shape) for x in outputs],
            value_info=[
                schemas.value_info(n, t.dtype, t.shape)
                for n, t in writer.infos.items()
                if n in made and n not in infos
            ],
        )


def needed(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> list[onnx.NodeProto]:
    """The nodes that the outputs need, in their order."""
    names, kept = set(outputs), []
    for node in reversed(nodes):
        if names.intersection(node.output):
            names |= read_by(node)
            kept.append(node)
    return kept[::-1]


def read_by(node: onnx.NodeProto) -> set[str]:
    """What a node reads, its bodies included."""
    bodies = (a.g for a in node.attribute if a.type == onnx.AttributeProto.GRAPH)
    inner = (read_by(n) | {x.name for x in body.output} for body in bodies for n in body.node)
    return set(node.input).union(*inner)
