"""Comparisons of whole arrays, and facts about memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from baryon.array import Ops, ndarray
from baryon.array.types import ArrayLike
from baryon.np.arguments import operand

_np = Ops("np")


def isclose(
    a: ArrayLike, b: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> ndarray:
    """Where |a - b| <= atol + rtol * |b|; equal infinities are close, NaNs if `equal_nan`."""
    x, y = operand(a), operand(b)
    bound = _np.add(_np.multiply(_np.abs(y), rtol), atol)
    near = _np.less_equal(_np.abs(_np.subtract(x, y)), bound)
    # an infinite bound says nothing: such elements are close only if they are equal
    close = _np.where(_np.less(bound, numpy.inf), near, _np.equal(x, y))
    close = _np.where(_np.equal(x, y), True, close)
    if not equal_nan:
        return close
    both = _np.logical_not(_np.where(_np.equal(x, x), True, _np.equal(y, y)))
    return _np.where(both, True, close)


def allclose(
    a: ArrayLike, b: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close (see `isclose`), as a Python bool."""
    return bool(_data(isclose(a, b, rtol, atol, equal_nan), "allclose()").all())


def array_equal(a1: ArrayLike, a2: ArrayLike, equal_nan: bool = False) -> bool:
    """Whether two arrays have the same shape and elements, as a Python bool."""
    x, y = (_data(operand(a), "array_equal()") for a in (a1, a2))
    return numpy.array_equal(x, y, equal_nan=equal_nan and x.dtype.kind == "f")


def array_equiv(a1: ArrayLike, a2: ArrayLike) -> bool:
    """Whether two arrays have the same elements after broadcasting, as a Python bool."""
    x, y = (_data(operand(a), "array_equiv()") for a in (a1, a2))
    return bool(numpy.array_equiv(x, y))


def _data(x: ndarray, asked: str) -> Any:
    return x.elements(asked, "compare inside the trace with np.equal or np.isclose")


def shares_memory(a: ndarray, b: ndarray, max_work: int | None = None) -> bool:
    """Whether two arrays have elements in the same memory, as views do."""
    return bool(numpy.may_share_memory(_data(a, "shares_memory()"), _data(b, "shares_memory()")))


def may_share_memory(a: ndarray, b: ndarray, max_work: int | None = None) -> bool:
    """The same as `shares_memory`: views are contiguous, so bounds of memory tell."""
    return shares_memory(a, b, max_work)


PUBLIC: tuple[Callable[..., Any], ...] = (
    isclose, allclose, array_equal, array_equiv, shares_memory, may_share_memory,
)  # fmt: skip
