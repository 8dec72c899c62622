"""Constraints: what parameters and samples must fulfil.

`check(value)` is the value itself, or a ValueError; in a compiled network it fails when it runs.
"""

from __future__ import annotations

from typing import Any

from baryon import np, npx
from baryon.array import ndarray


class Constraint:
    """Base of constraints; `said` completes the sentence "the value must be ..."."""

    said = "valid"
    event_dim = 0

    def holds(self, value: ndarray) -> Any:
        """A bool for each element, or for each event of `event_dim` axes."""
        raise NotImplementedError

    def check(self, value: Any) -> Any:
        """The value; ValueError if it does not fulfil the constraint."""
        array = as_array(value)
        passed = npx.constraint_check(self.holds(array), f"the value must be {self.said}")
        # a traced check must be of use to the result, or it would not run
        return array * npx.cast(passed, dtype=array.dtype) if passed.is_traced else array

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.said})"


def as_array(value: Any) -> ndarray:
    """Numbers and lists as arrays."""
    return value if isinstance(value, ndarray) else np.array(value)


def is_dependent(constraint: Any) -> bool:
    """Whether the constraint depends on parameters, as the support of `Uniform` does."""
    return isinstance(constraint, property)


def both(a: Any, b: Any) -> Any:
    """Logical and."""
    return np.logical_and(a, b)


def _whole(value: ndarray) -> Any:
    return np.equal(np.floor(value), value)


class Real(Constraint):
    """Any number but NaN."""

    said = "a number"

    def holds(self, value: ndarray) -> Any:
        """True for all but NaN."""
        return np.equal(value, value)


class Boolean(Constraint):
    """0 or 1."""

    said = "0 or 1"

    def holds(self, value: ndarray) -> Any:
        """True for 0 and 1."""
        return np.logical_or(np.equal(value, 0), np.equal(value, 1))


class Interval(Constraint):
    """Numbers between two bounds; both belong to it."""

    closed = (True, True)
    whole = False

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self._lower_bound, self._upper_bound = lower_bound, upper_bound
        left, right = "["[not self.closed[0] :] or "(", "]"[not self.closed[1] :] or ")"
        kind = "whole and in " if self.whole else "in "
        self.said = f"{kind}{left}{_shown(lower_bound)}, {_shown(upper_bound)}{right}"

    def holds(self, value: ndarray) -> Any:
        """True inside the bounds."""
        above = np.greater_equal if self.closed[0] else np.greater
        below = np.less_equal if self.closed[1] else np.less
        inside = both(above(value, self._lower_bound), below(value, self._upper_bound))
        return both(inside, _whole(value)) if self.whole else inside


def _shown(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, int | float) else "the bound"


class OpenInterval(Interval):
    """Numbers between two bounds, which do not belong to it."""

    closed = (False, False)


class HalfOpenInterval(Interval):
    """Numbers between two bounds; the lower one belongs to it."""

    closed = (True, False)


class UnitInterval(Interval):
    """0 to 1."""

    def __init__(self) -> None:
        super().__init__(0, 1)


class IntegerInterval(Interval):
    """Whole numbers between two bounds; both belong to it."""

    whole = True


class IntegerOpenInterval(OpenInterval):
    """Whole numbers between two bounds, which do not belong to it."""

    whole = True


class IntegerHalfOpenInterval(HalfOpenInterval):
    """Whole numbers between two bounds; the lower one belongs to it."""

    whole = True


class _Bound(Constraint):
    closed = above = whole = False

    def __init__(self, bound: Any) -> None:
        self._bound = bound
        kind = ("greater" if self.above else "less") + " than" + " or equal to" * self.closed
        self.said = "whole and " * self.whole + f"{kind} {_shown(bound)}"

    def holds(self, value: ndarray) -> Any:
        """True on the right side of the bound."""
        if self.above:
            compare = np.greater_equal if self.closed else np.greater
        else:
            compare = np.less_equal if self.closed else np.less
        inside = compare(value, self._bound)
        return both(inside, _whole(value)) if self.whole else inside


class GreaterThan(_Bound):
    """Numbers above a bound."""

    above = True

    def __init__(self, lower_bound: Any) -> None:
        super().__init__(lower_bound)
        self._lower_bound = lower_bound


class GreaterThanEq(GreaterThan):
    """A bound, and numbers above it."""

    closed = True


class LessThan(_Bound):
    """Numbers below a bound."""

    def __init__(self, upper_bound: Any) -> None:
        super().__init__(upper_bound)
        self._upper_bound = upper_bound


class LessThanEq(LessThan):
    """A bound, and numbers below it."""

    closed = True


class IntegerGreaterThan(GreaterThan):
    """Whole numbers above a bound."""

    whole = True


class IntegerGreaterThanEq(GreaterThanEq):
    """A bound, and whole numbers above it."""

    whole = True


class IntegerLessThan(LessThan):
    """Whole numbers below a bound."""

    whole = True


class IntegerLessThanEq(LessThanEq):
    """A bound, and whole numbers below it."""

    whole = True


class Positive(GreaterThan):
    """Numbers above 0."""

    def __init__(self) -> None:
        super().__init__(0)


class NonNegative(GreaterThanEq):
    """0 and above."""

    def __init__(self) -> None:
        super().__init__(0)


class PositiveInteger(IntegerGreaterThan):
    """1, 2, 3, ..."""

    def __init__(self) -> None:
        super().__init__(0)


class NonNegativeInteger(IntegerGreaterThanEq):
    """0, 1, 2, ..."""

    def __init__(self) -> None:
        super().__init__(0)
