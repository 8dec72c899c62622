"""canonicalize: concatenations and splits that cancel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon.ir import Op, Value
from baryon.rewrite import Match, NoMatch, Rule, attr, capture, example, operands, refusal


def _axis(op: Op) -> int:
    return int(op.attrs.get("axis", 0)) % op.operands[0].type.rank  # type: ignore[arg-type]


def _same_split(m: Match) -> Op | NoMatch:
    """The split whose results are concatenated, all of them and in order."""
    parts = m.lists["parts"]
    split = parts[0].op
    if split is None or split.name != "np.split":
        return NoMatch("the first operand is no part of a split")
    if [*parts] != [*split.results]:
        return NoMatch("they are not all parts of the split in order")
    return split if _axis(split) == _axis(m.root) else NoMatch("the axes differ")


def _refused(found: Op | NoMatch) -> NoMatch | None:
    return found if isinstance(found, NoMatch) else None


def _whole(o: Any, m: Match) -> Value:
    split = _same_split(m)
    assert isinstance(split, Op)
    return split.operands[0]


_SPLIT = "%a, %b = np.split(%x) {axis=1, indices_or_sections=2} : f32[2,2], f32[2,2]\n"

concat_of_split = Rule(
    name="concat-of-split",
    doc="All parts of a split, concatenated in order, are what was split.",
    pattern=lambda o: o.np.concatenate(operands("parts")),
    guard=lambda m: _refused(_same_split(m)),
    replace=_whole,
    examples=(
        example(
            "%x: f32[2,4]",
            f"{_SPLIT}%z = np.concatenate(%a, %b) {{axis=-1}} : f32[2,4]\n"
            "%y = npx.relu(%z) : f32[2,4]",
            "%y = npx.relu(%x) : f32[2,4]",
        ),
        refusal(
            "%x: f32[2,4]",
            f"{_SPLIT}%y = np.concatenate(%b, %a) {{axis=1}} : f32[2,4]",
            "in order",
        ),
        refusal(
            "%x: f32[2,4]", f"{_SPLIT}%y = np.concatenate(%a, %b) : f32[4,2]", "the axes differ"
        ),
    ),
)


def _same_parts(m: Match) -> NoMatch | None:
    joined = m.op("joined")
    if _axis(joined) != _axis(m.root):
        return NoMatch("the axes differ")
    if [v.type for v in joined.operands] != [r.type for r in m.root.results]:
        return NoMatch("the cuts are not where the parts meet")
    return None


def _parts(o: Any, m: Match) -> Sequence[Value]:
    return m.op("joined").operands


split_of_concat = Rule(
    name="split-of-concat",
    doc="A concatenation that is split where its parts meet is those parts.",
    pattern=lambda o: o.np.split(capture("joined", o.np.concatenate(operands("parts")))),
    guard=_same_parts,
    replace=_parts,
    examples=(
        example(
            "%x: f32[2,1], %z: f32[2,3]",
            """%j = np.concatenate(%x, %z) {axis=1} : f32[2,4]
            %a, %b = np.split(%j) {axis=1, indices_or_sections=(1,)} : f32[2,1], f32[2,3]
            %y = np.multiply(%a, %b) : f32[2,3]""",
            "%y = np.multiply(%x, %z) : f32[2,3]",
        ),
        refusal(
            "%x: f32[2,1], %z: f32[2,3]",
            """%j = np.concatenate(%x, %z) {axis=1} : f32[2,4]
            %a, %b = np.split(%j) {axis=1, indices_or_sections=2} : f32[2,2], f32[2,2]
            %y = np.multiply(%a, %b) : f32[2,2]""",
            "where the parts meet",
        ),
    ),
)


def _nested(m: Match) -> NoMatch | None:
    inner = [v for v in m.lists["parts"] if _is_inner(v, _axis(m.root))]
    return None if inner else NoMatch("no operand is a concatenation along this axis, used once")


def _is_inner(value: Value, axis: int) -> bool:
    op = value.op
    joins = op is not None and op.name == "np.concatenate" and _axis(op) == axis
    return joins and sum(value.users.values()) == 1


def _flat(o: Any, m: Match) -> Value:
    axis = _axis(m.root)
    parts: list[Value] = []
    for value in m.lists["parts"]:
        inner = value.op if _is_inner(value, axis) else None
        parts += inner.operands if inner is not None else [value]
    made: Value = o.np.concatenate(parts, axis=axis)
    return made


concat_of_concat = Rule(
    name="concat-of-concat",
    doc="A concatenation of concatenations along the same axis is one.",
    pattern=lambda o: o.np.concatenate(operands("parts"), axis=attr()),
    guard=_nested,
    replace=_flat,
    examples=(
        example(
            "%x: f32[2,1], %z: f32[2,3]",
            """%j = np.concatenate(%x, %z) {axis=1} : f32[2,4]
            %y = np.concatenate(%x, %j) {axis=-1} : f32[2,5]""",
            "%y = np.concatenate(%x, %x, %z) {axis=1} : f32[2,5]",
        ),
        refusal(
            "%x: f32[2,1], %z: f32[2,3]",
            "%y = np.concatenate(%x, %z) {axis=1} : f32[2,4]",
            "no operand",
        ),
    ),
)

RULES = (concat_of_split, split_of_concat, concat_of_concat)
