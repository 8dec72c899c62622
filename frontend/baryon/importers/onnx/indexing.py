"""Ops that take parts of a tensor or put something around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.array.indexing import slice_attrs
from baryon.importers.onnx.node import (
    Node,
    OnnxOp,
    Operand,
    is_symbolic,
    numpy_dtype,
    rank_of,
    shape_of,
)
from baryon.ir import Dim, Sym
from baryon.ops import Calls

_MODES = ("constant", "reflect", "edge")


def _slice_attrs(o: Calls[Operand], node: Node, x: Operand) -> Any:
    starts, ends = node.ints("starts"), node.ints("ends")
    axes = node.ints("axes", range(len(starts)))
    return _slice_to(o, node, x, starts, ends, axes, (1,) * len(axes))


def _slice(
    o: Calls[Operand], node: Node, x: Operand, starts: Operand, ends: Operand,
    axes: Operand | None = None, steps: Operand | None = None,
) -> Any:  # fmt: skip
    first = node.known_ints(starts, "starts")
    along = tuple(range(len(first))) if axes is None else node.known_ints(axes, "axes")
    by = (1,) * len(first) if steps is None else node.known_ints(steps, "steps")
    if isinstance(ends, np.ndarray):
        return _slice_to(o, node, x, first, node.known_dims(ends, "ends"), along, by)
    if (first, by) != ((0,), (1,)):  # kernels take one axis of a size that depends on data
        raise node.not_constant("computed ends need one axis, the start 0 and the step 1", ends)
    return first_rows(o, x, along[0], ends)


def _slice_to(
    o: Calls[Operand], node: Node, x: Operand, starts: Sequence[int], ends: Sequence[Dim],
    axes: Sequence[int], steps: Sequence[int],
) -> Any:  # fmt: skip
    shape = shape_of(x)
    parts = [slice(None)] * len(shape)
    for first, last, axis, step in zip(starts, ends, axes, steps, strict=True):
        if isinstance(shape[axis], Sym) and (first, step) == (0, 1) and _is_short(last):
            x = first_rows(o, x, axis, np.array([last], np.int64))
        else:
            parts[axis] = _part(node, shape[axis], first, last, step)
    if isinstance(x, np.ndarray):
        return _plain(x[tuple(parts)]) if is_symbolic(x) else x[tuple(parts)]
    return o.npx.slice(x, **slice_attrs(parts))


def _is_short(end: Dim) -> bool:
    """Whether an end may come before that of the axis."""
    return isinstance(end, int) and end < 2**31 - 1


def first_rows(o: Calls[Operand], x: Operand, axis: int, limit: Operand) -> Any:
    """The positions of an axis before a limit of shape (1,), which counts from the end below 0."""
    rank = rank_of(x)
    known = int(limit.item()) if isinstance(limit, np.ndarray) and limit.dtype != object else -1
    if known < 0:
        from_end = o.np.add(limit, o.ir.size(x, axis=axis))
        limit = o.np.where(o.np.less(limit, 0), from_end, limit)
    order = (axis % rank, *(a for a in range(rank) if a != axis % rank))
    back = tuple(int(a) for a in np.argsort(order))
    rows, _ = o.ir.leading(o.np.transpose(x, axes=order), limit, at_most=known)
    return o.np.transpose(rows, axes=back)


def _part(node: Node, size: Dim, first: int, last: Dim, step: int) -> slice:
    """One axis as Python slices it; ends that reach over the border are left open."""
    if isinstance(size, Sym):
        if first == 0 and step == 1 and (last == size or (isinstance(last, int) and last >= 2**31)):
            return slice(None)
        raise node.unsupported(f"a slice along the symbolic dimension {size}")
    if isinstance(last, Sym):
        raise node.unsupported("ends depend on the batch size")
    start, stop, step = slice(first, last, step).indices(size)
    return slice(start, None if stop < 0 else stop, step)


def _split_attr(o: Calls[Operand], node: Node, x: Operand, sizes: Operand | None = None) -> Any:
    given = node.known_ints(sizes, "the split") if sizes is not None else node.ints("split")
    return _split_to(o, node, x, given)


def _split(o: Calls[Operand], node: Node, x: Operand, sizes: Operand | None = None) -> Any:
    node.ignore("num_outputs")  # the number of output names says the same
    return _split_to(o, node, x, () if sizes is None else node.known_ints(sizes, "the split"))


def _split_to(o: Calls[Operand], node: Node, x: Operand, sizes: tuple[int, ...]) -> Any:
    axis = node.attr("axis", 0)
    size, count = shape_of(x)[axis], len(node.outputs)
    if isinstance(size, Sym):
        raise node.unsupported(f"a split along the symbolic dimension {size}")
    each = -(-size // count)
    sizes = sizes or tuple(min(each, size - i * each) for i in range(count))
    if len(sizes) == 1:
        return x
    borders = tuple(int(b) for b in np.cumsum(sizes)[:-1])
    return tuple(o.np.split(x, borders, axis=axis))


def _pad_attrs(o: Calls[Operand], node: Node, x: Operand) -> Any:
    pads = node.ints("pads") or node.ints("paddings")
    return _pad_to(o, node, x, pads, tuple(range(rank_of(x))), node.attr("value", 0.0))


def _pad(
    o: Calls[Operand], node: Node, x: Operand, pads: Operand, value: Operand | None = None,
    axes: Operand | None = None,
) -> Any:  # fmt: skip
    along = tuple(range(rank_of(x))) if axes is None else node.known_ints(axes, "axes")
    number = 0.0 if value is None else node.known(value, "the padding value").item()
    return _pad_to(o, node, x, node.known_ints(pads, "pads"), along, number)


def _pad_to(
    o: Calls[Operand], node: Node, x: Operand, pads: Sequence[int], axes: Sequence[int],
    value: float,
) -> Any:  # fmt: skip
    mode = node.attr("mode", "constant")
    if mode == "wrap":
        return _wrapped(o, node, x, pads, axes)
    if mode not in _MODES:
        raise node.unsupported(f"mode={mode!r}")
    widths, kept = [0] * 2 * rank_of(x), [slice(None)] * rank_of(x)
    for i, axis in enumerate(axes):
        before, after, at = pads[i], pads[i + len(axes)], axis % rank_of(x)
        widths[2 * at : 2 * at + 2] = max(before, 0), max(after, 0)
        if min(before, after) < 0:
            kept[at] = slice(max(-before, 0), min(after, 0) or None)
    if mode == "constant":
        return o.np.pad(_cut(o, x, kept), pad_width=widths, constant_value=value)
    # what is repeated is that of the whole axis, which only then loses elements
    return _cut(o, o.np.pad(x, pad_width=widths, mode=mode), kept)


def _cut(o: Calls[Operand], x: Operand, parts: Sequence[slice]) -> Any:
    """A piece of a tensor; the tensor itself where that is all of it."""
    whole = all(part == slice(None) for part in parts)
    return x if whole else o.npx.slice(x, **slice_attrs(parts))


def _wrapped(
    o: Calls[Operand], node: Node, x: Operand, pads: Sequence[int], axes: Sequence[int]
) -> Any:
    """The tensor as a piece of one that repeats itself."""
    for i, axis in enumerate(axes):
        size = node.number(shape_of(x)[axis], "a dimension")
        places = np.arange(-pads[i], size + pads[i + len(axes)], dtype=np.int64) % size
        x = o.np.take(x, places, axis=axis)
    return x


def _gather(o: Calls[Operand], node: Node, x: Operand, indices: Operand) -> Any:
    axis = node.attr("axis", 0)
    if is_symbolic(x):
        return _plain(
            np.take(node.known(x, "x"), node.known(indices, "indices").astype(np.int64), axis)
        )
    return o.np.take(x, indices, axis=axis)


def _plain(taken: Any) -> Any:
    """Dimensions taken from a symbolic shape: numbers again if no symbol is among them."""
    array = np.asarray(taken, object)
    symbolic = any(isinstance(d, Sym) for d in array.flat)
    return array if symbolic else array.astype(np.int64)


def _triangle(o: Calls[Operand], node: Node, x: Operand, k: Operand | None = None) -> Any:
    """The elements on one side of a diagonal of the last two axes, zeros on the other."""
    (diagonal,) = (0,) if k is None else node.known_ints(k, "the diagonal")
    upper = bool(node.attr("upper", 1))
    rows, columns = (node.number(d, "a side of the triangle") for d in shape_of(x)[-2:])
    below = np.tri(rows, columns, diagonal - upper, dtype=np.bool_)
    return o.np.where(below != upper, x, np.zeros((), numpy_dtype(x)))


OPS = (
    OnnxOp("Gather", _gather),
    OnnxOp("Pad", _pad_attrs),
    OnnxOp("Pad", _pad, since=11),
    OnnxOp("Slice", _slice_attrs),
    OnnxOp("Slice", _slice, since=10),
    OnnxOp("Split", _split_attr),
    OnnxOp("Split", _split, since=13),
    OnnxOp("Trilu", _triangle, since=14),
)
