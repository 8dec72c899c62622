"""One op call on arrays: computed at once by the op's NumPy meaning, or recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baryon.array.base import ArrayBase, Recorder, recorder
from baryon.ir import Array, BaryonError, Sym, Value, caller_loc
from baryon.ops import Calls, OpDef, as_operand


class ArrayCalls(Calls[ArrayBase]):
    """Op calls whose shapes may hold symbols (`x.shape[0]`)."""

    def call(self, opdef: OpDef, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """One result for ops that have one, else a tuple; errors name the user's line."""
        try:
            return super().call(
                opdef, [_symbols_as_text(a) for a in args],
                {k: _symbols_as_text(v) for k, v in kwargs.items()},
            )  # fmt: skip
        except BaryonError as error:
            error.where = error.where or str(caller_loc("baryon"))
            raise


def _symbols_as_text(x: Any) -> Any:
    if isinstance(x, Sym):
        return str(x)
    if isinstance(x, tuple | list) and any(isinstance(d, Sym) for d in x):
        return tuple(map(_symbols_as_text, x))
    return x


def perform(
    opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]
) -> tuple[Recorder | None, Sequence[Array] | Sequence[Value]]:
    """The results: arrays and None, or graph values and the recorder that owns them.

    An op on concrete arrays computes at once even inside a trace, where its result is a constant,
    unless it draws random numbers or makes an array of a symbolic shape.
    """
    active = recorder()
    if active is not None and _must_record(opdef, operands, attrs):
        return active, active.emit(opdef, operands, attrs)
    arrays = [_concrete(x) for x in operands]
    opdef.infer(*opdef.arrange([x.tensor_type for x in operands]), **attrs)  # refuses bad operands
    return None, [np.asarray(x) for x in opdef.evaluate(arrays, attrs)]


def _must_record(opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]) -> bool:
    shapes = (attrs[p.name] or () for p in opdef.params if p.kind.startswith("shape"))
    symbolic = any(isinstance(d, str) for dims in shapes for d in dims)
    return opdef.random or symbolic or any(x.is_traced for x in operands)


def _concrete(x: ArrayBase) -> Array:
    if x._data is None:
        x.value_for(None)
        raise AssertionError("a traced array has an owner")
    return x._data


def as_array(x: Any, others: Sequence[np.dtype[np.generic]]) -> tuple[Array, bool]:
    """An array for an operand that is not one of ours, and whether its memory is the user's.

    Numbers take the dtype that suits the `others`; nested sequences of floats become float32.
    """
    if isinstance(x, np.ndarray):
        return x, True
    if hasattr(x, "__dlpack__"):
        return np.from_dlpack(x), True
    if isinstance(x, list | tuple):
        array = np.asarray(x)
        return (array.astype(np.float32) if array.dtype == np.float64 else array), False
    return as_operand(x, others), False
