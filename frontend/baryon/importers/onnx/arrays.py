"""Mappings written with arrays: the functions of `np` and `npx`, recorded into the module.

A mapping by calls of single ops (`o.np.add`) needs no more than the ops. Where NumPy has a function
that is several ops (`einsum`, `topk`, control flow), `by_arrays` lets a mapping use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from baryon.array import ArrayBase, ElementsError, ndarray, recording_to
from baryon.importers.onnx.calls import Recorder, has_symbols
from baryon.importers.onnx.node import Build, Held, Node, Operand, is_symbolic
from baryon.ir import UnsupportedError, Value
from baryon.ops import Calls, OpDef

ByArrays = Callable[..., Any]
"""(node, *inputs) -> an array or a tuple of them; an input that is left out is None."""


def by_arrays(function: ByArrays) -> Build:
    """The `build` of a mapping that is written with arrays.

    Inputs that are known while importing are arrays with elements, on which everything is computed
    at once; the others are traced ones.
    """

    def build(o: Calls[Operand], node: Node, *inputs: Held) -> Any:
        bridge = Bridge(node.scope.recorder)
        try:
            with recording_to(bridge):
                results = function(node, *(bridge.given(x) for x in inputs))
        except ElementsError as error:
            raise node.not_constant("an input must be a constant", error.value) from error
        if isinstance(results, tuple):
            return tuple(bridge.held(x) for x in results)
        return bridge.held(results)

    return build


class Bridge:
    """Takes down what functions of arrays call, as the recorder of an import."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.builder, self.module = recorder.builder, recorder.builder.module

    def given(self, x: Held) -> Any:
        """An input as an array, a sequence as a list of them, and None as it is."""
        return [self.array(part) for part in x] if isinstance(x, list) else self.array(x)

    def held(self, x: Any) -> Held:
        """What an array, a list of them or None stands for."""
        if isinstance(x, list):
            return [self.operand(part) for part in x]
        return None if x is None else self.operand(x)

    def array(self, x: Operand | None) -> ndarray | None:
        """An operand of a node as an array."""
        if x is None:
            return None
        if isinstance(x, Value) or is_symbolic(x):
            return ndarray(None, self._recorder.value(x), self)
        return ndarray(np.asarray(x))

    def operand(self, x: ArrayBase) -> Operand:
        """What an array stands for."""
        return x.value_for(self) if x.is_traced else x.elements("the importer", "")

    def takes(self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]) -> bool:
        """Whether an operand is not known while importing; if all are, they are computed now."""
        if any(x.is_traced for x in operands) or has_symbols(opdef, attrs):
            return True
        arrays = [x.elements("the importer", "") for x in operands]
        self._recorder.budget.spend(opdef, arrays, attrs)
        return False

    def watch(self, operands: Sequence[ArrayBase]) -> None:
        """Nothing writes to arrays of a file."""

    def emit(
        self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]
    ) -> Sequence[Value]:
        """Append an op of the node that is being imported."""
        return self.builder.emit(opdef.name, [self.value(x) for x in operands], attrs)

    def value(self, x: ArrayBase) -> Value:
        """The value of an array in the module; a constant for one with elements."""
        return self._recorder.value(self.operand(x))

    def draw(self) -> tuple[ArrayBase, int]:
        """A key that is always the same, and a stream of random numbers that no one else has."""
        key, stream = self._recorder.draw()
        return ndarray(None, key, self), stream

    def assign(self, target: ArrayBase, value: ArrayBase) -> None:
        """Refuses: a mapping computes results and changes nothing."""
        raise UnsupportedError("a mapping assigned to an array")
