"""Polynomials with gradients; the rest of NumPy's are host functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baryon.array import Ops, ndarray
from baryon.array.types import ArrayLike
from baryon.ir import IRTypeError
from baryon.np.arguments import common, operand

_np = Ops("np")


def polyval(p: ArrayLike, x: ArrayLike) -> ndarray:
    """The polynomial with the coefficients p, the highest power first, at every element of x."""
    factors, at = common(operand(p), operand(x))
    if factors.ndim != 1 or not isinstance(factors.shape[0], int):
        raise IRTypeError(f"np.polyval: p must be a vector of coefficients, not {factors.type}")
    value = _np.zeros_like(at)
    for i in range(factors.shape[0]):
        value = value * at + factors[i]
    return value


PUBLIC: tuple[Callable[..., Any], ...] = (polyval,)
