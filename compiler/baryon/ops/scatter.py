"""Ops that write elements at indices: the counterparts of take and slice.

Which element goes where may depend on data; where several go to one place, they do so in the order
of the indices. So results are the same on any number of threads.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from baryon.ir import TensorType, Value
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.indexing import MODES, SLICE_PARAMS, places_of, slice_shape, slices_of, taken_shape
from baryon.ops.manipulation import END
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import Lowering, OpDef, Role, Sample, kernel
from baryon.ops.shapes import fail, need_indices, need_shape, one_axis, same_dtype, static_dim, text

_MODE = Param("mode", "str", "clip", "out-of-range indices, as for np.take", choices=MODES)
_AXIS = Param("axis", "int", 0, "the axis that the indices speak of, not negative")


def _scatter_add_infer(
    indices: TensorType, updates: TensorType, size: int, axis: int, mode: str
) -> TensorType:
    op = "ir.scatter_add"
    need_indices(op, indices)
    end = axis + indices.rank
    if axis < 0 or size < 0 or updates.shape[axis:end] != indices.shape:
        fail(op, f"updates {text(updates.shape)} do not have indices' axes {text(indices.shape)} "
             f"at axis {axis}, or the size {size} is negative")  # fmt: skip
    return updates.with_shape((*updates.shape[:axis], size, *updates.shape[end:]))


def _scatter_add_ref(indices: Arr, updates: Arr, size: int, axis: int, mode: str) -> Any:
    outer, inner = _around(updates.shape, axis, indices.ndim)
    total = np.zeros((prod(outer), size, prod(inner)), updates.dtype)
    places = places_of("ir.scatter_add", indices.reshape(-1), size, mode)
    _add_rows(total, places, updates.reshape(prod(outer), places.size, prod(inner)))
    return total.reshape(*outer, size, *inner)


def _add_rows(total: Arr, places: Arr, updates: Arr) -> None:
    """Add rows to zeros, those of one place in their order; np.add.at is slow but for vectors."""
    if total.shape[0] == total.shape[2] == 1:
        np.add.at(total[0, :, 0], places, updates[0, :, 0])
        return
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(starts, append=places.size)
    if counts.max(initial=0) > _ROUNDS:
        total[:, ordered[starts]] = np.add.reduceat(updates[:, order], starts, axis=1)
        return
    for turn in range(counts.max(initial=0)):  # in each, the next update of every place
        now = order[starts[counts > turn] + turn]
        total[:, places[now]] += updates[:, now]


_ROUNDS = 32
"""Updates of one place up to which adding them in turns is the quicker way."""


def _around(shape: tuple[Any, ...], axis: int, rank: int) -> tuple[Any, Any]:
    """The sizes before and after the axes that indices of that rank stand for."""
    return shape[:axis], shape[axis + rank :]


def _scatter_add_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [None, o.np.take(g[0], x[0], axis=attrs["axis"], mode=attrs["mode"])]


scatter_add = OpDef(
    name="ir.scatter_add",
    doc="Zeros to which updates are added at indices along an axis: np.take's gradient.\n\n"
    "updates has the indices' axes in place of the axis; the result has the axis, with the given "
    "size. Updates of one place are added in the order of the indices. IRTypeError for shapes that "
    "do not fit.",
    operands=("indices", "updates"),
    params=(Param("size", "int", REQUIRED, "the size of the axis"), _AXIS, _MODE),
    infer=_scatter_add_infer,
    reference=rounded(_scatter_add_ref),
    gradient=_scatter_add_grad,
    lowering=kernel("scatter"),
    samples=(
        Sample(((4,), (4, 3)), {"size": 3}, dtypes=("i64", "f32"), batch=(0, 1)),
        Sample(((2, 2), (3, 2, 2, 2)), {"size": 4, "axis": 1, "mode": "wrap"},
               dtypes=("i32", "f64"), high=9, batch=(1,)),
        Sample(((3,), (2, 3)), {"size": 2, "axis": 1}, dtypes=("u8", "i32"), high=5),
        Sample(((), (2,)), {"size": 2, "mode": "raise"}, dtypes=("i32", "f32"), high=2),
        Sample(((0,), (0, 2)), {"size": 2}, dtypes=("i64", "f32")),
        Sample(((3,), (3, 2)), {"size": 2}, dtypes=("i64", "bf16")),
    ),
    source="the gradient of numpy.take; ONNX ScatterND with reduction add",
)  # fmt: skip


def _scatter_infer(
    data: TensorType, indices: TensorType, updates: TensorType, axis: int, mode: str
) -> TensorType:
    op = "ir.scatter"
    same_dtype(op, data=data, updates=updates)
    shape = taken_shape(op, data, indices, one_axis(op, axis, data.rank))
    need_shape(op, "updates", updates, shape, "that of data taken at indices")
    return data.with_shape(data.shape)


def _scatter_ref(data: Arr, indices: Arr, updates: Arr, axis: int, mode: str) -> Any:
    outer, inner = data.shape[:axis], data.shape[axis + 1 :]
    result = data.reshape(prod(outer), data.shape[axis], prod(inner)).copy()
    places = places_of("ir.scatter", indices.reshape(-1), data.shape[axis], mode)
    result[:, places] = updates.reshape(prod(outer), places.size, prod(inner))
    return result.reshape(data.shape)


def _scatter_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    data, indices, updates = x
    kept = o.ir.scatter(g[0], indices, o.np.zeros_like(updates), **attrs)
    taken = o.np.take(g[0], indices, axis=attrs["axis"], mode=attrs["mode"])
    return [kept, None, o.np.where(_last_there(o, data, indices, attrs), taken, 0)]


def _last_there(o: Recorder, data: Value, indices: Value, attrs: Attrs) -> Any:
    """Which of the updates are the last of their place, broadcasting to all updates."""
    op, axis = "ir.scatter", attrs["axis"]
    shape = tuple(static_dim(op, d, "an axis of indices") for d in indices.type.shape)
    size = static_dim(op, data.type.shape[axis], "the indexed axis")
    numbers = np.arange(prod(shape), dtype=np.int64).reshape(shape)
    winners = o.ir.scatter(np.zeros(size, np.int64), indices, numbers, axis=0, mode=attrs["mode"])
    won = o.np.equal(o.np.take(winners, indices, axis=0, mode=attrs["mode"]), numbers)
    return o.np.reshape(won, newshape=(*shape, *[1] * (data.type.rank - axis - 1)))


scatter = OpDef(
    name="ir.scatter",
    doc="data with updates in place of its elements at indices along an axis.\n\n"
    "updates has the shape of np.take(data, indices, axis). Of several updates of one place the "
    "last one stays. IRTypeError for shapes that do not fit.",
    operands=("data", "indices", "updates"),
    params=(_AXIS, _MODE),
    infer=_scatter_infer,
    reference=_scatter_ref,
    gradient=_scatter_grad,
    lowering=kernel("scatter"),
    samples=(
        Sample(((3, 2), (4,), (4, 2)), dtypes=("f32", "i64", "f32")),
        Sample(((2, 3, 2), (2, 2), (2, 2, 2, 2)), {"axis": 1, "mode": "wrap"},
               dtypes=("f32", "i32", "f32"), high=9, batch=(0, 2)),
        Sample(((4,), (), ()), {"mode": "raise"}, dtypes=("i32", "u8", "i32")),
        Sample(((3,), (0,), (0,)), dtypes=("f64", "i64", "f64")),
    ),
    source="assignment to numpy.ndarray[indices]; ONNX ScatterND",
)  # fmt: skip


def _assign_infer(data: TensorType, value: TensorType, **attrs: Any) -> TensorType:
    op = "ir.slice_assign"
    same_dtype(op, data=data, value=value)
    need_shape(op, "value", value, slice_shape(data.shape, **attrs), "that of the slice")
    return data.with_shape(data.shape)


def _assign_ref(data: Arr, value: Arr, **attrs: Any) -> Any:
    result = data.copy()
    result[slices_of(data.shape, **attrs)] = value
    return result


def _assign_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    kept = o.ir.slice_assign(g[0], o.np.zeros_like(x[1]), **attrs)
    return [kept, o.npx.slice(g[0], **attrs)]


slice_assign = OpDef(
    name="ir.slice_assign",
    doc="data with a value in place of data[begin:end:step]; see npx.slice for the attributes.\n\n"
    "value has the dtype of data and the shape of the slice; IRTypeError otherwise.",
    operands=("data", "value"),
    params=SLICE_PARAMS,
    infer=_assign_infer,
    reference=_assign_ref,
    gradient=_assign_grad,
    lowering=Lowering(Role.INJECTIVE, family="injective"),
    samples=(
        Sample(((2, 5), (2, 3)), {"begin": (0, 1), "end": (END, -1)}, batch=(0, 1)),
        Sample(((5, 7), (2, 3)), {"begin": (4, -1), "end": (0, -END), "step": (-2, -3)}),
        Sample(((4,), (0,)), {"begin": (2,), "end": (1,)}),
        Sample(((4,), (2,)), {"begin": (1,), "end": (3,)}, dtypes=("i32",)),
        Sample(((3, 2), (1, 1)), {"begin": (1, 0), "end": (2, 1)}, dtypes=("bf16",)),
    ),
    source="assignment to numpy.ndarray[slices]; MXNet 2 slice_assign",
)

OPS = (scatter_add, scatter, slice_assign)
