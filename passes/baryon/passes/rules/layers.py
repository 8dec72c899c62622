"""canonicalize, move-codes: layers read stacks of rows as they are.

Files flatten a batch of sequences to rows before a Gemm and restore it afterwards; a fully
connected layer needs neither. Without the reshapes what follows is element-wise, and joins it. Each
rule adds axes to a layer, so that they come to an end.
"""

from __future__ import annotations

from typing import Any

from baryon.ir import Value
from baryon.ops import TABLE
from baryon.ops.shapes import write_shape
from baryon.passes.rules.quantization import again, numbers
from baryon.rewrite import Match, NoMatch, Rule, any_of, capture, example, refusal, shared


def _layer_of_rows(o: Any, x: Any, w: Any, b: Any) -> Any:
    rows = capture("rows", shared(o.np.reshape(x)))
    data = any_of(rows, capture("decoded", shared(o.ir.dequantize(rows))))
    return any_of(o.npx.fully_connected(data, w), o.npx.fully_connected(data, w, b))


def _joins_rows(m: Match) -> NoMatch | None:
    stack, rows = m["x"].type, m["rows"].type
    if stack.rank <= rows.rank or stack.shape[-1] != rows.shape[-1]:
        return NoMatch("the reshape does more than to join rows")
    flatten = TABLE[m.root.name].normalize(m.root.attrs)["flatten"]
    if flatten and rows.rank != 2:
        return NoMatch("the layer flattens its input")
    return None


def _on_stack(o: Any, m: Match) -> Value:
    x = m["x"]
    if m.get("decoded") is not None:
        x = o.ir.dequantize(x, **numbers(m.op("decoded")))
    layer = again(o, m.root, [x, *m.root.operands[1:]], flatten=False)
    made: Value = o.np.reshape(layer, newshape=write_shape(m.root.result.type.shape))
    return made


layer_of_rows = Rule(
    name="layer-of-rows",
    doc="A fully connected layer on rows of a stack is the layer on the stack, reshaped.",
    pattern=_layer_of_rows,
    guard=_joins_rows,
    replace=_on_stack,
    examples=(
        example(
            "%x: f32[2,3,4], %w: f32[5,4], %b: f32[5]",
            """%r = np.reshape(%x) {newshape=(6, 4)} : f32[6,4]
            %y = npx.fully_connected(%r, %w, %b) : f32[6,5]""",
            """%l = npx.fully_connected(%x, %w, %b) {flatten=False} : f32[2,3,5]
            %y = np.reshape(%l) {newshape=(6, 5)} : f32[6,5]""",
        ),
        example(
            "%q: u8[2,3,4]<scale=0.5, zero=3>, %w: f32[5,4]",
            """%r = np.reshape(%q) {newshape=(6, 4)} : u8[6,4]<scale=0.5, zero=3>
            %d = ir.dequantize(%r) {scale=(0.5,), zero=(3,)} : f32[6,4]
            %y = npx.fully_connected(%d, %w) : f32[6,5]""",
            """%d = ir.dequantize(%q) {scale=(0.5,), zero=(3,)} : f32[2,3,4]
            %l = npx.fully_connected(%d, %w) {flatten=False} : f32[2,3,5]
            %y = np.reshape(%l) {newshape=(6, 5)} : f32[6,5]""",
        ),
        refusal(
            "%x: f32[2,3,4], %w: f32[5,12]",
            """%r = np.reshape(%x) {newshape=(2, 12)} : f32[2,12]
            %y = npx.fully_connected(%r, %w) : f32[2,5]""",
            "more than to join",
        ),
    ),
)


def _rows_of_layer(o: Any, q: Any, w: Any, b: Any) -> Any:
    data = capture("decoded", shared(o.ir.dequantize(q)))
    layer = capture(
        "layer", any_of(o.npx.fully_connected(data, w), o.npx.fully_connected(data, w, b))
    )
    return o.np.reshape(capture("codes", o.ir.quantize(layer)))


def _splits_rows(m: Match) -> NoMatch | None:
    stack, rows = m.root.result.type, m.op("codes").result.type
    if stack.rank <= rows.rank or stack.shape[-1] != rows.shape[-1]:
        return NoMatch("the reshape does more than to split rows")
    layer = m.op("layer")
    flatten = TABLE[layer.name].normalize(layer.attrs)["flatten"]
    if flatten and m["q"].type.rank != 2:
        return NoMatch("the layer flattens its input")
    one_scale = numbers(m.op("codes"))["axis"] is None and numbers(m.op("decoded"))["axis"] is None
    return None if one_scale else NoMatch("scales along an axis")


def _on_split_rows(o: Any, m: Match) -> Value:
    layer, codes = m.op("layer"), m.op("codes")
    stack = (*m.root.result.type.shape[:-1], m["q"].type.shape[-1])
    data = o.ir.dequantize(
        o.np.reshape(m["q"], newshape=write_shape(stack)), **numbers(m.op("decoded"))
    )
    made = again(o, layer, [data, *layer.operands[1:]], flatten=False)
    result: Value = again(o, codes, [made])
    return result


rows_of_layer = Rule(
    name="rows-of-layer",
    doc="Rows of a layer's codes, put into a stack, are the layer on a stack: a sum may join it.",
    pattern=_rows_of_layer,
    guard=_splits_rows,
    replace=_on_split_rows,
    examples=(
        example(
            "%q: u8[6,4]<scale=0.5, zero=3>, %w: f32[5,4]",
            """%d = ir.dequantize(%q) {scale=(0.5,), zero=(3,)} : f32[6,4]
            %l = npx.fully_connected(%d, %w) : f32[6,5]
            %c = ir.quantize(%l) {dtype=!u8, scale=(0.25,)} : u8[6,5]<scale=0.25, zero=0>
            %y = np.reshape(%c) {newshape=(2, 3, 5)} : u8[2,3,5]<scale=0.25, zero=0>""",
            """%r = np.reshape(%q) {newshape=(2, 3, 4)} : u8[2,3,4]<scale=0.5, zero=3>
            %d = ir.dequantize(%r) {scale=(0.5,), zero=(3,)} : f32[2,3,4]
            %l = npx.fully_connected(%d, %w) {flatten=False} : f32[2,3,5]
            %y = ir.quantize(%l) {dtype=!u8, scale=(0.25,)} : u8[2,3,5]<scale=0.25, zero=0>""",
        ),
        refusal(
            "%q: u8[6,4]<scale=0.5, zero=3>, %w: f32[5,4]",
            """%d = ir.dequantize(%q) {scale=(0.5,), zero=(3,)} : f32[6,4]
            %l = npx.fully_connected(%d, %w) : f32[6,5]
            %c = ir.quantize(%l) {dtype=!u8, scale=(0.25,)} : u8[6,5]<scale=0.25, zero=0>
            %y = np.reshape(%c) {newshape=(2, 3, 5, 1)} : u8[2,3,5,1]<scale=0.25, zero=0>""",
            "more than to split",
        ),
    ),
)

RULES = (layer_of_rows, rows_of_layer)
