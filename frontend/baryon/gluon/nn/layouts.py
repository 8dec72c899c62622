"""Arguments that are one number or one for each spatial axis, and layouts of data."""

from __future__ import annotations

from collections.abc import Sequence

from baryon.gluon.errors import here
from baryon.ir import UnsupportedError

Sizes = int | Sequence[int]
FIRST = ("NCW", "NCHW", "NCDHW")
"""The layouts of 1, 2 and 3 spatial axes."""


def sizes(given: Sizes, rank: int, what: str) -> tuple[int, ...]:
    """One number for each of `rank` axes; ValueError for another count."""
    found = (given,) * rank if isinstance(given, int) else tuple(given)
    if len(found) != rank:
        raise ValueError(f"{what} is {given!r}, expected a number or {rank} of them")
    return found


def channels_first(layout: str, rank: int, layer: str) -> str:
    """The layout if data is (N, C, *spatial); UnsupportedError for another order."""
    expected = FIRST[rank - 1]
    if sorted(layout) != sorted(expected):
        raise ValueError(f"{layer}: layout is {layout!r}, expected {expected!r}")
    if layout != expected:
        raise UnsupportedError(
            f"{layer}: layout={layout!r} is not supported",
            where=here(),
            hint=f"use {expected!r}: baryon itself lays channels last in memory",
        )
    return layout
