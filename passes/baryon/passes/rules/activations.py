"""recognize: activations that an exporter or a user has spelled out.

MXNet's other activations need no rule: hard-sigmoid, hard-swish, selu, log-sigmoid and mish stay
the chain of element-wise ops that they are, in the kernel of what is before them, and so does
x * sigmoid(1.702 x), which is near gelu but is not gelu.
"""

from __future__ import annotations

import math
from typing import Any

from baryon.ir import Value
from baryon.passes.rules.common import high_is_above_zero, near, number_of
from baryon.rewrite import Match, NoMatch, Rule, any_of, attr, constant, example, refusal

_X = "%x: f32[2,3]"


def _number(name: str, value: float | str) -> str:
    return f"constant @{name} : f32[] = ({value})"


def _constants(**numbers: float) -> tuple[str, str]:
    """Declarations of scalars, and the lines that read them."""
    text = "\n".join(_number(name, value) for name, value in numbers.items())
    lines = "\n".join(f'%{n} = ir.constant() {{name="{n}"}} : f32[]' for n in numbers)
    return text, lines


def _sigmoid(o: Any, x: Any) -> Any:
    below = o.np.add(o.np.exp(o.np.negative(x)), 1)
    return any_of(o.np.divide(1, below), o.np.reciprocal(below))


_ONE, _READ_ONE = _constants(one=1.0)

spelled_sigmoid = Rule(
    name="spelled-sigmoid",
    doc="1 / (1 + exp(-x)) is sigmoid.",
    pattern=_sigmoid,
    replace=lambda o, m: o.npx.sigmoid(m["x"]),
    examples=(
        example(
            _X,
            f"""{_READ_ONE}
            %n = np.negative(%x) : f32[2,3]
            %e = np.exp(%n) : f32[2,3]
            %s = np.add(%one, %e) : f32[2,3]
            %y = np.divide(%one, %s) : f32[2,3]""",
            "%y = npx.sigmoid(%x) : f32[2,3]",
            constants=_ONE,
        ),
    ),
)

spelled_silu = Rule(
    name="spelled-silu",
    doc="x * sigmoid(x) is silu, and so is x / (1 + exp(-x)).",
    pattern=lambda o, x: any_of(
        o.np.multiply(x, o.npx.sigmoid(x)),
        o.np.divide(x, o.np.add(o.np.exp(o.np.negative(x)), 1)),
    ),
    replace=lambda o, m: o.npx.silu(m["x"]),
    examples=(
        example(
            _X,
            """%s = npx.sigmoid(%x) : f32[2,3]
            %y = np.multiply(%s, %x) : f32[2,3]""",
            "%y = npx.silu(%x) : f32[2,3]",
        ),
    ),
)

spelled_softplus = Rule(
    name="spelled-softplus",
    doc="log(1 + exp(x)) is softplus, which does not overflow.",
    pattern=lambda o, x: any_of(o.np.log(o.np.add(o.np.exp(x), 1)), o.np.log1p(o.np.exp(x))),
    replace=lambda o, m: o.npx.softplus(m["x"]),
    examples=(
        example(
            _X,
            """%e = np.exp(%x) : f32[2,3]
            %y = np.log1p(%e) : f32[2,3]""",
            "%y = npx.softplus(%x) : f32[2,3]",
        ),
    ),
)


def _half_of_product(o: Any, x: Any, factor: Any) -> Any:
    """0.5 * x * factor in any order of its products, the half as a factor or as a division."""

    def half(y: Any) -> Any:
        return any_of(o.np.multiply(y, 0.5), o.np.divide(y, 2))

    return any_of(
        half(o.np.multiply(x, factor)),
        o.np.multiply(half(x), factor),
        o.np.multiply(x, half(factor)),
    )


def _gelu_erf(o: Any, x: Any, root: Any, inverse: Any) -> Any:
    inner = any_of(o.np.divide(x, constant(root)), o.np.multiply(x, constant(inverse)))
    erf = o.npx.erf(inner)
    halves = o.np.add(o.np.multiply(erf, 0.5), 0.5)
    return any_of(_half_of_product(o, x, o.np.add(erf, 1)), o.np.multiply(x, halves))


def _is_root_of_two(m: Match) -> NoMatch | None:
    return near(m, "root", math.sqrt(2)) or near(m, "inverse", math.sqrt(0.5))


_GELU, _READ_GELU = _constants(root=math.sqrt(2), half=0.5, one=1.0)
_OTHER, _READ_OTHER = _constants(root=1.5, half=0.5, one=1.0)
_GELU_LINES = """%a = np.divide(%x, %root) : f32[2,3]
%b = npx.erf(%a) : f32[2,3]
%c = np.add(%b, %one) : f32[2,3]
%d = np.multiply(%x, %c) : f32[2,3]
%y = np.multiply(%d, %half) : f32[2,3]"""

spelled_gelu = Rule(
    name="spelled-gelu",
    doc="0.5 x (1 + erf(x / sqrt 2)) is gelu, in all orders of its products.",
    pattern=_gelu_erf,
    guard=_is_root_of_two,
    replace=lambda o, m: o.npx.gelu(m["x"]),
    examples=(
        example(
            _X, f"{_READ_GELU}\n{_GELU_LINES}", "%y = npx.gelu(%x) : f32[2,3]", constants=_GELU
        ),
        refusal(_X, f"{_READ_OTHER}\n{_GELU_LINES}", "root is 1.5", constants=_OTHER),
    ),
)


def _gelu_tanh(o: Any, x: Any, cubic: Any, scale: Any) -> Any:
    square = any_of(o.np.square(x), o.np.multiply(x, x), o.np.power(x, 2))
    cube = any_of(o.np.power(x, 3), o.np.multiply(square, x))
    sums = [
        o.np.multiply(o.np.add(x, o.np.multiply(cube, constant(cubic))), constant(scale)),
        *(
            o.np.multiply(scaled, o.np.add(o.np.multiply(bend, factor), 1))
            for scaled in (o.np.multiply(x, constant(scale)),)
            for bend, factor in ((square, constant(cubic)), (o.np.multiply(x, constant(cubic)), x))
        ),
    ]
    return _half_of_product(o, x, o.np.add(o.np.tanh(any_of(*sums)), 1))


def _is_tanh_form(m: Match) -> NoMatch | None:
    return near(m, "cubic", 0.044715) or near(m, "scale", math.sqrt(2 / math.pi))


_TANH, _READ_TANH = _constants(
    three=3.0, cubic=0.044715, scale=math.sqrt(2 / math.pi), half=0.5, one=1.0
)

spelled_gelu_tanh = Rule(
    name="spelled-gelu-tanh",
    doc="0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) is gelu in tanh's form.",
    pattern=_gelu_tanh,
    guard=_is_tanh_form,
    replace=lambda o, m: o.npx.gelu(m["x"], approximate="tanh"),
    examples=(
        example(
            _X,
            f"""{_READ_TANH}
            %a = np.power(%x, %three) : f32[2,3]
            %b = np.multiply(%cubic, %a) : f32[2,3]
            %c = np.add(%x, %b) : f32[2,3]
            %d = np.multiply(%c, %scale) : f32[2,3]
            %e = np.tanh(%d) : f32[2,3]
            %f = np.add(%one, %e) : f32[2,3]
            %g = np.multiply(%half, %x) : f32[2,3]
            %y = np.multiply(%g, %f) : f32[2,3]""",
            '%y = npx.gelu(%x) {approximate="tanh"} : f32[2,3]',
            constants=_TANH,
        ),
    ),
)


def _leaky(o: Any, x: Any, slope: Any) -> Any:
    below = o.np.multiply(x, constant(slope))
    return any_of(o.np.maximum(x, below), o.np.where(o.np.greater(x, 0), x, below))


def _slope(m: Match) -> NoMatch | None:
    slope = number_of(m, "slope")
    if slope is None:
        return NoMatch("the slope is not one number")
    if m.root.name == "np.maximum" and not 0 <= slope <= 1:
        return NoMatch(f"slope {slope:g} is not between 0 and 1, where the maximum is x above 0")
    same = m["x"].type == m.root.result.type
    return None if same else NoMatch("the type of x changes")


_SLOPE, _READ_SLOPE = _constants(slope=0.125)
_STEEP, _READ_STEEP = _constants(slope=2.0)
_MAXIMUM = """%b = np.multiply(%x, %slope) : f32[2,3]
%y = np.maximum(%b, %x) : f32[2,3]"""

spelled_leaky_relu = Rule(
    name="spelled-leaky-relu",
    doc="max(x, slope x) with a slope in [0, 1], and where(x > 0, x, slope x), are leaky_relu.",
    pattern=_leaky,
    guard=_slope,
    replace=lambda o, m: o.npx.leaky_relu(m["x"], slope=number_of(m, "slope")),
    examples=(
        example(
            _X,
            f"{_READ_SLOPE}\n{_MAXIMUM}",
            "%y = npx.leaky_relu(%x) {slope=0.125} : f32[2,3]",
            constants=_SLOPE,
        ),
        refusal(_X, f"{_READ_STEEP}\n{_MAXIMUM}", "not between", constants=_STEEP),
    ),
)


def _keeps_type(m: Match) -> NoMatch | None:
    same = m["x"].type == m.root.result.type
    return None if same else NoMatch("the type of x changes")


spelled_relu = Rule(
    name="spelled-relu",
    doc="max(x, 0) is relu.",
    pattern=lambda o, x: any_of(o.np.maximum(x, 0), o.np.clip(x, a_min=0, a_max=None)),
    guard=_keeps_type,
    replace=lambda o, m: o.npx.relu(m["x"]),
    examples=(
        example(
            _X,
            '%c = ir.constant() {name="c"} : f32[]\n%y = np.maximum(%x, %c) : f32[2,3]',
            "%y = npx.relu(%x) : f32[2,3]",
            constants="constant @c : f32[] = (0.0)",
        ),
    ),
)


def _bounds(m: Match) -> tuple[float | None, float | None]:
    """The limits of two clips in a row: the inner one's, moved inside the outer one's.

    They are moved as the outer clip moves them: ranges that do not meet give a constant.
    """
    low, high = (_inside(m, m.attr(name)) for name in ("inner_low", "inner_high"))
    return (m.attr("low") if low is None else low, m.attr("high") if high is None else high)


def _inside(m: Match, limit: float | None) -> float | None:
    if limit is None:
        return None
    low, high = m.attr("low"), m.attr("high")
    limit = limit if low is None else max(limit, low)
    return limit if high is None else min(limit, high)


def _clip_twice(o: Any, m: Match) -> Value:
    made: Value = o.np.clip(m["x"], *_bounds(m))
    return made


clip_of_clip = Rule(
    name="clip-of-clip",
    doc="Two clips in a row are one.",
    pattern=lambda o, x: o.np.clip(
        o.np.clip(x, attr("inner_low"), attr("inner_high")), attr("low"), attr("high")
    ),
    replace=_clip_twice,
    examples=(
        example(
            _X,
            """%z = np.clip(%x) {a_max=6.0, a_min=-1.0} : f32[2,3]
            %y = np.clip(%z) {a_max=9.0, a_min=0.0} : f32[2,3]""",
            "%y = np.clip(%x) {a_max=6.0, a_min=0.0} : f32[2,3]",
        ),
        example(
            _X,
            """%z = np.clip(%x) {a_max=1.0, a_min=0.75} : f32[2,3]
            %y = np.clip(%z) {a_max=0.5, a_min=-1.0} : f32[2,3]""",
            "%y = np.clip(%x) {a_max=0.5, a_min=0.5} : f32[2,3]",
        ),
    ),
)


def _relu_of_clip(o: Any, m: Match) -> Value:
    low, high = m.attr("low"), m.attr("high")
    made: Value = o.np.clip(m["x"], max(low or 0.0, 0.0), high)
    return made


relu_of_clip = Rule(
    name="relu-of-clip",
    doc="relu after a clip is a clip from zero.",
    pattern=lambda o, x: o.npx.relu(o.np.clip(x, attr("low"), attr("high"))),
    guard=high_is_above_zero,
    replace=_relu_of_clip,
    examples=(
        example(
            _X,
            """%z = np.clip(%x) {a_max=6.0, a_min=-1.0} : f32[2,3]
            %y = npx.relu(%z) : f32[2,3]""",
            "%y = np.clip(%x) {a_max=6.0, a_min=0.0} : f32[2,3]",
        ),
        refusal(
            _X,
            """%z = np.clip(%x) {a_max=-0.5, a_min=-1.0} : f32[2,3]
            %y = npx.relu(%z) : f32[2,3]""",
            "below zero",
        ),
    ),
)


def _limits(m: Match) -> NoMatch | None:
    low, high = _low(m), number_of(m, "high")
    if low is None or high is None or not low <= high:
        return NoMatch("the limits are not two numbers in order")
    return _keeps_type(m)


def _low(m: Match) -> float | None:
    return number_of(m, "low") if m.get("low") is not None else 0.0


_BETWEEN, _READ_BETWEEN = _constants(low=0.0, high=6.0)
_ACROSS, _READ_ACROSS = _constants(low=6.0, high=0.0)
_CLIP = """%z = np.maximum(%x, %low) : f32[2,3]
%y = np.minimum(%high, %z) : f32[2,3]"""

spelled_clip = Rule(
    name="spelled-clip",
    doc="min(max(x, low), high) is clip, and so is min(relu(x), high).",
    pattern=lambda o, x, low, high: any_of(
        o.np.minimum(o.np.maximum(x, constant(low)), constant(high)),
        o.np.maximum(o.np.minimum(x, constant(high)), constant(low)),
        o.np.minimum(o.npx.relu(x), constant(high)),
    ),
    guard=_limits,
    replace=lambda o, m: o.np.clip(m["x"], _low(m), number_of(m, "high")),
    examples=(
        example(
            _X,
            f"{_READ_BETWEEN}\n{_CLIP}",
            "%y = np.clip(%x) {a_max=6.0, a_min=0.0} : f32[2,3]",
            constants=_BETWEEN,
        ),
        refusal(_X, f"{_READ_ACROSS}\n{_CLIP}", "not two numbers", constants=_ACROSS),
    ),
)

RULES = (
    spelled_gelu,
    spelled_gelu_tanh,
    spelled_silu,
    spelled_sigmoid,
    spelled_softplus,
    spelled_clip,
    spelled_leaky_relu,
    spelled_relu,
    clip_of_clip,
    relu_of_clip,
)
