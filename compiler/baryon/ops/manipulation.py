"""Ops that move whole axes: transpose, broadcast, join, split, reverse."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from baryon.ir import Dim, TensorType, Value
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, reshape_like, sum_to
from baryon.ops.numerics import Arr
from baryon.ops.opdef import Lowering, OpDef, Role, Sample, injective
from baryon.ops.shapes import (
    broadcast,
    dim_add,
    fail,
    many_axes,
    one_axis,
    read_shape,
    same_dtype,
    static_dim,
    text,
)


def order_of(axes: tuple[int, ...] | None, rank: int) -> tuple[int, ...]:
    """The operand's axes in the order of np.transpose's result."""
    if axes is None:
        return tuple(reversed(range(rank)))
    if sorted(one_axis("np.transpose", a, rank) for a in axes) != list(range(rank)):
        fail("np.transpose", f"axes {axes} do not name each of {rank} axes once")
    return tuple(a % rank for a in axes)


def _transpose_infer(a: TensorType, axes: tuple[int, ...] | None) -> TensorType:
    return a.moved_to(tuple(a.shape[i] for i in order_of(axes, a.rank)))


def _transpose_ref(a: Arr, axes: tuple[int, ...] | None) -> Any:
    return a.transpose(order_of(axes, a.ndim))


def _transpose_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    order = order_of(attrs["axes"], x[0].type.rank)
    return [o.np.transpose(g[0], axes=tuple(order.index(i) for i in range(len(order))))]


def _transpose_expr(t: Any, loads: Any, index: Any, in_shapes: Any, axes: Any) -> Any:
    order = order_of(axes, len(index))
    return loads[0](*(index[order.index(i)] for i in range(len(order))))


transpose = OpDef(
    name="np.transpose",
    doc="a with its axes in another order; axis i of the result is axis axes[i] of a.\n\n"
    "IRTypeError unless axes names every axis once.",
    operands=("a",),
    params=(Param("axes", "ints?", None, "the order; None reverses the axes"),),
    infer=_transpose_infer,
    reference=_transpose_ref,
    gradient=_transpose_grad,
    lowering=injective(_transpose_expr),
    samples=(
        Sample(((2, 3, 4),), batch=(0,)),
        Sample(((2, 3, 4, 5),), {"axes": (0, 2, -1, 1)}, batch=(0,)),
        Sample(((),), {"axes": ()}, dtypes=("i32",)),
        Sample(((0, 3),)),
    ),
    source="numpy.transpose",
)


def _broadcast_to_infer(array: TensorType, shape: tuple[int | str, ...]) -> TensorType:
    op = "np.broadcast_to"
    target = read_shape(op, shape)
    if broadcast(op, array.shape, target) != target:
        fail(op, f"{text(array.shape)} cannot be broadcast to {text(target)}")
    return array.moved_to(target)


def _broadcast_to_ref(array: Arr, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(array, shape)


def _broadcast_to_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [sum_to(o, g[0], x[0])]


def _broadcast_to_expr(t: Any, loads: Any, index: Any, in_shapes: Any, shape: Any) -> Any:
    inner = index[len(index) - len(in_shapes[0]) :]
    pairs = zip(inner, in_shapes[0], strict=True)
    return loads[0](*(0 if isinstance(d, int) and d == 1 else i for i, d in pairs))


broadcast_to = OpDef(
    name="np.broadcast_to",
    doc="array repeated to a shape by NumPy's broadcasting.\n\n"
    "IRTypeError where an axis is neither 1 nor the wanted size.",
    operands=("array",),
    params=(Param("shape", "shape", REQUIRED, "the shape of the result"),),
    infer=_broadcast_to_infer,
    reference=_broadcast_to_ref,
    gradient=_broadcast_to_grad,
    lowering=injective(_broadcast_to_expr),
    samples=(
        Sample(((3, 1),), {"shape": (2, 3, 4)}),
        Sample(((),), {"shape": (2,)}, dtypes=("i32",)),
        Sample(((1, 3),), {"shape": (0, 3)}),
        Sample(((2, 3),), {"shape": (2, 3)}),
    ),
    source="numpy.broadcast_to",
)


def slice_axis(o: Recorder, x: Value, axis: int, begin: int, end: int) -> Any:
    """x[begin:end] along one axis."""
    from_all, whole = (0,) * axis, (END,) * axis
    return o.npx.slice(x, begin=(*from_all, begin), end=(*whole, end))


END = 2**63 - 1
"""As an end of npx.slice: up to the end of the axis."""


def _concatenate_infer(seq: Sequence[TensorType], axis: int) -> TensorType:
    op = "np.concatenate"
    if not seq:
        fail(op, "there is nothing to concatenate")
    same_dtype(op, **{f"operand {i}": t for i, t in enumerate(seq)})
    at = one_axis(op, axis, seq[0].rank)
    others = {(*t.shape[:at], 0, *t.shape[at + 1 :]) for t in seq}
    if len(others) > 1:
        shapes = ", ".join(text(t.shape) for t in seq)
        fail(op, f"shapes must differ along axis {at} only, not {shapes}")
    if len({t.quant for t in seq}) > 1:
        codes = ", ".join(map(str, seq))
        fail(op, f"codes must mean the same to be joined, not {codes}", "requantize them first")
    total = dim_add(op, (t.shape[at] for t in seq))
    return seq[0].moved_to((*seq[0].shape[:at], total, *seq[0].shape[at + 1 :]))


def _concatenate_ref(seq: Sequence[Arr], axis: int) -> Any:
    return np.concatenate(seq, axis)


def _concatenate_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    axis = attrs["axis"] % x[0].type.rank
    sizes = [static_dim("np.concatenate", v.type.shape[axis], "the joined axis") for v in x]
    ends = np.cumsum(sizes).tolist()
    pairs = zip(ends, sizes, strict=True)
    return [slice_axis(o, g[0], axis, end - size, end) for end, size in pairs]


def _concatenate_expr(t: Any, loads: Any, index: Any, in_shapes: Any, axis: int) -> Any:
    at = axis % len(index)
    starts = [0]
    for shape in in_shapes:
        starts.append(starts[-1] + shape[at])
    parts = [
        load(*index[:at], index[at] - start, *index[at + 1 :])
        for load, start in zip(loads, starts, strict=False)
    ]
    joined = parts[-1]
    for part, end in zip(reversed(parts[:-1]), reversed(starts[1:-1]), strict=True):
        joined = t.select(t.lt(index[at], end), part, joined)
    return joined


concatenate = OpDef(
    name="np.concatenate",
    doc="Arrays joined along an axis.\n\n"
    "They have one dtype and differ in size along that axis only; IRTypeError otherwise.",
    operands=("*seq",),
    params=(Param("axis", "int", 0, "the axis along which to join"),),
    infer=_concatenate_infer,
    reference=_concatenate_ref,
    gradient=_concatenate_grad,
    lowering=Lowering(Role.INJECTIVE, expr=_concatenate_expr, family="concat"),
    samples=(
        Sample(((2, 3), (2, 1), (2, 2)), {"axis": 1}, batch=(0, 1, 2)),
        Sample(((2, 3), (1, 3))),
        Sample(((2, 0, 3), (2, 2, 3)), {"axis": -2}, dtypes=("i32",)),
        Sample(((4,),), {"axis": 0}),
    ),
    source="numpy.concatenate; ONNX Concat",
)


def _stack_infer(arrays: Sequence[TensorType], axis: int) -> TensorType:
    op = "np.stack"
    if not arrays:
        fail(op, "there is nothing to stack")
    dtype = same_dtype(op, **{f"operand {i}": t for i, t in enumerate(arrays)})
    shape = arrays[0].shape
    if any(t.shape != shape for t in arrays):
        fail(op, f"shapes must be equal, not {', '.join(text(t.shape) for t in arrays)}")
    at = one_axis(op, axis, len(shape) + 1)
    return TensorType((*shape[:at], len(arrays), *shape[at:]), dtype)


def _stack_ref(arrays: Sequence[Arr], axis: int) -> Any:
    return np.stack(arrays, axis)


def _stack_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    parts = o.np.split(g[0], len(x), axis=attrs["axis"]) if len(x) > 1 else g
    return [reshape_like(o, part, v) for part, v in zip(parts, x, strict=True)]


def _stack_expr(t: Any, loads: Any, index: Any, in_shapes: Any, axis: int) -> Any:
    at = axis % len(index)
    parts = [load(*index[:at], *index[at + 1 :]) for load in loads]
    stacked = parts[-1]
    for i in reversed(range(len(parts) - 1)):
        stacked = t.select(t.eq(index[at], i), parts[i], stacked)
    return stacked


stack = OpDef(
    name="np.stack",
    doc="Arrays of one shape and dtype joined along a new axis; IRTypeError otherwise.",
    operands=("*arrays",),
    params=(Param("axis", "int", 0, "where the new axis stands in the result"),),
    infer=_stack_infer,
    reference=_stack_ref,
    gradient=_stack_grad,
    lowering=injective(_stack_expr),
    samples=(
        Sample(((2, 3), (2, 3)), {"axis": 1}, batch=(0, 1)),
        Sample(((3,), (3,), (3,)), {"axis": -1}, dtypes=("i32",)),
        Sample(((), ())),
    ),
    source="numpy.stack",
)


def split_ends(op: str, size: Dim, parts: int | tuple[int, ...]) -> list[tuple[int, int]]:
    """begin and end of each part along the axis."""
    total = static_dim(op, size, "the split axis")
    if isinstance(parts, int):
        if parts < 1 or total % parts:
            fail(op, f"an axis of {total} does not split into {parts} equal parts")
        cuts = list(range(total // parts, total, total // parts)) if total else [0] * (parts - 1)
    else:
        cuts = [slice(c).indices(total)[1] for c in parts]
    ends = [*cuts, total]
    return [(a, max(a, b)) for a, b in zip([0, *cuts], ends, strict=True)]


def _split_infer(
    ary: TensorType, indices_or_sections: int | tuple[int, ...], axis: int
) -> list[TensorType]:
    at = one_axis("np.split", axis, ary.rank)
    spans = split_ends("np.split", ary.shape[at], indices_or_sections)
    sizes = [end - begin for begin, end in spans]
    return [ary.moved_to((*ary.shape[:at], n, *ary.shape[at + 1 :])) for n in sizes]


def _split_ref(ary: Arr, indices_or_sections: int | tuple[int, ...], axis: int) -> Any:
    return tuple(np.split(ary, indices_or_sections, axis))


def _split_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    size = x[0].type.shape[attrs["axis"]]
    spans = split_ends("np.split", size, attrs["indices_or_sections"])
    if any(a[1] != b[0] for a, b in pairwise(spans)):
        fail("np.split", "the gradient needs ascending indices")
    return [o.np.concatenate([*g], axis=attrs["axis"])]


def _split_expr(
    t: Any,
    loads: Any,
    index: Any,
    in_shapes: Any,
    indices_or_sections: Any,
    axis: int,
    result: int = 0,
) -> Any:
    at = axis % len(index)
    size = in_shapes[0][at]
    begin = split_ends("np.split", int(size), indices_or_sections)[result][0]
    return loads[0](*index[:at], index[at] + begin, *index[at + 1 :])


split = OpDef(
    name="np.split",
    doc="ary cut into parts along an axis: one result for each part.\n\n"
    "A whole number asks for that many equal parts; a tuple gives the cuts. IRTypeError where the "
    "axis does not split equally or is symbolic.",
    operands=("ary",),
    params=(
        Param("indices_or_sections", "int_or_ints", REQUIRED, "number of parts, or the cuts"),
        Param("axis", "int", 0, "the axis to cut"),
    ),
    infer=_split_infer,
    reference=_split_ref,
    gradient=_split_grad,
    lowering=injective(_split_expr),
    samples=(
        Sample(((2, 6),), {"indices_or_sections": 3, "axis": 1}, batch=(0,)),
        Sample(((5, 2),), {"indices_or_sections": (1, 4)}),
        Sample(((3,),), {"indices_or_sections": (0, 9)}, dtypes=("i32",)),
        Sample(((2, 4),), {"indices_or_sections": (3,), "axis": -1}, batch=(0,)),
    ),
    source="numpy.split; ONNX Split",
)


def _flip_infer(m: TensorType, axis: tuple[int, ...] | None) -> TensorType:
    many_axes("np.flip", axis, m.rank)
    return m.moved_to(m.shape)


def _flip_ref(m: Arr, axis: tuple[int, ...] | None) -> Any:
    return np.flip(m, axis)


def _flip_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.flip(g[0], axis=attrs["axis"])]


def _flip_expr(t: Any, loads: Any, index: Any, in_shapes: Any, axis: Any) -> Any:
    axes = many_axes("np.flip", axis, len(index))
    return loads[0](*(in_shapes[0][a] - 1 - i if a in axes else i for a, i in enumerate(index)))


flip = OpDef(
    name="np.flip",
    doc="m with the elements along some axes in reverse order; IRTypeError for unknown axes.",
    operands=("m",),
    params=(Param("axis", "ints?", None, "the axes to reverse; None for all"),),
    infer=_flip_infer,
    reference=_flip_ref,
    gradient=_flip_grad,
    lowering=injective(_flip_expr),
    samples=(
        Sample(((2, 3, 2),), {"axis": (1, -1)}, batch=(0,)),
        Sample(((2, 3),)),
        Sample(((0, 3),), {"axis": 0}, dtypes=("i32",)),
    ),
    source="numpy.flip",
)

OPS = (transpose, broadcast_to, concatenate, stack, split, flip)
