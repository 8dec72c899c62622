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
"""For each op NumPy's function, and the kinds of dtypes on which the two agree."""


def fast(name: str) -> Callable[[Any, Any], ndarray]:
    """The call of a binary op, by the short way where that is right."""
    if name not in UFUNCS:
        return _slow(name)
    ufunc, kinds = UFUNCS[name]

    def call(a: Any, b: Any) -> ndarray:
        if type(a) is not type(b) or _RECORDER.get() is not None or _MODE.get().recording:
            return op(name)(a, b)
        x, y = getattr(a, "_data", None), getattr(b, "_data", None)
        if x is None or y is None or x.dtype != y.dtype or x.dtype.kind not in kinds:
            return op(name)(a, b)
        try:
            with np.errstate(all="ignore"):
                result = ufunc(x, y)
        except ValueError:  # shapes that do not broadcast: the op words the error
            return op(name)(a, b)
        return wrap(result if result.ndim else np.asarray(result))

    return call


def _slow(name: str) -> Callable[[Any, Any], ndarray]:
    def call(a: Any, b: Any) -> ndarray:
        return op(name)(a, b)

    return call
