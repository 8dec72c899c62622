"""What is known of all parameters at once: that some changed, and what stands for their arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from baryon.array import ndarray

_SUBSTITUTES: ContextVar[Mapping[int, ndarray] | None] = ContextVar(
    "baryon.parameters", default=None
)
_NUMBERS = itertools.count(1)
_CHANGED, _CAST = [0], [0]

substitutes = _SUBSTITUTES.get
"""Arrays in place of those of parameters, by the parameters' ids, or None."""


@contextmanager
def substituted(arrays: Mapping[int, ndarray]) -> Iterator[None]:
    """Let `data()` of parameters, by id, return other arrays inside the block."""
    token = _SUBSTITUTES.set(arrays)
    try:
        yield
    finally:
        _SUBSTITUTES.reset(token)


def note_change() -> None:
    """A parameter was set, loaded, cast or initialized."""
    _CHANGED[0] = next(_NUMBERS)


def note_cast() -> None:
    """`data()` of a parameter became another array."""
    _CAST[0] = next(_NUMBERS)


def changes() -> int:
    """A number that is another one after each `note_change`."""
    return _CHANGED[0]


def casts() -> int:
    """A number that is another one after each `note_cast`."""
    return _CAST[0]
