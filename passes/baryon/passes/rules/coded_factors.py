"""move-codes: products and tables of constant codes, and sums of codes that are whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Module, Value, f32, i32
from baryon.ops import TABLE
from baryon.passes.rules.common import x
from baryon.passes.rules.quantization import again, numbers
from baryon.rewrite import (
    Match,
    Named,
    NoMatch,
    Rule,
    capture,
    constant,
    example,
    payload,
    refusal,
    shared,
)


def _is_matrix(m: Match) -> NoMatch | None:
    if m["w"].type.rank != 2 or m["x"].type.rank < 2:
        return NoMatch("the right side is no matrix, or the left side a vector")
    axis = numbers(m.op("decoded"))["axis"]
    return NoMatch("scales along the depth") if axis == 0 else None


def _coded_layer(o: Any, m: Match) -> Value:
    means = numbers(m.op("decoded"))
    means["axis"] = None if means["axis"] is None else 0
    weight = o.ir.dequantize(o.np.transpose(m["w"], axes=(1, 0)), **means)
    made: Value = o.npx.fully_connected(m["x"], weight, flatten=False)
    return made


coded_product_to_layer = Rule(
    name="coded-product-to-layer",
    doc="A product with a constant matrix of codes is a fully connected layer.",
    pattern=lambda o, x, w: o.np.matmul(
        x, capture("decoded", shared(o.ir.dequantize(constant(w))))
    ),
    guard=_is_matrix,
    replace=_coded_layer,
    examples=(
        example(
            "%x: f32[2,3]",
            """%w = ir.constant() {name="w"} : i8[3,2]
            %v = ir.dequantize(%w) {axis=1, scale=(0.5, 0.25)} : f32[3,2]
            %y = np.matmul(%x, %v) : f32[2,2]""",
            """%w = ir.constant() {name="w"} : i8[3,2]
            %t = np.transpose(%w) {axes=(1, 0)} : i8[2,3]
            %v = ir.dequantize(%t) {axis=0, scale=(0.5, 0.25)} : f32[2,3]
            %y = npx.fully_connected(%x, %v) {flatten=False} : f32[2,2]""",
            constants="constant @w : i8[3,2] = (1, 2, 3, 4, 5, 6)",
        ),
        refusal(
            "%x: f32[2,2]",
            """%w = ir.constant() {name="w"} : i8[2,2]
            %v = ir.dequantize(%w) {axis=0, scale=(0.5, 0.25)} : f32[2,2]
            %y = np.matmul(%x, %v) : f32[2,2]""",
            "along the depth",
            constants="constant @w : i8[2,2] = (1, 2, 3, 4)",
        ),
    ),
)


def _rows(m: Match) -> NoMatch | None:
    means, take = numbers(m.op("decoded")), m.root
    attrs = TABLE[take.name].normalize(take.attrs)
    if means["axis"] != 0 or attrs["axis"] != 0:
        return NoMatch("the scales are not those of the rows that are taken")
    return NoMatch("there are zero points") if any(means["zero"]) else None


def _coded_rows(o: Any, m: Match) -> Value:
    take = m.root
    scale = np.asarray(numbers(m.op("decoded"))["scale"], np.float32)
    scales = scale.reshape(-1, *[1] * (m["w"].type.rank - 1))
    codes = again(o, take, [m["w"], m["i"]])
    made: Value = o.np.multiply(
        o.npx.cast(codes, dtype=f32), again(o, take, [Named(scales, "scales"), m["i"]])
    )
    return made


take_coded_rows = Rule(
    name="take-coded-rows",
    doc="Rows of a table of codes (an embedding), with a scale for each row that is taken with it.",
    pattern=lambda o, w, i: o.np.take(capture("decoded", shared(o.ir.dequantize(constant(w)))), i),
    guard=_rows,
    replace=_coded_rows,
    examples=(
        example(
            "%i: i32[3]",
            """%w = ir.constant() {name="w"} : i8[2,2]
            %v = ir.dequantize(%w) {axis=0, scale=(0.5, 0.25)} : f32[2,2]
            %y = np.take(%v, %i) {axis=0} : f32[3,2]""",
            """%w = ir.constant() {name="w"} : i8[2,2]
            %t = np.take(%w, %i) {axis=0} : i8[3,2]
            %c = npx.cast(%t) {dtype=!f32} : f32[3,2]
            %s = ir.constant() {name="scales"} : f32[2,1]
            %r = np.take(%s, %i) {axis=0} : f32[3,1]
            %y = np.multiply(%c, %r) : f32[3,2]""",
            constants="constant @w : i8[2,2] = (1, 2, 3, 4)",
        ),
        refusal(
            "%i: i32[3]",
            """%w = ir.constant() {name="w"} : i8[2,2]
            %v = ir.dequantize(%w) {axis=1, scale=(0.5, 0.25)} : f32[2,2]
            %y = np.take(%v, %i) {axis=0} : f32[3,2]""",
            "not those of the rows",
            constants="constant @w : i8[2,2] = (1, 2, 3, 4)",
        ),
    ),
)


_WHOLE = frozenset({"np.add", "np.subtract", "np.multiply", "np.sum", "npx.fully_connected"})
_WHOLE |= {"np.matmul", "npx.convolution", "np.reshape", "np.transpose"}


def _is_whole(value: Value, module: Module) -> bool:
    """Whether a value holds whole numbers: sums and products of codes in units of 1."""
    op = value.op
    array = payload(module, value)
    if array is not None:
        return array.size <= 1 << 16 and bool((array == np.rint(array)).all())
    if op is None:
        return False
    if op.name == "ir.dequantize":
        return set(numbers(op)["scale"]) == {1.0}
    if op.name == "npx.cast":
        return not op.operands[0].type.dtype.is_float
    return op.name in _WHOLE and all(_is_whole(v, module) for v in op.operands)


def _of_sums(m: Match) -> NoMatch | None:
    if m.root.result.type != m["x"].type or m.op("whole").result.type.dtype != i32:
        return NoMatch("the types are others")
    return None if _is_whole(m["x"], m.module) else NoMatch("x may have fractions")


cast_of_whole_sums = Rule(
    name="cast-of-whole-sums",
    doc="Sums of products of codes are whole, and stay what they are in int32 and back.",
    pattern=lambda o, x: o.npx.cast(capture("whole", shared(o.npx.cast(x)))),
    guard=_of_sums,
    replace=x,
    examples=(
        example(
            "%a: i8[2,3], %b: i8[3,2]",
            """%x = ir.dequantize(%a) {scale=(1.0,)} : f32[2,3]
            %z = ir.dequantize(%b) {scale=(1.0,), zero=(3,)} : f32[3,2]
            %p = np.matmul(%x, %z) : f32[2,2]
            %i = npx.cast(%p) {dtype=!i32} : i32[2,2]
            %f = npx.cast(%i) {dtype=!f32} : f32[2,2]
            %y = npx.relu(%f) : f32[2,2]""",
            """%x = ir.dequantize(%a) {scale=(1.0,)} : f32[2,3]
            %z = ir.dequantize(%b) {scale=(1.0,), zero=(3,)} : f32[3,2]
            %p = np.matmul(%x, %z) : f32[2,2]
            %y = npx.relu(%p) : f32[2,2]""",
        ),
        refusal(
            "%p: f32[2,2]",
            """%i = npx.cast(%p) {dtype=!i32} : i32[2,2]
            %y = npx.cast(%i) {dtype=!f32} : f32[2,2]""",
            "fractions",
        ),
    ),
)

RULES = (coded_product_to_layer, take_coded_rows, cast_of_whole_sums)
