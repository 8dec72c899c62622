"""NumPy's functions on our arrays: `numpy.sum(x)`, `numpy.ones(3) + x`.

Functions that `mx.np` has under the same name are called there, so they have gradients and can be
traced; all others compute on the host and return arrays of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from baryon.array.base import ArrayBase
from baryon.array.host import on_host, to_ours
from baryon.array.write import write

Functions = Mapping[str, Callable[..., Any]]

_TABLES: Final[dict[str, Functions]] = {}
_ON_HOST = frozenset({"copyto", "array2string", "array_repr", "array_str", "save", "savez"})
"""NumPy's functions that are done by NumPy in any case."""


def install_functions(tables: Mapping[str, Functions]) -> None:
    """Say which functions stand in for those of NumPy's modules, such as `numpy.linalg`."""
    _TABLES.update(tables)


def _own(function: Any) -> Callable[..., Any] | None:
    """Our function in the place of one of NumPy's, or None."""
    module = getattr(function, "__module__", None) or "numpy"
    name = _NAMES.get(function.__name__, function.__name__)
    if name in _ON_HOST:
        return None
    return _TABLES.get(module, {}).get(name)


_NAMES: Mapping[str, str] = {
    "left_shift": "bitwise_left_shift",
    "right_shift": "bitwise_right_shift",
    "trapezoid": "trapz",
}
"""NumPy's names that are others in `mx.np`."""


def array_function(
    self: ArrayBase, func: Any, types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """`__array_function__`: one of NumPy's functions was called with an array of ours.

    Arguments that ours does not take (`where=`) make it compute on the host.
    """
    own = _own(func)
    if own is not None:
        try:
            return own(*args, **kwargs)
        except TypeError as error:
            if not _is_signature_error(error):
                raise
    name = f"numpy.{func.__name__}"
    return on_host(name, func, args, kwargs)


def _is_signature_error(error: TypeError) -> bool:
    """Whether a call failed because the function takes other arguments."""
    first = error.__cause__ or error
    return type(first) is TypeError and "argument" in str(first)


def array_ufunc(self: ArrayBase, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """`__array_ufunc__`: one of NumPy's element-wise functions was called with an array of ours.

    `out` may be an array of ours or NumPy's; the result is `out` then.
    """
    out = kwargs.pop("out", None)
    own = _own(ufunc) if method == "__call__" and not kwargs else None
    if own is not None:
        result = own(*(_operand(x) for x in inputs))
    else:
        call = getattr(ufunc, method)
        result = on_host(f"numpy.{ufunc.__name__}", call, inputs, kwargs)
    return result if out is None else _stored(result, out)


def _operand(x: Any) -> Any:
    return to_ours(x, "numpy") if isinstance(x, np.generic | np.ndarray) else x


def _stored(result: Any, out: tuple[Any, ...]) -> Any:
    results = result if isinstance(result, tuple) else (result,)
    for target, value in zip(out, results, strict=True):
        if isinstance(target, ArrayBase):
            write(target, ..., value, "out=")
        elif target is not None:
            target[...] = np.asarray(value)
    kept = tuple(v if t is None else t for t, v in zip(out, results, strict=True))
    return kept if isinstance(result, tuple) else kept[0]
