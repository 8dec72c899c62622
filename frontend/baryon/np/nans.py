"""Folds that leave NaNs out and have gradients, and `ptp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from baryon.array import Ops, ndarray, stored
from baryon.array.types import ArrayLike, Axes, DTypeLike
from baryon.np import reductions
from baryon.np.arguments import operand

_np = Ops("np")


def _without_nan(a: ArrayLike, instead: float) -> ndarray:
    x = operand(a)
    return _np.where(_np.equal(x, x), x, instead) if x.type.dtype.is_float else x


def nansum(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
           out: ndarray | None = None, keepdims: bool = False) -> ndarray:  # fmt: skip
    """The sum along axes, NaNs counted as 0."""
    return reductions.sum(_without_nan(a, 0), axis, dtype, out, keepdims)


def nanprod(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
            out: ndarray | None = None, keepdims: bool = False) -> ndarray:  # fmt: skip
    """The product along axes, NaNs counted as 1."""
    return reductions.prod(_without_nan(a, 1), axis, dtype, out, keepdims)


def _extreme(a: ArrayLike, axis: Any, out: Any, keepdims: bool, name: str, end: float) -> ndarray:
    x = operand(a)
    fold: Any = getattr(_np, name)
    if not x.type.dtype.is_float:
        return stored(fold(x, axis, bool(keepdims)), out)
    found = fold(_without_nan(x, end), axis, bool(keepdims))
    numbers = reductions.any(_np.equal(x, x), axis, None, keepdims)
    return stored(_np.where(numbers, found, numpy.nan), out)


def nanmax(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
           keepdims: bool = False) -> ndarray:  # fmt: skip
    """The largest element along axes, NaNs left out; NaN where there are only NaNs."""
    return _extreme(a, axis, out, keepdims, "max", -numpy.inf)


def nanmin(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
           keepdims: bool = False) -> ndarray:  # fmt: skip
    """The smallest element along axes, NaNs left out; NaN where there are only NaNs."""
    return _extreme(a, axis, out, keepdims, "min", numpy.inf)


def ptp(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
        keepdims: bool = False) -> ndarray:  # fmt: skip
    """The largest less the smallest element along axes."""
    high, low = (f(a, axis, bool(keepdims)) for f in (_np.max, _np.min))
    return stored(high - low, out)


PUBLIC: tuple[Callable[..., Any], ...] = (nansum, nanprod, nanmax, nanmin, ptp)
