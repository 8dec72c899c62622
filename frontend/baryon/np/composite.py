"""Functions of `mx.np` that arrange their arguments before they call ops.

Signatures are those of MXNet 2. `device` is accepted for the CPU alone, `order` for "C" alone.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy

from baryon.array import Ops, ndarray, stored
from baryon.array.types import ArrayLike, Axes, DTypeLike, Number, Shape
from baryon.ir import Dim, UnsupportedError, dim_prod, dtype_of

_np, _npx = Ops("np"), Ops("npx")


def _only(**given: Any) -> None:
    """Refuse arguments of MXNet's signatures whose only value here is the default."""
    allowed = {"order": ("C", "K", None), "device": (None,), "subok": (False,)}
    for name, value in given.items():
        on_cpu = name == "device" and str(value).startswith("cpu")
        if value not in allowed.get(name, (None,)) and not on_cpu:
            raise UnsupportedError(f"{name}={value!r} is not supported")


def array(object: Any, dtype: DTypeLike | None = None, device: Any = None) -> ndarray:
    """A new array from nested sequences, numbers, or an array.

    Elements are float32 unless `dtype` is given or `object` is an array of ours.
    """
    _only(device=device)
    if isinstance(object, ndarray):
        return object.copy() if dtype is None else object.astype(dtype)
    wanted = dtype_of(numpy.float32 if dtype is None else dtype).numpy
    return ndarray(numpy.array(object, wanted))


def asarray(
    obj: Any, dtype: DTypeLike | None = None, device: Any = None, copy: bool | None = None
) -> ndarray:
    """An array of ours; `obj` itself if it is one of that dtype and no copy is asked for."""
    if isinstance(obj, ndarray) and not copy and dtype in (None, obj.dtype):
        return obj
    return array(obj, dtype, device)


def from_dlpack(x: Any) -> ndarray:
    """An array that shares the memory of another library's array."""
    return ndarray(numpy.from_dlpack(x))


def copy(a: ndarray) -> ndarray:
    """An array that later assignments to `a` do not change."""
    return a.copy()


def shape(a: ArrayLike) -> tuple[Dim, ...]:
    """The sizes of the axes."""
    return asarray(a).shape


def zeros(
    shape: Shape, dtype: DTypeLike | None = None, order: str = "C", device: Any = None
) -> ndarray:
    """Zeros; float32 unless `dtype` is given."""
    return full(shape, 0, dtype or numpy.float32, order, device)


def ones(
    shape: Shape, dtype: DTypeLike | None = None, order: str = "C", device: Any = None
) -> ndarray:
    """Ones; float32 unless `dtype` is given."""
    return full(shape, 1, dtype or numpy.float32, order, device)


def empty(
    shape: Shape, dtype: DTypeLike | None = None, order: str = "C", device: Any = None
) -> ndarray:
    """An array whose elements are to be set; they are zeros."""
    return zeros(shape, dtype, order, device)


def full(
    shape: Shape, fill_value: Number, dtype: DTypeLike | None = None, order: str = "C",
    device: Any = None, out: ndarray | None = None,
) -> ndarray:  # fmt: skip
    """One value everywhere; without `dtype`, whole numbers are int64 and floats float32."""
    _only(order=order, device=device)
    return stored(_np.full(shape, fill_value, dtype), out)


def full_like(
    a: ArrayLike, fill_value: Number, dtype: DTypeLike | None = None, order: str = "C",
    device: Any = None, out: ndarray | None = None,
) -> ndarray:  # fmt: skip
    """One value everywhere, in the shape of `a` and, unless `dtype` is given, its dtype."""
    like = asarray(a)
    return full(like.shape, fill_value, dtype or like.dtype, order, device, out)


def zeros_like(
    a: ArrayLike, dtype: DTypeLike | None = None, order: str = "C", device: Any = None,
    out: ndarray | None = None,
) -> ndarray:  # fmt: skip
    """Zeros in the shape and dtype of `a`."""
    return full_like(a, 0, dtype, order, device, out)


def ones_like(
    a: ArrayLike, dtype: DTypeLike | None = None, order: str = "C", device: Any = None,
    out: ndarray | None = None,
) -> ndarray:  # fmt: skip
    """Ones in the shape and dtype of `a`."""
    return full_like(a, 1, dtype, order, device, out)


def arange(
    start: Number, stop: Number | None = None, step: Number = 1, dtype: DTypeLike | None = None,
    device: Any = None,
) -> ndarray:  # fmt: skip
    """Evenly spaced numbers from `start` (or 0) up to, without, `stop`; float32 by default."""
    _only(device=device)
    return _np.arange(start, stop, step, dtype or numpy.float32)


def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None,  # noqa: N803
        device: Any = None) -> ndarray:  # fmt: skip
    """Ones on a diagonal, zeros elsewhere."""
    return array(numpy.eye(N, M, k), dtype, device)


def identity(n: int, dtype: DTypeLike | None = None, device: Any = None) -> ndarray:
    """The identity matrix."""
    return eye(n, dtype=dtype, device=device)


def reshape(a: ArrayLike, newshape: Shape, order: str = "C") -> ndarray:
    """The elements in another shape.

    Codes: -1 the rest; -2 this axis as it is; -3 drop this axis of size 1; -4 all remaining axes;
    -5 merge two axes; -6 split an axis into the two numbers that follow.
    """
    _only(order=order)
    return _np.reshape(a, newshape)


def ravel(x: ArrayLike, order: str = "C") -> ndarray:
    """The elements along one axis."""
    return reshape(x, -1, order)


def swapaxes(a: ArrayLike, axis1: int, axis2: int) -> ndarray:
    """Two axes exchanged."""
    array = asarray(a)
    order = [*range(array.ndim)]
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _np.transpose(array, order)


def moveaxis(a: ArrayLike, source: Axes, destination: Axes) -> ndarray:
    """Axes moved to other places, the others in their order."""
    x = asarray(a)
    placeholder = numpy.broadcast_to(numpy.int8(0), tuple(range(2, 2 + x.ndim)))
    moved = numpy.moveaxis(placeholder, source, destination).shape
    return x.transpose(*(size - 2 for size in moved))


def split(ary: ArrayLike, indices_or_sections: Axes, axis: int = 0) -> list[ndarray]:
    """A list of parts of equal size, or those between the given cuts."""
    parts: Any = _np.split(ary, indices_or_sections, axis)
    return list(parts) if isinstance(parts, tuple) else [parts]


def pad(
    x: ArrayLike, pad_width: int | Sequence[Any], mode: str = "constant", **kwargs: Any
) -> ndarray:
    """Elements added around: `pad_width` is n, (before, after), or one such pair for each axis.

    constant_values: one number, for mode "constant".
    """
    value = kwargs.pop("constant_values", 0)
    _only(**kwargs)
    rank = asarray(x).ndim
    widths = numpy.broadcast_to(numpy.asarray(pad_width, numpy.int64), (rank, 2))
    return _np.pad(x, widths.reshape(-1).tolist(), mode, value)


def sum(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
        out: ndarray | None = None, keepdims: bool = False) -> ndarray:  # fmt: skip
    """The sum along axes; whole numbers keep their dtype unless `dtype` is given."""
    return stored(_np.sum(a, axis, dtype, bool(keepdims)), out)


def prod(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
         out: ndarray | None = None, keepdims: bool = False) -> ndarray:  # fmt: skip
    """The product along axes."""
    return stored(_np.prod(a, axis, dtype, bool(keepdims)), out)


def mean(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
         out: ndarray | None = None, keepdims: bool = False) -> ndarray:  # fmt: skip
    """The mean along axes; of whole numbers it is float32."""
    return stored(_np.mean(_cast(a, dtype), axis, bool(keepdims)), out)


def var(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
        out: ndarray | None = None, correction: float = 0, keepdims: bool = False,
        ddof: float | None = None) -> ndarray:  # fmt: skip
    """The variance along axes: the sum of squares over n - correction."""
    x = asarray(_cast(a, dtype))
    scale = _unbias(x, axis, correction if ddof is None else ddof)
    result = _np.var(x, axis, bool(keepdims))
    return stored(result if scale == 1 else result * scale, out)


def std(a: ArrayLike, axis: Axes | None = None, dtype: DTypeLike | None = None,
        out: ndarray | None = None, correction: float = 0, keepdims: bool = False,
        ddof: float | None = None) -> ndarray:  # fmt: skip
    """The standard deviation along axes."""
    x = asarray(_cast(a, dtype))
    scale = _unbias(x, axis, correction if ddof is None else ddof)
    result = _np.std(x, axis, bool(keepdims))
    return stored(result if scale == 1 else result * scale**0.5, out)


def _unbias(x: ndarray, axis: Axes | None, correction: float) -> float:
    """The variance's factor n / (n - correction)."""
    if not correction:
        return 1.0
    axes = range(x.ndim) if axis is None else numpy.atleast_1d(axis).tolist()
    count = operator.index(dim_prod(tuple(x.shape[i] for i in axes)))  # type: ignore[arg-type]
    return count / (count - correction)


def _cast(a: ArrayLike, dtype: DTypeLike | None) -> ArrayLike:
    return a if dtype is None else _npx.cast(a, dtype=dtype)


def max(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
        keepdims: bool = False) -> ndarray:  # fmt: skip
    """The largest element along axes."""
    return stored(_np.max(a, axis, bool(keepdims)), out)


def min(a: ArrayLike, axis: Axes | None = None, out: ndarray | None = None,
        keepdims: bool = False) -> ndarray:  # fmt: skip
    """The smallest element along axes."""
    return stored(_np.min(a, axis, bool(keepdims)), out)


def argmax(a: ArrayLike, axis: int | None = None, out: ndarray | None = None,
           keepdims: bool = False) -> ndarray:  # fmt: skip
    """The index of the first largest element along an axis, as int64."""
    return stored(_np.argmax(a, axis, bool(keepdims)), out)


def argmin(a: ArrayLike, axis: int | None = None, out: ndarray | None = None,
           keepdims: bool = False) -> ndarray:  # fmt: skip
    """The index of the first smallest element along an axis, as int64."""
    return stored(_np.argmin(a, axis, bool(keepdims)), out)


PUBLIC = (
    array, asarray, from_dlpack, copy, shape, zeros, ones, empty, full, full_like, zeros_like,
    ones_like, arange, eye, identity, reshape, ravel, swapaxes, moveaxis, split, pad, sum, prod,
    mean, var, std, max, min, argmax, argmin,
)  # fmt: skip
