"""Errors at the border: what users call says at which of their lines it failed, and what to do.

Our own errors get the line and a hint where they lack one. Errors of NumPy and Python inside our
code are raised anew, with both, as an error that is also one of theirs; those of functions that
users pass in are theirs and stay as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, TypeVar, cast

from numpy.exceptions import AxisError
from numpy.linalg import LinAlgError

from baryon.ir import BaryonError, caller_loc

F = TypeVar("F", bound=Callable[..., Any])

KINDS: Final = (
    LinAlgError, AxisError, IndexError, KeyError, ZeroDivisionError, OverflowError, TypeError,
    ValueError,
)  # fmt: skip
"""The errors of others that are raised anew, special ones first."""

CAUGHT: Final = (BaryonError, *KINDS)
"""The errors that functions at the border look at."""
_REGULARIZE: Final = "the matrix lacks a property; adding a little of np.eye(n) may give it"
_OURS: Final = ("baryon", "numpy", "ml_dtypes")


def bordered(hint: str) -> Callable[[F], F]:
    """A decorator: errors of the function carry the user's line, and this hint if none."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except CAUGHT as error:
                told = explained(error, hint)
                raise told from told.__cause__

        return cast(F, call)

    return decorate


def public(space: str, functions: Iterable[Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The functions of a public module, such as `np.linalg`, by name; errors name the manual."""
    return {f.__name__: bordered(manual(space, f.__name__))(f) for f in functions}


def manual(space: str, name: str) -> str:
    """The hint that sends to a function's documentation."""
    return f"help(mx.{space}.{name}) says what it takes"


def explained(error: Exception, hint: str | None) -> Exception:
    """The error to raise in place of one: it has a line and a hint, unless it is the user's own.

    hint: for errors without one; None if the caller's caller knows better.
    """
    if isinstance(error, BaryonError):
        error.where = error.where or str(caller_loc("baryon"))
        error.hint = error.hint or hint
        return error
    kind = next(k for k in KINDS if isinstance(error, k))
    if not _is_ours(error.__traceback__):
        return error
    advice = _REGULARIZE if kind is LinAlgError else hint
    told: Exception = _both(kind)(str(error), where=str(caller_loc("baryon")), hint=advice)
    told.__cause__ = error
    return told


def _is_ours(trace: TracebackType | None) -> bool:
    """Whether an error comes from our code or NumPy's, rather than from a function of the user."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] in _OURS


@functools.cache
def _both(kind: type[Exception]) -> Any:
    """The class of errors that are ours and of a kind of Python's or NumPy's; prints as the kind.

    Pickled, an error becomes a plain one of the kind.
    """

    def reduce(error: Exception) -> tuple[Any, tuple[str]]:
        return kind, (str(error),)

    body = {"__module__": kind.__module__, "__reduce__": reduce}
    return type(kind.__name__, (BaryonError, kind), body)
