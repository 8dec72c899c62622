"""canonicalize: shapes. Every view becomes one `np.reshape`; useless moves of elements go."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Dim, Value, dim_mul
from baryon.ops.shapes import write_shape
from baryon.passes.rules.common import x, x_has_the_type
from baryon.rewrite import (
    Match,
    NoMatch,
    Rule,
    any_of,
    attr,
    example,
    operands,
    refusal,
    shared,
)

_X = "%x: f32[2,3]"
_NOTHING = "%y = npx.relu(%x) : f32[2,3]"


def _reshape(o: Any, m: Match) -> Value:
    made: Value = o.np.reshape(m["x"], newshape=write_shape(m.root.result.type.shape))
    return made


def _no_layout(m: Match) -> NoMatch | None:
    moved = any(v.type.layout for v in (m["x"], m.root.result))
    return NoMatch("a layout is involved") if moved else None


view_to_reshape = Rule(
    name="view-to-reshape",
    doc="expand_dims, squeeze and batch_flatten become reshape, so that other rules know one form.",
    pattern=lambda o, x: any_of(o.np.expand_dims(x), o.np.squeeze(x), o.npx.batch_flatten(x)),
    guard=_no_layout,
    replace=_reshape,
    examples=(
        example(
            "%x: f32[2,3,1]",
            "%y = np.squeeze(%x) {axis=(2,)} : f32[2,3]",
            "%y = np.reshape(%x) {newshape=(2, 3)} : f32[2,3]",
        ),
    ),
)

reshape_of_reshape = Rule(
    name="reshape-of-reshape",
    doc="Two reshapes in a row are one.",
    pattern=lambda o, x: o.np.reshape(shared(o.np.reshape(x))),
    replace=_reshape,
    examples=(
        example(
            "%x: f32[2,6]",
            """%z = np.reshape(%x) {newshape=(3, 4)} : f32[3,4]
            %y = np.reshape(%z) {newshape=(12,)} : f32[12]""",
            "%y = np.reshape(%x) {newshape=(12,)} : f32[12]",
        ),
    ),
)

same_shape = Rule(
    name="same-shape",
    doc="A reshape or broadcast_to to the shape that x has is x.",
    pattern=lambda o, x: any_of(o.np.reshape(x), o.np.broadcast_to(x), o.ir.relayout(x)),
    guard=x_has_the_type,
    replace=x,
    examples=(
        example(
            _X,
            f"%z = np.reshape(%x) {{newshape=(2, 3)}} : f32[2,3]\n{_NOTHING.replace('%x', '%z')}",
            _NOTHING,
        ),
        refusal(_X, "%y = np.reshape(%x) {newshape=(3, 2)} : f32[3,2]", "x is"),
    ),
)

broadcast_of_broadcast = Rule(
    name="broadcast-of-broadcast",
    doc="Two broadcast_to in a row are one.",
    pattern=lambda o, x: o.np.broadcast_to(shared(o.np.broadcast_to(x))),
    replace=lambda o, m: o.np.broadcast_to(m["x"], shape=write_shape(m.root.result.type.shape)),
    examples=(
        example(
            "%x: f32[3]",
            """%z = np.broadcast_to(%x) {shape=(2, 3)} : f32[2,3]
            %y = np.broadcast_to(%z) {shape=(4, 2, 3)} : f32[4,2,3]""",
            "%y = np.broadcast_to(%x) {shape=(4, 2, 3)} : f32[4,2,3]",
        ),
    ),
)


def _order(axes: Any, rank: int) -> tuple[int, ...]:
    return tuple(a % rank for a in axes) if axes else tuple(reversed(range(rank)))


def _compose(o: Any, m: Match) -> Value:
    rank = m["x"].type.rank
    inner, outer = _order(m.attr("inner"), rank), _order(m.attr("outer"), rank)
    made: Value = o.np.transpose(m["x"], axes=tuple(inner[a] for a in outer))
    return made


transpose_of_transpose = Rule(
    name="transpose-of-transpose",
    doc="Two transposes in a row are one.",
    pattern=lambda o, x: o.np.transpose(
        shared(o.np.transpose(x, axes=attr("inner"))), axes=attr("outer")
    ),
    replace=_compose,
    examples=(
        example(
            "%x: f32[2,3,4]",
            """%z = np.transpose(%x) {axes=(1, 2, 0)} : f32[3,4,2]
            %y = np.transpose(%z) {axes=(1, 0, 2)} : f32[4,3,2]""",
            "%y = np.transpose(%x) {axes=(2, 1, 0)} : f32[4,3,2]",
        ),
    ),
)


def _keeps_order(m: Match) -> NoMatch | None:
    shape = m["x"].type.shape
    moved = [a for a in _order(m.attr("axes"), len(shape)) if shape[a] != 1]
    if moved != sorted(moved):
        return NoMatch("axes longer than 1 change their order")
    return _no_layout(m)


transpose_to_reshape = Rule(
    name="transpose-to-reshape",
    doc="A transpose that only moves axes of length 1 moves no element.",
    pattern=lambda o, x: o.np.transpose(x, axes=attr("axes")),
    guard=_keeps_order,
    replace=_reshape,
    examples=(
        example(
            "%x: f32[2,1,3]",
            "%y = np.transpose(%x) {axes=(1, 0, 2)} : f32[1,2,3]",
            "%y = np.reshape(%x) {newshape=(1, 2, 3)} : f32[1,2,3]",
        ),
        refusal(_X, "%y = np.transpose(%x) {axes=(1, 0)} : f32[3,2]", "change their order"),
    ),
)


def _single(m: Match) -> NoMatch | None:
    return None if len(m.lists["parts"]) == 1 else NoMatch("there are several operands")


concat_of_one = Rule(
    name="concat-of-one",
    doc="A concatenation of one operand is that operand.",
    pattern=lambda o: o.np.concatenate(operands("parts")),
    guard=_single,
    replace=lambda o, m: m.lists["parts"][0],
    examples=(
        example(
            _X,
            f"%z = np.concatenate(%x) {{axis=1}} : f32[2,3]\n{_NOTHING.replace('%x', '%z')}",
            _NOTHING,
        ),
        refusal(_X, "%y = np.concatenate(%x, %x) {axis=0} : f32[4,3]", "several"),
    ),
)


def _shuffle_guard(m: Match) -> NoMatch | None:
    shape, middle = m["x"].type.shape, _middle(m)
    if m.root.result.type.shape != shape or len(middle) != len(shape) + 1:
        return NoMatch("the outer reshape does not merge what the inner one split")
    if middle[0] != shape[0] or dim_mul(middle[1], middle[2]) != shape[1]:
        return NoMatch("the inner reshape does not split the channels")
    order = _order(m.attr("axes"), len(middle))
    if order != (0, 2, 1, *range(3, len(middle))):
        return NoMatch("the transpose does not swap the two parts of the channels")
    return _no_layout(m)


def _middle(m: Match) -> tuple[Dim, ...]:
    """The shape between the inner reshape and the transpose."""
    shape: tuple[Dim, ...] = m.ops[-2].operands[0].type.shape
    return shape


def _shuffle(o: Any, m: Match) -> Value:
    groups, rest = _middle(m)[1:3]
    assert isinstance(groups, int) and isinstance(rest, int)
    order = np.arange(groups * rest).reshape(groups, rest).T.reshape(-1)
    made: Value = o.np.take(m["x"], order, axis=1, mode="clip")
    return made


channel_shuffle = Rule(
    name="channel-shuffle",
    doc="Split channels, swap, merge (ShuffleNet) is one gather of channels, in any layout.",
    pattern=lambda o, x: o.np.reshape(o.np.transpose(o.np.reshape(x), axes=attr("axes"))),
    guard=_shuffle_guard,
    replace=_shuffle,
    examples=(
        example(
            "%x: f32[1,4,2,2]",
            """%a = np.reshape(%x) {newshape=(1, 2, 2, 2, 2)} : f32[1,2,2,2,2]
            %b = np.transpose(%a) {axes=(0, 2, 1, 3, 4)} : f32[1,2,2,2,2]
            %y = np.reshape(%b) {newshape=(1, 4, 2, 2)} : f32[1,4,2,2]""",
            """%i = ir.constant() {name="c"} : i64[4]
            %y = np.take(%x, %i) {axis=1, mode="clip"} : f32[1,4,2,2]""",
        ),
        refusal(
            "%x: f32[1,4,2,2]",
            """%a = np.reshape(%x) {newshape=(1, 2, 2, 2, 2)} : f32[1,2,2,2,2]
            %b = np.transpose(%a) {axes=(0, 1, 2, 4, 3)} : f32[1,2,2,2,2]
            %y = np.reshape(%b) {newshape=(1, 4, 2, 2)} : f32[1,4,2,2]""",
            "does not swap",
        ),
    ),
)

RULES = (
    view_to_reshape,
    reshape_of_reshape,
    same_shape,
    broadcast_of_broadcast,
    transpose_of_transpose,
    transpose_to_reshape,
    concat_of_one,
    channel_shuffle,
)
