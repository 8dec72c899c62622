"""Names of one graph and what they stand for; runs its nodes and those of the graphs inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from baryon.array import ndarray, recorder
from baryon.array.regions import Body
from baryon.importers.onnx.calls import Recorder
from baryon.importers.onnx.functions import body_of, has_body
from baryon.importers.onnx.node import Held, Node, Operand
from baryon.importers.onnx.reader import ModelFile, domain_of
from baryon.importers.onnx.table import find, find_arity
from baryon.ir import BaryonError, Value

_MISUSE = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
"""What a mapping raises when a damaged file gives a node the wrong inputs or attributes."""


_NOT_COMPUTED = object()
"""Stands for an output of a function that its body leaves out."""


def _each(x: Any, convert: Callable[[Any], Any]) -> Any:
    """What a tensor, a sequence of them or an absent optional becomes, tensor by tensor."""
    if isinstance(x, list):
        return [convert(part) for part in x]
    return None if x is None else convert(x)


def _operand(active: Any, x: ndarray) -> Operand:
    found: Operand = active.value(x) if x.is_traced else x.elements("a body", "")
    return found


def _array(active: Any, x: Operand) -> ndarray:
    return ndarray(None, x, active) if isinstance(x, Value) else ndarray(np.asarray(x))


class Scope:
    """A graph of a file: the main one, or the body of a loop or branch.

    recorder: where the ops of its nodes go. around: looks up names that are not its own. batch: the
    batch size that the file fixes, where it becomes a symbol. origins: for what stands in a body
    for a value around it, that value. opsets: None for the file's; those of a function, whose names
    are not kept.
    """

    def __init__(
        self, file: ModelFile, graph: Any, recorder: Recorder, batch: int | None = None,
        around: Callable[[str, str], Held] | None = None,
        origins: dict[Value, Value] | None = None, opsets: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.file, self.graph, self.recorder, self.batch = file, graph, recorder, batch
        self.values: dict[str, Held] = {}
        self._made: set[str] = set()
        self._around = around
        self.origins = {} if origins is None else origins
        self._of_function, self._opsets = opsets is not None, opsets or file.opsets
        self._initializers = {t.name: t for t in graph.initializer}

    def run(self) -> None:
        """Import all nodes."""
        for proto in self.graph.node:
            self._node(proto)

    def inner(self, graph: Any, arguments: Sequence[Any]) -> list[Any]:
        """The results of a graph inside a node, which is recorded where arrays are recorded now.

        Arguments and results are arrays, lists of them for sequences, or None for what is absent.
        """
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

        ops = Recorder(active.builder, self.recorder.budget, self.recorder.streams)
        opsets = self._opsets if self._of_function else None
        scope = Scope(self.file, graph, ops, self.batch, around, self.origins, opsets)
        for info, x in zip(graph.input, arguments, strict=True):
            scope.values[info.name] = _each(x, lambda a: _operand(active, a))
        scope.run()
        results = (scope.read(o.name, "the results of a body") for o in graph.output)
        return [_each(x, lambda a: _array(active, a)) for x in results]

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
        if not self._of_function:
            self.recorder.name(x, name)
        self.values[name] = x

    def _node(self, proto: onnx.NodeProto) -> None:
        domain = domain_of(proto)
        opset = self._opsets.get(domain, 1)
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
            if name and result is not _NOT_COMPUTED:
                self._made.add(name)
                self.define(name, result)

    def _build(self, node: Node, inputs: Sequence[Held | None]) -> Sequence[Held]:
        op = find(domain_of(node.proto), node.op, node.opset)
        if op is None:
            return self._call(node, inputs)
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

    def _call(self, node: Node, inputs: Sequence[Held]) -> Sequence[Any]:
        """The results of a node whose op the standard defines by others."""
        domain = domain_of(node.proto)
        if not has_body(domain, node.op, node.opset):
            raise node.unsupported("there is no such op, neither by itself nor by others")
        try:
            body = body_of(node.proto, node.opset, inputs, node.title)
        except Exception as error:  # the library's own, of several types
            raise self.file.error(f"{node.op}: {error}", at=node.title) from error
        scope = Scope(
            self.file,
            body.graph,
            self.recorder,
            self.batch,
            None,
            self.origins,
            {**self._opsets, **body.opsets},
        )
        most = len(body.inputs)
        if any(x is not None for x in inputs[most:]):
            message = f"{node.op} takes {most} inputs at most; {len(inputs)} are given"
            raise self.file.error(message, at=node.title)
        given = [*inputs[:most], *[None] * (most - len(inputs))]
        scope.values.update(zip(body.inputs, given, strict=True))
        scope.run()
        self.recorder.builder.loc = node.loc
        return [scope.values.get(name, _NOT_COMPUTED) for name in body.outputs]
