"""Calls of NumPy's own functions on our arrays, for what has no op.

They compute at once and have no gradient: on traced arrays, and where the tape would need their
gradient, they are refused with the user's line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from baryon.array.base import ArrayBase
from baryon.array.calls import wrap
from baryon.array.tape import GradientError, is_recording
from baryon.ir import UnsupportedError, caller_loc


def on_host(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """`function(*args, **kwargs)` with our arrays as NumPy's; arrays in the result become ours.

    name: what the user called. Raises TraceError for traced arrays, GradientError where a gradient
    would be needed, UnsupportedError for results of an element type that our arrays lack.
    """
    given = [to_numpy(x, name) for x in args]
    named = {k: to_numpy(v, name) for k, v in kwargs.items()}
    return to_ours(function(*given, **named), name)


def to_numpy(x: Any, name: str) -> Any:
    """Our arrays, also those inside lists, tuples and dicts, as read-only NumPy arrays.

    Functions are wrapped, so that they are called with our arrays and may return them.
    """
    if isinstance(x, ArrayBase):
        return _elements(x, name)
    if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
        return type(x)(to_numpy(v, name) for v in x)
    if isinstance(x, dict):
        return {k: to_numpy(v, name) for k, v in x.items()}
    if callable(x) and not isinstance(x, type | np.dtype):
        return _called_with_ours(x, name)
    return x


def _elements(x: ArrayBase, name: str) -> Any:
    data = x.elements(f"{name}()", "it computes on the host: call it outside of the trace")
    if is_recording() and x.needs_gradient:
        raise GradientError(
            f"{name} computes on the host and has no gradient", where=str(caller_loc("baryon")),
            hint="call it on x.detach(), or outside of autograd.record()",
        )  # fmt: skip
    view = data.view()
    view.flags.writeable = False
    return view


def _called_with_ours(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return to_numpy(function(*(to_ours(a, name) for a in args), **kwargs), name)

    return call


def to_ours(x: Any, name: str) -> Any:
    """NumPy's arrays and numbers, also those inside lists and tuples, as arrays of ours."""
    if isinstance(x, np.ndarray | np.generic) and not isinstance(x, np.str_):
        return _array(np.asarray(x), name)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(to_ours(v, name) for v in x))
    if isinstance(x, list | tuple):
        return type(x)(to_ours(v, name) for v in x)
    return x


def _array(x: Any, name: str) -> Any:
    if x.dtype.kind not in "fiub" and x.dtype.name != "bfloat16":
        raise UnsupportedError(
            f"the result of {name} has elements of type {x.dtype}, which arrays cannot hold",
            where=str(caller_loc("baryon")),
            hint="call NumPy's function on x.asnumpy()",
        )
    return wrap(x if x.flags.owndata and x.flags.c_contiguous else x.copy(order="C"))
