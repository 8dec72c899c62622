"""canonicalize: what training leaves behind, activations in a row, and products as layers."""

from __future__ import annotations

from typing import Any

from baryon.ir import Value
from baryon.ops.shapes import write_shape
from baryon.passes.rules.common import high_is_above_zero, x, x_has_the_type
from baryon.rewrite import (
    Match,
    Named,
    NoMatch,
    Rule,
    any_of,
    attr,
    constant,
    example,
    refusal,
)

_X = "%x: f32[2,3]"

identity_at_inference = Rule(
    name="identity-at-inference",
    doc="dropout and stop_gradient only matter in training.",
    pattern=lambda o, x: any_of(o.npx.dropout(x), o.npx.stop_gradient(x)),
    guard=x_has_the_type,
    replace=x,
    examples=(
        example(
            _X,
            """%z = npx.dropout(%x) {p=0.5} : f32[2,3]
            %y = npx.relu(%z) : f32[2,3]""",
            "%y = npx.relu(%x) : f32[2,3]",
        ),
    ),
)

relu_of_relu = Rule(
    name="relu-of-relu",
    doc="relu twice is relu.",
    pattern=lambda o, x: o.npx.relu(o.npx.relu(x)),
    replace=lambda o, m: o.npx.relu(m["x"]),
    examples=(
        example(
            _X,
            """%z = npx.relu(%x) : f32[2,3]
            %y = npx.relu(%z) : f32[2,3]""",
            "%y = npx.relu(%x) : f32[2,3]",
        ),
    ),
)


def _clip_of_relu(o: Any, m: Match) -> Value:
    low, high = m.attr("low"), m.attr("high")
    made: Value = o.np.clip(m["x"], max(0.0, low or 0.0), high)
    return made


clip_of_relu = Rule(
    name="clip-of-relu",
    doc="A clip after relu is a clip from zero (relu6).",
    pattern=lambda o, x: o.np.clip(o.npx.relu(x), attr("low"), attr("high")),
    guard=high_is_above_zero,
    replace=_clip_of_relu,
    examples=(
        example(
            _X,
            """%z = npx.relu(%x) : f32[2,3]
            %y = np.clip(%z) {a_max=6.0, a_min=-1.0} : f32[2,3]""",
            "%y = np.clip(%x) {a_max=6.0, a_min=0.0} : f32[2,3]",
        ),
        refusal(
            _X,
            """%z = npx.relu(%x) : f32[2,3]
            %y = np.clip(%z) {a_max=-1.0, a_min=-2.0} : f32[2,3]""",
            "below zero",
        ),
    ),
)


def _layer_guard(m: Match) -> NoMatch | None:
    if m.array("w").ndim != 2:
        return NoMatch("the right side is not a matrix")
    if m["x"].type.rank < 2:
        return NoMatch("the left side is a vector")
    if m["x"].type.dtype != m["w"].type.dtype:
        return NoMatch("the element types differ")
    return None


def _layer(o: Any, m: Match) -> Value:
    name = str(m.op("w").attrs["name"])
    weight = Named(m.array("w").T, f"{name}_t")
    made: Value = o.npx.fully_connected(m["x"], weight, flatten=False)
    return made


product_to_layer = Rule(
    name="product-to-layer",
    doc="A product with a constant matrix is a fully connected layer.",
    pattern=lambda o, x, w: o.np.matmul(x, constant(w)),
    guard=_layer_guard,
    replace=_layer,
    examples=(
        example(
            _X,
            '%w = ir.constant() {name="w"} : f32[3,2]\n%y = np.matmul(%x, %w) : f32[2,2]',
            """%w = ir.constant() {name="w_t"} : f32[2,3]
            %y = npx.fully_connected(%x, %w) {flatten=False} : f32[2,2]""",
            constants="constant @w : f32[3,2] = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)",
        ),
        refusal(
            "%x: f32[3]",
            '%w = ir.constant() {name="w"} : f32[3,2]\n%y = np.matmul(%x, %w) : f32[2]',
            "a vector",
            constants="constant @w : f32[3,2] = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)",
        ),
    ),
)


def _spatial_mean(m: Match) -> NoMatch | None:
    rank, axes = m["x"].type.rank, m.attr("axis")
    if rank < 3 or axes is None:
        return NoMatch("there are no spatial axes, or all axes are averaged")
    if sorted(a % rank for a in axes) != [*range(2, rank)]:
        return NoMatch("not exactly the spatial axes are averaged")
    same = m["x"].type.dtype == m.root.result.type.dtype
    return None if same else NoMatch("the element type changes")


def _global_pooling(o: Any, m: Match) -> Value:
    pooled: Value = o.npx.pooling(m["x"], pool_type="avg", global_pool=True)
    if m.attr("keepdims"):
        return pooled
    made: Value = o.np.reshape(pooled, newshape=write_shape(m.root.result.type.shape))
    return made


mean_to_pooling = Rule(
    name="mean-to-pooling",
    doc="A mean over all spatial axes is a global pooling, which reads channels-last.",
    pattern=lambda o, x: o.np.mean(x, axis=attr("axis"), keepdims=attr("keepdims")),
    guard=_spatial_mean,
    replace=_global_pooling,
    examples=(
        refusal("%x: f32[2,3,4,5]", "%y = np.mean(%x) {axis=(1,)} : f32[2,4,5]", "not exactly"),
    ),
)

RULES = (
    identity_at_inference,
    relu_of_relu,
    clip_of_relu,
    product_to_layer,
)
