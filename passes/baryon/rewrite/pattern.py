"""Patterns: plain functions over op calls, run once with pattern objects.

    def pattern(o, x, w, b):
        return o.np.add(o.npx.convolution(x, constant(w)), constant(b))

Argument names bind the values they meet; a name used twice must meet the same value. A Python
number meets a constant that holds it everywhere. Attributes that the call does not mention are
free; a mentioned one must be equal, or satisfy `attr(...)`. Commutative ops match both orders. An
op inside the pattern may be used only by ops of the match, unless it is `shared`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baryon.ir import BaryonError
from baryon.ops import TABLE, Calls, OpDef
from baryon.ops.attributes import convert


class PatternError(BaryonError, TypeError):
    """A pattern function that does not describe a pattern."""


class Pattern:
    """Something that meets a value. Identity matters: one object used twice meets one value."""

    __slots__ = ()


@dataclass(frozen=True, eq=False, slots=True)
class Var(Pattern):
    """Any value; binds it unless the name is empty. constant: only the result of `ir.constant`."""

    name: str = ""
    constant: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Number(Pattern):
    """A constant whose elements all equal `value`."""

    value: float


@dataclass(frozen=True, eq=False, slots=True)
class Rest(Pattern):
    """All operands of a variadic op; binds the list."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Capture(Pattern):
    """What `of` meets, bound to a name; `shared` permits users outside the match."""

    name: str
    of: Pattern
    shared: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Choice(Pattern):
    """The first of several patterns that meets the value (others are tried if the rest fails)."""

    alternatives: tuple[Pattern, ...]


@dataclass(frozen=True, eq=False, slots=True)
class AttrPattern:
    """A constraint on an attribute: binds it if named, and tests it."""

    name: str = ""
    test: Callable[[Any], bool] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Node(Pattern):
    """The only result of an op with these operands and attributes."""

    opdef: OpDef
    operands: tuple[Pattern, ...]
    attrs: tuple[tuple[str, Any], ...]


def opt(step: Callable[[Pattern], Pattern], x: Pattern) -> Pattern:
    """`step(x)` where it is there, else `x`."""
    return Choice((step(x), x))


def any_of(*alternatives: Pattern) -> Pattern:
    """One of several patterns, earlier ones preferred."""
    return Choice(alternatives)


def repeat(
    step: Callable[[Pattern], Pattern], x: Pattern, *, at_least: int = 0, at_most: int = 8
) -> Pattern:
    """`step(step(...x))`, as many times as possible. Names must not be bound inside `step`."""
    if at_most == 0:
        return x
    inner = repeat(step, x, at_least=max(0, at_least - 1), at_most=at_most - 1)
    return step(inner) if at_least else Choice((step(inner), x))


def capture(name: str, x: Pattern) -> Pattern:
    """Bind what a pattern inside meets."""
    return Capture(name, x)


def shared(x: Pattern) -> Pattern:
    """A pattern that meets an op even when others use it too; the op then stays."""
    return Capture("", x, shared=True)


def constant(x: Pattern | None = None) -> Pattern:
    """A constant, bound like the argument `x` (to nothing without one)."""
    return Var(x.name if isinstance(x, Var) else "", constant=True)


def anything() -> Pattern:
    """Any value, not bound."""
    return Var()


def operands(name: str) -> list[Pattern]:
    """All operands of a variadic op, bound as a list: `o.np.concatenate(operands("parts"))`."""
    return [Rest(name)]


def attr(name: str = "", test: Callable[[Any], bool] | None = None) -> AttrPattern:
    """An attribute bound to a name, or tested, or both."""
    return AttrPattern(name, test)


class PatternCalls(Calls[Pattern]):
    """Op calls that make pattern nodes; attributes are constrained only where they are given."""

    def __init__(self) -> None:
        super().__init__(TABLE, _no_emit, _lift)

    def call(self, opdef: OpDef, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """A node for the call."""
        names = [name.strip("*?") for name in opdef.operands]
        bound = {**dict(zip([*names, *_params(opdef)], args, strict=False)), **kwargs}
        given = [bound.pop(n) for n in names if n in bound]
        flat = [*given[:-1], *given[-1]] if opdef.variadic else given
        return Node(
            opdef,
            tuple(_lift(x, opdef, ()) for x in flat),
            tuple((key, _constraint(opdef, key, value)) for key, value in bound.items()),
        )


def _params(opdef: OpDef) -> Iterator[str]:
    return (p.name for p in opdef.params)


def _constraint(opdef: OpDef, key: str, value: Any) -> Any:
    param = next((p for p in opdef.params if p.name == key), None)
    if param is None:
        raise PatternError(f"{opdef.name} has no attribute {key}")
    return value if isinstance(value, AttrPattern) else convert(opdef.name, param, value)


def _lift(x: Any, opdef: OpDef, others: Sequence[Any]) -> Pattern:
    if isinstance(x, Pattern):
        return x
    if isinstance(x, bool | int | float):
        return Number(float(x))
    raise PatternError(f"{x!r} cannot be an operand of {opdef.name} in a pattern")


def _no_emit(opdef: OpDef, given: Sequence[Pattern], attrs: Mapping[str, Any]) -> list[Pattern]:
    raise AssertionError("PatternCalls makes nodes in call()")


PatternFunction = Callable[..., Pattern]


def build(function: PatternFunction) -> Pattern:
    """Run a pattern function once, its arguments after `o` becoming variables of the same name."""
    _, *names = inspect.signature(function).parameters
    pattern = function(PatternCalls(), *map(Var, names))
    if not isinstance(pattern, Pattern):
        raise PatternError(f"{function.__name__} returned {pattern!r}, not a pattern")
    return pattern


def roots(pattern: Pattern) -> frozenset[str]:
    """The names of the ops that a pattern can have at its top."""
    if isinstance(pattern, Node):
        return frozenset({pattern.opdef.name})
    if isinstance(pattern, Choice):
        return frozenset().union(*map(roots, pattern.alternatives))
    if isinstance(pattern, Capture):
        return roots(pattern.of)
    raise PatternError("a pattern must have an op at its top")
