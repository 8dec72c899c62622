"""move-codes: quantize goes up to what computes a value, dequantize down to what computes with it.

Between them elements move as 8-bit codes, and pairs that meet cancel. All of this is exact: a move
gives the same elements before and after rounding, and so does a maximum, as rounding is monotonic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.ir import Op, Quant, Value
from baryon.ops import TABLE
from baryon.ops.manipulation import order_of
from baryon.ops.quantize import quantized
from baryon.passes.rules.common import x
from baryon.rewrite import (
    Match,
    NoMatch,
    Rule,
    any_of,
    attr,
    capture,
    example,
    operands,
    refusal,
    shared,
)

_NUMBERS = ("scale", "zero", "axis")
_S = "scale=(0.5,), zero=(3,)"
_T = "<scale=0.5, zero=3>"


def numbers(op: Op) -> dict[str, Any]:
    """What the codes that an op makes or reads mean."""
    attrs: dict[str, Any] = dict(TABLE[op.name].normalize(op.attrs))
    return {key: attrs[key] for key in _NUMBERS}


def again(o: Any, op: Op, given: Sequence[Any], **changed: Any) -> Any:
    """The same op on other operands."""
    namespace, _, name = op.name.partition(".")
    function = getattr(getattr(o, namespace), name)
    attrs: dict[str, Any] = {**TABLE[op.name].normalize(op.attrs), **changed}
    return function(given, **attrs) if TABLE[op.name].variadic else function(*given, **attrs)


def _same_numbers(m: Match) -> NoMatch | None:
    inner, outer = m.op("decoded"), m.root
    same = numbers(inner) == numbers(outer)
    if same and m["q"].type.dtype == outer.result.type.dtype:
        return None
    return NoMatch("the codes mean something else")


def _known_codes(o: Any, m: Match) -> Value:
    if m["q"].type == m.root.result.type:
        return m["q"]
    typed: Value = o.ir.as_quantized(m["q"], **numbers(m.root))
    return typed


quantize_of_dequantize = Rule(
    name="quantize-of-dequantize",
    doc="Codes of what codes mean are those codes: scale * k * (1 / scale) rounds to k.",
    pattern=lambda o, q: o.ir.quantize(capture("decoded", shared(o.ir.dequantize(q)))),
    guard=_same_numbers,
    replace=_known_codes,
    examples=(
        example(
            f"%q: u8[4]{_T}",
            f"""%x = ir.dequantize(%q) {{{_S}}} : f32[4]
            %r = ir.quantize(%x) {{dtype=!u8, {_S}}} : u8[4]{_T}
            %y = ir.codes(%r) : u8[4]""",
            "%y = ir.codes(%q) : u8[4]",
        ),
        example(
            "%q: u8[4]",
            f"""%x = ir.dequantize(%q) {{{_S}}} : f32[4]
            %y = ir.quantize(%x) {{dtype=!u8, {_S}}} : u8[4]{_T}""",
            f"%y = ir.as_quantized(%q) {{{_S}}} : u8[4]{_T}",
        ),
        refusal(
            f"%q: u8[4]{_T}",
            f"""%x = ir.dequantize(%q) {{{_S}}} : f32[4]
            %y = ir.quantize(%x) {{dtype=!i8, {_S}}} : i8[4]{_T}""",
            "something else",
        ),
    ),
)

codes_of_codes = Rule(
    name="codes-of-codes",
    doc="Taking whole numbers for codes and back changes nothing.",
    pattern=lambda o, x: o.ir.codes(shared(o.ir.as_quantized(x))),
    replace=x,
    examples=(
        example(
            "%x: u8[4]",
            f"""%q = ir.as_quantized(%x) {{{_S}}} : u8[4]{_T}
            %c = ir.codes(%q) : u8[4]
            %y = np.maximum(%c, %x) : u8[4]""",
            "%y = np.maximum(%x, %x) : u8[4]",
        ),
    ),
)


def _moves(o: Any, x: Any, i: Any) -> list[Any]:
    """Ops whose result is made of elements of x."""
    return [
        o.np.reshape(x),
        o.np.transpose(x),
        o.np.flip(x),
        o.np.pad(x, mode="constant"),
        o.np.take(x, i),
        o.npx.slice(x),
        o.npx.pooling(x, pool_type="max"),
    ]


def _quantize_inside(o: Any, m: Match) -> Value:
    move, root = m.op("move"), m.root
    attrs = {"dtype": root.result.type.dtype, **numbers(root)}
    given = [o.ir.quantize(m["x"], **attrs), *move.operands[1:]]
    made: Value = again(o, move, given, **_padding(move, attrs))
    return made


def _padding(move: Op, numbers: dict[str, Any]) -> dict[str, Any]:
    """What a padding fills in, as a code."""
    if move.name != "np.pad":
        return {}
    value = np.asarray(TABLE[move.name].normalize(move.attrs)["constant_value"], np.float32)
    quant = Quant.of(numbers["scale"], numbers["zero"])
    code = quantized(value, numbers["dtype"], quant)
    return {"constant_value": int(code)}


quantize_before_move = Rule(
    name="quantize-before-move",
    doc="The codes of elements that moved, or of maxima, are codes that move: a quarter of bytes.",
    pattern=lambda o, x, i: o.ir.quantize(
        capture("move", any_of(*_moves(o, x, i))), axis=attr(test=lambda axis: axis is None)
    ),
    replace=_quantize_inside,
    examples=(
        example(
            "%x: f32[2,6]",
            f"""%z = np.reshape(%x) {{newshape=(3, 4)}} : f32[3,4]
            %q = ir.quantize(%z) {{dtype=!u8, {_S}}} : u8[3,4]{_T}
            %y = ir.codes(%q) : u8[3,4]""",
            f"""%q = ir.quantize(%x) {{dtype=!u8, {_S}}} : u8[2,6]{_T}
            %z = np.reshape(%q) {{newshape=(3, 4)}} : u8[3,4]{_T}
            %y = ir.codes(%z) : u8[3,4]""",
        ),
        example(
            "%x: f32[1,2,4,4]",
            f"""%z = npx.pooling(%x) {{kernel=(3, 3), pad=(1, 1)}} : f32[1,2,4,4]
            %y = ir.quantize(%z) {{dtype=!u8, {_S}}} : u8[1,2,4,4]{_T}""",
            f"""%q = ir.quantize(%x) {{dtype=!u8, {_S}}} : u8[1,2,4,4]{_T}
            %y = npx.pooling(%q) {{kernel=(3, 3), pad=(1, 1)}} : u8[1,2,4,4]{_T}""",
        ),
        example(
            "%x: f32[3]",
            f"""%z = np.pad(%x) {{constant_value=1.0, pad_width=(1, 2)}} : f32[6]
            %y = ir.quantize(%z) {{dtype=!u8, {_S}}} : u8[6]{_T}""",
            f"""%q = ir.quantize(%x) {{dtype=!u8, {_S}}} : u8[3]{_T}
            %y = np.pad(%q) {{constant_value=5, pad_width=(1, 2)}} : u8[6]{_T}""",
        ),
    ),
)


def _quantize_parts(o: Any, m: Match) -> Value:
    attrs = {"dtype": m.root.result.type.dtype, **numbers(m.root)}
    parts = [o.ir.quantize(part, **attrs) for part in m.lists["parts"]]
    made: Value = again(o, m.op("joined"), parts)
    return made


quantize_before_concat = Rule(
    name="quantize-before-concat",
    doc="The codes of a concatenation are the parts' codes, concatenated.",
    pattern=lambda o: o.ir.quantize(
        capture("joined", o.np.concatenate(operands("parts"))),
        axis=attr(test=lambda axis: axis is None),
    ),
    replace=_quantize_parts,
    examples=(
        example(
            "%x: f32[2,1], %z: f32[2,3]",
            f"""%j = np.concatenate(%x, %z) {{axis=1}} : f32[2,4]
            %y = ir.quantize(%j) {{dtype=!u8, {_S}}} : u8[2,4]{_T}""",
            f"""%a = ir.quantize(%x) {{dtype=!u8, {_S}}} : u8[2,1]{_T}
            %b = ir.quantize(%z) {{dtype=!u8, {_S}}} : u8[2,3]{_T}
            %y = np.concatenate(%a, %b) {{axis=1}} : u8[2,4]{_T}""",
        ),
    ),
)


def _cuts_at_zero(m: Match) -> NoMatch | None:
    low, _ = m.root.result.type.dtype.limits
    if m.root.attrs.get("axis") is None and numbers(m.root)["zero"] == (low,):
        return None
    return NoMatch("there are codes for numbers below 0")


quantize_cuts_at_zero = Rule(
    name="quantize-cuts-at-zero",
    doc="relu before codes that begin with 0: what is below gets the code of 0 anyway.",
    pattern=lambda o, x: o.ir.quantize(o.npx.relu(x)),
    guard=_cuts_at_zero,
    replace=lambda o, m: again(o, m.root, [m["x"]]),
    examples=(
        example(
            "%x: f32[4]",
            """%z = npx.relu(%x) : f32[4]
            %y = ir.quantize(%z) {dtype=!u8, scale=(0.5,)} : u8[4]<scale=0.5, zero=0>""",
            "%y = ir.quantize(%x) {dtype=!u8, scale=(0.5,)} : u8[4]<scale=0.5, zero=0>",
        ),
        refusal(
            "%x: f32[4]",
            """%z = npx.relu(%x) : f32[4]
            %y = ir.quantize(%z) {dtype=!i8, scale=(0.5,)} : i8[4]<scale=0.5, zero=0>""",
            "below 0",
        ),
    ),
)


def _one_scale(m: Match) -> NoMatch | None:
    move, inner = m.root, m.op("decoded")
    axis = numbers(inner)["axis"]
    if axis is None:
        return None
    known = move.name == "np.transpose"
    return None if known else NoMatch(f"{move.name} of codes with scales along an axis")


def _dequantize_outside(o: Any, m: Match) -> Value:
    move, inner = m.root, m.op("decoded")
    means = numbers(inner)
    moved = again(o, move, [m["q"], *move.operands[1:]], **_zero_padding(move, inner))
    if means["axis"] is not None:
        axes = TABLE[move.name].normalize(move.attrs)["axes"]
        means["axis"] = order_of(axes, m["q"].type.rank).index(means["axis"])  # type: ignore[arg-type]
    made: Value = o.ir.dequantize(moved, **means)
    return made


def _zero_padding(move: Op, inner: Op) -> dict[str, Any]:
    return _padding(move, {**numbers(inner), "dtype": inner.operands[0].type.dtype})


def _exact_padding(m: Match) -> NoMatch | None:
    if m.root.name == "np.pad" and TABLE["np.pad"].normalize(m.root.attrs)["constant_value"]:
        return NoMatch("what is filled in may be no code's meaning")
    return _one_scale(m)


dequantize_after_move = Rule(
    name="dequantize-after-move",
    doc="What moved codes mean is what they meant, moved.",
    pattern=lambda o, q, i: any_of(*_moves(o, capture("decoded", shared(o.ir.dequantize(q))), i)),
    guard=_exact_padding,
    replace=_dequantize_outside,
    examples=(
        example(
            f"%q: u8[2,6]{_T}",
            f"""%x = ir.dequantize(%q) {{{_S}}} : f32[2,6]
            %y = np.transpose(%x) {{axes=(1, 0)}} : f32[6,2]""",
            f"""%t = np.transpose(%q) {{axes=(1, 0)}} : u8[6,2]{_T}
            %y = ir.dequantize(%t) {{{_S}}} : f32[6,2]""",
        ),
        example(
            "%q: i8[2,3]<scale=(0.5, 0.25), zero=0, axis=0>",
            """%x = ir.dequantize(%q) {axis=0, scale=(0.5, 0.25)} : f32[2,3]
            %y = np.transpose(%x) {axes=(1, 0)} : f32[3,2]""",
            """%t = np.transpose(%q) {axes=(1, 0)} : i8[3,2]
            %y = ir.dequantize(%t) {axis=1, scale=(0.5, 0.25)} : f32[3,2]""",
        ),
        refusal(
            "%q: i8[2,3]<scale=(0.5, 0.25), zero=0, axis=0>",
            """%x = ir.dequantize(%q) {axis=0, scale=(0.5, 0.25)} : f32[2,3]
            %y = np.reshape(%x) {newshape=(6,)} : f32[6]""",
            "along an axis",
        ),
        refusal(
            f"%q: u8[3]{_T}",
            f"""%x = ir.dequantize(%q) {{{_S}}} : f32[3]
            %y = np.pad(%x) {{constant_value=0.1, pad_width=(1, 2)}} : f32[6]""",
            "no code's meaning",
        ),
    ),
)


def _decoded_alike(m: Match) -> NoMatch | None:
    ops = [part.op for part in m.lists["parts"]]
    if any(op is None or op.name != "ir.dequantize" for op in ops):
        return NoMatch("some parts are not codes")
    first, *others = [op for op in ops if op is not None]
    alike = {op.operands[0].type.dtype for op in (first, *others)}
    if len(alike) > 1 or any(numbers(op) != numbers(first) for op in others):
        return NoMatch("the codes of the parts mean different things")
    return NoMatch("scales along an axis") if numbers(first)["axis"] is not None else None


def _join_codes(o: Any, m: Match) -> Value:
    ops = [part.op for part in m.lists["parts"] if part.op is not None]
    parts = [op.operands[0] for op in ops]
    quants = {part.type.quant for part in parts}
    if len(quants) > 1:  # some have types without what they mean
        parts = [o.ir.codes(p) if p.type.quant is not None else p for p in parts]
    made: Value = o.ir.dequantize(again(o, m.root, parts), **numbers(ops[0]))
    return made


dequantize_after_concat = Rule(
    name="dequantize-after-concat",
    doc="Codes that mean the same, concatenated, mean the concatenation of what they meant.",
    pattern=lambda o: o.np.concatenate(operands("parts")),
    guard=_decoded_alike,
    replace=_join_codes,
    examples=(
        example(
            f"%a: u8[2,1]{_T}, %b: u8[2,3]{_T}",
            f"""%x = ir.dequantize(%a) {{{_S}}} : f32[2,1]
            %z = ir.dequantize(%b) {{{_S}}} : f32[2,3]
            %y = np.concatenate(%x, %z) {{axis=1}} : f32[2,4]""",
            f"""%j = np.concatenate(%a, %b) {{axis=1}} : u8[2,4]{_T}
            %y = ir.dequantize(%j) {{{_S}}} : f32[2,4]""",
        ),
        refusal(
            f"%a: u8[2,1]{_T}, %b: u8[2,3]<scale=0.25, zero=3>",
            f"""%x = ir.dequantize(%a) {{{_S}}} : f32[2,1]
            %z = ir.dequantize(%b) {{scale=(0.25,), zero=(3,)}} : f32[2,3]
            %y = np.concatenate(%x, %z) {{axis=1}} : f32[2,4]""",
            "different things",
        ),
        refusal(
            f"%a: u8[2,1]{_T}, %z: f32[2,3]",
            f"""%x = ir.dequantize(%a) {{{_S}}} : f32[2,1]
            %y = np.concatenate(%x, %z) {{axis=1}} : f32[2,4]""",
            "not codes",
        ),
    ),
)


def _one_scale_alone(m: Match) -> NoMatch | None:
    axis = numbers(m.op("decoded"))["axis"]
    return NoMatch("scales along an axis") if axis is not None else None


def _split_codes(o: Any, m: Match) -> list[Value]:
    means = numbers(m.op("decoded"))
    return [o.ir.dequantize(part, **means) for part in again(o, m.root, [m["q"]])]


dequantize_after_split = Rule(
    name="dequantize-after-split",
    doc="What the parts of codes mean are the parts of what they meant.",
    pattern=lambda o, q: o.np.split(capture("decoded", shared(o.ir.dequantize(q)))),
    guard=_one_scale_alone,
    replace=_split_codes,
    examples=(
        example(
            f"%q: u8[4]{_T}",
            f"""%x = ir.dequantize(%q) {{{_S}}} : f32[4]
            %a, %b = np.split(%x) {{indices_or_sections=2}} : f32[2], f32[2]
            %y = np.add(%a, %b) : f32[2]""",
            f"""%c, %d = np.split(%q) {{indices_or_sections=2}} : u8[2]{_T}, u8[2]{_T}
            %a = ir.dequantize(%c) {{{_S}}} : f32[2]
            %b = ir.dequantize(%d) {{{_S}}} : f32[2]
            %y = np.add(%a, %b) : f32[2]""",
        ),
    ),
)


RULES = (
    quantize_of_dequantize,
    codes_of_codes,
    quantize_before_move,
    quantize_before_concat,
    quantize_cuts_at_zero,
    dequantize_after_move,
    dequantize_after_concat,
    dequantize_after_split,
)
