"""Ops that pick elements: slice, take, one_hot."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Dim, DType, Sym, TensorType, boolean, dim_prod, f32
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, reshape_like
from baryon.ops.manipulation import END
from baryon.ops.numerics import Arr
from baryon.ops.opdef import OpDef, Sample, absent, injective
from baryon.ops.shapes import fail, need_indices, one_axis, static_dim

_AT_LEAST_ALL = 2**31 - 1  # ends from here on mean the end of any axis

Span = tuple[int, int, Dim]


def slice_spans(
    shape: tuple[Dim, ...], begin: tuple[int, ...], end: tuple[int, ...], step: tuple[int, ...]
) -> list[Span]:
    """For each axis of npx.slice's operand: first element, step, and number of elements."""
    op, rank = "npx.slice", len(shape)
    steps = step or (1,) * len(begin)
    if not len(begin) == len(end) == len(steps) <= rank:
        fail(op, f"begin {begin}, end {end} and step {step} must have one length, at most {rank}")
    if 0 in steps:
        fail(op, f"step {step} must not be 0")
    rest = rank - len(begin)
    bounds = zip(shape, (*begin, *[0] * rest), (*end, *[END] * rest), (*steps, *[1] * rest),
                 strict=True)  # fmt: skip
    return [_span(*axis) for axis in bounds]


def _span(size: Dim, begin: int, end: int, step: int) -> Span:
    if isinstance(size, Sym):
        if begin != 0 or end < _AT_LEAST_ALL or step != 1:
            fail("npx.slice", f"the symbolic axis {size} can only be taken whole")
        return 0, 1, size
    first, last, step = slice(begin, end, step).indices(size)
    return first, step, len(range(first, last, step))


def slice_shape(shape: tuple[Dim, ...], **attrs: Any) -> tuple[Dim, ...]:
    """The shape of npx.slice's result."""
    return tuple(n for _, _, n in slice_spans(shape, **attrs))


def slices_of(shape: tuple[Dim, ...], begin: Any, end: Any, step: Any) -> tuple[slice, ...]:
    """npx.slice's attributes as Python's slices."""
    slice_spans(shape, begin, end, step)
    steps = step or (1,) * len(begin)
    return tuple(slice(*bounds) for bounds in zip(begin, end, steps, strict=True))


def _slice_infer(data: TensorType, **attrs: Any) -> TensorType:
    return data.moved_to(slice_shape(data.shape, **attrs))


def _slice_ref(data: Arr, **attrs: Any) -> Any:
    return data[slices_of(data.shape, **attrs)]


def _slice_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    shape = x[0].type.shape
    spans = slice_spans(shape, **attrs)
    if any(step != 1 for _, step, _ in spans):
        return [o.ir.slice_assign(o.np.zeros_like(x[0]), g[0], **attrs)]
    pads: list[int] = []
    for size, (first, _, count) in zip(shape, spans, strict=True):
        known = isinstance(size, int) and isinstance(count, int)
        pads += (first, size - first - count) if known else (0, 0)  # type: ignore[operator]
    return [o.np.pad(g[0], pad_width=tuple(pads))]


def _slice_expr(t: Any, loads: Any, index: Any, in_shapes: Any, **attrs: Any) -> Any:
    spans = slice_spans(tuple(in_shapes[0]), **attrs)
    return loads[0](*(i * step + first for i, (first, step, _) in zip(index, spans, strict=True)))


SLICE_PARAMS = (
    Param("begin", "ints", REQUIRED, "first element along each leading axis"),
    Param("end", "ints", REQUIRED, "the element before which to stop"),
    Param("step", "ints", (), "distance of the elements; () means 1 along each axis"),
)

slice_op = OpDef(
    name="npx.slice",
    doc="data[begin:end:step], by Python's rules for slices, on the leading axes.\n\n"
    "A large end (2**63 - 1) reaches the end of an axis, a large negative one with a negative step "
    "its begin. Symbolic axes can only be taken whole. IRTypeError for lists of different "
    "lengths and for step 0.",
    operands=("data",),
    params=SLICE_PARAMS,
    infer=_slice_infer,
    reference=_slice_ref,
    gradient=_slice_grad,
    lowering=injective(_slice_expr),
    samples=(
        Sample(((2, 5),), {"begin": (0, 1), "end": (END, -1)}, batch=(0,)),
        Sample(((2, 7),), {"begin": (0, 1), "end": (END, END), "step": (1, 2)}, batch=(0,)),
        Sample(((5, 7),), {"begin": (4, -1), "end": (0, -END), "step": (-2, -3)}),
        Sample(((3, 2),), {"begin": (2,), "end": (1,)}),
        Sample(((4,),), {"begin": (1,), "end": (3,)}, dtypes=("i32",)),
    ),
    source="MXNet 2 npx.slice; ONNX Slice",
)


MODES = ("raise", "clip", "wrap")
"""What happens to indices out of range."""


def places_of(op: str, indices: Arr, size: int, mode: str) -> Arr:
    """Indices in [0, size); IndexError for others in mode `raise`."""
    places = indices.astype(np.int64)
    if mode == "wrap" and size:
        return places % size
    if mode == "clip" and size:
        return np.clip(places, 0, size - 1)
    wrong = places[(places < -size) | (places >= size)]
    if wrong.size:
        raise IndexError(f"{op}: index {wrong[0]} is out of bounds for an axis of size {size}")
    return np.where(places < 0, places + size, places)


def in_range(t: Any, place: Any, size: Any, mode: str) -> Any:
    """The expression of an index in [0, size): kernels never read or write out of bounds."""
    if mode == "wrap":
        return place % size
    counted = t.select(t.lt(place, 0), place + size, place) if mode == "raise" else place
    return t.maximum(t.minimum(counted, size - 1), 0)


def taken_shape(op: str, a: TensorType, indices: TensorType, axis: int) -> tuple[Dim, ...]:
    """The shape of `a` with the axis replaced by the axes of the indices."""
    need_indices(op, indices)
    return (*a.shape[:axis], *indices.shape, *a.shape[axis + 1 :])


def _take_infer(a: TensorType, indices: TensorType, axis: int | None, mode: str) -> TensorType:
    if axis is None:
        need_indices("np.take", indices)
        return a.moved_to(indices.shape)
    at = one_axis("np.take", axis, a.rank)
    return a.moved_to(taken_shape("np.take", a, indices, at))


def _take_ref(a: Arr, indices: Arr, axis: int | None, mode: Any) -> Any:
    return np.take(a, indices, axis=axis, mode=mode)


def _take_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    flat = attrs["axis"] is None
    axis = 0 if flat else attrs["axis"] % x[0].type.rank
    sized = dim_prod(x[0].type.shape) if flat else x[0].type.shape[axis]
    size = static_dim("np.take", sized, "the indexed axis")
    grad = o.ir.scatter_add(x[1], g[0], size=size, axis=axis, mode=attrs["mode"])
    return [reshape_like(o, grad, x[0]), None]


def _take_expr(t: Any, loads: Any, index: Any, in_shapes: Any, axis: int | None, mode: str) -> Any:
    shape, middle = in_shapes[0], len(in_shapes[1])
    if axis is None:
        size = 1
        for d in shape:
            size = size * d
        return loads[0](*_unravel(in_range(t, loads[1](*index), size, mode), shape))
    at = axis % len(shape)
    place = in_range(t, loads[1](*index[at : at + middle]), shape[at], mode)
    return loads[0](*index[:at], place, *index[at + middle :])


def _unravel(place: Any, shape: Any) -> list[Any]:
    found = []
    for d in reversed(shape):
        found.append(place % d)
        place = place // d
    return found[::-1]


take = OpDef(
    name="np.take",
    doc="Elements of a at indices along an axis.\n\n"
    "The result's shape is a's with the axis replaced by the indices' shape. mode says what "
    "happens to indices out of range: raise (IndexError in the interpreter, clipped in kernels; "
    "negative ones count from the end), clip, or wrap. IRTypeError for indices that are not whole "
    "numbers.",
    operands=("a", "indices"),
    params=(
        Param("axis", "int?", None, "the axis to pick along; None takes a as flat"),
        Param("mode", "str", "raise", "out-of-range indices", choices=MODES),
    ),
    infer=_take_infer,
    reference=_take_ref,
    gradient=_take_grad,
    lowering=injective(_take_expr),
    samples=(
        Sample(((4, 3), (2,)), {"axis": 0}, dtypes=("f32", "i64"), batch=(1,)),
        Sample(((2, 3, 2), (2, 2)), {"axis": -2, "mode": "clip"}, dtypes=("f32", "i32"), high=5),
        Sample(((2, 3), (4,)), dtypes=("f64", "i32")),
        Sample(((3,), ()), {"axis": 0, "mode": "clip"}, dtypes=("f32", "u8")),
        Sample(((3,), (0, 2)), {"axis": 0, "mode": "clip"}, dtypes=("i32", "i64")),
        Sample(((3, 2), (4,)), {"axis": 0, "mode": "wrap"}, dtypes=("f32", "i64"), high=9),
    ),
    source="numpy.take; ONNX Gather",
)


def _one_hot_infer(data: TensorType, depth: int, dtype: DType, **attrs: Any) -> TensorType:
    if depth < 0 or data.dtype.is_float or data.dtype == boolean:
        fail("npx.one_hot", f"needs whole numbers and depth >= 0, not {data} and {depth}")
    return TensorType((*data.shape, depth), dtype)


def _one_hot_ref(data: Arr, depth: int, dtype: DType, on_value: Any, off_value: Any) -> Any:
    hits = data[..., None] == np.arange(depth)
    return np.where(hits, on_value, off_value).astype(dtype.numpy)


def _one_hot_expr(
    t: Any, loads: Any, index: Any, in_shapes: Any, depth: int, dtype: Any, on_value: Any,
    off_value: Any,
) -> Any:  # fmt: skip
    hit = t.eq(loads[0](*index[:-1]), index[-1])
    like = t.cast(hit, dtype)
    return t.select(hit, t.const(on_value, like=like), t.const(off_value, like=like))


one_hot = OpDef(
    name="npx.one_hot",
    doc="on_value at the position that each index names along a new last axis, else off_value.\n\n"
    "data has a whole-number dtype (IRTypeError otherwise); the result is (*data, depth)."
    " Indices outside [0, depth) give off_value everywhere.",
    operands=("data",),
    params=(
        Param("depth", "int", REQUIRED, "size of the new axis"),
        Param("on_value", "number", 1.0, "the value at the index"),
        Param("off_value", "number", 0.0, "the value elsewhere"),
        Param("dtype", "dtype", f32, "the element type of the result"),
    ),
    infer=_one_hot_infer,
    reference=_one_hot_ref,
    gradient=absent("indices are whole numbers and have no gradient"),
    lowering=injective(_one_hot_expr),
    samples=(
        Sample(((2, 2),), {"depth": 3}, dtypes=("i32",), batch=(0,)),
        Sample(((),), {"depth": 2, "on_value": 5, "off_value": -1, "dtype": "i8"}, dtypes=("i64",)),
        Sample(((3,),), {"depth": 1}, dtypes=("u8",)),
    ),
    source="MXNet 2 npx.one_hot; ONNX OneHot",
)

OPS = (slice_op, take, one_hot)
