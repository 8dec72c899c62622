"""Ops that give the same elements another shape: no kernel, the memory is shared."""

from __future__ import annotations

from typing import Any

from baryon.ir import Dim, TensorType, dim_floordiv, dim_mul, dim_prod
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, reshape_like
from baryon.ops.numerics import Arr
from baryon.ops.opdef import VIEW, OpDef, Sample
from baryon.ops.shapes import fail, many_axes, read_dim, text

_RESHAPE = "np.reshape"


def _reshaped_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [reshape_like(o, g[0], x[0])]


def resolve_shape(shape: tuple[Dim, ...], codes: tuple[int | str, ...]) -> tuple[Dim, ...]:
    """The shape that a `newshape` with MXNet's special codes gives an operand of `shape`."""
    source, todo = list(shape), list(codes)
    out: list[Dim | None] = []
    while todo:
        out += _next_dims(source, todo)
    known = dim_prod(tuple(d for d in out if d is not None))
    total = dim_prod(shape)
    if out.count(None) > 1:
        fail(_RESHAPE, f"newshape {codes} has more than one -1")
    inferred = dim_floordiv(total, known) if None in out else 1
    if inferred is None or (None not in out and total != known):
        fail(_RESHAPE, f"{total} elements of shape {text(shape)} do not fit newshape {codes}",
             "one size may be -1, which takes what is left")  # fmt: skip
    return tuple(inferred if d is None else d for d in out)


def _next_dims(source: list[Dim], todo: list[int | str]) -> list[Dim | None]:
    """Consume the next code and the operand's dimensions that it speaks of."""
    code = todo.pop(0)
    if code == -4:
        rest = [*source]
        source.clear()
        return [*rest]
    if code == -5:
        return [dim_mul(_take(source, code), _take(source, code))]
    if code == -6:
        return _split(_take(source, code), todo)
    if code in (-2, -3):
        dim = _take(source, code)
        if code == -3 and dim != 1:
            fail(_RESHAPE, f"code -3 drops an axis of size 1, not {dim}")
        return [dim] if code == -2 else []
    if isinstance(code, int) and code < -6:
        fail(_RESHAPE, f"newshape has the unknown code {code}", "codes are -1 to -6")
    del source[:1]
    return [None if code == -1 else read_dim(_RESHAPE, code)]


def _take(source: list[Dim], code: int | str) -> Dim:
    if not source:
        fail(_RESHAPE, f"code {code} speaks of an axis that the operand does not have")
    return source.pop(0)


def _split(dim: Dim, todo: list[int | str]) -> list[Dim | None]:
    if len(todo) < 2 or todo[:2].count(-1) > 1:
        fail(_RESHAPE, "code -6 needs two sizes after it, at most one of them -1")
    parts = [todo.pop(0), todo.pop(0)]
    known = [read_dim(_RESHAPE, p) for p in parts if p != -1]
    rest = dim_floordiv(dim, dim_prod(tuple(known)))
    if rest is None or (len(known) == 2 and rest != 1):
        fail(_RESHAPE, f"code -6 cannot split {dim} into {tuple(parts)}")
    return [rest if p == -1 else read_dim(_RESHAPE, p) for p in parts]


def _reshape_infer(a: TensorType, newshape: tuple[int | str, ...]) -> TensorType:
    return a.moved_to(resolve_shape(a.shape, newshape))


def _reshape_ref(a: Arr, newshape: tuple[int | str, ...]) -> Any:
    return a.reshape(resolve_shape(a.shape, newshape))


reshape = OpDef(
    name=_RESHAPE,
    doc="The elements of a, in row-major order, under another shape.\n\n"
    "newshape may hold codes: -1 infer this size (once), -2 copy this axis, -3 drop this axis of "
    "size 1, -4 copy all remaining axes, -5 merge two axes, -6 split an axis into the next two "
    "sizes (one may be -1). Sizes and -1 pass over one axis of a. IRTypeError where the number "
    "of elements differs.",
    operands=("a",),
    params=(Param("newshape", "shape", REQUIRED, "the shape, sizes or codes -1 to -6"),),
    infer=_reshape_infer,
    reference=_reshape_ref,
    gradient=_reshaped_grad,
    lowering=VIEW,
    samples=(
        Sample(((2, 3, 4),), {"newshape": (-1, 12)}, batch=(0,)),
        Sample(((2, 3, 4),), {"newshape": (-2, -5)}, batch=(0,)),
        Sample(((2, 3, 4),), {"newshape": (-5, -6, 2, -1)}, dtypes=("i32",), batch=(0,)),
        Sample(((2, 1, 4, 1),), {"newshape": (-2, -3, -4)}, batch=(0,)),
        Sample(((1,),), {"newshape": ()}),
        Sample(((0, 3),), {"newshape": (3, -1)}),
    ),
    source="MXNet 2 np.reshape",
)


def expanded_axes(op: str, axis: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The axes of the result that np.expand_dims inserts."""
    return many_axes(op, axis, rank + len(axis))


def _expand_dims_infer(a: TensorType, axis: tuple[int, ...]) -> TensorType:
    inserted = expanded_axes("np.expand_dims", axis, a.rank)
    rest = iter(a.shape)
    rank = a.rank + len(axis)
    return a.moved_to(tuple(1 if i in inserted else next(rest) for i in range(rank)))


def _expand_dims_ref(a: Arr, axis: tuple[int, ...]) -> Any:
    inserted = expanded_axes("np.expand_dims", axis, a.ndim)
    rest = iter(a.shape)
    return a.reshape([1 if i in inserted else next(rest) for i in range(a.ndim + len(axis))])


expand_dims = OpDef(
    name="np.expand_dims",
    doc="a with axes of size 1 inserted.\n\n"
    "axis counts in the result's axes; IRTypeError for one outside them or given twice.",
    operands=("a",),
    params=(Param("axis", "ints", REQUIRED, "where the new axes stand in the result"),),
    infer=_expand_dims_infer,
    reference=_expand_dims_ref,
    gradient=_reshaped_grad,
    lowering=VIEW,
    samples=(
        Sample(((2, 3),), {"axis": 1}, batch=(0,)),
        Sample(((2, 3),), {"axis": (0, -1)}, batch=(0,)),
        Sample(((),), {"axis": (0,)}, dtypes=("i64",)),
        Sample(((0,),), {"axis": -1}),
    ),
    source="numpy.expand_dims",
)


def _squeeze_axes(shape: tuple[Dim, ...], axis: tuple[int, ...] | None) -> tuple[int, ...]:
    if axis is None:
        return tuple(i for i, d in enumerate(shape) if d == 1)
    axes = many_axes("np.squeeze", axis, len(shape))
    if any(shape[a] != 1 for a in axes):
        fail("np.squeeze", f"axes {axis} of {text(shape)} are not all of size 1")
    return axes


def _squeeze_infer(x: TensorType, axis: tuple[int, ...] | None) -> TensorType:
    gone = _squeeze_axes(x.shape, axis)
    return x.moved_to(tuple(d for i, d in enumerate(x.shape) if i not in gone))


def _squeeze_ref(x: Arr, axis: tuple[int, ...] | None) -> Any:
    return x.squeeze(_squeeze_axes(x.shape, axis))


squeeze = OpDef(
    name="np.squeeze",
    doc="x without axes of size 1.\n\nIRTypeError for an axis of another size.",
    operands=("x",),
    params=(Param("axis", "ints?", None, "the axes to drop; None for all of size 1"),),
    infer=_squeeze_infer,
    reference=_squeeze_ref,
    gradient=_reshaped_grad,
    lowering=VIEW,
    samples=(
        Sample(((2, 1, 3, 1),), batch=(0,)),
        Sample(((2, 1, 3, 1),), {"axis": -1}, batch=(0,)),
        Sample(((1, 1),), {"axis": (0, 1)}, dtypes=("u8",)),
    ),
    source="numpy.squeeze",
)


def _batch_flatten_infer(data: TensorType) -> TensorType:
    if not data.rank:
        fail("npx.batch_flatten", "data must have rank 1 or more")
    return data.moved_to((data.shape[0], dim_prod(data.shape[1:])))


def _batch_flatten_ref(data: Arr) -> Any:
    features = 1
    for d in data.shape[1:]:
        features *= d
    return data.reshape(data.shape[0], features)


batch_flatten = OpDef(
    name="npx.batch_flatten",
    doc="data (N, ...) as a matrix (N, features).\n\nIRTypeError for rank 0.",
    operands=("data",),
    infer=_batch_flatten_infer,
    reference=_batch_flatten_ref,
    gradient=_reshaped_grad,
    lowering=VIEW,
    samples=(Sample(((2, 3, 4),), batch=(0,)), Sample(((3,),)), Sample(((0, 2, 2),))),
    source="MXNet 2 npx.batch_flatten",
)

OPS = (reshape, expand_dims, squeeze, batch_flatten)
