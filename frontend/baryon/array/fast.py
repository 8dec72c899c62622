"""A short way for eager calls of element-wise ops that NumPy has as one function.

On two concrete arrays of one dtype, outside traces and tapes, the op's meaning is NumPy's ufunc of
the same name: nothing needs to be bound, checked or recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from baryon.array.base import _RECORDER
from baryon.array.calls import op, wrap
from baryon.array.tape import _MODE

if TYPE_CHECKING:
    from baryon.array.ndarray import ndarray

_ALL = "fiu"
_ORDERED = "fiub"
UFUNCS: Mapping[str, tuple[np.ufunc, str]] = {
    "np.add": (np.add, _ALL),
    "np.subtract": (np.subtract, _ALL),
    "np.multiply": (np.multiply, _ALL),
    "np.divide": (np.true_divide, "f"),
    "np.maximum": (np.maximum, _ALL),
    "np.minimum": (np.minimum, _ALL),
    "np.equal": (np.equal, _ORDERED),
    "np.not_equal": (np.not_equal, _ORDERED),
    "np.less": (np.less, _ORDERED),
    "np.less_equal": (np.less_equal, _ORDERED),
    "np.greater": (np.greater, _ORDERED),
    "np.greater_equal": (np.greater_equal, _ORDERED),
}
"""For each binary op NumPy's function, and the kinds of dtypes on which the two agree."""

UNARY: Mapping[str, np.ufunc] = {
    "np.abs": np.absolute,
    "np.exp": np.exp,
    "np.log": np.log,
    "np.negative": np.negative,
    "np.sqrt": np.sqrt,
    "np.square": np.square,
    "np.tanh": np.tanh,
}
"""For each unary op NumPy's function; they agree on single and double precision."""

_NUMBERS = (int, float)


def shortcut(name: str) -> Callable[..., ndarray] | None:
    """The call of an op by the short way where that is right; None if it has none."""
    if name in UNARY:
        return _unary(name, UNARY[name])
    return _binary(name, *UFUNCS[name]) if name in UFUNCS else None


def fast(name: str) -> Callable[..., ndarray]:
    """The call of an op, by the short way where that is right."""
    return shortcut(name) or _slow(name)


def _binary(name: str, ufunc: np.ufunc, kinds: str) -> Callable[[Any, Any], ndarray]:
    def call(a: Any, b: Any) -> ndarray:
        if _RECORDER.get() is not None or _MODE.get().recording:
            return op(name)(a, b)
        x, y = getattr(a, "_data", None), getattr(b, "_data", None)
        if y is None and x is not None and type(b) in _NUMBERS and x.dtype.kind == "f":
            y = b
        elif x is None or y is None or x.dtype != y.dtype or x.dtype.kind not in kinds:
            return op(name)(a, b)
        try:
            with np.errstate(all="ignore"):
                result = ufunc(x, y)
        except ValueError:  # shapes that do not broadcast: the op words the error
            return op(name)(a, b)
        return wrap(result if result.ndim else np.asarray(result))

    return call


def _unary(name: str, ufunc: np.ufunc) -> Callable[[Any], ndarray]:
    def call(a: Any) -> ndarray:
        x = getattr(a, "_data", None)
        if _RECORDER.get() is not None or _MODE.get().recording:
            return op(name)(a)
        if x is None or x.dtype.char not in "fd":
            return op(name)(a)
        with np.errstate(all="ignore"):
            result = ufunc(x)
        return wrap(result if result.ndim else np.asarray(result))

    return call


def _slow(name: str) -> Callable[..., ndarray]:
    def call(*args: Any) -> ndarray:
        return op(name)(*args)

    return call
