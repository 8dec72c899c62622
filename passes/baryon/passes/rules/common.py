"""Guards and small helpers that several rules share."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Array, Value
from baryon.rewrite import Match, NoMatch


def x_has_the_type(m: Match) -> NoMatch | None:
    """The rule may put `x` in the place of the root."""
    if m["x"].type == m.root.result.type:
        return None
    return NoMatch(f"x is {m['x'].type}, the result {m.root.result.type}")


def high_is_above_zero(m: Match) -> NoMatch | None:
    """A clip to at most `high` leaves something of numbers from zero on."""
    high = m.attr("high")
    return NoMatch("the upper limit is below zero") if high is not None and high < 0 else None


def x(o: Any, m: Match) -> Value:
    """The replacement that is just `x`."""
    return m["x"]


def filled(array: Array) -> Array | None:
    """The one element, as a 0-d array, of an array that holds it everywhere; else None."""
    if array.size == 0:
        return None
    first = array.reshape(-1)[0]
    cut = tuple(slice(0, 1) if s == 0 else slice(None) for s in array.strides)
    return np.asarray(first) if bool(np.all(array[cut] == first)) else None


def channel_shape(rank: int, axis: int) -> tuple[int, ...]:
    """How a per-channel vector must be reshaped to broadcast: (-1, 1, 1) for axis 1 at rank 4."""
    return (-1, *[1] * (rank - 1 - axis % rank))


def number_of(m: Match, name: str) -> float | None:
    """The number that a bound constant holds everywhere; None if it holds several."""
    found = filled(m.array(name))
    return None if found is None else float(found)


def near(m: Match, name: str, value: float) -> NoMatch | None:
    """The guard that a constant, where it is bound at all, is this number to five digits.

    Exporters write irrational numbers with as few as that.
    """
    if m.get(name) is None:
        return None
    found = number_of(m, name)
    if found is not None and abs(found - value) <= 1e-5 * abs(value):
        return None
    return NoMatch(f"{name} is {found}, not {value:.6g}")
