"""What the functions of `mx.npx` share: op calls, checks of arguments, small combinations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy

from baryon.array import Ops, ndarray, op, wrap
from baryon.array.types import ArrayLike, DTypeLike
from baryon.ir import DType, IRTypeError, Sym, UnsupportedError, caller_loc, dtype_of

np, npx = Ops("np"), Ops("npx")
"""Calls of ops; under these names a combination reads as the user's code would."""


def ir(name: str, *args: Any, **attrs: Any) -> Any:
    """The call of an internal op: one result, or a tuple of them."""
    return op(f"ir.{name}")(*args, **attrs)


def fail(function: str, message: str, hint: str | None = None) -> NoReturn:
    """Refuse the arguments of a function, at the user's line."""
    where = str(caller_loc("baryon"))
    raise IRTypeError(f"npx.{function}: {message}", where=where, hint=hint)


def refuse(function: str, **given: Any) -> None:
    """Refuse arguments of MXNet's that are not supported unless they are None or False."""
    for name, value in given.items():
        if value is not None and value is not False:
            raise UnsupportedError(
                f"npx.{function}: {name}={value!r} is not supported",
                where=str(caller_loc("baryon")),
            )


def array(x: ArrayLike, dtype: DTypeLike | None = None) -> ndarray:
    """An array of ours; floats without a dtype become float32."""
    if isinstance(x, ndarray):
        return x if dtype is None else cast(x, dtype)
    data = numpy.asarray(x)
    if dtype is None and not isinstance(x, numpy.ndarray) and data.dtype == numpy.float64:
        data = data.astype(numpy.float32)
    return wrap(data.copy() if dtype is None else data.astype(dtype_of(dtype).numpy))


def cast(x: ndarray, dtype: DTypeLike) -> ndarray:
    """The array in another dtype; itself if it has that one."""
    wanted = dtype if isinstance(dtype, DType) else dtype_of(dtype)
    return x if x.type.dtype == wanted else npx.cast(x, dtype=wanted)


def sizes(function: str, x: ndarray, what: str = "data") -> tuple[int, ...]:
    """The shape, none of which may be symbolic."""
    if any(isinstance(d, Sym) for d in x.shape):
        fail(function, f"{what} has a symbolic shape, {x.type}", "trace with fixed sizes")
    return tuple(int(d) for d in x.shape)  # type: ignore[arg-type]


def along(x: ndarray, axis: int, rank: int) -> ndarray:
    """A vector that broadcasts along one axis of arrays of a rank."""
    return np.reshape(x, tuple(-1 if i == axis % rank else 1 for i in range(rank)))


def places(size: int, axis: int, rank: int, dtype: DTypeLike = "int32") -> ndarray:
    """0, 1, 2 ... along one axis of arrays of a rank."""
    return along(np.arange(0, size, 1, dtype), axis, rank)


def expanded(x: ndarray, rank: int) -> ndarray:
    """The array with axes of size 1 behind its own, up to a rank."""
    return x if x.ndim == rank else np.expand_dims(x, axis=tuple(range(x.ndim, rank)))


def pair(value: Any, count: int, default: int) -> tuple[int, ...]:
    """One number for each of `count` axes, from one number, several, or None."""
    if value is None or (isinstance(value, Sequence) and not len(value)):
        return (default,) * count
    return (int(value),) * count if hasattr(value, "__index__") else tuple(map(int, value))
