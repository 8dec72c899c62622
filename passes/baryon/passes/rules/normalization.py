"""recognize: normalizations and softmax that an exporter or a user has spelled out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.ir import Array, TensorType, Value
from baryon.ops.shapes import write_shape
from baryon.passes.rules.common import number_of
from baryon.rewrite import (
    Match,
    Named,
    NoMatch,
    Rule,
    any_of,
    attr,
    constant,
    example,
    payload,
    refusal,
)


def _square(o: Any, x: Any) -> Any:
    return any_of(o.np.square(x), o.np.multiply(x, x), o.np.power(x, 2))


def _over_root(o: Any, x: Any, v: Any) -> Any:
    """x / sqrt(v) in the ways in which it is written."""
    root = any_of(o.np.sqrt(v), o.np.power(v, 0.5))
    inverse = any_of(
        o.npx.rsqrt(v), o.np.reciprocal(root), o.np.divide(1, root), o.np.power(v, -0.5)
    )
    return any_of(o.np.divide(x, root), o.np.multiply(x, inverse))


def _variance(o: Any, x: Any, centred: Any) -> Any:
    return any_of(
        o.np.mean(_square(o, centred), axis=attr("axis_2"), keepdims=True),
        o.np.var(x, axis=attr("axis_2"), keepdims=True),
    )


def _layer_norm(o: Any, x: Any, eps: Any, gamma: Any, beta: Any) -> Any:
    centred = o.np.subtract(x, o.np.mean(x, axis=attr("axis"), keepdims=True))
    variance = o.np.add(_variance(o, x, centred), constant(eps))
    normal = _over_root(o, centred, variance)
    scaled = any_of(
        o.np.multiply(normal, gamma), _over_root(o, o.np.multiply(centred, gamma), variance)
    )
    return any_of(o.np.add(scaled, beta), o.np.add(normal, beta), scaled, normal)


def _trailing(m: Match) -> list[int] | None:
    """The axes that are normalized, if they are the last ones and their sizes known."""
    shape, given = m["x"].type.shape, m.attr("axis")
    rank = len(shape)
    axes = sorted(a % rank for a in (given if given is not None else range(rank)))
    static = all(isinstance(shape[a], int) for a in axes)
    return axes if static and axes == list(range(rank - len(axes), rank)) else None


def _lies_along(type: TensorType, like: TensorType, axes: Sequence[int]) -> bool:
    """Whether a parameter has the sizes of some axes, and size 1 along the others."""
    shape = (1,) * (like.rank - type.rank) + type.shape
    wanted = tuple(d if a in axes else 1 for a, d in enumerate(like.shape))
    return type.rank <= like.rank and shape == wanted


def _is_number(m: Match, value: Value) -> bool:
    return value.type.rank == 0 and payload(m.module, value) is not None


def _is_normalization(m: Match) -> NoMatch | None:
    axes, x = _trailing(m), m["x"].type
    if axes is None or not axes:
        return NoMatch("the axes are not the last ones, or their sizes depend on the input")
    if "axis_2" in m.attrs and _sorted(m.attr("axis_2"), x.rank) != axes:
        return NoMatch("mean and variance are along different axes")
    if m.get("eps") is not None and not (number_of(m, "eps") or 0.0) >= 0:
        return NoMatch("eps is negative")
    if m.get("eps") is not None and number_of(m, "eps") is None:
        return NoMatch("eps is not one number")
    parameters = [v for v in (m.get("gamma"), m.get("beta")) if v is not None]
    if not all(_is_number(m, v) or _lies_along(v.type, x, axes) for v in parameters):
        return NoMatch("gamma or beta do not lie along the normalized axes")
    same = not x.layout and x == m.root.result.type and x.dtype.is_float
    return None if same else NoMatch("the type of x changes, or is not a float")


def _sorted(axes: Any, rank: int) -> list[int]:
    return sorted(a % rank for a in (axes if axes is not None else range(rank)))


def _eps(m: Match) -> float:
    return (number_of(m, "eps") or 0.0) if m.get("eps") is not None else 0.0


def _vector(o: Any, m: Match, name: str, default: float, size: int) -> Any:
    """A parameter as a vector; without one, a vector of the neutral number."""
    value = m.get(name)
    if value is None:
        like: Array = np.full((), default, m["x"].type.dtype.numpy)
        return Named(np.broadcast_to(like, (size,)), "ones" if default else "zeros")
    if value.type.rank == 1:
        return value
    array = payload(m.module, value)
    if array is not None:
        flat = np.broadcast_to(array.reshape(-1), (size,))
        return Named(flat, str(m.op(name).attrs["name"]))
    return o.np.reshape(value, newshape=(size,))


def _on_rows(o: Any, m: Match, make: Any) -> Value:
    """`make(rows, size)` on x with the normalized axes merged into one."""
    x, axes = m["x"], _trailing(m)
    assert axes is not None
    shape = x.type.shape
    size = math.prod(d for d in shape[axes[0] :] if isinstance(d, int))
    if len(axes) == 1:
        single: Value = make(x, size)
        return single
    rows = o.np.reshape(x, newshape=(*write_shape(shape[: axes[0]]), size))
    made: Value = o.np.reshape(make(rows, size), newshape=write_shape(shape))
    return made


def _as_layer_norm(o: Any, m: Match) -> Value:
    def make(rows: Value, size: int) -> Any:
        gamma, beta = _vector(o, m, "gamma", 1, size), _vector(o, m, "beta", 0, size)
        return o.npx.layer_norm(rows, gamma, beta, eps=_eps(m))

    return _on_rows(o, m, make)


_LN_CONSTANTS = """constant @two : f32[] = (2.0)
constant @e : f32[] = (0.5)
constant @g : f32[3] = (1.0, 2.0, 3.0)
constant @b : f32[3] = (0.5, -1.0, 2.0)"""
_READ = "".join(
    f'%{name} = ir.constant() {{name="{name}"}} : {type}\n'
    for name, type in (("e", "f32[]"), ("g", "f32[3]"), ("b", "f32[3]"), ("two", "f32[]"))
)
_READ_EPS, _READ_GAMMA, _READ_BETA, _READ_TWO = (line + "\n" for line in _READ.splitlines())
_VARIANCE = """%m = np.mean(%x) {axis=(-1,), keepdims=True} : f32[2,1]
%d = np.subtract(%x, %m) : f32[2,3]
%p = np.power(%d, %two) : f32[2,3]
"""
_ROOT = """%q = np.add(%v, %e) : f32[2,1]
%r = np.sqrt(%q) : f32[2,1]
%n = np.divide(%d, %r) : f32[2,3]
"""

spelled_layer_norm = Rule(
    name="spelled-layer-norm",
    doc="(x - mean) / sqrt(variance + eps) * gamma + beta over the last axes is layer_norm.",
    pattern=_layer_norm,
    guard=_is_normalization,
    replace=_as_layer_norm,
    examples=(
        example(
            "%x: f32[2,3]",
            f"""{_READ}{_VARIANCE}%v = np.mean(%p) {{axis=(1,), keepdims=True}} : f32[2,1]
            {_ROOT}%s = np.multiply(%n, %g) : f32[2,3]
            %y = np.add(%s, %b) : f32[2,3]""",
            """%g = ir.constant() {name="g"} : f32[3]
            %b = ir.constant() {name="b"} : f32[3]
            %y = npx.layer_norm(%x, %g, %b) {eps=0.5} : f32[2,3]""",
            constants=_LN_CONSTANTS,
        ),
        example(
            "%x: f32[1,2,2,3]",
            """%e = ir.constant() {name="e"} : f32[]
            %m = np.mean(%x) {axis=(2, 3), keepdims=True} : f32[1,2,1,1]
            %d = np.subtract(%x, %m) : f32[1,2,2,3]
            %p = np.square(%d) : f32[1,2,2,3]
            %v = np.mean(%p) {axis=(2, 3), keepdims=True} : f32[1,2,1,1]
            %q = np.add(%v, %e) : f32[1,2,1,1]
            %r = npx.rsqrt(%q) : f32[1,2,1,1]
            %y = np.multiply(%d, %r) : f32[1,2,2,3]""",
            """%a = np.reshape(%x) {newshape=(1, 2, 6)} : f32[1,2,6]
            %g = ir.constant() {name="ones"} : f32[6]
            %b = ir.constant() {name="zeros"} : f32[6]
            %n = npx.layer_norm(%a, %g, %b) {eps=0.5} : f32[1,2,6]
            %y = np.reshape(%n) {newshape=(1, 2, 2, 3)} : f32[1,2,2,3]""",
            constants="constant @e : f32[] = (0.5)",
        ),
        refusal(
            "%x: f32[2,3]",
            f"""{_READ_EPS}{_READ_TWO}{_VARIANCE}
            %v = np.mean(%p) {{axis=(0,), keepdims=True}} : f32[1,3]
            {_ROOT.replace("f32[2,1]", "f32[1,3]").replace("%n", "%y")}""",
            "different axes",
            constants=_LN_CONSTANTS,
        ),
    ),
)


def _rms_norm(o: Any, x: Any, eps: Any, gamma: Any) -> Any:
    mean = o.np.mean(_square(o, x), axis=attr("axis"), keepdims=True)
    normal = _over_root(o, x, o.np.add(mean, constant(eps)))
    return any_of(o.np.multiply(normal, gamma), normal)


def _as_rms_norm(o: Any, m: Match) -> Value:
    return _on_rows(o, m, lambda x, n: o.npx.rms_norm(x, _vector(o, m, "gamma", 1, n), eps=_eps(m)))


_MEAN_SQUARE = """%p = np.multiply(%x, %x) : f32[2,3]
%v = np.mean(%p) {axis=(-1,), keepdims=True} : f32[2,1]
%q = np.add(%v, %e) : f32[2,1]
%r = npx.rsqrt(%q) : f32[2,1]
%n = np.multiply(%x, %r) : f32[2,3]
"""

spelled_rms_norm = Rule(
    name="spelled-rms-norm",
    doc="x / sqrt(mean of squares + eps) * gamma over the last axes is rms_norm.",
    pattern=_rms_norm,
    guard=_is_normalization,
    replace=_as_rms_norm,
    examples=(
        example(
            "%x: f32[2,3]",
            f"{_READ_EPS}{_READ_GAMMA}{_MEAN_SQUARE}%y = np.multiply(%g, %n) : f32[2,3]",
            """%g = ir.constant() {name="g"} : f32[3]
            %y = npx.rms_norm(%x, %g) {eps=0.5} : f32[2,3]""",
            constants=_LN_CONSTANTS,
        ),
        refusal(
            "%x: f32[2,3]",
            _READ_EPS
            + _MEAN_SQUARE.replace("(-1,)", "(0,)").replace("[2,1]", "[1,3]").replace("%n", "%y"),
            "not the last ones",
            constants=_LN_CONSTANTS,
        ),
    ),
)


def _l2(o: Any, x: Any, eps: Any) -> Any:
    total = o.np.sum(_square(o, x), axis=attr("axis"), keepdims=True)
    return any_of(_over_root(o, x, o.np.add(total, constant(eps))), _over_root(o, x, total))


def _as_scaled_rms_norm(o: Any, m: Match) -> Value:
    """x / sqrt(sum + eps) is x / sqrt(mean + eps / n) / sqrt(n)."""

    def make(rows: Value, size: int) -> Any:
        factor = np.asarray(1 / math.sqrt(size), m["x"].type.dtype.numpy)
        gamma = Named(np.broadcast_to(factor, (size,)), "norm")
        return o.npx.rms_norm(rows, gamma, eps=_eps(m) / size)

    return _on_rows(o, m, make)


spelled_l2_normalization = Rule(
    name="spelled-l2-normalization",
    doc="x / sqrt(sum of squares + eps) over the last axes is rms_norm with a constant gamma.",
    pattern=_l2,
    guard=_is_normalization,
    replace=_as_scaled_rms_norm,
    examples=(
        example(
            "%x: f32[2,4]",
            """%p = np.square(%x) : f32[2,4]
            %v = np.sum(%p) {axis=(-1,), keepdims=True} : f32[2,1]
            %r = np.sqrt(%v) : f32[2,1]
            %y = np.divide(%x, %r) : f32[2,4]""",
            """%g = ir.constant() {name="norm"} : f32[4]
            %y = npx.rms_norm(%x, %g) {eps=0.0} : f32[2,4]""",
        ),
    ),
)


def _softmax(o: Any, x: Any) -> Any:
    high = o.np.max(x, axis=attr("axis"), keepdims=True)
    power = o.np.exp(any_of(o.np.subtract(x, high), x))
    total = o.np.sum(power, axis=attr("axis_2"), keepdims=True)
    return any_of(o.np.divide(power, total), o.np.multiply(power, o.np.reciprocal(total)))


def _is_softmax(m: Match) -> NoMatch | None:
    rank = m["x"].type.rank
    axes = _sorted(m.attr("axis_2"), rank)
    if len(axes) != 1:
        return NoMatch("the sum is not along one axis")
    if "axis" in m.attrs and _sorted(m.attr("axis"), rank) != axes:
        return NoMatch("maximum and sum are along different axes")
    same = m["x"].type == m.root.result.type and m["x"].type.dtype.is_float
    return None if same else NoMatch("the type of x changes, or is not a float")


def _as_softmax(o: Any, m: Match) -> Value:
    (axis,) = _sorted(m.attr("axis_2"), m["x"].type.rank)
    made: Value = o.npx.softmax(m["x"], axis=axis)
    return made


_SOFTMAX = """%e = np.exp(%d) : f32[2,3]
%t = np.sum(%e) {axis=(1,), keepdims=True} : f32[2,1]
%y = np.divide(%e, %t) : f32[2,3]"""

spelled_softmax = Rule(
    name="spelled-softmax",
    doc="exp(x - max) / sum is softmax, and so is the same without the maximum.",
    pattern=_softmax,
    guard=_is_softmax,
    replace=_as_softmax,
    examples=(
        example(
            "%x: f32[2,3]",
            f"""%m = np.max(%x) {{axis=(-1,), keepdims=True}} : f32[2,1]
            %d = np.subtract(%x, %m) : f32[2,3]
            {_SOFTMAX}""",
            "%y = npx.softmax(%x) {axis=1} : f32[2,3]",
        ),
        refusal(
            "%x: f32[2,3]",
            f"""%m = np.max(%x) {{axis=(0,), keepdims=True}} : f32[1,3]
            %d = np.subtract(%x, %m) : f32[2,3]
            {_SOFTMAX}""",
            "different axes",
        ),
    ),
)

log_of_softmax = Rule(
    name="log-of-softmax",
    doc="log(softmax(x)) is log_softmax, which does not underflow.",
    pattern=lambda o, x: o.np.log(
        o.npx.softmax(x, axis=attr("axis"), temperature=attr("temperature"))
    ),
    replace=lambda o, m: o.npx.log_softmax(
        m["x"], axis=m.attr("axis"), temperature=m.attr("temperature")
    ),
    examples=(
        example(
            "%x: f32[2,3]",
            """%s = npx.softmax(%x) {axis=1} : f32[2,3]
            %y = np.log(%s) : f32[2,3]""",
            "%y = npx.log_softmax(%x) {axis=1} : f32[2,3]",
        ),
    ),
)

RULES = (
    spelled_layer_norm,
    spelled_rms_norm,
    spelled_l2_normalization,
    spelled_softmax,
    log_of_softmax,
)
