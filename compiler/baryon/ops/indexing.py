"""Ops that pick or place elements: slice, take, pad, one_hot."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Dim, DType, Sym, TensorType, UnsupportedError, Value, boolean, f32
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, reshape_like
from baryon.ops.manipulation import END
from baryon.ops.numerics import Arr
from baryon.ops.opdef import OpDef, Sample, absent, injective
from baryon.ops.shapes import fail, one_axis, static_dim, write_shape

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


def _slice_infer(data: TensorType, **attrs: Any) -> TensorType:
    return data.with_shape(tuple(n for _, _, n in slice_spans(data.shape, **attrs)))


def _slice_ref(data: Arr, begin: Any, end: Any, step: Any) -> Any:
    slice_spans(data.shape, begin, end, step)
    steps = step or (1,) * len(begin)
    return data[tuple(slice(*bounds) for bounds in zip(begin, end, steps, strict=True))]


def _slice_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    shape = x[0].type.shape
    spans = slice_spans(shape, **attrs)
    backward = tuple(i for i, (_, step, n) in enumerate(spans) if step < 0)
    grad = o.np.flip(g[0], axis=backward) if backward else g[0]
    pads: list[int] = []
    for axis, (size, (first, step, count)) in enumerate(zip(shape, spans, strict=True)):
        if isinstance(size, Sym) or isinstance(count, Sym):
            pads += (0, 0)
            continue
        if not count:
            return [o.np.zeros_like(x[0])]
        grad = _spread(o, grad, axis, abs(step), count)
        low = first if step > 0 else first + step * (count - 1)
        pads += (low, size - low - (abs(step) * (count - 1) + 1))
    return [o.np.pad(grad, pad_width=tuple(pads))]


def _spread(o: Recorder, x: Any, axis: int, step: int, count: int) -> Any:
    """x with step - 1 zeros between neighbours along an axis."""
    if step == 1:
        return x
    rank = x.type.rank
    apart = o.np.expand_dims(x, axis=axis + 1)
    widths = [(0, 0)] * (axis + 1) + [(0, step - 1)] + [(0, 0)] * (rank - axis - 1)
    filled = o.np.pad(apart, pad_width=tuple(w for pair in widths for w in pair))
    merged = o.np.reshape(filled, newshape=(*[-2] * axis, -5, -4))
    used = (*[END] * axis, step * (count - 1) + 1)
    return o.npx.slice(merged, begin=(0,) * (axis + 1), end=used)


def _slice_expr(t: Any, loads: Any, index: Any, in_shapes: Any, **attrs: Any) -> Any:
    spans = slice_spans(tuple(in_shapes[0]), **attrs)
    return loads[0](*(i * step + first for i, (first, step, _) in zip(index, spans, strict=True)))


slice_op = OpDef(
    name="npx.slice",
    doc="data[begin:end:step], by Python's rules for slices, on the leading axes.\n\n"
    "A large end (2**63 - 1) reaches the end of an axis, a large negative one with a negative step "
    "its begin. Symbolic axes can only be taken whole. IRTypeError for lists of different "
    "lengths and for step 0.",
    operands=("data",),
    params=(
        Param("begin", "ints", REQUIRED, "first element along each leading axis"),
        Param("end", "ints", REQUIRED, "the element before which to stop"),
        Param("step", "ints", (), "distance of the elements; () means 1 along each axis"),
    ),
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


def _take_infer(a: TensorType, indices: TensorType, axis: int | None, mode: str) -> TensorType:
    if indices.dtype.is_float or indices.dtype == boolean:
        fail("np.take", f"indices must be whole numbers, not {indices.dtype}", "use npx.cast")
    if axis is None:
        return a.with_shape(indices.shape)
    at = one_axis("np.take", axis, a.rank)
    return a.with_shape((*a.shape[:at], *indices.shape, *a.shape[at + 1 :]))


def _take_ref(a: Arr, indices: Arr, axis: int | None, mode: Any) -> Any:
    return np.take(a, indices, axis=axis, mode=mode)


def _take_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    if attrs["axis"] is None:
        flat, axis = o.np.reshape(x[0], newshape=(-1,)), 0
    else:
        flat, axis = x[0], attrs["axis"] % x[0].type.rank
    size = static_dim("np.take", flat.type.shape[axis], "the indexed axis")
    places = o.np.reshape(_plain_indices(o, x[1], size, attrs["mode"]), newshape=(-1,))
    hits = o.npx.one_hot(places, depth=size, dtype=x[0].type.dtype)
    middle = x[1].type.rank
    rank = g[0].type.rank
    axes = (*range(axis, axis + middle), *range(axis), *range(axis + middle, rank))
    front = o.np.transpose(g[0], axes=axes)
    rows = o.np.reshape(front, newshape=(*write_shape(places.type.shape), -1))
    summed = o.np.matmul(o.np.transpose(hits), rows)
    others = (d for i, d in enumerate(flat.type.shape) if i != axis)
    shaped = o.np.reshape(summed, newshape=(size, *write_shape(others)))
    back = (*range(1, axis + 1), 0, *range(axis + 1, flat.type.rank))
    return [reshape_like(o, o.np.transpose(shaped, axes=back), x[0]), None]


def _plain_indices(o: Recorder, indices: Value, size: int, mode: str) -> Any:
    """Indices in [0, size) that pick what `mode` picks."""
    if mode == "clip":
        return o.np.clip(indices, a_min=0, a_max=size - 1)
    if mode == "wrap":
        raise UnsupportedError("np.take has no gradient for mode 'wrap'", hint="use mode='clip'")
    return o.np.where(o.np.less(indices, 0), o.np.add(indices, size), indices)


def _take_expr(t: Any, loads: Any, index: Any, in_shapes: Any, axis: int | None, mode: str) -> Any:
    shape, middle = in_shapes[0], len(in_shapes[1])
    if axis is None:
        size = 1
        for d in shape:
            size = size * d
        return loads[0](*_unravel(_in_range(t, loads[1](*index), size, mode), shape))
    at = axis % len(shape)
    place = _in_range(t, loads[1](*index[at : at + middle]), shape[at], mode)
    return loads[0](*index[:at], place, *index[at + middle :])


def _in_range(t: Any, place: Any, size: Any, mode: str) -> Any:
    if mode == "wrap":
        return place % size
    counted = t.select(t.lt(place, 0), place + size, place) if mode == "raise" else place
    return t.maximum(t.minimum(counted, size - 1), 0)  # kernels never read out of bounds


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
        Param("mode", "str", "raise", "out-of-range indices", choices=("raise", "clip", "wrap")),
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
    ),
    source="numpy.take; ONNX Gather",
)


def _pad_infer(x: TensorType, pad_width: tuple[int, ...], mode: str, **attrs: Any) -> TensorType:
    op = "np.pad"
    if len(pad_width) != 2 * x.rank or any(w < 0 for w in pad_width):
        fail(op, f"pad_width must be {2 * x.rank} numbers of at least 0, not {pad_width}")
    pairs = zip(x.shape, pad_width[::2], pad_width[1::2], strict=True)
    return x.with_shape(tuple(_padded(op, mode, *axis) for axis in pairs))


def _padded(op: str, mode: str, size: Dim, before: int, after: int) -> Dim:
    if not before and not after:
        return size
    known = static_dim(op, size, "a padded axis")
    most = {"constant": max(before, after), "edge": max(before, after) * known}.get(mode, known - 1)
    if max(before, after) > most:
        fail(op, f"mode {mode} cannot add {before} and {after} to an axis of {known}")
    return known + before + after


def _pad_ref(x: Arr, pad_width: tuple[int, ...], mode: Any, constant_value: Any) -> Any:
    widths = list(zip(pad_width[::2], pad_width[1::2], strict=True))
    if not widths:
        return x
    more = {"constant_values": constant_value} if mode == "constant" else {}
    return np.pad(x, widths, mode, **more)


def _pad_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    if attrs["mode"] != "constant":
        raise UnsupportedError(f"np.pad has no gradient for mode {attrs['mode']!r}")
    begin = attrs["pad_width"][::2]
    sizes = zip(begin, x[0].type.shape, strict=True)
    end = tuple(END if isinstance(d, Sym) else b + d for b, d in sizes)
    return [o.npx.slice(g[0], begin=begin, end=end)]


def _pad_expr(
    t: Any, loads: Any, index: Any, in_shapes: Any, pad_width: Any, mode: str, constant_value: Any
) -> Any:
    places = [i - before if before else i for i, before in zip(index, pad_width[::2], strict=True)]
    axes = list(zip(places, in_shapes[0], pad_width[::2], pad_width[1::2], strict=True))
    if mode == "constant":
        return _inside_or(t, loads[0], axes, constant_value)
    clamp = _edge if mode == "edge" else _reflect
    return loads[0](*(clamp(t, i, d) if b or a else i for i, d, b, a in axes))


def _inside_or(t: Any, load: Any, axes: Any, value: Any) -> Any:
    element = load(*(i for i, _, _, _ in axes))
    outside = t.const(value, like=element)
    for i, d, before, after in axes:
        element = t.select(t.ge(i, 0), element, outside) if before else element
        element = t.select(t.lt(i, d), element, outside) if after else element
    return element


def _edge(t: Any, i: Any, d: Any) -> Any:
    return t.maximum(t.minimum(i, d - 1), 0)


def _reflect(t: Any, i: Any, d: Any) -> Any:
    return (d - 1) - t.abs((d - 1) - t.abs(i))


pad = OpDef(
    name="np.pad",
    doc="x with elements added at both ends of its axes.\n\n"
    "constant adds constant_value, edge repeats the outermost element, reflect mirrors around it "
    "(at most size - 1 elements). Symbolic axes cannot be padded. IRTypeError for widths that do "
    "not fit.",
    operands=("x",),
    params=(
        Param("pad_width", "ints", REQUIRED, "before and after of axis 0, of axis 1, and so on"),
        Param("mode", "str", "constant", "what is added", choices=("constant", "edge", "reflect")),
        Param("constant_value", "number", 0, "the value that mode constant adds"),
    ),
    infer=_pad_infer,
    reference=_pad_ref,
    gradient=_pad_grad,
    lowering=injective(_pad_expr),
    samples=(
        Sample(((2, 3),), {"pad_width": (0, 0, 1, 2), "constant_value": -1.5}, batch=(0,)),
        Sample(((2, 3),), {"pad_width": (2, 0, 0, 1), "mode": "edge"}),
        Sample(((3, 4),), {"pad_width": (0, 2, 3, 1), "mode": "reflect"}),
        Sample(((2,),), {"pad_width": (1, 1), "constant_value": 7}, dtypes=("i32",)),
        Sample(((0,),), {"pad_width": (1, 1)}),
        Sample(((),), {"pad_width": ()}),
    ),
    source="numpy.pad; ONNX Pad",
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

OPS = (slice_op, take, pad, one_hot)
