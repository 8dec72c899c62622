"""One op call on concrete arrays: computed at once by the op's NumPy meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baryon.array.base import ArrayBase, recorder
from baryon.array.border import CAUGHT, explained, manual
from baryon.ir import Array, Sym
from baryon.ops import Calls, OpDef, as_operand


class ArrayCalls(Calls[ArrayBase]):
    """Op calls whose shapes may hold symbols (`x.shape[0]`); errors name the user's line."""

    def call(self, opdef: OpDef, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """One result for ops that have one, else a tuple."""
        if recorder() is not None:
            args = [_symbols_as_text(a) for a in args]
            kwargs = {k: _symbols_as_text(v) for k, v in kwargs.items()}
        try:
            return super().call(opdef, args, kwargs)
        except CAUGHT as error:
            public = opdef.namespace in ("np", "npx")
            told = explained(error, manual(*opdef.name.split(".")) if public else None)
            raise told from told.__cause__


def _symbols_as_text(x: Any) -> Any:
    if isinstance(x, Sym):
        return str(x)
    if isinstance(x, tuple | list) and any(isinstance(d, Sym) for d in x):
        return tuple(map(_symbols_as_text, x))
    return x


_CHECKED: dict[Any, None] = {}
_CHECKED_MOST = 1 << 14
"""Calls whose operands `infer` has accepted; types and attributes decide, so once is enough."""


def evaluate(opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]) -> list[Array]:
    """The results, row-major and in memory of their own. Raises what `infer` refuses."""
    arrays = [_concrete(x) for x in operands]
    _check(opdef, operands, arrays, attrs)
    with np.errstate(all="ignore"):  # what IEEE arithmetic gives is the meaning
        out = opdef.reference(*opdef.arrange(arrays), **attrs)
    results = out if isinstance(out, tuple | list) else (out,)
    return [_own(np.asarray(r), arrays) for r in results]


def _check(
    opdef: OpDef, operands: Sequence[ArrayBase], arrays: Sequence[Array], attrs: Mapping[str, Any]
) -> None:
    key = (opdef.name, tuple([(a.shape, a.dtype) for a in arrays]), tuple(attrs.items()))
    if key in _CHECKED:
        return
    opdef.infer_types([x.type for x in operands], attrs)
    if len(_CHECKED) >= _CHECKED_MOST:
        _CHECKED.clear()
    _CHECKED[key] = None


def _own(result: Array, operands: Sequence[Array]) -> Array:
    """The result in memory that no operand has: assignments to one must not change the other."""
    if not result.flags.c_contiguous:
        return result.copy(order="C")
    if any(result is x or np.may_share_memory(result, x) for x in operands):
        return result.copy()
    return result


def _concrete(x: ArrayBase) -> Array:
    if x._data is None:
        x.value_for(None)
        raise AssertionError("a traced array has an owner")
    return x._data


def as_array(x: Any, others: Sequence[np.dtype[np.generic]]) -> Array:
    """An array for an operand that is not one of ours.

    Numbers take the dtype that suits the `others`; nested sequences of floats become float32.
    """
    if isinstance(x, np.ndarray):
        return x
    if hasattr(x, "__dlpack__"):
        return np.from_dlpack(x)
    if isinstance(x, list | tuple):
        array = np.asarray(x)
        return array.astype(np.float32) if array.dtype == np.float64 else array
    return as_operand(x, others)
