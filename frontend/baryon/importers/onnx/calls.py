"""Op calls while importing: computed at once on known arrays, recorded otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from baryon.importers.onnx.budget import Budget, stored
from baryon.importers.onnx.dims import at_run_time, on_dims
from baryon.importers.onnx.node import Held, Operand, is_symbolic, numpy_dtype
from baryon.ir import Array, Builder, Loc, Value
from baryon.ops import TABLE, Calls, OpDef, Role, as_operand
from baryon.ops.quantize import DEQUANTIZE

_MOVES = (Role.INJECTIVE, Role.VIEW)
"""Roles of ops that put elements elsewhere, symbols too."""


class Recorder:
    """Makes `calls`, and constants of the module from arrays when an op first needs them.

    An array is stored under the name by which the file knows it. budget: of the whole import.
    """

    def __init__(
        self, builder: Builder, budget: Budget, streams: Iterator[int] | None = None
    ) -> None:
        self.builder, self.budget = builder, budget
        self.streams = streams or count()
        self.calls: Calls[Operand] = Calls(TABLE, self._emit, self._lift)
        self._names: dict[int, str] = {}
        self._values: dict[int, tuple[Array, Value]] = {}

    def name(self, x: Held, name: str) -> None:
        """Give a value or an array its name in the file, if it has none yet."""
        if isinstance(x, np.ndarray):
            self._names.setdefault(id(x), name)
        elif isinstance(x, Value) and not x.name:
            x.name = name

    def draw(self) -> tuple[Value, int]:
        """A key of random numbers, and a stream that nobody else in the module draws from."""
        key = self.builder.constant(np.array(0, np.uint64), "rng_key")
        return key, next(self.streams)

    def value(self, x: Operand) -> Value:
        """The value itself, or a constant for an array; one constant for each array."""
        if isinstance(x, Value):
            return x
        if is_symbolic(x):
            made: Value = at_run_time(self.calls, x)
            return made
        if id(x) not in self._values:  # the entry keeps the array alive, so its id stays its own
            self.budget.take(x.size - stored(x))
            name = self._names.get(id(x), "c")
            with self.builder.at(Loc(self.builder.loc.source)):
                self._values[id(x)] = (x, self.builder.constant(x, name))
            self._values[id(x)][1].name = name
        return self._values[id(x)][1]

    def _emit(
        self, opdef: OpDef, operands: Sequence[Operand], attrs: Mapping[str, Any]
    ) -> Sequence[Operand]:
        arrays = [x for x in operands if isinstance(x, np.ndarray)]
        known = arrays and len(arrays) == len(operands) and not has_symbols(opdef, attrs)
        if known and not _is_coded_weight(opdef, arrays):
            found = self._computed(opdef, arrays, attrs)
            if found is not None:
                return found
        return self.builder.emit(opdef.name, [self.value(x) for x in operands], attrs)

    def _computed(
        self, opdef: OpDef, arrays: Sequence[Array], attrs: Mapping[str, Any]
    ) -> Sequence[Array] | None:
        """The results on known arrays; None where they depend on the size of a symbol."""
        if any(map(is_symbolic, arrays)) and opdef.role not in _MOVES:
            dims = on_dims(opdef.name, arrays, self._can_be_empty)
            return None if dims is None else [dims]
        self.budget.spend(opdef, arrays, attrs)
        return [np.asarray(x) for x in opdef.evaluate(arrays, attrs)]

    def _can_be_empty(self, symbol: str) -> bool:
        """Whether a symbol may be 0, as that of a size that depends on data."""
        return self.builder.module.symbols[symbol][0] < 1

    @staticmethod
    def _lift(x: Any, opdef: OpDef, operands: Sequence[Any]) -> Operand:
        if isinstance(x, Value | np.ndarray):
            return x
        return as_operand(
            x, [numpy_dtype(v) for v in operands if isinstance(v, Value | np.ndarray)]
        )


def has_symbols(opdef: OpDef, attrs: Mapping[str, Any]) -> bool:
    """Whether a shape among the attributes depends on a symbol."""
    shapes = (attrs.get(p.name) for p in opdef.params if p.kind == "shape")
    return any(isinstance(d, str) for shape in shapes if isinstance(shape, tuple) for d in shape)


def _is_coded_weight(opdef: OpDef, arrays: Sequence[Array]) -> bool:
    """Whether an op says what the codes of a weight mean, which stay codes."""
    return opdef.name == DEQUANTIZE and arrays[0].ndim > 1
