"""Functions of `mx.np` for order statistics, differences and interpolation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy

from baryon.array import Ops, ndarray, stored
from baryon.array.host import on_host
from baryon.array.types import ArrayLike, Axes
from baryon.ir import IRTypeError, dim_prod
from baryon.np.arguments import axes_of, common, float_dtype, only, operand
from baryon.np.searching import argsort, sort

_np, _npx = Ops("np"), Ops("npx")

_Place = Callable[[Any], tuple[Any, Any]]

_PLACES: Mapping[str, _Place] = {
    "linear": lambda p: (numpy.floor(p), p - numpy.floor(p)),
    "lower": lambda p: (numpy.floor(p), p * 0),
    "higher": lambda p: (numpy.ceil(p), p * 0),
    "midpoint": lambda p: (numpy.floor(p), (p != numpy.floor(p)) * 0.5),
    "nearest": lambda p: (numpy.rint(p), p * 0),
}
"""For each way to interpolate: the element below a position, and the weight of the next one."""


def quantile(
    a: ArrayLike, q: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
    overwrite_input: bool | None = None, interpolation: str = "linear", keepdims: bool = False,
    method: str | None = None,
) -> ndarray:  # fmt: skip
    """The values below which the parts `q` of the elements lie; the axes of q come first.

    interpolation (or `method`): linear, lower, higher, midpoint or nearest. Slices that hold a NaN
    give NaN. Raises ValueError for q outside of [0, 1].
    """
    only(overwrite_input=overwrite_input)
    parts = numpy.asarray(operand(q).elements("quantile()'s q", "give q as numbers"), numpy.float64)
    return _quantile(a, parts, axis, out, method or interpolation, keepdims)


def percentile(
    a: ArrayLike, q: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
    overwrite_input: bool | None = None, interpolation: str = "linear", keepdims: bool = False,
    method: str | None = None,
) -> ndarray:  # fmt: skip
    """The values below which `q` percent of the elements lie; see `quantile`."""
    only(overwrite_input=overwrite_input)
    given = operand(q).elements("percentile()'s q", "give q as numbers")
    parts = numpy.asarray(given, numpy.float64) / 100
    return _quantile(a, parts, axis, out, method or interpolation, keepdims)


def median(
    a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
    overwrite_input: bool | None = None, keepdims: bool = False,
) -> ndarray:  # fmt: skip
    """The middle element along axes, or the mean of the two in the middle."""
    only(overwrite_input=overwrite_input)
    return _quantile(a, numpy.asarray(0.5), axis, out, "linear", keepdims)


def _quantile(
    a: ArrayLike, q: Any, axis: Axes | None, out: ndarray | None, method: str, keepdims: bool
) -> ndarray:
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError("quantiles must be in the range [0, 1], percentiles in [0, 100]")
    if method not in _PLACES:
        raise ValueError(f"interpolation is {method!r}, expected one of {', '.join(_PLACES)}")
    x = operand(a)
    axes = axes_of(axis, x.ndim, "quantile")
    ordered = _sorted_last(x, axes)
    below, weight = _PLACES[method](q.reshape(-1) * (_length(ordered) - 1))
    picked = _between(ordered, below.astype(numpy.int64), weight)  # (..., number of q)
    first = _np.transpose(picked, (picked.ndim - 1, *range(picked.ndim - 1)))
    kept = [1 if i in axes else d for i, d in enumerate(x.shape)]
    rest = kept if keepdims else list(first.shape[1:])
    return stored(first.reshape(*q.shape, *rest), out)


def _length(x: ndarray) -> int:
    size = x.shape[-1]
    if not isinstance(size, int) or not size:
        raise IRTypeError(f"quantiles along an axis of {size} elements are not defined")
    return size


def _sorted_last(x: ndarray, axes: tuple[int, ...]) -> ndarray:
    """The elements as floats, the axes merged into a last one and sorted along it."""
    kept = [i for i in range(x.ndim) if i not in axes]
    moved = _np.transpose(x.astype(float_dtype(x), copy=False), (*kept, *axes))
    merged = dim_prod(tuple(x.shape[i] for i in axes))
    return sort(moved.reshape(*(x.shape[i] for i in kept), merged), axis=-1)


def _between(ordered: ndarray, below: Any, weight: Any) -> ndarray:
    """Elements at fractional positions; NaN where the last, so the largest, is one."""
    low = _np.take(ordered, below, axis=-1)
    if weight.any():
        above = numpy.minimum(below + 1, _length(ordered) - 1)
        step = _np.take(ordered, above, axis=-1) - low
        low = low + step * weight.astype(low.dtype)
    last = ordered[..., -1:]
    return _np.where(_np.not_equal(last, last), last, low)


def diff(
    a: ArrayLike, n: int = 1, axis: int = -1, prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
) -> ndarray:  # fmt: skip
    """Each element less the one before it along an axis, done n times.

    prepend, append: put before and after the elements first; numbers count as one element.
    """
    x = operand(a)
    if n < 0:
        raise ValueError(f"n is {n}, it must not be negative")
    if not n:
        return x
    (at,) = axes_of(axis, x.ndim, "diff")
    ends = [None if e is None else _end(operand(e), x, at) for e in (prepend, append)]
    parts = [p for p in (ends[0], x, ends[1]) if p is not None]
    x = _np.concatenate(common(*parts), axis=at) if len(parts) > 1 else x
    step = _np.not_equal if x.type.dtype.kind == "bool" else _np.subtract
    lead = (slice(None),) * at
    for _ in range(n):
        x = step(x[(*lead, slice(1, None))], x[(*lead, slice(None, -1))])
    return x


def _end(end: ndarray, x: ndarray, axis: int) -> ndarray:
    if end.ndim:
        return end
    shape = tuple(1 if i == axis else d for i, d in enumerate(x.shape))
    return _np.broadcast_to(end, shape)


def ediff1d(
    ary: ArrayLike, to_end: ArrayLike | None = None, to_begin: ArrayLike | None = None
) -> ndarray:
    """The differences of consecutive elements in order, between `to_begin` and `to_end`."""
    steps = diff(operand(ary).reshape(-1))
    ends = [None if e is None else operand(e).reshape(-1) for e in (to_begin, to_end)]
    parts = [p for p in (ends[0], steps, ends[1]) if p is not None]
    alike = [p if p.dtype == steps.dtype else p.astype(steps.dtype) for p in parts]
    return _np.concatenate(alike, axis=0) if len(alike) > 1 else steps


def interp(
    x: ArrayLike, xp: ArrayLike, fp: ArrayLike, left: Any = None, right: Any = None,
    period: float | None = None,
) -> ndarray:  # fmt: skip
    """The piecewise linear function through the points (xp, fp), at x; differentiable in all three.

    xp must ascend, unless `period` is given. left, right: values outside of it instead of the ends.
    """
    places, points, values = (operand(v) for v in (x, xp, fp))
    dtype = float_dtype(*common(places, points, values))
    places, points, values = (v.astype(dtype, copy=False) for v in (places, points, values))
    if period is not None:
        places, points, values = _periodic(places, points, values, abs(float(period)))
        left = right = None
    return _interpolated(places, points, values, left, right)


def _periodic(x: ndarray, xp: ndarray, fp: ndarray, period: float) -> list[ndarray]:
    if not period:
        raise ValueError("period must not be 0")
    x, xp = (v - _np.floor(v / period) * period for v in (x, xp))
    order = argsort(xp)
    xp, fp = _np.take(xp, order, axis=0), _np.take(fp, order, axis=0)
    ends = [xp[-1:] - period, xp, xp[:1] + period]
    return [x, _np.concatenate(ends, axis=0), _np.concatenate([fp[-1:], fp, fp[:1]], axis=0)]


def _interpolated(x: ndarray, xp: ndarray, fp: ndarray, left: Any, right: Any) -> ndarray:
    count = _length(xp)
    first, last = (fp[0] if left is None else left), (fp[-1] if right is None else right)
    if count == 1:
        inside = _np.zeros_like(x) + fp[0]
    else:
        at = _np.clip(_np.sum(_np.less_equal(xp, _np.expand_dims(x, -1)), -1) - 1, 0, count - 2)
        here, there = (_np.take(xp, at + i, axis=0) for i in (0, 1))
        low, high = (_np.take(fp, at + i, axis=0) for i in (0, 1))
        inside = low + (x - here) / (there - here) * (high - low)
    bounded = _np.where(_np.less(x, xp[0]), first, inside)
    return _np.where(_np.greater(x, xp[-1]), last, bounded)


def histogram(
    a: ArrayLike, bins: Any = 10, range: tuple[float, float] | None = None,
    normed: bool | None = None, weights: ArrayLike | None = None, density: bool | None = None,
) -> tuple[ndarray, ndarray]:  # fmt: skip
    """How many elements lie in each bin, and the edges of the bins; computed on the host."""
    kwargs = {"range": range, "weights": weights, "density": density or normed}
    found: Any = on_host("np.histogram", numpy.histogram, (a, bins), kwargs)
    return found  # type: ignore[no-any-return]


def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0) -> ndarray:
    """How often each number 0, 1, ... occurs, or the sum of its weights; computed on the host.

    The result has the dtype of the weights, or else of x.
    """
    kwargs = {"weights": weights, "minlength": minlength}
    found: ndarray = on_host("np.bincount", numpy.bincount, (operand(x),), kwargs)
    return found.astype(operand(x if weights is None else weights).dtype, copy=False)


PUBLIC: tuple[Callable[..., Any], ...] = (
    quantile, percentile, median, diff, ediff1d, interp, histogram, bincount,
)  # fmt: skip
