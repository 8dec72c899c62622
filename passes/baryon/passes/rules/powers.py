"""canonicalize: powers and divisions with constants as cheaper ops.

A division by a constant becomes a product only where that is exact, by powers of two: elsewhere the
rounding would differ, and a division hides behind the memory traffic of its kernel anyway. Products
and sums with several constants are combined per channel, by `shorter-chain`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from baryon.ir import Value
from baryon.passes.rules.common import number_of
from baryon.rewrite import Match, NoMatch, Rule, any_of, constant, example, refusal

_X = "%x: f32[2,3]"


def _keeps_float(m: Match) -> NoMatch | None:
    same = m["x"].type == m.root.result.type and m["x"].type.dtype.is_float
    return None if same else NoMatch("the type of x changes, or is not a float")


def _power(
    name: str, doc: str, number: float, replace: Callable[[Any, Match], Value], to: str
) -> Rule:
    """A rule for x to the power of a number. to: the replacement's op."""
    return Rule(
        name=name,
        doc=doc,
        pattern=lambda o, x: o.np.power(x, number),
        guard=_keeps_float,
        replace=replace,
        examples=(
            example(
                "%z: f32[2,3]",
                """%c = ir.constant() {name="c"} : f32[]
                %x = np.exp(%z) : f32[2,3]
                %y = np.power(%x, %c) : f32[2,3]""",
                f"%x = np.exp(%z) : f32[2,3]\n%y = {to}(%x) : f32[2,3]",
                constants=f"constant @c : f32[] = ({number})",
            ),
        ),
    )


power_two = _power(
    "power-two", "x ** 2 is square.", 2.0, lambda o, m: o.np.square(m["x"]), "np.square"
)
power_half = _power(
    "power-half", "x ** 0.5 is sqrt.", 0.5, lambda o, m: o.np.sqrt(m["x"]), "np.sqrt"
)
power_minus_one = _power(
    "power-minus-one",
    "x ** -1 is reciprocal.",
    -1.0,
    lambda o, m: o.np.reciprocal(m["x"]),
    "np.reciprocal",
)
power_minus_half = _power(
    "power-minus-half", "x ** -0.5 is rsqrt.", -0.5, lambda o, m: o.npx.rsqrt(m["x"]), "npx.rsqrt"
)

power_three = Rule(
    name="power-three",
    doc="x ** 3 is x * x * x.",
    pattern=lambda o, x: o.np.power(x, 3),
    guard=_keeps_float,
    replace=lambda o, m: o.np.multiply(o.np.square(m["x"]), m["x"]),
    examples=(
        example(
            _X,
            '%c = ir.constant() {name="c"} : f32[]\n%y = np.power(%x, %c) : f32[2,3]',
            "%s = np.square(%x) : f32[2,3]\n%y = np.multiply(%s, %x) : f32[2,3]",
            constants="constant @c : f32[] = (3.0)",
        ),
    ),
)

inverse_root = Rule(
    name="inverse-root",
    doc="1 / sqrt(x) is rsqrt.",
    pattern=lambda o, x: any_of(o.np.reciprocal(o.np.sqrt(x)), o.np.divide(1, o.np.sqrt(x))),
    guard=_keeps_float,
    replace=lambda o, m: o.npx.rsqrt(m["x"]),
    examples=(
        example(
            "%z: f32[2,3]",
            """%x = np.exp(%z) : f32[2,3]
            %r = np.sqrt(%x) : f32[2,3]
            %y = np.reciprocal(%r) : f32[2,3]""",
            "%x = np.exp(%z) : f32[2,3]\n%y = npx.rsqrt(%x) : f32[2,3]",
        ),
    ),
)


def _is_power_of_two(m: Match) -> NoMatch | None:
    by = number_of(m, "c")
    if by is None or m.array("c").ndim:
        return NoMatch("the constant is not one scalar")
    if not math.isfinite(by) or abs(math.frexp(by)[0]) != 0.5 or not 2**-100 < abs(by) < 2**100:
        return NoMatch(f"{by:g} is not a power of two, so that its inverse is rounded")
    return _keeps_float(m)


division_by_power_of_two = Rule(
    name="division-by-power-of-two",
    doc="x / 8 is x * 0.125, which is exact.",
    pattern=lambda o, x, c: o.np.divide(x, constant(c)),
    guard=_is_power_of_two,
    replace=lambda o, m: o.np.multiply(m["x"], 1 / (number_of(m, "c") or 1.0)),
    examples=(
        example(
            _X,
            '%c = ir.constant() {name="c"} : f32[]\n%y = np.divide(%x, %c) : f32[2,3]',
            '%c = ir.constant() {name="c_1"} : f32[]\n%y = np.multiply(%x, %c) : f32[2,3]',
            constants="constant @c : f32[] = (8.0)",
        ),
        refusal(
            _X,
            '%c = ir.constant() {name="c"} : f32[]\n%y = np.divide(%x, %c) : f32[2,3]',
            "not a power of two",
            constants="constant @c : f32[] = (3.0)",
        ),
    ),
)

POWERS = (power_two, power_half, power_minus_one, power_minus_half, power_three, inverse_root)
RULES = (*POWERS, division_by_power_of_two)
