"""Ops that move, join, pick and repeat elements."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import Dim, DType, Sym, boolean, dim_prod, i64
from baryon.ops.creation import arange
from baryon.ops.indexing import slice_spans
from baryon.ops.manipulation import order_of, split_ends
from baryon.ops.shapes import many_axes, static_dim

_END = 2**63 - 1


def _reshape(o: Writer, call: Call, a: Tensor) -> Tensor:
    return o.reshaped(a, call.type.shape)


def _transpose(o: Writer, call: Call, a: Tensor) -> Tensor:
    return o.onnx.Transpose(a, perm=order_of(call["axes"], a.rank)) if a.rank else a


def _broadcast_to(o: Writer, call: Call, array: Tensor) -> Tensor:
    return o.onnx.Expand(array, o.dims(call.type.shape)) if call.type.rank else array


def _concatenate(o: Writer, call: Call, seq: Sequence[Tensor]) -> Tensor:
    return o.onnx.Concat(*seq, axis=call["axis"] % call.type.rank)


def _stack(o: Writer, call: Call, arrays: Sequence[Tensor]) -> Tensor:
    axis = call["axis"] % call.type.rank
    return o.onnx.Concat(*(o.onnx.Unsqueeze(x, o.ints(axis)) for x in arrays), axis=axis)


def _split(o: Writer, call: Call, ary: Tensor) -> Any:
    axis = call["axis"] % ary.rank
    spans = split_ends(call.opdef.name, ary.type.shape[axis], call["indices_or_sections"])
    if all(a[1] == b[0] for a, b in itertools.pairwise(spans)):
        sizes = o.ints(*(end - begin for begin, end in spans))
        return o.results("Split", len(spans), ary, sizes, axis=axis)
    return [_sliced(o, ary, [axis], [begin], [end], [1]) for begin, end in spans]


def _sliced(
    o: Writer, x: Tensor, axes: Sequence[int], begin: Sequence[int], end: Sequence[int],
    step: Sequence[int],
) -> Tensor:  # fmt: skip
    return o.onnx.Slice(x, o.ints(*begin), o.ints(*end), o.ints(*axes), o.ints(*step))


def _flip(o: Writer, call: Call, m: Tensor) -> Tensor:
    axes = many_axes(call.opdef.name, call["axis"], m.rank)
    return _sliced(o, m, axes, [-1] * len(axes), [-_END] * len(axes), [-1] * len(axes))


def _slice(o: Writer, call: Call, data: Tensor) -> Tensor:
    spans = slice_spans(data.type.shape, call["begin"], call["end"], call["step"])
    cut = [
        (axis, first, count, step)
        for axis, (first, step, count) in enumerate(spans)
        if (first, step, count) != (0, 1, data.type.shape[axis])
    ]
    if not cut:
        return data
    axes, firsts, counts, steps = zip(*cut, strict=True)
    ends = [_stop(*span) for span in zip(firsts, counts, steps, strict=True)]
    return _sliced(o, data, axes, firsts, ends, steps)


def _stop(first: int, count: Dim, step: int) -> int:
    """Where a slice of so many elements ends; before the first element is far below zero."""
    assert isinstance(count, int)
    end = first + count * step
    return end if end >= 0 else -_END


def indices(o: Writer, x: Tensor, size: Dim, mode: str) -> Tensor:
    """Indices as int64 that name what a mode makes of them."""
    x = o.typed(o.cast(x, i64), x.type.shape)
    if mode == "raise":  # ONNX counts negative ones from the end as well
        return x
    if mode == "wrap":
        return o.typed(o.onnx.Mod(x, _size(o, size)), x.type.shape)
    last = o.onnx.Sub(_size(o, size), 1)
    return o.typed(o.onnx.Min(o.onnx.Max(x, 0), last), x.type.shape)


def _size(o: Writer, size: Dim) -> Tensor:
    if isinstance(size, int):
        return o.constant(np.asarray(size, np.int64))
    return o.onnx.Squeeze(o.dims([size]))


def _take(o: Writer, call: Call, a: Tensor, places: Tensor) -> Tensor:
    axis = call["axis"]
    if axis is None:
        a, axis = o.reshaped(a, (dim_prod(a.type.shape),)), 0
    axis %= a.rank
    return o.onnx.Gather(a, indices(o, places, a.type.shape[axis], call["mode"]), axis=axis)


def _take_along(o: Writer, call: Call, arr: Tensor, places: Tensor) -> Tensor:
    axis = call["axis"] % arr.rank
    found = indices(o, places, arr.type.shape[axis], call["mode"])
    return o.onnx.GatherElements(arr, found, axis=axis)


def _one_hot(o: Writer, call: Call, data: Tensor) -> Tensor:
    """By comparison: ONNX's OneHot counts negative indices from the end."""
    hits = o.onnx.Equal(
        o.onnx.Unsqueeze(o.cast(data, i64), o.ints(-1)),
        o.constant(np.arange(call["depth"], dtype=np.int64)),
    )
    dtype: DType = call.type.dtype
    on, off = (o.constant(np.asarray(call[n]), dtype) for n in ("on_value", "off_value"))
    if dtype == boolean:
        made = o.onnx.Where(hits, o.cast(on, i64), o.cast(off, i64))
        return o.cast(made, boolean)
    return o.onnx.Where(hits, on, off)


def _zeros(o: Writer, shape: Sequence[Dim], dtype: DType) -> Tensor:
    zero = o.constant(np.zeros((), dtype.numpy))
    made = o.onnx.Expand(zero, o.dims(shape))
    return o.typed(made, shape)


def _rows(o: Writer, x: Tensor, axis: int, count: int) -> Tensor:
    """`count` axes from `axis` on as the first ones."""
    order = [*range(axis, axis + count), *range(axis), *range(axis + count, x.rank)]
    shape = [x.type.shape[a] for a in order]
    return o.typed(o.onnx.Transpose(x, perm=order), shape) if x.rank else x


def _moved_back(o: Writer, x: Tensor, axis: int) -> Tensor:
    """The first axis at `axis`."""
    order = [*range(1, axis + 1), 0, *range(axis + 1, x.rank)]
    return o.onnx.Transpose(x, perm=order)


def _scattered(
    o: Writer, data: Tensor, places: Tensor, updates: Tensor, axis: int, mode: str, how: str
) -> Tensor:
    """ScatterND along the first axis, to which others are brought before."""
    count, size = places.rank, data.type.shape[axis]
    where = o.onnx.Unsqueeze(indices(o, places, size, mode), o.ints(-1))
    moved, rows = _rows(o, data, axis, 1), _rows(o, updates, axis, count)
    made = o.onnx.ScatterND(moved, where, rows, reduction=how)
    return _moved_back(o, o.typed(made, moved.type.shape), axis)


def _scatter(o: Writer, call: Call, data: Tensor, places: Tensor, updates: Tensor) -> Tensor:
    return _scattered(o, data, places, updates, call["axis"], call["mode"], "none")


def _scatter_add(o: Writer, call: Call, places: Tensor, updates: Tensor) -> Tensor:
    zeros = _zeros(o, call.type.shape, call.type.dtype)
    return _scattered(o, zeros, places, updates, call["axis"], call["mode"], "add")


def _scatter_add_along(o: Writer, call: Call, places: Tensor, updates: Tensor) -> Tensor:
    axis = call["axis"] % updates.rank
    found = indices(o, places, call["size"], call["mode"])
    zeros = _zeros(o, call.type.shape, call.type.dtype)
    return o.onnx.ScatterElements(zeros, found, updates, axis=axis, reduction="add")


def _slice_assign(o: Writer, call: Call, data: Tensor, value: Tensor) -> Tensor:
    """Axis by axis: the value is put into a copy of what the slice is cut from."""
    shape = data.type.shape
    spans = slice_spans(shape, call["begin"], call["end"], call["step"])
    return _assigned(o, data, value, [*enumerate(spans)])


def _assigned(o: Writer, data: Tensor, value: Tensor, spans: Any) -> Tensor:
    while spans and spans[0][1] == (0, 1, data.type.shape[spans[0][0]]):
        spans = spans[1:]
    if not spans:
        return value
    (axis, (first, step, count)), rest = spans[0], spans[1:]
    places = o.ints(*(first + step * i for i in range(count)))
    inner = [*data.type.shape]
    inner[axis] = count
    if any(span != (0, 1, data.type.shape[a]) for a, span in rest):
        part = o.typed(o.onnx.Gather(data, places, axis=axis), inner)
        value = o.typed(_assigned(o, part, value, rest), inner)
    places = o.typed(places, (count,))
    return o.typed(_scattered(o, data, places, value, axis, "raise", "none"), data.type.shape)


def _sort(o: Writer, call: Call, data: Tensor) -> Any:
    axis = call["axis"] % data.rank
    size = o.dims([data.type.shape[axis]])
    how = {"axis": axis, "largest": int(call["descending"]), "sorted": 1}
    given = o.cast(data, i64) if data.dtype == boolean else data
    values, places = o.results("TopK", 2, given, size, **how)
    return o.cast(values, data.dtype), places


def _pad(o: Writer, call: Call, x: Tensor) -> Tensor:
    width, mode = call["pad_width"], call["mode"]
    if not any(width):
        return x
    if mode == "constant":
        value = o.number(call["constant_value"], x)
        return o.onnx.Pad(x, o.ints(*width[::2], *width[1::2]), value)
    for axis, pair in enumerate(zip(width[::2], width[1::2], strict=True)):
        if any(pair):  # ONNX refuses widths that go around, and has no symmetric
            size = static_dim(call.opdef.name, call.operands[0].type.shape[axis], "a padded axis")
            places = np.pad(np.arange(size), pair, mode)
            x = o.onnx.Gather(x, o.ints(*places), axis=axis)
    return x


def _filled(name: str, value: int | None) -> Form:
    def write(o: Writer, call: Call) -> Tensor:
        number = call["fill_value"] if value is None else value
        array = np.asarray(number).astype(call.type.dtype.numpy)
        if not call.type.rank:
            return o.onnx.Identity(o.constant(array))
        return o.onnx.Expand(o.constant(array), o.dims(call.type.shape))

    return Form(name, write)


def _arange(o: Writer, call: Call) -> Tensor:
    return o.constant(arange.reference(**call.attrs))


def _squeeze(o: Writer, call: Call, x: Tensor) -> Tensor:
    axes = call["axis"]
    if axes is None:
        axes = [i for i, d in enumerate(x.type.shape) if d == 1]
    return o.onnx.Squeeze(x, o.ints(*(a % x.rank for a in axes))) if axes else x


def _expand_dims(o: Writer, call: Call, a: Tensor) -> Tensor:
    return o.onnx.Unsqueeze(a, o.ints(*call["axis"]))


def _flatten(o: Writer, call: Call, data: Tensor) -> Tensor:
    return o.onnx.Flatten(data, axis=1)


def _nonzero(o: Writer, call: Call, x: Tensor) -> Any:
    return _counted(o, call, o.onnx.Transpose(o.onnx.NonZero(x), perm=(1, 0)))


def _non_max_suppression(
    o: Writer, call: Call, boxes: Tensor, scores: Tensor, limit: Tensor, overlap: Tensor,
    least: Tensor,
) -> Any:  # fmt: skip
    most = call["per_class"]
    given = limit if most < 0 else o.onnx.Min(limit, o.ints(most))
    centers = {"center_point_box": 1} if call["centers"] else {}
    return _counted(
        o, call, o.onnx.NonMaxSuppression(boxes, scores, given, overlap, least, **centers)
    )


def _size_of_axis(o: Writer, call: Call, x: Tensor) -> Any:
    axis = call["axis"] % x.rank
    return o.onnx.Shape(x, start=axis, end=axis + 1)


def _leading(o: Writer, call: Call, x: Tensor, limit: Tensor) -> Any:
    most = call["at_most"]
    least = o.onnx.Max(limit, o.ints(0))
    end = least if most < 0 else o.onnx.Min(least, o.ints(most))
    return _counted(o, call, o.onnx.Slice(x, o.ints(0), end, o.ints(0)))


def _counted(o: Writer, call: Call, places: Tensor) -> Any:
    """Rows whose number is a symbol, and the number."""
    size = o.onnx.Shape(places, start=0, end=1)
    dim = call.type.shape[0]
    if isinstance(dim, Sym):
        o.file.counted[dim.name] = size
    return places, o.onnx.Identity(size)  # `size` keeps its name, by which shapes know it


OPS: tuple[Form | NoForm, ...] = (
    Form("np.reshape", _reshape),
    Form("np.expand_dims", _expand_dims),
    Form("np.squeeze", _squeeze),
    Form("npx.batch_flatten", _flatten),
    Form("np.transpose", _transpose),
    Form("np.broadcast_to", _broadcast_to),
    Form("np.concatenate", _concatenate),
    Form("np.stack", _stack),
    Form("np.split", _split),
    Form("np.flip", _flip),
    Form("npx.slice", _slice),
    Form("ir.nonzero", _nonzero),
    Form("ir.non_max_suppression", _non_max_suppression),
    Form("ir.size", _size_of_axis),
    Form("ir.leading", _leading),
    Form("np.take", _take),
    Form("np.take_along_axis", _take_along),
    Form("npx.one_hot", _one_hot),
    Form("ir.scatter", _scatter),
    Form("ir.scatter_add", _scatter_add),
    Form("ir.scatter_add_along", _scatter_add_along),
    Form("ir.slice_assign", _slice_assign),
    Form("ir.sort", _sort),
    Form("np.pad", _pad),
    _filled("np.full", None),
    _filled("np.zeros", 0),
    _filled("np.ones", 1),
    Form("np.arange", _arange),
)
