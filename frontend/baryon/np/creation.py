"""Functions of `mx.np` that make arrays.

Without a dtype arrays are float32 (float64 under `npx.set_np(dtype=True)`). `device` is accepted
for the CPU alone, `order` for "C" alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from baryon.array import Ops, ndarray, stored, wrap
from baryon.array.switches import default_float, is_np_default_dtype
from baryon.array.types import ArrayLike, DTypeLike, Number, Shape
from baryon.ir import dtype_of
from baryon.np.arguments import only

_np, _npx = Ops("np"), Ops("npx")


def array(object: Any, dtype: DTypeLike | None = None, device: Any = None) -> ndarray:
    """A new array from nested sequences, numbers, or an array.

    Elements have the default floating type unless `dtype` is given or `object` is an array of ours.
    """
    only(device=device)
    if isinstance(object, ndarray):
        return object.copy() if dtype is None else object.astype(dtype)
    keeps = is_np_default_dtype() and isinstance(object, numpy.ndarray | numpy.generic)
    default = object.dtype if keeps else default_float()
    wanted = dtype_of(default if dtype is None else dtype).numpy
    return wrap(numpy.array(object, wanted, order="C"))


def asarray(
    obj: Any, dtype: DTypeLike | None = None, device: Any = None, copy: bool | None = None
) -> ndarray:
    """An array of ours; `obj` itself if it is one of that dtype and no copy is asked for."""
    if not isinstance(obj, ndarray) or copy:
        return array(obj, dtype, device)
    fits = dtype is None or dtype_of(dtype) == obj.type.dtype
    return obj if fits else obj.astype(dtype)


def from_dlpack(x: Any) -> ndarray:
    """An array that shares the memory of another library's array.

    Memory that the other library lets be read alone cannot be assigned to: ReadOnlyError.
    """
    return wrap(numpy.asarray(numpy.from_dlpack(x), order="C"))


def copy(a: ArrayLike) -> ndarray:
    """An array with the same elements in memory of its own."""
    return asarray(a).copy()


def full(
    shape: Shape, fill_value: Any, dtype: DTypeLike | None = None, order: str = "C",
    device: Any = None, out: ndarray | None = None,
) -> ndarray:  # fmt: skip
    """One value everywhere; without `dtype`, whole numbers are int64 and floats the default.

    fill_value: a number, or an array that broadcasts to `shape`.
    """
    only(order=order, device=device)
    if isinstance(fill_value, ndarray | numpy.ndarray | list | tuple):
        source = asarray(fill_value, dtype)
        return stored(_np.broadcast_to(source, shape), out)
    value = fill_value.item() if isinstance(fill_value, numpy.generic) else fill_value
    chosen = default_float() if dtype is None and isinstance(value, float) else dtype
    return stored(_np.full(shape, value, chosen), out)


def zeros(
    shape: Shape, dtype: DTypeLike | None = None, order: str = "C", device: Any = None
) -> ndarray:
    """Zeros."""
    return full(shape, 0, dtype or default_float(), order, device)


def ones(
    shape: Shape, dtype: DTypeLike | None = None, order: str = "C", device: Any = None
) -> ndarray:
    """Ones."""
    return full(shape, 1, dtype or default_float(), order, device)


def empty(
    shape: Shape, dtype: DTypeLike | None = None, order: str = "C", device: Any = None
) -> ndarray:
    """An array whose elements are to be set; they are zeros."""
    return zeros(shape, dtype, order, device)


def full_like(
    a: ArrayLike, fill_value: Any, dtype: DTypeLike | None = None, order: str = "C",
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


def empty_like(
    prototype: ArrayLike, dtype: DTypeLike | None = None, device: Any = None, order: str = "C",
    subok: bool = False, shape: Shape | None = None,
) -> ndarray:  # fmt: skip
    """An array to be set, in the shape and dtype of another unless they are given; zeros."""
    only(subok=subok)
    like = asarray(prototype)
    return zeros(like.shape if shape is None else shape, dtype or like.dtype, order, device)


def arange(
    start: Number, stop: Number | None = None, step: Number = 1, dtype: DTypeLike | None = None,
    device: Any = None,
) -> ndarray:  # fmt: skip
    """Evenly spaced numbers from `start` (or 0) up to, without, `stop`.

    float32 by default; int64 under `npx.set_np(dtype=True)`.
    """
    only(device=device)
    default = numpy.int64 if is_np_default_dtype() else numpy.float32
    return _np.arange(start, stop, step, dtype or default)


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: DTypeLike | None = None, axis: int = 0, device: Any = None,
) -> Any:  # fmt: skip
    """`num` evenly spaced numbers from `start` to `stop`, which `endpoint` includes.

    Arrays of ends give one row for each of them along `axis`; they have no gradient.
    retstep: return (numbers, step).
    """
    only(device=device)
    space: Any = numpy.linspace  # its stubs know no `axis` beside arrays of ends
    ends = (numpy.asarray(start), numpy.asarray(stop))
    made, step = space(*ends, num, endpoint, retstep=True, axis=axis)
    result = array(made, dtype or default_float())
    return (result, _number(step)) if retstep else result


def _number(x: Any) -> Any:
    return float(x) if numpy.ndim(x) == 0 else array(x)


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: DTypeLike | None = None, axis: int = 0, device: Any = None,
) -> ndarray:  # fmt: skip
    """Powers of `base` whose exponents are evenly spaced from `start` to `stop`."""
    only(device=device)
    space: Any = numpy.logspace
    ends = (numpy.asarray(start), numpy.asarray(stop))
    made = space(*ends, num, endpoint, numpy.asarray(base), axis=axis)
    return array(made, dtype or default_float())


def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None,  # noqa: N803
        device: Any = None, order: str = "C") -> ndarray:  # fmt: skip
    """Ones on the k-th diagonal of an N by M matrix, zeros elsewhere."""
    only(order=order)
    return array(numpy.eye(N, M, k), dtype, device)


def identity(n: int, dtype: DTypeLike | None = None, device: Any = None) -> ndarray:
    """The identity matrix."""
    return eye(n, dtype=dtype, device=device)


def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None,  # noqa: N803
        device: Any = None) -> ndarray:  # fmt: skip
    """Ones at and below the k-th diagonal of an N by M matrix, zeros above."""
    return array(numpy.tri(N, M, k), dtype, device)


def meshgrid(
    *xi: ArrayLike, indexing: str = "xy", sparse: bool = False, copy: bool = True
) -> list[ndarray]:
    """Coordinate matrices from coordinate vectors.

    indexing: "xy" makes the second vector the rows, "ij" the first. sparse: keep axes of size 1.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing is {indexing!r}, expected 'xy' or 'ij'")
    vectors = [asarray(x).reshape(-1) for x in xi]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        order[0], order[1] = 1, 0
    sizes = [vectors[i].shape[0] for i in order]  # the order is its own inverse
    grids = [
        v.reshape(*(-1 if i == axis else 1 for i in range(len(vectors))))
        for v, axis in zip(vectors, order, strict=True)
    ]
    return grids if sparse else [_np.broadcast_to(g, tuple(sizes)) for g in grids]


def indices(dimensions: Shape, dtype: DTypeLike | None = None, device: Any = None) -> ndarray:
    """The indices of a grid: element [i, ...] is the index along axis i; int64 by default."""
    return array(numpy.indices(dimensions), dtype or numpy.int64, device)  # type: ignore[arg-type]


def _window(function: Callable[[int], Any], doc: str) -> Callable[..., ndarray]:
    def window(M: int, dtype: DTypeLike | None = None, device: Any = None) -> ndarray:  # noqa: N803
        return array(function(int(M)), dtype or default_float(), device)

    window.__name__ = window.__qualname__ = function.__name__
    window.__doc__ = f"{doc} of M points, symmetric; its largest value is 1."
    return window


hanning = _window(numpy.hanning, "The Hann window, 0.5 - 0.5 cos(2 pi n / (M - 1)),")
hamming = _window(numpy.hamming, "The Hamming window, 0.54 - 0.46 cos(2 pi n / (M - 1)),")
blackman = _window(
    numpy.blackman, "The Blackman window, 0.42 - 0.5 cos(2 pi n / (M - 1)) + 0.08 cos(4 pi ...),"
)


def genfromtxt(*args: Any, **kwargs: Any) -> ndarray:
    """An array from a text file; see `numpy.genfromtxt`. Elements have the default type."""
    return array(numpy.genfromtxt(*args, **kwargs), kwargs.get("dtype"))


PUBLIC: tuple[Callable[..., Any], ...] = (
    array, asarray, from_dlpack, copy, zeros, ones, empty, full, full_like, zeros_like, ones_like,
    empty_like, arange, linspace, logspace, eye, identity, tri, meshgrid, indices, hanning, hamming,
    blackman, genfromtxt,
)  # fmt: skip
