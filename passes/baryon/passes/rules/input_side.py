"""fold-batch-norm: what stands before a convolution goes into its weight, bias and padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Op, Value
from baryon.passes.arrays import elementwise
from baryon.passes.rules.affine import Affine, affine_step, chain_affine
from baryon.rewrite import (
    Match,
    Named,
    NoMatch,
    Rule,
    any_of,
    attr,
    capture,
    constant,
    example,
    refusal,
    repeat,
)


def _pattern(o: Any, x: Any, w: Any, b: Any) -> Any:
    before = capture("before", repeat(lambda y: affine_step(o, y), x, at_least=1))
    return any_of(
        o.npx.convolution(before, constant(w), constant(b)), o.npx.convolution(before, constant(w))
    )


def _affine(m: Match) -> Affine | NoMatch:
    """The function of the ops before the convolution."""
    affine = chain_affine(m.module, m["x"], m.ops[:-1], 1)
    if isinstance(affine, NoMatch):
        return affine
    if m["before"].type != m["x"].type:
        return NoMatch("a constant widens the shape")
    pads = m.root.attrs.get("pad", ())
    if any(pads) and np.any(affine.shift != 0):  # type: ignore[arg-type]
        return NoMatch("the padding is zero after the shift, not before it")
    return affine


def _guard(m: Match) -> NoMatch | None:
    affine = _affine(m)
    return affine if isinstance(affine, NoMatch) else None


def _fold(o: Any, m: Match) -> Value:
    affine, weight, name = _affine(m), m.array("w"), str(m.op("w").attrs["name"])
    assert isinstance(affine, Affine)
    groups = int(m.root.attrs.get("num_group", 1))  # type: ignore[arg-type]
    each = weight.shape[0] // groups  # filters of a group
    scale, shift = (
        np.repeat(v.reshape(groups, -1), each, axis=0).reshape(
            *weight.shape[:2], *[1] * (weight.ndim - 2)
        )
        for v in (affine.scale, affine.shift)
    )
    scaled = elementwise(lambda w, s: (w * s).astype(weight.dtype), weight, scale)
    bias = (weight.astype(np.float64) * shift).sum(axis=tuple(range(1, weight.ndim)))
    if m.get("b") is not None:
        bias = bias + m.array("b")
    given = [Named(scaled, f"{name}_scaled"), Named(bias.astype(weight.dtype), f"{name}_shifted")]
    made: Value = o.npx.convolution(m["x"], *given, **m.root.attrs)
    return made


_CONSTANTS = """constant @w : f32[2,2,1,1] = (1.0, 2.0, 3.0, 4.0)
constant @s : f32[2,1,1] = (2.0, 0.5)"""
_BEFORE = """%w = ir.constant() {name="w"} : f32[2,2,1,1]
%s = ir.constant() {name="s"} : f32[2,1,1]
%m = np.multiply(%x, %s) : f32[1,2,2,2]
%a = np.add(%m, %s) : f32[1,2,2,2]
"""

fold_before_convolution = Rule(
    name="fold-before-convolution",
    doc="Multiplications, additions and batch_norm per channel go into the convolution after them, "
    "where no padding is in the way.",
    pattern=_pattern,
    guard=_guard,
    replace=_fold,
    examples=(
        example(
            "%x: f32[1,2,2,2]",
            f"{_BEFORE}%y = npx.convolution(%a, %w) {{kernel=(1, 1)}} : f32[1,2,2,2]",
            """%w = ir.constant() {name="w_scaled"} : f32[2,2,1,1]
            %b = ir.constant() {name="w_shifted"} : f32[2]
            %y = npx.convolution(%x, %w, %b) {kernel=(1, 1)} : f32[1,2,2,2]""",
            constants=_CONSTANTS,
        ),
        refusal(
            "%x: f32[1,2,2,2]",
            f"{_BEFORE}%y = npx.convolution(%a, %w) {{kernel=(1, 1), pad=(1, 1)}} : f32[1,2,4,4]",
            "the padding is zero",
            constants=_CONSTANTS,
        ),
    ),
)


def _pads(m: Match) -> list[int] | NoMatch:
    """The padding of the convolution together with that before it: begins, then ends."""
    width: tuple[int, ...] = m.attr("width")
    if m.attr("mode") != "constant" or m.attr("value") != 0:
        return NoMatch("it does not pad with zeros")
    if any(width[:4]):
        return NoMatch("it pads the batch or the channels")
    if any(n < 0 for n in width):
        return NoMatch("it cuts off")
    return _added(m.root, width[4::2], width[5::2])


def _added(convolution: Op, begins: tuple[int, ...], ends: tuple[int, ...]) -> list[int]:
    rank = len(begins)
    own = [*convolution.attrs.get("pad", ())] or [0] * rank  # type: ignore[misc]
    own = own * 2 if len(own) == rank else own
    return [a + b for a, b in zip(own, (*begins, *ends), strict=True)]


def _padded(o: Any, m: Match) -> Value:
    pads, rest = _pads(m), m.root.operands[1:]
    assert isinstance(pads, list)
    half = len(pads) // 2
    short = pads[:half] if pads[:half] == pads[half:] else pads
    made: Value = o.npx.convolution(m["x"], *rest, **{**m.root.attrs, "pad": tuple(short)})
    return made


def _padding_pattern(o: Any, x: Any, w: Any, b: Any) -> Any:
    before = o.np.pad(x, pad_width=attr("width"), mode=attr("mode"), constant_value=attr("value"))
    return any_of(o.npx.convolution(before, w, b), o.npx.convolution(before, w))


pad_into_convolution = Rule(
    name="pad-into-convolution",
    doc="Zeros around the image go into the padding of the convolution that reads it.",
    pattern=_padding_pattern,
    guard=lambda m: found if isinstance(found := _pads(m), NoMatch) else None,
    replace=_padded,
    examples=(
        example(
            "%x: f32[1,1,2,2], %w: f32[1,1,2,2]",
            """%p = np.pad(%x) {pad_width=(0, 0, 0, 0, 0, 1, 0, 1)} : f32[1,1,3,3]
            %y = npx.convolution(%p, %w) {kernel=(2, 2)} : f32[1,1,2,2]""",
            "%y = npx.convolution(%x, %w) {kernel=(2, 2), pad=(0, 0, 1, 1)} : f32[1,1,2,2]",
        ),
        refusal(
            "%x: f32[1,1,2,2], %w: f32[1,1,2,2]",
            """%p = np.pad(%x) {mode="edge", pad_width=(0, 0, 0, 0, 0, 1, 0, 1)} : f32[1,1,3,3]
            %y = npx.convolution(%p, %w) {kernel=(2, 2)} : f32[1,1,2,2]""",
            "with zeros",
        ),
    ),
)

RULES = (fold_before_convolution,)
