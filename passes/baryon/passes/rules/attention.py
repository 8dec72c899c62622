"""attention: softmax(scale * query x key^T + masks) x value, spelled out, becomes one op."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from baryon.ir import Dim, Op, Value, boolean
from baryon.ops import TABLE
from baryon.ops.shapes import write_shape
from baryon.rewrite import (
    Match,
    NoMatch,
    Rule,
    any_of,
    anything,
    attr,
    capture,
    constant,
    example,
    payload,
    refusal,
    repeat,
)

_LOW = {16: -1e4, 32: -1e9, 64: -1e9}
"""By bits of the element type: what is far below all scores."""

MIN_QUERIES = 4
"""With fewer queries than this the kernels of the single ops are faster."""


def _product(o: Any, a: Any, b: Any) -> Any:
    return any_of(o.np.matmul(a, b), o.npx.batch_dot(a, b))


def _step(o: Any, y: Any) -> Any:
    """What may happen to scores before the softmax."""
    return any_of(
        o.np.multiply(y, constant()),
        o.np.divide(y, constant()),
        o.np.add(y, anything()),
        o.np.where(anything(), y, constant()),
        o.np.where(anything(), constant(), y),
        o.np.reshape(y),
    )


def _pattern(o: Any, q: Any, k: Any, v: Any, taken: Any) -> Any:
    scores = repeat(lambda y: _step(o, y), capture("scores", _product(o, q, k)))
    weights = capture("weights", o.npx.softmax(scores, axis=attr("axis"), temperature=attr("t")))
    guarded = any_of(
        weights,
        capture("taken_only", o.np.where(taken, weights, 0)),
        capture("defined_only", o.np.where(o.np.isnan(weights), 0, weights)),
    )
    return _product(o, any_of(guarded, o.np.reshape(guarded)), v)


@dataclass
class _Mask:
    """value: a summand, or bool: where scores are kept (or, if inverted, where not).

    stacked: the scores are (batch * heads, queries, keys) there.
    """

    value: Value
    stacked: bool
    inverted: bool = False
    times: float = 1.0


@dataclass
class _Scores:
    """What happens between the product and the softmax."""

    shape: tuple[Dim, ...]
    scale: float = 1.0
    fill: float | None = None
    masks: list[_Mask] = field(default_factory=list)
    heads: tuple[Dim, ...] | None = None
    """Batch and heads, where some step sees them apart."""

    def times(self, factor: float) -> NoMatch | None:
        """All so far is multiplied by a number."""
        if self.fill is not None and not factor > 0:
            return NoMatch("masked scores are multiplied by a number that is not positive")
        self.scale *= factor
        self.fill = None if self.fill is None else self.fill * factor
        for mask in self.masks:
            mask.times *= factor
        return None

    def added(self, mask: Value, scores: Value) -> NoMatch | None:
        """A mask is added to the scores."""
        self.masks.append(_Mask(mask, len(self.shape) == 3))
        same = mask.type.dtype == scores.type.dtype
        return None if same else NoMatch("a mask has another element type")

    def filled(self, mask: Value, fill: float, inverted: bool) -> NoMatch | None:
        """Scores are replaced by a number where a mask says so."""
        if mask.type.dtype != boolean:
            return NoMatch("a condition is not bool")
        if self.fill not in (None, fill):
            return NoMatch("two masks put different numbers")
        self.fill = fill
        self.masks.append(_Mask(mask, len(self.shape) == 3, inverted))
        return None

    def seen(self, shape: tuple[Dim, ...]) -> NoMatch | None:
        """A step's result has this shape."""
        if shape[-2:] != self.shape[-2:] or len(shape) > 4:
            return NoMatch("a reshape touches the rows or columns of scores")
        if len(shape) == 4:
            if self.heads not in (None, shape[:2]):
                return NoMatch("heads are told apart in two ways")
            self.heads = shape[:2]
        self.shape = shape
        return None


def _number(m: Match, value: Value) -> float | None:
    array = payload(m.module, value)
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


def _read_step(m: Match, scores: _Scores, op: Op, before: Value) -> NoMatch | None:
    """Add one step to what is known; `before` is its operand on the way from the product."""
    if op.name == "np.reshape":
        return scores.seen(op.result.type.shape)
    other = next((v for v in reversed(op.operands) if v is not before), None)
    if op.result.type.shape != before.type.shape or other is None:
        return NoMatch("a mask widens the scores, or is the scores")
    if op.name == "np.add":
        return scores.added(other, before)
    number = _number(m, other)
    if number is None:
        return NoMatch("scores are multiplied or replaced by more than one number")
    if op.name == "np.where":
        return scores.filled(op.operands[0], number, op.operands[2] is before)
    return scores.times(number if op.name == "np.multiply" else 1 / number if number else math.nan)


def _read(m: Match) -> _Scores | NoMatch:
    """The steps of a match, or why they are none of attention."""
    product, softmax = m.op("scores"), m.op("weights")
    scores, before = _Scores(product.result.type.shape), product.result
    refused = scores.seen(before.type.shape)
    for op in m.ops[m.ops.index(product) + 1 : m.ops.index(softmax)]:
        refused = refused or _read_step(m, scores, op, before)
        before = op.result
    refused = refused or scores.times(1.0 if m.attr("t") is None else 1 / m.attr("t"))
    return refused or _read_weights(m, scores) or scores


def _read_weights(m: Match, scores: _Scores) -> NoMatch | None:
    """What happens to the weights on the way to the second product."""
    axis = m.attr("axis") % len(scores.shape)
    if axis != len(scores.shape) - 1:
        return NoMatch("the softmax does not run along the keys")
    if not math.isfinite(scores.scale):
        return NoMatch("the scale is not a number")
    if m.get("taken_only") is not None:
        masks = [x.value for x in scores.masks if x.value.type.dtype == boolean]
        low = scores.fill is not None and scores.fill <= _LOW[m["q"].type.dtype.bits]
        if masks != [m["taken"]] or scores.masks[-1].inverted or not low:
            return NoMatch("weights and scores are not masked alike")
        scores.fill = -np.inf
    read = m.root.operands[0]
    same = read.type.shape[-2:] == scores.shape[-2:]
    return scores.seen(read.type.shape) if same else NoMatch("a reshape touches the weights")


def _guard(m: Match) -> NoMatch | None:
    refused = _types_fit(m) or _lengths_fit(m)
    read = refused or _read(m)
    return read if isinstance(read, NoMatch) else None


def _types_fit(m: Match) -> NoMatch | None:
    q, k, v = m["q"].type, m["k"].type, m["v"].type
    if not q.dtype == k.dtype == v.dtype or not q.dtype.is_float:
        return NoMatch("query, key and value are not of one floating type")
    if min(q.rank, k.rank, v.rank) < 2:
        return NoMatch("an operand is a vector")
    if q.shape[:-2] != k.shape[:-2] or m.root.operands[0].type.shape[:-2] != v.shape[:-2]:
        return NoMatch("the batch axes of query, key and value differ")
    return NoMatch("the weights are transposed") if _turns(m.root)[0] else None


def _lengths_fit(m: Match) -> NoMatch | None:
    scores = m.op("scores")
    queries, keys = scores.result.type.shape[-2:]
    size = m["q"].type.shape[-2 if _turns(scores)[0] else -1]
    lengths = (queries, keys, size, *m["v"].type.shape[-2:])
    if not all(isinstance(d, int) and d > 0 for d in lengths):
        return NoMatch("a length is known only at run time")
    if isinstance(queries, int) and queries < MIN_QUERIES:
        return NoMatch(f"there are fewer than {MIN_QUERIES} queries")
    return None


def _turns(op: Op) -> tuple[bool, bool]:
    """Whether a product reads its operands transposed."""
    if op.name == "np.matmul":
        return False, False
    attrs: dict[str, Any] = TABLE[op.name].normalize(op.attrs)
    return attrs["transpose_a"], attrs["transpose_b"]


def _replace(o: Any, m: Match) -> Value:
    scores = _read(m)
    assert isinstance(scores, _Scores)
    front = scores.heads or (*scores.shape[:-2], *[1] * (4 - len(scores.shape)))
    (turned, right), (_, last) = _turns(m.op("scores")), _turns(m.root)
    operands = [_with_front(o, m[name], front) for name in ("q", "k", "v")]
    masks = [_mask(o, mask, scores, front) for mask in scores.masks]
    zero = "empty" if m.get("taken_only") else "undefined" if m.get("defined_only") else "none"
    made = o.ir.attention(
        *operands,
        masks,
        scale=scores.scale,
        fill=-np.inf if scores.fill is None else scores.fill,
        zero_rows=zero,
        query_axes="bhdl" if turned else "bhld",
        key_axes="bhld" if right else "bhdl",
        value_axes="bhdl" if last else "bhld",
    )
    return _reshaped(o, made, m.root.result.type.shape)


def _with_front(o: Any, x: Value, front: Sequence[Dim]) -> Value:
    """A stack of matrices with the two axes batch and heads before them."""
    return _reshaped(o, x, (*front, *x.type.shape[-2:]))


def _reshaped(o: Any, x: Value, shape: Sequence[Dim]) -> Value:
    same = x.type.shape == tuple(shape)
    made: Value = x if same else o.np.reshape(x, newshape=write_shape(tuple(shape)))
    return made


def _mask(o: Any, mask: _Mask, scores: _Scores, front: Sequence[Dim]) -> Value:
    """A mask in the shape and the terms of the op."""
    value = mask.value
    if mask.inverted:
        value = o.np.logical_not(value)
    elif value.type.dtype != boolean and mask.times != 1:
        value = o.np.multiply(value, mask.times)
    apart = mask.stacked and value.type.rank == 3 and value.type.shape[0] != 1
    return _with_front(o, value, front) if apart else value


_ARGS = "%q: f32[2,3,5,4], %k: f32[2,3,4,6], %v: f32[2,3,6,4]"
_MASKS = "%m: f32[2,1,1,6], %c: bool[5,6]"
_NUMBERS = """constant @half : f32[] = (0.5)
constant @low : f32[] = (-10000.0)
constant @zero : f32[] = (0.0)
constant @lowest : f32[] = (-1e30)"""
_SCORES = "%s = np.matmul(%q, %k) : f32[2,3,5,6]\n"
_END = """%w = npx.softmax(%t) : f32[2,3,5,6]
%y = np.matmul(%w, %v) : f32[2,3,5,4]"""
_STACKED = "%q: f32[6,5,4], %k: f32[6,7,4], %v: f32[6,7,4]"


def _masked(numbers: str, steps: str, end: str = _END) -> str:
    """Attention with these steps, which read the named numbers."""
    lines = [f'%{n} = ir.constant() {{name="{n}"}} : f32[]\n' for n in numbers.split()]
    return "".join(lines) + _SCORES + steps + end


attention_of_products = Rule(
    name="attention-of-products",
    doc="Two products with a softmax between them, and masks before it, are one attention.",
    pattern=_pattern,
    guard=_guard,
    replace=_replace,
    examples=(
        example(
            f"{_ARGS}, {_MASKS}",
            _masked(
                "half low",
                """%a = np.multiply(%s, %half) : f32[2,3,5,6]
                %b = np.where(%c, %low, %a) : f32[2,3,5,6]
                %t = np.add(%b, %m) : f32[2,3,5,6]
                """
            ),
            """%n = np.logical_not(%c) : bool[5,6]
            %y = ir.attention(%q, %k, %v, %n, %m) {fill=-10000.0, key_axes="bhdl", scale=0.5} \
: f32[2,3,5,4]""".replace("\\\n", ""),
            constants=_NUMBERS,
        ),
        example(
            f"{_ARGS}, {_MASKS}",
            _masked(
                "zero lowest",
                "%t = np.where(%c, %s, %lowest) : f32[2,3,5,6]\n",
                """%w = npx.softmax(%t) {temperature=2.0} : f32[2,3,5,6]
                %o = np.where(%c, %w, %zero) : f32[2,3,5,6]
                %y = np.matmul(%o, %v) : f32[2,3,5,4]""",
            ),
            '%y = ir.attention(%q, %k, %v, %c) {key_axes="bhdl", scale=0.5, zero_rows="empty"} '
            ": f32[2,3,5,4]",
            constants=_NUMBERS,
        ),
        example(
            f"{_STACKED}, %m: f32[2,3,5,7]",
            """%s = npx.batch_dot(%q, %k) {transpose_b=True} : f32[6,5,7]
            %a = np.reshape(%s) {newshape=(2, 3, 5, 7)} : f32[2,3,5,7]
            %b = np.add(%a, %m) : f32[2,3,5,7]
            %t = np.reshape(%b) {newshape=(6, 5, 7)} : f32[6,5,7]
            %w = npx.softmax(%t) : f32[6,5,7]
            %y = npx.batch_dot(%w, %v) : f32[6,5,4]""",
            """%a = np.reshape(%q) {newshape=(2, 3, 5, 4)} : f32[2,3,5,4]
            %b = np.reshape(%k) {newshape=(2, 3, 7, 4)} : f32[2,3,7,4]
            %c = np.reshape(%v) {newshape=(2, 3, 7, 4)} : f32[2,3,7,4]
            %d = ir.attention(%a, %b, %c, %m) {scale=1.0} : f32[2,3,5,4]
            %y = np.reshape(%d) {newshape=(6, 5, 4)} : f32[6,5,4]""",
        ),
        refusal(_ARGS.replace("5", "3"), (_SCORES + _END).replace("%t", "%s").replace("5", "3"),
                "fewer than 4 queries"),
        refusal(_ARGS, (_SCORES + _END).replace("(%t)", "(%s) {axis=-2}"), "along the keys"),
        refusal(
            f"{_ARGS}, {_MASKS}",
            _masked("zero low", "%t = np.where(%c, %s, %low) : f32[2,3,5,6]\n",
                       _END.replace("%w, %v", "%z, %v").replace(
                           "%y", "%z = np.where(%c, %w, %zero) : f32[2,3,5,6]\n%y")),
            "not masked alike",
            constants=_NUMBERS,
        ),
        refusal(
            f"{_ARGS}, {_MASKS}",
            _masked("low lowest", """%a = np.where(%c, %s, %low) : f32[2,3,5,6]
                       %t = np.where(%c, %a, %lowest) : f32[2,3,5,6]
                       """),
            "different numbers",
            constants=_NUMBERS,
        ),
        refusal(
            "%q: f32[2,3,5,4], %k: f32[3,4,6], %v: f32[2,3,6,4]",
            (_SCORES + _END).replace("%t", "%s"),
            "batch axes",
        ),
    ),
)  # fmt: skip

RULES = (attention_of_products,)
