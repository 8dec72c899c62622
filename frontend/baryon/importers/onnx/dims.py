"""Arithmetic on shapes that hold symbols, and their numbers as data at run time.

A file computes shapes with ordinary ops, on the sizes of its inputs. Those that give a dimension
again (2*N, N // 2 where it is exact) or an answer that holds for every size are computed while
importing; of others, the numbers are computed when the network runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from baryon.importers.onnx.node import dims_array
from baryon.ir import Array, Dim, IRTypeError, Sym, dim_floordiv, dim_mul
from baryon.ops import Calls


def on_dims(
    op: str, operands: Sequence[Array], can_be_empty: Callable[[str], bool]
) -> Array | None:
    """The result of an op of ours on known arrays, some of which hold symbols.

    None where it is no dimension, and for ops that compute something else than dimensions.
    can_be_empty: whether a symbol may be 0, so that it may equal any number.
    """
    rule = _RULES.get(op)
    symbols = {d.name for x in operands for d in x.flat if isinstance(d, Sym)}
    if op == "np.equal" and any(map(can_be_empty, symbols)):
        return None
    if rule is None or any("f" in x.dtype.kind for x in operands):
        return None
    parts = np.broadcast_arrays(*operands)
    try:
        found = [rule(*map(_dim, row)) for row in zip(*(x.flat for x in parts), strict=True)]
    except IRTypeError:  # the product of two symbols
        return None
    if any(d is None for d in found):
        return None
    answers = bool(found) and all(isinstance(d, bool) for d in found)
    array = np.array(found, np.bool_) if answers else dims_array(found)
    return array.reshape(parts[0].shape)


def at_run_time(o: Calls[Any], dims: Array) -> Any:
    """The sizes as int64 numbers that the network computes: a symbol is a sum of as many ones."""
    numbers = [_number(o, _dim(d)) for d in dims.flat]
    if not dims.ndim:
        return numbers[0]
    return o.np.reshape(o.np.stack(numbers, axis=0), newshape=dims.shape)


def _number(o: Calls[Any], dim: Dim) -> Any:
    if not isinstance(dim, Sym):
        return np.array(dim, np.int64)
    return o.np.multiply(o.np.sum(ones(o, Sym(dim.name)), axis=(0,)), np.int64(dim.factor))


def ones(o: Calls[Any], size: Sym) -> Any:
    """As many ones, int64."""
    return o.np.full(shape=(str(size),), fill_value=1, dtype=np.int64)


def _dim(x: Any) -> Dim:
    return int(x) if isinstance(x, np.integer | int) and not isinstance(x, np.bool_) else x


def _add(a: Dim, b: Dim) -> Dim | None:
    if not isinstance(a, Sym):
        return _add(b, a) if isinstance(b, Sym) else a + b
    if isinstance(b, Sym):
        return Sym(a.name, a.factor + b.factor) if a.name == b.name else None
    return a if b == 0 else None


def _subtract(a: Dim, b: Dim) -> Dim | None:
    if isinstance(b, Sym):
        return 0 if a == b else None
    return _add(a, -b)


def _equal(a: Dim, b: Dim) -> bool | None:
    """Sizes are at least 1 here: that of a symbol is not 0, -1 or less than its factor."""
    if not isinstance(a, Sym):
        return _equal(b, a) if isinstance(b, Sym) else a == b
    if isinstance(b, Sym):
        return a.factor == b.factor if a.name == b.name else None
    return False if b < a.factor or b % a.factor else None


def _where(condition: Any, a: Dim, b: Dim) -> Dim | None:
    return (a if condition else b) if isinstance(condition, bool | np.bool_ | int) else None


_RULES: Mapping[str, Callable[..., Any]] = {
    "np.add": _add,
    "np.subtract": _subtract,
    "np.multiply": dim_mul,
    "np.floor_divide": dim_floordiv,
    "np.equal": _equal,
    "np.where": _where,
}
"""By op: a function of dimensions; None where its result is none."""
