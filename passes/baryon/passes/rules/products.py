"""canonicalize: transposes of matrices beside a product become its flags, and no copy is made."""

from __future__ import annotations

from typing import Any

from baryon.ir import Value
from baryon.ops import TABLE
from baryon.ops.manipulation import order_of
from baryon.rewrite import Match, NoMatch, Rule, any_of, attr, capture, example, refusal, shared


def _product(o: Any, a: Any, b: Any) -> Any:
    return capture("product", any_of(o.np.matmul(a, b), o.npx.batch_dot(a, b)))


def _flags(m: Match) -> tuple[bool, bool]:
    op = m.op("product")
    attrs: dict[str, Any] = dict(TABLE[op.name].normalize(op.attrs))
    return attrs.get("transpose_a", False), attrs.get("transpose_b", False)


def _swaps(m: Match) -> NoMatch | None:
    """The transpose swaps the last two axes, in a stack of matrices."""
    left, right = (v.type for v in m.op("product").operands)
    if left.rank < 3 or left.shape[:-2] != right.shape[:-2]:
        return NoMatch("the operands are not two stacks of as many matrices")
    rank = m["product"].type.rank
    if order_of(m.attr("axes"), rank) != (*range(rank - 2), rank - 1, rank - 2):
        return NoMatch("the transpose does not swap rows and columns alone")
    return None


def _left(o: Any, m: Match) -> Value:
    first, second = _flags(m)
    made: Value = o.npx.batch_dot(m["x"], m["y"], transpose_a=not first, transpose_b=second)
    return made


def _right(o: Any, m: Match) -> Value:
    first, second = _flags(m)
    made: Value = o.npx.batch_dot(m["x"], m["y"], transpose_a=first, transpose_b=not second)
    return made


def _result(o: Any, m: Match) -> Value:
    """(x y)^T is y^T x^T."""
    first, second = _flags(m)
    made: Value = o.npx.batch_dot(m["y"], m["x"], transpose_a=not second, transpose_b=not first)
    return made


_LEFT = "%x: f32[2,3,5,4], %y: f32[2,3,5,6]"

transposed_left = Rule(
    name="transposed-left",
    doc="A product reads its first operand transposed.",
    pattern=lambda o, x, y: _product(o, shared(o.np.transpose(x, axes=attr("axes"))), y),
    guard=_swaps,
    replace=_left,
    examples=(
        example(
            _LEFT.replace("%y", "%z"),
            """%t = np.transpose(%x) {axes=(0, 1, 3, 2)} : f32[2,3,4,5]
            %y = np.matmul(%t, %z) : f32[2,3,4,6]""",
            "%y = npx.batch_dot(%x, %z) {transpose_a=True} : f32[2,3,4,6]",
        ),
        refusal(
            "%x: f32[2,5,3,4], %z: f32[2,3,4,6]",
            """%t = np.transpose(%x) {axes=(0, 2, 1, 3)} : f32[2,3,5,4]
            %y = np.matmul(%t, %z) : f32[2,3,5,6]""",
            "rows and columns",
        ),
    ),
)

transposed_right = Rule(
    name="transposed-right",
    doc="A product reads its second operand transposed.",
    pattern=lambda o, x, y: _product(o, x, shared(o.np.transpose(y, axes=attr("axes")))),
    guard=_swaps,
    replace=_right,
    examples=(
        example(
            "%x: f32[2,5,4], %z: f32[2,4,6]",
            """%t = np.transpose(%z) {axes=(0, 2, 1)} : f32[2,6,4]
            %y = npx.batch_dot(%x, %t) {transpose_b=True} : f32[2,5,6]""",
            "%y = npx.batch_dot(%x, %z) : f32[2,5,6]",
        ),
        refusal(
            "%x: f32[2,5,4], %z: f32[6,4]",
            """%t = np.transpose(%z) {axes=(1, 0)} : f32[4,6]
            %y = np.matmul(%x, %t) : f32[2,5,6]""",
            "two stacks",
        ),
    ),
)

transposed_product = Rule(
    name="transposed-product",
    doc="The transpose of a product is the product of the transposes, in the other order.",
    pattern=lambda o, x, y: o.np.transpose(_product(o, x, y), axes=attr("axes")),
    guard=_swaps,
    replace=_result,
    examples=(
        example(
            "%x: f32[2,5,4], %z: f32[2,4,6]",
            """%t = np.matmul(%x, %z) : f32[2,5,6]
            %y = np.transpose(%t) {axes=(0, 2, 1)} : f32[2,6,5]""",
            "%y = npx.batch_dot(%z, %x) {transpose_a=True, transpose_b=True} : f32[2,6,5]",
        ),
        refusal(
            "%x: f32[2,5,4], %z: f32[2,4,6]",
            """%t = np.matmul(%x, %z) : f32[2,5,6]
            %y = np.transpose(%t) {axes=(1, 0, 2)} : f32[5,2,6]""",
            "rows and columns",
        ),
    ),
)

RULES = (transposed_left, transposed_right, transposed_product)
