"""A rewrite rule is data: name, pattern, guard, replacement, examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from baryon.ir import Array, Value
from baryon.ops import Calls
from baryon.rewrite.match import Match
from baryon.rewrite.pattern import Pattern, PatternFunction, build, roots


@dataclass(frozen=True)
class NoMatch:
    """A guard's refusal: why the rule does not apply although its pattern matched."""

    reason: str


@dataclass(frozen=True)
class Named:
    """An array in a replacement, with the name that its constant should get."""

    array: Array
    hint: str


@dataclass(frozen=True)
class Example:
    """IR text before and after one application of the rule at every place where it fires."""

    before: str
    after: str


@dataclass(frozen=True)
class Refusal:
    """IR text whose op the pattern matches and the guard refuses, with this in its reason."""

    before: str
    reason: str


def always(match: Match) -> None:
    """The guard of a rule that has no further conditions."""


Guard = Callable[[Match], NoMatch | None]
Replacement = Callable[[Calls[Value], Match], Value | Sequence[Value]]


@dataclass(frozen=True)
class Rule:
    """One rewrite.

    pattern: a function over op calls (see `baryon.rewrite.pattern`). guard: None or NoMatch.
    replace: (o, match) -> the value (or values) that take the place of the root's results, made by
        calls `o.np.add(x, 2)`; arrays and numbers among the operands become constants. An op that
        it makes keeps the location of a matched op of the same name, else gets the root's.
    Neither guard nor replacement may keep state or change ops.
    """

    name: str
    doc: str
    pattern: PatternFunction
    replace: Replacement
    examples: tuple[Example | Refusal, ...]
    guard: Guard = always

    @cached_property
    def built(self) -> Pattern:
        """The pattern object, made on first use."""
        return build(self.pattern)

    @cached_property
    def roots(self) -> frozenset[str]:
        """Names of the ops that the rule can replace."""
        return roots(self.built)


def example(args: str, before: str, after: str, *, constants: str = "") -> Example:
    """An example from the lines of a function's body (see `function_text`)."""
    return Example(function_text(args, before, constants), function_text(args, after, constants))


def refusal(args: str, before: str, reason: str, *, constants: str = "") -> Refusal:
    """A refusal from the lines of a function's body (see `function_text`)."""
    return Refusal(function_text(args, before, constants), reason)


def function_text(args: str, body: str, constants: str = "") -> str:
    """A module with `@main(args) -> (y)`, whose body returns `%y`."""
    lines = [*constants.strip().splitlines(), f"func @main({args}) -> (y) {{"]
    lines += [*body.strip().splitlines(), "ir.return(%y)", "}"]
    return "\n".join(["module {", *(line.strip() for line in lines), "}"]) + "\n"
