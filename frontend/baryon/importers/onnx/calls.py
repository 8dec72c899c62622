"""Op calls while importing: computed at once on known arrays, recorded otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baryon.importers.onnx.node import Held, Operand, is_symbolic, numpy_dtype
from baryon.ir import Array, Builder, Loc, UnsupportedError, Value
from baryon.ops import TABLE, Calls, OpDef, as_operand
from baryon.ops.quantize import DEQUANTIZE


class Recorder:
    """Makes `calls`, and constants of the module from arrays when an op first needs them.

    An array is stored under the name by which the file knows it.
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.calls: Calls[Operand] = Calls(TABLE, self._emit, self._lift)
        self._names: dict[int, str] = {}
        self._values: dict[int, tuple[Array, Value]] = {}

    def name(self, x: Held, name: str) -> None:
        """Give a value or an array its name in the file, if it has none yet."""
        if isinstance(x, np.ndarray):
            self._names.setdefault(id(x), name)
        elif isinstance(x, Value) and not x.name:
            x.name = name

    def value(self, x: Operand) -> Value:
        """The value itself, or a constant for an array; one constant for each array."""
        if isinstance(x, Value):
            return x
        if is_symbolic(x):
            raise UnsupportedError("a shape that depends on the batch size is used as data")
        if id(x) not in self._values:  # the entry keeps the array alive, so its id stays its own
            name = self._names.get(id(x), "c")
            with self.builder.at(Loc(self.builder.loc.source)):
                self._values[id(x)] = (x, self.builder.constant(x, name))
            self._values[id(x)][1].name = name
        return self._values[id(x)][1]

    def _emit(
        self, opdef: OpDef, operands: Sequence[Operand], attrs: Mapping[str, Any]
    ) -> Sequence[Operand]:
        arrays = [x for x in operands if isinstance(x, np.ndarray)]
        if arrays and len(arrays) == len(operands) and not _is_coded_weight(opdef, arrays):
            return [np.asarray(x) for x in opdef.evaluate(arrays, attrs)]
        return self.builder.emit(opdef.name, [self.value(x) for x in operands], attrs)

    @staticmethod
    def _lift(x: Any, opdef: OpDef, operands: Sequence[Any]) -> Operand:
        if isinstance(x, Value | np.ndarray):
            return x
        return as_operand(
            x, [numpy_dtype(v) for v in operands if isinstance(v, Value | np.ndarray)]
        )


def _is_coded_weight(opdef: OpDef, arrays: Sequence[Array]) -> bool:
    """Whether an op says what the codes of a weight mean, which stay codes."""
    return opdef.name == DEQUANTIZE and arrays[0].ndim > 1
