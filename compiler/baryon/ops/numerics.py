"""What the NumPy references share: precision of half floats, promotion, error function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from baryon.ir import dtype_of, f32
from baryon.ops.coefficients import ERF, LOG_ERFC
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


_BLOCK = 1 << 13
"""Elements for which the intermediate results of a polynomial stay in the cache."""


def horner(x: Arr, coefficients: Sequence[float]) -> Arr:
    """A polynomial, the constant term first."""
    total = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total *= x
        total += c
    return total


def in_float64(function: Callable[[Arr], Arr]) -> Callable[[Arr], Arr]:
    """Compute in float64, block by block, and round to the operand's dtype."""

    def run(x: Arr) -> Arr:
        out, flat = np.empty(x.size, x.dtype), x.reshape(-1)
        for start in range(0, x.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            out[block] = function(flat[block].astype(np.float64))
        return out.reshape(x.shape)

    return run


def erf(x: Arr) -> Arr:
    """The error function: exact in float64, to 4e-9 before the rounding to float32."""
    if x.dtype == np.float32:
        return _erf_single(x)
    exact = np.frompyfunc(math.erf, 1, 1)(x.astype(np.float64))
    return np.asarray(exact, np.float64).astype(x.dtype)


@in_float64
def _erf_single(x: Arr) -> Arr:
    size = np.minimum(np.abs(x), 4.0)  # where float32 sees 1
    small = size < 1
    near = x * horner(x * x, ERF) if small.any() else x
    if small.all():
        return near
    far = np.copysign(1 - np.exp(horner(size - 2.5, LOG_ERFC)), x)
    result: Arr = np.where(small, near, far)
    return result


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
