"""The softmax family: by length, by mask, at a temperature."""

from __future__ import annotations

from collections.abc import Callable

from baryon.array import ndarray
from baryon.array.types import ArrayLike, DTypeLike
from baryon.ir import dtype_of
from baryon.npx.common import array, cast, fail, np, npx, places, sizes

_LOW = {"f16": -6e4}
"""What stands for minus infinity in a dtype: the exponential of it is 0."""


def softmax(
    data: ArrayLike, length: ArrayLike | None = None, axis: int = -1,
    temperature: float | None = None, use_length: bool = False, dtype: DTypeLike | None = None,
) -> ndarray:  # fmt: skip
    """exp(data / temperature), divided by its sum along an axis.

    data: floating. length, with use_length: whole numbers, of data's shape without the axis; only
    that many leading elements take part, and the others give 0. dtype: of the result; data's
    without it. IRTypeError for a length without use_length, and the other way round.
    """
    x = _wide(data, dtype)
    taken = _within(x, "softmax", length, use_length, axis)
    if taken is None:
        return _narrow(npx.softmax(x, axis, temperature), dtype)
    return _narrow(_softmax_where(taken, x, axis, temperature), dtype)


def log_softmax(
    data: ArrayLike, axis: int = -1, length: ArrayLike | None = None,
    temperature: float | None = None, use_length: bool = False, dtype: DTypeLike | None = None,
) -> ndarray:  # fmt: skip
    """The logarithm of `softmax`, without loss of precision; 0 behind `length`.

    The arguments are those of `softmax` in another order.
    """
    x = _wide(data, dtype)
    taken = _within(x, "log_softmax", length, use_length, axis)
    if taken is None:
        return _narrow(npx.log_softmax(x, axis, temperature), dtype)
    return _narrow(_log_softmax_where(taken, x, axis, temperature, 0.0), dtype)


def masked_softmax(
    data: ArrayLike, mask: ArrayLike, axis: int = -1, temperature: float = 1.0,
    normalize: bool = True,
) -> ndarray:  # fmt: skip
    """`softmax` over the elements where `mask` is true; 0 elsewhere, and where none is.

    mask: bool (other dtypes: true where not 0), broadcast to data. normalize is accepted and has no
    effect: exponentials never overflow.
    """
    x = array(data)
    return _softmax_where(_mask(mask), x, axis, temperature)


def masked_log_softmax(
    data: ArrayLike, mask: ArrayLike, axis: int = -1, temperature: float = 1.0,
    normalize: bool = True,
) -> ndarray:  # fmt: skip
    """The logarithm of `masked_softmax`: minus infinity where `mask` is false."""
    x = array(data)
    return _log_softmax_where(_mask(mask), x, axis, temperature, float("-inf"))


def _wide(data: ArrayLike, dtype: DTypeLike | None) -> ndarray:
    """The data in `dtype` if that is the wider of the two, so that precision is not lost first."""
    x = array(data)
    if dtype is None or not x.type.dtype.is_float:
        return x
    return cast(x, dtype) if dtype_of(dtype).itemsize > x.type.dtype.itemsize else x


def _narrow(x: ndarray, dtype: DTypeLike | None) -> ndarray:
    return x if dtype is None else cast(x, dtype)


def _mask(mask: ArrayLike) -> ndarray:
    return cast(array(mask), "bool")


def _within(
    x: ndarray, function: str, length: ArrayLike | None, use_length: bool, axis: int
) -> ndarray | None:
    """Where an element's place along the axis is below its length; None without lengths."""
    if (length is None) is bool(use_length):
        fail(function, f"use_length={use_length}, but length is {'' if use_length else 'not '}None")
    if length is None:
        return None
    at = axis % x.ndim
    size = sizes(function, x)[at]
    return np.less(places(size, at, x.ndim), np.expand_dims(array(length), axis=at))


def _softmax_where(taken: ndarray, x: ndarray, axis: int, temperature: float | None) -> ndarray:
    return _choose(npx.softmax, taken, x, axis, temperature, 0.0)


def _log_softmax_where(
    taken: ndarray, x: ndarray, axis: int, temperature: float | None, other: float
) -> ndarray:
    return _choose(npx.log_softmax, taken, x, axis, temperature, other)


def _choose(
    function: Callable[..., ndarray], taken: ndarray, x: ndarray, axis: int,
    temperature: float | None, other: float,
) -> ndarray:  # fmt: skip
    """The function of the elements that are taken, `other` for the rest."""
    low = _LOW.get(x.type.dtype.name, -1e30)
    return np.where(taken, function(np.where(taken, x, low), axis, temperature), other)


PUBLIC = (softmax, log_softmax, masked_softmax, masked_log_softmax)
