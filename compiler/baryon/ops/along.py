"""Ops along the lines of one axis: look-ups at one index per element, order, running sums."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from baryon.ir import Dim, DType, TensorType, Value, boolean, i64
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, cast_like
from baryon.ops.indexing import MODES, in_range, places_of
from baryon.ops.numerics import Arr, is_float, rounded
from baryon.ops.opdef import OpDef, Sample, injective, kernel
from baryon.ops.shapes import fail, need_indices, need_shape, one_axis, static_dim, text

_AXIS = Param("axis", "int", -1, "the axis of the lines")
_MODE = Param("mode", "str", "raise", "out-of-range indices, as for np.take", choices=MODES)


def _need_lines(op: str, arr: tuple[Dim, ...], indices: TensorType, axis: int) -> None:
    """Refuse indices that differ from an array's shape elsewhere than along the axis."""
    need_indices(op, indices)
    rest = (*arr[:axis], *arr[axis + 1 :])
    shape = indices.shape
    if len(shape) != len(arr) or (*shape[:axis], *shape[axis + 1 :]) != rest:
        fail(op, f"indices {text(shape)} and the array {text(arr)} must agree but for axis {axis}")


def _along_infer(arr: TensorType, indices: TensorType, axis: int, mode: str) -> TensorType:
    op = "np.take_along_axis"
    _need_lines(op, arr.shape, indices, one_axis(op, axis, arr.rank))
    return arr.with_shape(indices.shape)


def _along_ref(arr: Arr, indices: Arr, axis: int, mode: str) -> Any:
    places = places_of("np.take_along_axis", indices, arr.shape[axis], mode)
    return np.take_along_axis(arr, places, axis)


def _along_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    axis = attrs["axis"] % x[0].type.rank
    size = static_dim("np.take_along_axis", x[0].type.shape[axis], "the indexed axis")
    if x[1].type.shape[axis] != 1:
        more = {"size": size, "axis": axis, "mode": attrs["mode"]}
        return [o.ir.scatter_add_along(x[1], g[0], **more), None]
    numbers = np.arange(size).reshape(-1, *[1] * (x[0].type.rank - axis - 1))
    places = _wrapped(o, x[1], size, attrs["mode"])  # one to a line: element-wise, so it fuses
    return [o.np.where(o.np.equal(places, numbers), g[0], 0), None]


def _wrapped(o: Recorder, indices: Value, size: int, mode: str) -> Any:
    """Indices in [0, size) that name what the mode makes of them."""
    indices = o.npx.cast(indices, dtype="i64")
    if mode == "raise":
        indices = o.np.where(o.np.less(indices, 0), o.np.add(indices, size), indices)
    if mode == "wrap":
        return o.np.take(np.arange(size), indices, axis=0, mode=mode)
    return o.np.clip(indices, a_min=0, a_max=size - 1)


def _along_expr(t: Any, loads: Any, index: Any, in_shapes: Any, axis: int, mode: str) -> Any:
    at = axis % len(index)
    place = in_range(t, loads[1](*index), in_shapes[0][at], mode)
    return loads[0](*index[:at], place, *index[at + 1 :])


take_along_axis = OpDef(
    name="np.take_along_axis",
    doc="Elements of arr along an axis, at one index for each element of the result.\n\n"
    "indices have arr's shape but for the axis, and the result has theirs. mode is that of "
    "np.take. IRTypeError for shapes that disagree and for indices that are not whole numbers.",
    operands=("arr", "indices"),
    params=(_AXIS, _MODE),
    infer=_along_infer,
    reference=_along_ref,
    gradient=_along_grad,
    lowering=injective(_along_expr),
    samples=(
        Sample(((2, 4), (2, 3)), {"axis": 1}, dtypes=("f32", "i64"), batch=(0, 1)),
        Sample(((3, 2), (1, 2)), {"axis": 0, "mode": "clip"}, dtypes=("f32", "i32"), high=5),
        Sample(((2, 3), (2, 1)), {"mode": "wrap"}, dtypes=("f32", "i32"), high=9, batch=(0, 1)),
        Sample(((2, 3), (2, 1)), dtypes=("f64", "u8")),
        Sample(((2, 3, 2), (2, 5, 2)), {"axis": -2, "mode": "wrap"}, dtypes=("i32", "i64"), high=9),
        Sample(((2, 3), (2, 0)), dtypes=("f32", "i64")),
    ),
    source="numpy.take_along_axis; ONNX GatherElements",
)


def _scatter_along_infer(
    indices: TensorType, updates: TensorType, size: int, axis: int, mode: str
) -> TensorType:
    op = "ir.scatter_add_along"
    need_indices(op, indices)
    need_shape(op, "updates", updates, indices.shape, "that of indices")
    at = one_axis(op, axis, updates.rank)
    return updates.with_shape((*updates.shape[:at], size, *updates.shape[at + 1 :]))


def _scatter_along_ref(indices: Arr, updates: Arr, size: int, axis: int, mode: str) -> Any:
    places = places_of("ir.scatter_add_along", indices, size, mode)
    at = axis % updates.ndim
    shape = (*updates.shape[:at], size, *updates.shape[at + 1 :])
    where = [*np.indices(updates.shape, sparse=True)]
    where[at] = places
    flat = np.ravel_multi_index(tuple(np.broadcast_arrays(*where)), shape).reshape(-1)
    if not is_float(updates):
        total = np.zeros(prod(shape), updates.dtype)
        np.add.at(total, flat, updates.reshape(-1))
        return total.reshape(shape)
    sums = np.bincount(flat, updates.reshape(-1), prod(shape))  # in float64, and quick
    return sums.astype(updates.dtype).reshape(shape)


def _scatter_along_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [None, o.np.take_along_axis(g[0], x[0], axis=attrs["axis"], mode=attrs["mode"])]


scatter_add_along = OpDef(
    name="ir.scatter_add_along",
    doc="Zeros to which each update is added at its index along an axis.\n\n"
    "The gradient of np.take_along_axis: updates have the shape of indices, the result the given "
    "size along the axis. IRTypeError for shapes that disagree.",
    operands=("indices", "updates"),
    params=(Param("size", "int", REQUIRED, "the size of the axis"), _AXIS, _MODE),
    infer=_scatter_along_infer,
    reference=rounded(_scatter_along_ref),
    gradient=_scatter_along_grad,
    lowering=kernel("scatter"),
    samples=(
        Sample(((2, 3), (2, 3)), {"size": 4}, dtypes=("i64", "f32"), batch=(0, 1)),
        Sample(((2, 3, 2), (2, 3, 2)), {"size": 2, "axis": 1, "mode": "wrap"},
               dtypes=("i32", "f64"), high=9),
        Sample(((3, 2), (3, 2)), {"size": 2, "axis": 0, "mode": "clip"}, dtypes=("u8", "i32"),
               high=5),
        Sample(((2, 0), (2, 0)), {"size": 2}, dtypes=("i64", "f32")),
    ),
    source="the gradient of numpy.take_along_axis; ONNX ScatterElements with reduction add",
)  # fmt: skip


def _sort_infer(data: TensorType, axis: int, descending: bool) -> tuple[TensorType, TensorType]:
    one_axis("ir.sort", axis, data.rank)
    return data.with_shape(data.shape), TensorType(data.shape, i64)


def _sort_ref(data: Arr, axis: int, descending: bool) -> Any:
    order = _order(data, axis, descending)
    return np.take_along_axis(data, order, axis), order


def _order(data: Arr, axis: int, descending: bool) -> Arr:
    """Positions in a stable order; NaN counts as the largest."""
    if not descending:
        return np.argsort(data, axis, kind="stable").astype(np.int64)
    backward = np.argsort(np.flip(data, axis), axis, kind="stable")
    turned: Arr = data.shape[axis] - 1 - np.flip(backward, axis)
    return turned.astype(np.int64)


def _sort_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    axis = attrs["axis"] % x[0].type.rank
    size = static_dim("ir.sort", x[0].type.shape[axis], "the sorted axis")
    return [o.ir.scatter_add_along(y[1], g[0], size=size, axis=axis)]


sort = OpDef(
    name="ir.sort",
    doc="The elements of each line in order, and their positions in the line as int64.\n\n"
    "Equal elements keep their order; NaN counts as the largest. IRTypeError for an unknown axis.",
    operands=("data",),
    params=(_AXIS, Param("descending", "bool", False, "the largest first")),
    infer=_sort_infer,
    reference=_sort_ref,
    gradient=_sort_grad,
    lowering=kernel("sort"),
    samples=(
        Sample(((2, 5),), batch=(0,)),
        Sample(((2, 5, 3),), {"axis": 1, "descending": True}, batch=(0,)),
        Sample(((4, 9),), {"descending": True}, dtypes=("i32",)),
        Sample(((3, 7),), {"axis": 0}, dtypes=("u8",)),
        Sample(((9,),), dtypes=("f64",)),
        Sample(((9,),), {"descending": True}, dtypes=("u64",)),
        Sample(((9,),), dtypes=("f16",)),
        Sample(((2, 0),)),
        Sample(((1,),), dtypes=("bool",)),
    ),
    source="numpy.argsort, kind stable; ONNX TopK",
)


def _cumsum_infer(a: TensorType, axis: int, dtype: DType | None) -> TensorType:
    one_axis("np.cumsum", axis, a.rank)
    return TensorType(a.shape, dtype or (i64 if a.dtype == boolean else a.dtype))


def _cumsum_ref(a: Arr, axis: int, dtype: DType | None) -> Any:
    chosen = np.dtype(np.int64) if a.dtype == np.bool_ else a.dtype
    return np.cumsum(a, axis, dtype.numpy if dtype else chosen)


def _cumsum_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    axis = attrs["axis"]
    later = o.np.flip(o.np.cumsum(o.np.flip(g[0], axis=axis), axis=axis), axis=axis)
    return [cast_like(o, later, x[0])]


cumsum = OpDef(
    name="np.cumsum",
    doc="Running sums along an axis.\n\n"
    "The dtype is that of a, int64 for bool, unless one is given. IRTypeError for an unknown axis.",
    operands=("a",),
    params=(_AXIS, Param("dtype", "dtype?", None, "the element type to compute in and to return")),
    infer=_cumsum_infer,
    reference=rounded(_cumsum_ref),
    gradient=_cumsum_grad,
    lowering=kernel("scan"),
    samples=(
        Sample(((2, 5),), batch=(0,)),
        Sample(((2, 3, 4),), {"axis": 1}, batch=(0,)),
        Sample(((3, 20),), {"axis": 0}, dtypes=("i32",), batch=(0,)),
        Sample(((3, 2),), {"axis": 0, "dtype": "f64"}),
        Sample(((5,),), dtypes=("bool",)),
        Sample(((2, 0),)),
        Sample(((2, 3),), dtypes=("f16",)),
    ),
    source="numpy.cumsum; ONNX CumSum",
)

OPS = (take_along_axis, scatter_add_along, sort, cumsum)
