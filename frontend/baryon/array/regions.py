"""Recording the body of a loop or branch as a region of an op.

The body sees its own arguments. Whatever else it uses (arrays of the trace around it, parameters,
constants) is captured: it becomes one more argument of the region and one more operand of the op.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from baryon.array.base import ArrayBase, Recorder, TraceError, recorder, recording_to
from baryon.array.ndarray import ndarray
from baryon.ir import Attr, Builder, Module, Region, TensorType, Value, caller_loc, u64
from baryon.ops import OpDef, lookup


class Graph(Recorder, Protocol):
    """A recorder that builds a graph into which ops with regions can be put."""

    module: Module
    builder: Builder

    def value(self, x: ArrayBase) -> Value:
        """The value of an array in this graph."""
        ...


class Body:
    """The recorder of one region.

    around: the recorder of the op that gets the region; None where only the types of what the body
    computes are wanted.
    captured: outer arrays that the body uses, in the order of first use.
    """

    def __init__(self, types: Sequence[TensorType], around: Graph | None) -> None:
        self.around = around
        self.module = around.module if around is not None else Module()
        self.region = Region(types)
        self.builder = Builder(self.module, self.region, lookup)
        self.arguments = [ndarray(None, value, self) for value in self.region.args]
        self._captured: dict[int, tuple[ArrayBase, Value]] = {}

    @property
    def captured(self) -> list[ArrayBase]:
        """Outer arrays that the body uses, in the order of first use."""
        return [x for x, _ in self._captured.values()]

    def takes(self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]) -> bool:
        """As outside; where only types are wanted, everything is taken down."""
        if self.around is None or any(x.is_traced for x in operands):
            return True
        return self.around.takes(opdef, operands, attrs)

    def watch(self, operands: Sequence[ArrayBase]) -> None:
        """Noted outside, where the constants are."""
        if self.around is not None:
            self.around.watch(operands)

    def emit(
        self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]
    ) -> Sequence[Value]:
        """Append an op at the user's line."""
        with self.builder.at(caller_loc("baryon")):
            return self.builder.emit(opdef.name, [self.value(x) for x in operands], attrs)

    def draw(self) -> tuple[ArrayBase, int]:
        """The graph's key and a stream; `baryon.ops.control.stream_of` tells iterations apart."""
        if self.around is not None:
            return self.around.draw()
        key = Value(TensorType((), u64), self.region)
        return ndarray(None, key, self), 0

    def assign(self, target: ArrayBase, value: ArrayBase) -> None:
        """Refuse: an iteration has no outside to write to."""
        raise TraceError(
            "state is assigned inside the body of a loop or branch, as batch_norm does in training",
            where=str(caller_loc("baryon")),
            hint="pass the state through the loop's states, or write the loop in Python",
        )

    def value(self, x: ArrayBase) -> Value:
        """The value of an array in the region; an outer one is captured."""
        if x.is_traced and x._owner is self:
            return x.value_for(self)
        key = id(x._value) if x.is_traced else id(x)
        return self._captured[key][1] if key in self._captured else self.capture(x)

    def capture(self, x: ArrayBase) -> Value:
        """A new argument that stands for an outer array."""
        if x.is_traced and self.around is None:
            x.value_for(recorder())
        argument = Value(x.type, self.region)
        self.region.args.append(argument)
        self._captured[id(x._value) if x.is_traced else id(x)] = x, argument
        return argument

    def run(self, function: Callable[[Sequence[ndarray]], Sequence[ndarray]]) -> Sequence[ndarray]:
        """Record what a function of the arguments does, and close the region with its results."""
        with recording_to(self):
            results = function(self.arguments)
            self.builder.ret([self.value(x) for x in results])
        return results


def graph() -> Graph | None:
    """The recorder that is active, or None where ops compute at once."""
    active: Any = recorder()
    return active  # type: ignore[no-any-return]


def emit_regions(
    around: Graph,
    name: str,
    operands: Sequence[ArrayBase],
    bodies: Sequence[Body],
    attrs: Mapping[str, Attr] | None = None,
) -> list[ndarray]:
    """Append an op whose regions were recorded; what any of them captured is passed to all."""
    outer = {id(x._value or x): x for body in bodies for x in body.captured}
    for body in bodies:
        _reorder(body, [*outer.values()])
    values = [around.value(x) for x in (*operands, *outer.values())]
    with around.builder.at(caller_loc("baryon")):
        results = around.builder.emit(name, values, attrs, [body.region for body in bodies])
    return [ndarray(None, v, around) for v in results]


def _reorder(body: Body, outer: Sequence[ArrayBase]) -> None:
    """Put the captured arguments of a region into the order of the op's operands."""
    own = body.region.args[: len(body.arguments)]
    found = [body.value(x) for x in outer]
    body.region.args[:] = [*own, *found]
