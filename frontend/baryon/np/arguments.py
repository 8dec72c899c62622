"""Arguments that many functions of `mx.np` share: what is refused, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon.array import ndarray, only_cpu, wrap
from baryon.array.dispatch import as_array
from baryon.array.switches import default_float
from baryon.array.types import ArrayLike
from baryon.ir import Dim, UnsupportedError
from baryon.ops.shapes import one_axis, promote


def only(**given: Any) -> None:
    """Refuse arguments of MXNet's signatures whose only value here is the default.

    `device` must be the CPU, `order` "C"; anything else must be None or False.
    """
    only_cpu(given.pop("device", None))
    for name, value in given.items():
        allowed = ("C", "K", None) if name == "order" else (None, False)
        if value not in allowed:
            raise UnsupportedError(f"{name}={value!r} is not supported")


def operand(x: ArrayLike) -> ndarray:
    """An array of ours for an operand: numbers and NumPy's arrays keep their element type."""
    return x if isinstance(x, ndarray) else wrap(as_array(x, ()))


def float_dtype(*arrays: ndarray) -> Any:
    """The floating element type in which arrays meet; the default one for whole numbers."""
    dtypes = {x.type.dtype for x in arrays}
    dtype = dtypes.pop() if len(dtypes) == 1 else promote("", dtypes)
    return dtype.numpy if dtype.is_float else default_float()


def common(*arrays: ndarray) -> list[ndarray]:
    """The arrays in one element type (see `baryon.ops.shapes.promote`)."""
    dtypes = {x.type.dtype for x in arrays}
    if len(dtypes) == 1:
        return list(arrays)
    dtype = promote("", dtypes).numpy
    return [x if x.dtype == dtype else x.astype(dtype) for x in arrays]


def axes_of(axis: int | Sequence[int] | None, rank: int, function: str) -> tuple[int, ...]:
    """The axes that an `axis` argument names, counted from the front, in its order."""
    if axis is None:
        return tuple(range(rank))
    given = (axis,) if hasattr(axis, "__index__") else axis
    return tuple(one_axis(f"np.{function}", int(a), rank) for a in given)


def as_shape(shape: Any) -> tuple[Dim, ...]:
    """A shape, of which a single number stands for one axis."""
    return tuple(shape) if isinstance(shape, tuple | list) else (shape,)
