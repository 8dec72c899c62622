"""Names of one graph and what they stand for; runs its nodes and those of the graphs inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from baryon.array import ndarray, recorder
from baryon.array.regions import Body
from baryon.importers.onnx.calls import Recorder
from baryon.importers.onnx.node import Held, Node, Operand
from baryon.importers.onnx.reader import ModelFile, domain_of
from baryon.importers.onnx.table import find, find_arity
from baryon.ir import BaryonError, UnsupportedError, Value

_MISUSE = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
"""What a mapping raises when a damaged file gives a node the wrong inputs or attributes."""


class Scope:
    """A graph of a file: the main one, or the body of a loop or branch.

    recorder: where the ops of its nodes go. around: looks up names that are not its own. batch: the
    batch size that the file fixes, where it becomes a symbol. origins: for what stands in a body
    for a value around it, that value.
    """

    def __init__(
        self, file: ModelFile, graph: Any, recorder: Recorder, batch: int | None = None,
        around: Callable[[str, str], Held] | None = None,
        origins: dict[Value, Value] | None = None,
    ) -> None:  # fmt: skip
        self.file, self.graph, self.recorder, self.batch = file, graph, recorder, batch
        self.values: dict[str, Held] = {}
        self._made: set[str] = set()
        self._around = around
        self.origins = {} if origins is None else origins
        self._initializers = {t.name: t for t in graph.initializer}

    def run(self) -> None:
        """Import all nodes."""
        for proto in self.graph.node:
            self._node(proto)

    def inner(self, graph: Any, arguments: Sequence[ndarray]) -> list[ndarray]:
        """The results of a graph inside a node, which is recorded where arrays are recorded now."""
        active: Any = recorder()
        owner = active.around if isinstance(active, Body) else active

        def captured(x: Held) -> Any:
            if isinstance(x, list):
                return [captured(part) for part in x]
            if not isinstance(x, Value):
                return x
            inside = active.value(ndarray(None, x, owner))
            if inside is not x:
                self.origins[inside] = x
            return inside

        def around(name: str, reader: str) -> Held:
            held: Held = captured(self.read(name, reader))
            return held

        ops = Recorder(active.builder, self.recorder.budget)
        scope = Scope(self.file, graph, ops, self.batch, around, self.origins)
        for info, x in zip(graph.input, arguments, strict=True):
            scope.values[info.name] = active.value(x) if x.is_traced else x.elements("a body", "")
        scope.run()
        results = (scope.tensor(o.name, "the results of a body") for o in graph.output)
        return [
            ndarray(None, x, active) if isinstance(x, Value) else ndarray(np.asarray(x))
            for x in results
        ]

    def tensor(self, name: str, reader: str) -> Operand:
        """What a name stands for, which has to be a tensor."""
        x = self.read(name, reader)
        if isinstance(x, list) or x is None:
            kind = "absent" if x is None else "a sequence"
            raise UnsupportedError(f"{name} is {kind}, and {reader} must be tensors")
        return x

    def read(self, name: str, reader: str) -> Held:
        """What a name stands for; ModelError, naming the `reader`, if nothing computes it."""
        if name not in self.values and name in self._initializers:
            self.define(name, self.file.array(self._initializers[name]))
        if name not in self.values and self._around is not None:
            self.values[name] = self._around(name, reader)
        if name not in self.values:
            raise self.file.error(
                f"{reader} needs {name!r}, which nothing before it computes", at=reader
            )
        return self.values[name]

    def define(self, name: str, x: Held) -> None:
        """Give a name its meaning."""
        self.recorder.name(x, name)
        self.values[name] = x

    def _node(self, proto: onnx.NodeProto) -> None:
        domain = domain_of(proto)
        opset = self.file.opsets.get(domain, 1)
        node = Node(self.file, proto, opset, self)
        inputs = [self.read(i, node.title) if i else None for i in proto.input]
        least, most = find_arity(domain, proto.op_type, opset)
        if not least <= sum(x is not None for x in inputs) <= len(inputs) <= most:
            raise self.file.error(f"{node.op} has {len(inputs)} inputs", at=node.title)
        self.recorder.builder.loc = node.loc
        results = self._build(node, inputs)
        for name, result in zip(proto.output, results, strict=False):
            if name in self._made:
                raise self.file.error(f"{name!r} is computed twice", at=node.title)
            if name:
                self._made.add(name)
                self.define(name, result)

    def _build(self, node: Node, inputs: Sequence[Held | None]) -> Sequence[Held]:
        op = find(domain_of(node.proto), node.op, node.opset)
        assert op is not None
        if any(isinstance(x, list) for x in inputs) and not op.takes_sequences:
            raise self.file.error(f"{node.op} needs tensors, not a sequence", at=node.title)
        place = f"{self.file.path or self.file.name}#{node.title}"
        try:
            out = op.build(self.recorder.calls, node, *inputs)
        except BaryonError as error:
            error.where = place
            raise
        except _MISUSE as error:
            message = f"{node.op}: its inputs or attributes do not fit: {error}"
            raise self.file.error(message, at=node.title) from error
        if node.unread:
            raise node.unsupported(f"the attribute {', '.join(node.unread)} is not supported")
        return out if isinstance(out, tuple) else (out,)
