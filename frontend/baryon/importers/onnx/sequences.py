"""Sequences of tensors: lists while importing, so nothing of them is left in the module."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.importers.onnx.node import Held, Node, OnnxOp, Operand, rank_of, shape_of
from baryon.ops import Calls

_MOST_PARTS = 1 << 12
"""Of a tensor that becomes a sequence: each is a value of its own."""


def _construct(o: Calls[Operand], node: Node, *tensors: Operand) -> Any:
    return [*tensors]


def _empty(o: Calls[Operand], node: Node) -> Any:
    node.ignore("dtype")
    return []


def _at(o: Calls[Operand], node: Node, tensors: list[Operand], position: Operand) -> Any:
    return tensors[_place(node, position, len(tensors) - 1)]


def _insert(
    o: Calls[Operand], node: Node, tensors: list[Operand], tensor: Operand,
    position: Operand | None = None,
) -> Any:  # fmt: skip
    at = len(tensors) if position is None else _place(node, position, len(tensors))
    return [*tensors[:at], tensor, *tensors[at:]]


def _erase(
    o: Calls[Operand], node: Node, tensors: list[Operand], position: Operand | None = None
) -> Any:
    at = len(tensors) - 1 if position is None else _place(node, position, len(tensors) - 1)
    return [*tensors[:at], *tensors[at + 1 :]]


def _place(node: Node, position: Operand, last: int) -> int:
    """A position from the beginning; one that is negative counts from the end."""
    (at,) = node.known_ints(position, "the position")
    size = last + 1 if node.op != "SequenceInsert" else last
    at = at + size if at < 0 else at
    if not 0 <= at <= last:
        raise node.unsupported(f"position {at} of a sequence of {size} tensors")
    return at


def _length(o: Calls[Operand], node: Node, tensors: list[Operand]) -> Any:
    return np.array(len(tensors), np.int64)


def _split(o: Calls[Operand], node: Node, x: Operand, split: Operand | None = None) -> Any:
    axis, keep = node.attr("axis", 0) % rank_of(x), node.attr("keepdims", 1)
    size = node.number(shape_of(x)[axis], "the axis that is split")
    if split is None:
        if size > _MOST_PARTS:
            raise node.unsupported(f"{size} parts, {_MOST_PARTS} at most")
        parts = _parts(o, x, [1] * size, axis)
        return parts if keep else [o.np.squeeze(p, axis=(axis,)) for p in parts]
    sizes = node.known_ints(split, "the split")
    if not rank_of(split):
        each = sizes[0]
        sizes = tuple(min(each, size - i) for i in range(0, size, each))
    return _parts(o, x, sizes, axis)


def _parts(o: Calls[Operand], x: Operand, sizes: Any, axis: int) -> list[Operand]:
    if len(sizes) == 1:
        return [x]
    return [*o.np.split(x, tuple(int(b) for b in np.cumsum(sizes)[:-1]), axis=axis)]


def _concat(o: Calls[Operand], node: Node, tensors: list[Operand]) -> Any:
    axis = node.attr("axis", 0)
    return (o.np.stack if node.attr("new_axis", 0) else o.np.concatenate)(tensors, axis=axis)


def _optional(o: Calls[Operand], node: Node, x: Held = None) -> Any:
    node.ignore("type")
    return x


def _has_element(o: Calls[Operand], node: Node, x: Held = None) -> Any:
    return np.array(x is not None)


def _element(o: Calls[Operand], node: Node, x: Held) -> Any:
    if x is None:
        raise node.unsupported("the optional is absent")
    return x


OPS = (
    OnnxOp("SequenceConstruct", _construct, since=11),
    OnnxOp("SequenceEmpty", _empty, since=11),
    OnnxOp("SplitToSequence", _split, since=11),
    *(
        OnnxOp(name, build, since=11, takes_sequences=True)
        for name, build in (
            ("ConcatFromSequence", _concat), ("SequenceAt", _at), ("SequenceErase", _erase),
            ("SequenceInsert", _insert), ("SequenceLength", _length),
            ("Optional", _optional), ("OptionalGetElement", _element),
            ("OptionalHasElement", _has_element),
        )
    ),
)  # fmt: skip
