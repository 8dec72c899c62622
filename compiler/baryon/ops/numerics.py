"""What the NumPy references share: precision of half floats, promotion, error function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from baryon.ir import dtype_of, f32
from baryon.ops.shapes import floating, promote

Arr = np.ndarray[tuple[int, ...], np.dtype[Any]]
"""Arrays inside references: of any dtype, arithmetic allowed."""

Reference = Callable[..., Any]


def is_float(x: Arr) -> bool:
    """True for the floating dtypes, bfloat16 included."""
    return dtype_of(x.dtype).is_float


def rounded(reference: Reference) -> Reference:
    """Compute half precisions in float32 and round the result once, as kernels do."""

    def run(*operands: Arr | None, **attrs: Any) -> Any:
        floats = {x.dtype for x in operands if x is not None and is_float(x)}
        if not any(d.itemsize == 2 for d in floats):
            return reference(*operands, **attrs)
        out = reference(*map(_widen, operands), **attrs)
        return _narrow(out, floats.pop()) if len(floats) == 1 else out

    return run


def _widen(x: Arr | None) -> Arr | None:
    half = x is not None and is_float(x) and x.itemsize == 2
    return x.astype(np.float32) if half and x is not None else x


def _narrow(out: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(out, tuple):
        return tuple(_narrow(x, dtype) for x in out)
    return out.astype(dtype) if out.dtype == np.float32 else out


def as_float(x: Arr) -> Arr:
    """Whole numbers as float32; floats as they are."""
    return x.astype(floating(dtype_of(x.dtype)).numpy, copy=False)


def promoted(*arrays: Arr) -> list[Arr]:
    """Arrays in their common dtype (see `baryon.ops.shapes.promote`)."""
    dtype = promote("", (dtype_of(x.dtype) for x in arrays)).numpy
    return [x.astype(dtype, copy=False) for x in arrays]


def erf(x: Arr) -> Arr:
    """The error function, exact to the last place of float64."""
    exact = np.frompyfunc(math.erf, 1, 1)(x.astype(np.float64))
    return np.asarray(exact, np.float64).astype(x.dtype)


def sigmoid(x: Arr) -> Arr:
    """1 / (1 + exp(-x)) without overflow."""
    e = np.exp(-np.abs(x))
    result: Arr = np.where(x >= 0, 1, e) / (1 + e)
    return result


def default_number_dtype(value: bool | int | float) -> np.dtype[np.generic]:
    """The dtype that a number gives an array: bool, int64, or float32."""
    if isinstance(value, bool):
        return np.dtype(np.bool_)
    return np.dtype(np.int64) if isinstance(value, int) else f32.numpy
