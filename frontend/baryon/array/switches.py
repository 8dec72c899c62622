"""MXNet 2's switches of semantics. One of them switches something: the default element types.

NumPy's shapes and arrays are always on. Without a dtype, arrays are float32; with the switch
`set_np(dtype=True)` they are float64 as in NumPy, and `arange` gives int64.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from baryon.ir import UnsupportedError

F = TypeVar("F", bound=Callable[..., Any])

_EVERYWHERE = [False]
_HERE: ContextVar[bool | None] = ContextVar("baryon.np_default_dtype", default=None)


def is_np_default_dtype() -> bool:
    """Whether arrays made without a dtype have NumPy's, float64, instead of float32."""
    here = _HERE.get()
    return _EVERYWHERE[0] if here is None else here


def default_float() -> np.dtype[Any]:
    """The element type of arrays that are made without one."""
    return np.dtype(np.float64 if is_np_default_dtype() else np.float32)


def set_np_default_dtype(is_np_default_dtype: bool = True) -> bool:
    """Switch the default element types, for all threads; returns what they were."""
    before, _EVERYWHERE[0] = _EVERYWHERE[0], bool(is_np_default_dtype)
    return before


def set_np(shape: bool = True, array: bool = True, dtype: bool = False) -> None:
    """Switch NumPy's semantics on, which they always are, and choose the default element types.

    dtype: make float64 the default instead of float32. Raises UnsupportedError for shape=False and
    array=False: the semantics of MXNet 1 are not there.
    """
    if not (shape and array):
        raise UnsupportedError(
            f"set_np(shape={shape}, array={array}) is not supported",
            hint="NumPy's shapes and arrays are always on",
        )
    set_np_default_dtype(dtype)


def reset_np() -> None:
    """Make float32 the default element type again."""
    set_np_default_dtype(False)


def set_np_shape(active: bool) -> bool:
    """Do nothing if `active`; True: shapes have NumPy's semantics. Refuses to switch them off."""
    set_np(shape=active, dtype=is_np_default_dtype())
    return True


def is_np_array() -> bool:
    """True: arrays have NumPy's semantics."""
    return True


def is_np_shape() -> bool:
    """True: shapes have NumPy's semantics."""
    return True


@contextmanager
def np_default_dtype(active: bool = True) -> Iterator[None]:
    """NumPy's default element types inside the block, in this thread or task."""
    token = _HERE.set(bool(active))
    try:
        yield
    finally:
        _HERE.reset(token)


@contextmanager
def np_shape(active: bool = True) -> Iterator[None]:
    """Do nothing if `active`: shapes have NumPy's semantics. Refuses to switch them off."""
    set_np(shape=active, dtype=is_np_default_dtype())
    yield


@contextmanager
def np_array(active: bool = True) -> Iterator[None]:
    """Do nothing if `active`: arrays have NumPy's semantics. Refuses to switch them off."""
    set_np(array=active, dtype=is_np_default_dtype())
    yield


def use_np(func: F) -> F:
    """The function or class itself: NumPy's semantics are always on."""
    return func


use_np_shape = use_np_array = use_np


def use_np_default_dtype(func: F) -> F:
    """The function, or a class's methods, with NumPy's default element types inside."""
    if inspect.isclass(func):
        for name, method in inspect.getmembers(func, inspect.isfunction):
            setattr(func, name, use_np_default_dtype(method))
        return func

    @functools.wraps(func)
    def inside(*args: Any, **kwargs: Any) -> Any:
        with np_default_dtype():
            return func(*args, **kwargs)

    return inside  # type: ignore[return-value]


def waitall() -> None:
    """Do nothing: results are there when a call returns."""


PUBLIC = (
    set_np, reset_np, is_np_array, is_np_shape, is_np_default_dtype, set_np_default_dtype, waitall,
)  # fmt: skip
"""The switches that `mx.npx` offers."""
