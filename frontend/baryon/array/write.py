"""Writing into an array: `a[k] = v`, `a += v`, `out=`, gradients and running statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from baryon.array.base import ArrayBase, recorder
from baryon.array.tape import GradientError, is_recording, mode_of
from baryon.ir import BaryonError, caller_loc

if TYPE_CHECKING:
    from baryon.array.ndarray import ndarray


class ReadOnlyError(BaryonError, ValueError):
    """An array whose memory belongs to others, who do not let it be written, was to be written."""


def write(target: ArrayBase, key: Any, value: Any, what: str) -> None:
    """Set the elements at a NumPy key of a concrete array. `what`: the operation, for errors.

    Raises TraceError where the graph would not see the write, GradientError where the gradient
    would not, ReadOnlyError for memory that came in as read-only (`np.from_dlpack`).
    """
    data = target.elements(what, "inside a trace build the array with np.where or index_update")
    _refuse_traced(target, value, what)
    if is_recording() and (
        target.needs_gradient or (isinstance(value, ArrayBase) and value.needs_gradient)
    ):
        raise GradientError(
            f"{what} while the gradient tape records: no gradient can pass it",
            where=str(caller_loc("baryon")),
            hint="compute a new array (a = a + b, np.where, npx.index_update), or write inside "
            "autograd.pause()",
        )
    if not data.flags.writeable:
        raise ReadOnlyError(
            f"{what} in memory of another library that may only be read",
            where=str(caller_loc("baryon")), hint="write into x.copy()",
        )  # fmt: skip
    with np.errstate(all="ignore"):
        plain: Any = value._data if isinstance(value, ArrayBase) else value
        data[key] = plain
    if target._writes is not None:
        target._writes[0] += 1


def _refuse_traced(target: ArrayBase, value: Any, what: str) -> None:
    if isinstance(value, ArrayBase) and value.is_traced:
        value.refuse(
            f"{what} writes a traced array into one from outside the trace",
            "return the result from the traced function",
        )


def store(target: ArrayBase, value: ArrayBase) -> None:
    """Write a whole result of the same shape and element type, as for `out=`."""
    if target.type != value.type:
        raise TypeError(f"the result is {value.type}, but out is {target.type}")
    if target.is_traced:  # nothing to write yet: the name stands for the result from here on
        target._data, target._value, target._owner = value._data, value._value, value._owner
        return
    write(target, ..., value, "out=")


def assign_state(target: ArrayBase, value: ArrayBase) -> None:
    """Make `target` hold `value`, outside the gradient: for running statistics and the like.

    At once where ops compute at once; in a trace, each run of the graph does it.
    """
    active = recorder()
    if active is not None and value.is_traced:
        active.assign(target, value)
        return
    with mode_of(recording=False):
        write(target, ..., value, "assignment of state")


def stored(result: ndarray, out: ndarray | None) -> ndarray:
    """The result, put into `out` if one is given; shape and dtype must be equal."""
    if out is None:
        return result
    store(out, result)
    return out
