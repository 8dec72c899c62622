"""Per-channel multiplications, additions and batch_norm: folded into layers, or made explicit."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Array, Op, Value
from baryon.passes.arrays import elementwise
from baryon.passes.rules.affine import (
    Affine,
    Vector,
    affine_step,
    arithmetic_step,
    batch_norm_affine,
    chain_affine,
)
from baryon.passes.rules.common import channel_shape
from baryon.rewrite import (
    Match,
    Named,
    NoMatch,
    Rule,
    any_of,
    anything,
    capture,
    constant,
    example,
    payload,
    refusal,
    repeat,
)
from baryon.rewrite.pattern import PatternFunction


def combined(m: Match) -> Affine | NoMatch:
    """The affine function of the ops after the layer."""
    layer = m.op("layer")
    axis = layer.result.type.rank - 1 if layer.name == "npx.fully_connected" else 1
    return chain_affine(m.module, layer.result, m.ops[m.ops.index(layer) + 1 :], axis)


def _pattern_after(*layers: str) -> PatternFunction:
    """Per-channel arithmetic after one of some layers with constant weights."""

    def pattern(o: Any, x: Any, w: Any, b: Any) -> Any:
        calls = [getattr(o.npx, name.removeprefix("npx.")) for name in layers]
        plain = [call(x, constant(w)) for call in calls]
        biased = [call(x, constant(w), constant(b)) for call in calls]
        layer = capture("layer", any_of(*plain, *biased))
        return repeat(lambda y: affine_step(o, y), layer, at_least=1)

    return pattern


def _guard(m: Match) -> NoMatch | None:
    affine = combined(m)
    return affine if isinstance(affine, NoMatch) else None


def _scaled(weight: Array, scale: Vector, layer: Op) -> Array:
    """The weight with each output channel's part multiplied."""
    groups = int(layer.attrs.get("num_group", 1))  # type: ignore[arg-type]
    if layer.name != "npx.deconvolution":
        split = scale.reshape(-1, *[1] * (weight.ndim - 1))
        return elementwise(lambda w, s: (w * s).astype(weight.dtype), weight, split)
    parts = weight.reshape(groups, -1, weight.shape[1], *weight.shape[2:])
    split = scale.reshape(groups, 1, weight.shape[1], *[1] * (weight.ndim - 2))
    scaled = parts.astype(np.float64) * split
    return scaled.astype(weight.dtype).reshape(weight.shape)


def _fold(o: Any, m: Match) -> Value:
    affine, layer = combined(m), m.op("layer")
    assert isinstance(affine, Affine)
    weight, name = m["w"], str(m.op("w").attrs["name"])
    old_bias = m.array("b").astype(np.float64) if m.get("b") is not None else 0.0
    given: Any = weight
    if np.any(affine.scale != 1):
        given = Named(_scaled(m.array("w"), affine.scale, layer), f"{name}_folded")
    bias = (old_bias * affine.scale + affine.shift).astype(weight.type.dtype.numpy)
    call = getattr(o.npx, layer.name.removeprefix("npx."))
    made: Value = call(m["x"], given, Named(bias, f"{name}_bias"), **layer.attrs)
    return made


_ARGS = "%x: f32[1,2,1,1]"
_CONSTANTS = """constant @w : f32[2,2,1,1] = (1.0, 2.0, 3.0, 4.0)
constant @s : f32[2,1,1] = (2.0, 0.5)
constant @t : f32[1,2,1,1] = (1.0, -1.0)"""
_CONV = """%w = ir.constant() {name="w"} : f32[2,2,1,1]
%s = ir.constant() {name="s"} : f32[2,1,1]
%t = ir.constant() {name="t"} : f32[1,2,1,1]
%a = npx.convolution(%x, %w) {kernel=(1, 1)} : f32[1,2,1,1]
"""

fold_into_convolution = Rule(
    name="fold-into-convolution",
    doc="Multiplications, additions and batch_norm per channel go into the convolution before.",
    pattern=_pattern_after("npx.convolution", "npx.deconvolution"),
    guard=_guard,
    replace=_fold,
    examples=(
        example(
            _ARGS,
            _CONV
            + """%b = np.multiply(%a, %s) : f32[1,2,1,1]
            %y = np.add(%t, %b) : f32[1,2,1,1]""",
            """%w = ir.constant() {name="w_folded"} : f32[2,2,1,1]
            %b = ir.constant() {name="w_bias"} : f32[2]
            %y = npx.convolution(%x, %w, %b) {kernel=(1, 1)} : f32[1,2,1,1]""",
            constants=_CONSTANTS,
        ),
        refusal(
            "%x: f32[1,2,2,2]",
            """%w = ir.constant() {name="w"} : f32[2,2,1,1]
            %t = ir.constant() {name="t"} : f32[1,1,2,2]
            %a = npx.convolution(%x, %w) {kernel=(1, 1)} : f32[1,2,2,2]
            %y = np.add(%a, %t) : f32[1,2,2,2]""",
            "not per channel",
            constants="""constant @w : f32[2,2,1,1] = (1.0, 2.0, 3.0, 4.0)
            constant @t : f32[1,1,2,2] = (1.0, 2.0, 3.0, 4.0)""",
        ),
    ),
)

fold_into_fully_connected = Rule(
    name="fold-into-fully-connected",
    doc="Multiplications, additions and batch_norm per column go into the layer before them.",
    pattern=_pattern_after("npx.fully_connected"),
    guard=_guard,
    replace=_fold,
    examples=(
        example(
            "%x: f32[3,2]",
            """%w = ir.constant() {name="w"} : f32[2,2]
            %s = ir.constant() {name="s"} : f32[2]
            %a = npx.fully_connected(%x, %w) : f32[3,2]
            %b = np.multiply(%a, %s) : f32[3,2]
            %y = np.add(%b, %s) : f32[3,2]""",
            """%w = ir.constant() {name="w_folded"} : f32[2,2]
            %b = ir.constant() {name="w_bias"} : f32[2]
            %y = npx.fully_connected(%x, %w, %b) : f32[3,2]""",
            constants="""constant @w : f32[2,2] = (1.0, 2.0, 3.0, 4.0)
            constant @s : f32[2] = (2.0, 0.5)""",
        ),
        refusal(
            "%x: f32[3,2]",
            """%w = ir.constant() {name="w"} : f32[2,2]
            %t = ir.constant() {name="t"} : f32[3,1]
            %a = npx.fully_connected(%x, %w) : f32[3,2]
            %y = np.add(%a, %t) : f32[3,2]""",
            "not per channel",
            constants="""constant @w : f32[2,2] = (1.0, 2.0, 3.0, 4.0)
            constant @t : f32[3,1] = (1.0, 2.0, 3.0)""",
        ),
    ),
)


def _chain(m: Match) -> Affine | NoMatch:
    rank = m["x"].type.rank
    if rank < 2:
        return NoMatch("there is no channel axis")
    return chain_affine(m.module, m["x"], m.ops, 1)


def _steps(affine: Affine) -> list[tuple[str, Vector]]:
    """The fewest ops that compute an affine function."""
    steps = [("multiply", affine.scale)] if np.any(affine.scale != 1) else []
    return steps + ([("add", affine.shift)] if np.any(affine.shift != 0) else [])


def _is_shorter(m: Match) -> NoMatch | None:
    affine = _chain(m)
    if isinstance(affine, NoMatch):
        return affine
    count = len(_steps(affine))
    return None if count < len(m.ops) else NoMatch(f"it takes {count} ops as it is")


def _shorter(o: Any, m: Match) -> Value:
    affine, y = _chain(m), m["x"]
    assert isinstance(affine, Affine)
    shape, dtype = channel_shape(y.type.rank, 1), y.type.dtype.numpy
    for name, factor in _steps(affine):
        y = getattr(o.np, name)(y, factor.reshape(shape).astype(dtype))
    return y


_SHORT = "constant @s : f32[2,1,1] = (2.0, 0.5)\nconstant @t : f32[1,2,1,1] = (1.0, -1.0)"
_S = '%s = ir.constant() {name="s"} : f32[2,1,1]'
_T = '%t = ir.constant() {name="t"} : f32[1,2,1,1]'

shorter_chain = Rule(
    name="shorter-chain",
    doc="A chain of multiplications and additions per channel is one of each.",
    pattern=lambda o, x: repeat(lambda y: arithmetic_step(o, y), x, at_least=2),
    guard=_is_shorter,
    replace=_shorter,
    examples=(
        example(
            "%x: f32[1,2,2,2]",
            f"""{_S}
            {_T}
            %a = np.multiply(%x, %s) : f32[1,2,2,2]
            %b = np.add(%a, %t) : f32[1,2,2,2]
            %c = np.divide(%b, %s) : f32[1,2,2,2]
            %y = np.subtract(%c, %s) : f32[1,2,2,2]""",
            """%t = ir.constant() {name="c"} : f32[2,1,1]
            %y = np.add(%x, %t) : f32[1,2,2,2]""",
            constants=_SHORT,
        ),
        refusal(
            "%x: f32[1,2,2,2]",
            f"""{_S}
            {_T}
            %a = np.multiply(%x, %s) : f32[1,2,2,2]
            %y = np.add(%a, %t) : f32[1,2,2,2]""",
            "as it is",
            constants=_SHORT,
        ),
    ),
)


def _explicit(o: Any, m: Match) -> Value:
    x = m["x"]
    arrays = [m.array(name) for name in ("gamma", "beta", "mean", "variance")]
    shape = channel_shape(x.type.rank, int(m.root.attrs.get("axis", 1)))  # type: ignore[arg-type]
    scale, shift = (
        v.astype(x.type.dtype.numpy).reshape(shape) for v in batch_norm_affine(m.root, arrays)
    )
    name = str(m.op("mean").attrs["name"])
    product = o.np.multiply(x, Named(scale, f"{name}_scale"))
    made: Value = o.np.add(product, Named(shift, f"{name}_shift"))
    return made


def _bn_pattern(o: Any, x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    stats = map(constant, (gamma, beta, mean, variance))
    return o.npx.batch_norm(x, *stats)


_BN = """%g = ir.constant() {name="g"} : f32[2]
%v = ir.constant() {name="v"} : f32[2]
%n = npx.batch_norm(%x, %g, %g, %g, %v) {eps=0.0, fix_gamma=False} : f32[1,2,2,2]
%y = npx.relu(%n) : f32[1,2,2,2]"""

explicit_batch_norm = Rule(
    name="explicit-batch-norm",
    doc="A batch_norm with constant statistics that no layer takes in is a multiply and an add.",
    pattern=_bn_pattern,
    replace=_explicit,
    examples=(
        example(
            "%x: f32[1,2,2,2]",
            _BN,
            """%s = ir.constant() {name="g_scale"} : f32[2,1,1]
            %m = np.multiply(%x, %s) : f32[1,2,2,2]
            %t = ir.constant() {name="g_shift"} : f32[2,1,1]
            %n = np.add(%m, %t) : f32[1,2,2,2]
            %y = npx.relu(%n) : f32[1,2,2,2]""",
            constants="""constant @g : f32[2] = (1.0, 2.0)
            constant @v : f32[2] = (1.0, 4.0)""",
        ),
    ),
)


def _not_constant(m: Match) -> NoMatch | None:
    stats = m.root.operands[1:]
    if all(payload(m.module, v) is not None for v in stats):
        return NoMatch("the statistics are constants, for which fold-batch-norm has rules")
    return None


def _decompose(o: Any, m: Match) -> Value:
    x, attrs = m["x"], m.root.attrs
    gamma, beta, mean, variance = m.root.operands[1:]
    shape = channel_shape(x.type.rank, int(attrs.get("axis", 1)))  # type: ignore[arg-type]
    scale = o.npx.rsqrt(o.np.add(variance, float(attrs.get("eps", 1e-3))))  # type: ignore[arg-type]
    if not attrs.get("fix_gamma", True):
        scale = o.np.multiply(scale, gamma)
    shift = o.np.subtract(beta, o.np.multiply(mean, scale))
    product = o.np.multiply(x, o.np.reshape(scale, newshape=shape))
    made: Value = o.np.add(product, o.np.reshape(shift, newshape=shape))
    return made


decomposed_batch_norm = Rule(
    name="decomposed-batch-norm",
    doc="A batch_norm whose statistics are computed is written in arithmetic.",
    pattern=lambda o, x: o.npx.batch_norm(x, anything(), anything(), anything(), anything()),
    guard=_not_constant,
    replace=_decompose,
    examples=(
        example(
            "%x: f32[1,2,2,2], %g: f32[2], %v: f32[2]",
            "%y = npx.batch_norm(%x, %g, %g, %g, %v) {eps=0.5} : f32[1,2,2,2]",
            """%e = ir.constant() {name="c"} : f32[]
            %a = np.add(%v, %e) : f32[2]
            %r = npx.rsqrt(%a) : f32[2]
            %p = np.multiply(%g, %r) : f32[2]
            %q = np.subtract(%g, %p) : f32[2]
            %s = np.reshape(%r) {newshape=(-1, 1, 1)} : f32[2,1,1]
            %m = np.multiply(%x, %s) : f32[1,2,2,2]
            %t = np.reshape(%q) {newshape=(-1, 1, 1)} : f32[2,1,1]
            %y = np.add(%m, %t) : f32[1,2,2,2]""",
        ),
        refusal(
            "%x: f32[1,2,2,2]",
            _BN.splitlines()[0] + "\n%y = npx.batch_norm(%x, %g, %g, %g, %g) {} : f32[1,2,2,2]",
            "are constants",
            constants="constant @g : f32[2] = (1.0, 2.0)",
        ),
    ),
)

RULES = (
    fold_into_convolution,
    fold_into_fully_connected,
    shorter_chain,
    explicit_batch_norm,  # the last, so that a layer takes what it can
)
