"""canonicalize: arithmetic identities and constants that are one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Value
from baryon.passes.rules.common import filled, x, x_has_the_type
from baryon.rewrite import (
    Match,
    NoMatch,
    Rule,
    any_of,
    attr,
    capture,
    constant,
    example,
    refusal,
)

_X = "%x: f32[2,3]"
_NOTHING = "%y = npx.relu(%x) : f32[2,3]"


def _identity(name: str, doc: str, pattern: Any, line: str, number: str) -> Rule:
    """A rule that puts x in the place of an op of x and a number."""
    constants = f"constant @c : f32[] = ({number})"
    before = f'%c = ir.constant() {{name="c"}} : f32[]\n%z = {line} : f32[2,3]\n'
    wider = f"constant @c : f32[4,2,3] = splat({number})"
    grows = 'ir.constant() {name="c"} : f32[4,2,3]'
    return Rule(
        name=name,
        doc=doc,
        pattern=pattern,
        guard=x_has_the_type,
        replace=x,
        examples=(
            example(_X, before + "%y = npx.relu(%z) : f32[2,3]", _NOTHING, constants=constants),
            refusal(_X, f"%c = {grows}\n%y = {line} : f32[4,2,3]", "x is", constants=wider),
        ),
    )


add_zero = _identity(
    "add-zero", "x + 0 is x.", lambda o, x: o.np.add(x, 0), "np.add(%x, %c)", "0.0"
)
subtract_zero = _identity(
    "subtract-zero",
    "x - 0 is x.",
    lambda o, x: o.np.subtract(x, 0),
    "np.subtract(%x, %c)",
    "0.0",
)
multiply_one = _identity(
    "multiply-one", "x * 1 is x.", lambda o, x: o.np.multiply(x, 1), "np.multiply(%c, %x)", "1.0"
)
divide_one = _identity(
    "divide-one", "x / 1 is x.", lambda o, x: o.np.divide(x, 1), "np.divide(%x, %c)", "1.0"
)
power_one = _identity(
    "power-one", "x ** 1 is x.", lambda o, x: o.np.power(x, 1), "np.power(%x, %c)", "1.0"
)

double_negative = Rule(
    name="double-negative",
    doc="-(-x) is x.",
    pattern=lambda o, x: o.np.negative(o.np.negative(x)),
    guard=x_has_the_type,
    replace=x,
    examples=(
        example(
            _X,
            """%a = np.negative(%x) : f32[2,3]
            %b = np.negative(%a) : f32[2,3]
            %y = npx.relu(%b) : f32[2,3]""",
            _NOTHING,
        ),
    ),
)

_BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power")


def _scalar_pattern(o: Any, x: Any, c: Any) -> Any:
    calls = [getattr(o.np, name) for name in _BINARY]
    both = [(call(x, constant(c)), call(constant(c), x)) for call in calls]
    return any_of(*(p for pair in both for p in pair))


def _scalar_guard(m: Match) -> NoMatch | None:
    array = m.array("c")
    if array.ndim == 0:
        return NoMatch("the constant is a scalar already")
    if m["x"].type.shape != m.root.result.type.shape:
        return NoMatch("the constant widens the shape")
    return NoMatch("the constant's elements differ") if filled(array) is None else None


def _scalar(o: Any, m: Match) -> Value:
    number = filled(m.array("c"))
    given = [number if v is m["c"] else v for v in m.root.operands]
    made: Value = getattr(o.np, m.root.name.removeprefix("np."))(*given)
    return made


scalar_constant = Rule(
    name="scalar-constant",
    doc="A constant that holds one number everywhere and only broadcasts becomes a scalar.",
    pattern=_scalar_pattern,
    guard=_scalar_guard,
    replace=_scalar,
    examples=(
        example(
            _X,
            '%c = ir.constant() {name="c"} : f32[3]\n%y = np.divide(%c, %x) : f32[2,3]',
            '%c = ir.constant() {name="c_1"} : f32[]\n%y = np.divide(%c, %x) : f32[2,3]',
            constants="constant @c : f32[3] = splat(2.0)",
        ),
        refusal(
            _X,
            '%c = ir.constant() {name="c"} : f32[3]\n%y = np.add(%x, %c) : f32[2,3]',
            "differ",
            constants="constant @c : f32[3] = (1.0, 2.0, 3.0)",
        ),
    ),
)


def _broadcast_pattern(o: Any, x: Any, z: Any) -> Any:
    wide = capture("wide", o.np.broadcast_to(x))
    calls = [getattr(o.np, name) for name in _BINARY]
    both = [(call(wide, z), call(z, wide)) for call in calls]
    return any_of(*(p for pair in both for p in pair))


def _broadcast_guard(m: Match) -> NoMatch | None:
    if m["z"].type.shape != m.root.result.type.shape:
        return NoMatch("the other operand does not have the result's shape")
    return None


def _without_broadcast(o: Any, m: Match) -> Value:
    given = [m["x"] if v is m["wide"] else v for v in m.root.operands]
    made: Value = getattr(o.np, m.root.name.removeprefix("np."))(*given)
    return made


implicit_broadcast = Rule(
    name="implicit-broadcast",
    doc="broadcast_to before arithmetic that broadcasts by itself goes.",
    pattern=_broadcast_pattern,
    guard=_broadcast_guard,
    replace=_without_broadcast,
    examples=(
        example(
            "%x: f32[3], %z: f32[2,3]",
            """%w = np.broadcast_to(%x) {shape=(2, 3)} : f32[2,3]
            %y = np.multiply(%w, %z) : f32[2,3]""",
            "%y = np.multiply(%x, %z) : f32[2,3]",
        ),
        refusal(
            "%x: f32[3], %z: f32[3]",
            """%w = np.broadcast_to(%x) {shape=(2, 3)} : f32[2,3]
            %y = np.multiply(%w, %z) : f32[2,3]""",
            "the other operand",
        ),
    ),
)

cast_to_same = Rule(
    name="cast-to-same",
    doc="A cast to the element type that x has is x.",
    pattern=lambda o, x: o.npx.cast(x, dtype=attr("dtype")),
    guard=x_has_the_type,
    replace=x,
    examples=(
        example(_X, f"%z = npx.cast(%x) {{dtype=!f32}} : f32[2,3]\n{_NOTHING.replace('%x', '%z')}",
                _NOTHING),
        refusal(_X, "%y = npx.cast(%x) {dtype=!f64} : f64[2,3]", "x is f32"),
    ),
)  # fmt: skip


def _keeps_all(m: Match) -> NoMatch | None:
    source, between = (v.type.dtype.numpy for v in (m["x"], m["between"]))
    if np.can_cast(source, between, "safe"):
        return None
    return NoMatch(f"{between} does not hold all numbers of {source}")


cast_of_cast = Rule(
    name="cast-of-cast",
    doc="A cast after one that loses nothing is a cast of what that one reads.",
    pattern=lambda o, x: o.npx.cast(capture("between", o.npx.cast(x)), dtype=attr("dtype")),
    guard=_keeps_all,
    replace=lambda o, m: o.npx.cast(m["x"], dtype=m.attr("dtype")),
    examples=(
        example(
            "%x: f32[2,3]",
            """%z = npx.cast(%x) {dtype=!f64} : f64[2,3]
            %y = npx.cast(%z) {dtype=!i32} : i32[2,3]""",
            "%y = npx.cast(%x) {dtype=!i32} : i32[2,3]",
        ),
        refusal(
            "%x: f32[2,3]",
            """%z = npx.cast(%x) {dtype=!i32} : i32[2,3]
            %y = npx.cast(%z) {dtype=!f32} : f32[2,3]""",
            "does not hold",
        ),
    ),
)


def _chosen(m: Match) -> Value | NoMatch:
    """The operand that a constant condition takes everywhere."""
    condition = filled(m.array("condition"))
    if condition is None:
        return NoMatch("the condition is true here and false there")
    taken = m["x"] if condition != 0 else m["z"]
    same = taken.type == m.root.result.type
    return taken if same else NoMatch(f"what is taken is {taken.type}, not the result's type")


def _take(o: Any, m: Match) -> Value:
    taken = _chosen(m)
    assert isinstance(taken, Value)
    return taken


where_constant = Rule(
    name="where-constant",
    doc="where, with a constant condition that is the same everywhere, is the operand it takes.",
    pattern=lambda o, condition, x, z: o.np.where(constant(condition), x, z),
    guard=lambda m: found if isinstance(found := _chosen(m), NoMatch) else None,
    replace=_take,
    examples=(
        example(
            "%x: f32[2,3], %z: f32[2,3]",
            """%c = ir.constant() {name="c"} : bool[2,1]
            %w = np.where(%c, %x, %z) : f32[2,3]
            %y = npx.relu(%w) : f32[2,3]""",
            "%y = npx.relu(%z) : f32[2,3]",
            constants="constant @c : bool[2,1] = splat(False)",
        ),
        refusal(
            "%x: f32[2,3], %z: f32[2,3]",
            """%c = ir.constant() {name="c"} : bool[2,1]
            %y = np.where(%c, %x, %z) : f32[2,3]""",
            "true here",
            constants="constant @c : bool[2,1] = (False, True)",
        ),
    ),
)

RULES = (
    add_zero,
    subtract_zero,
    multiply_one,
    divide_one,
    power_one,
    double_negative,
    scalar_constant,
    implicit_broadcast,
    cast_to_same,
    cast_of_cast,
    where_constant,
)
