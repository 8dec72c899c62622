"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Dim, TensorType, Value, dim_prod
from baryon.ops.attributes import Param
from baryon.ops.decompose import gradient_of
from baryon.ops.gradients import (
    Attrs,
    Grads,
    Recorder,
    Values,
    reshape_like,
    sum_to,
    swap_last,
)
from baryon.ops.numerics import Arr, rounded
from baryon.ops.opdef import OpDef, Sample, absent, kernel
from baryon.ops.shapes import (
    broadcast,
    fail,
    need_float,
    need_shape,
    same_dtype,
    static_dim,
    text,
    write_shape,
)

_ONE_DTYPE = "Operands of one dtype (IRTypeError otherwise)"


def _no_fit(op: str, a: TensorType, b: TensorType, left: Dim, right: Dim) -> None:
    if left != right:
        shapes = f"{text(a.shape)} and {text(b.shape)}"
        hint = "transpose or reshape one of them"
        fail(op, f"{shapes} do not fit: {left} columns meet {right} rows", hint)


def _matmul_infer(a: TensorType, b: TensorType) -> TensorType:
    op = "np.matmul"
    dtype = same_dtype(op, a=a, b=b)
    if not a.rank or not b.rank:
        fail(op, f"operands must have rank 1 or more, not {a} and {b}", "use np.multiply")
    rows, columns = a.shape[-2:-1], b.shape[-1:] if b.rank > 1 else ()
    _no_fit(op, a, b, a.shape[-1], b.shape[-2] if b.rank > 1 else b.shape[0])
    return TensorType((*broadcast(op, a.shape[:-2], b.shape[:-2]), *rows, *columns), dtype)


def _matrix_pair(o: Recorder, x: Values, g: Value) -> tuple[Any, Any, Any]:
    """Both operands as matrices or stacks of them, and the gradient of their product."""
    a, b, grad = x[0], x[1], g
    if a.type.rank == 1:
        a, grad = o.np.expand_dims(a, axis=0), o.np.expand_dims(grad, axis=-1 - (b.type.rank > 1))
    if b.type.rank == 1:
        b, grad = o.np.expand_dims(b, axis=1), o.np.expand_dims(grad, axis=-1)
    return a, b, grad


def _matmul_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    a, b, grad = _matrix_pair(o, x, g[0])
    da = sum_to(o, o.np.matmul(grad, swap_last(o, b)), a)
    db = sum_to(o, o.np.matmul(swap_last(o, a), grad), b)
    return [reshape_like(o, da, x[0]), reshape_like(o, db, x[1])]


matmul = OpDef(
    name="np.matmul",
    doc="Matrix product of the last two axes; the axes before them broadcast.\n\n"
    "A vector counts as one row (first operand) or one column (second), and that axis does not "
    f"appear in the result. {_ONE_DTYPE}; IRTypeError where shapes do not fit.",
    operands=("a", "b"),
    infer=_matmul_infer,
    reference=rounded(np.matmul),
    gradient=_matmul_grad,
    lowering=kernel("implicit_gemm"),
    samples=(
        Sample(((3, 4), (4, 2)), batch=(0,)),
        Sample(((2, 3, 4), (4, 5)), batch=(0,)),
        Sample(((2, 1, 3, 4), (5, 4, 2)), dtypes=("f64",), batch=(0,)),
        Sample(((4,), (4, 2))),
        Sample(((2, 3, 4), (4,)), batch=(0,)),
        Sample(((4,), (4,))),
        Sample(((3,), (2, 3, 4))),
        Sample(((3, 0), (0, 2))),
        Sample(((2, 2), (2, 2)), dtypes=("i32",)),
        Sample(((2, 2), (2, 2)), dtypes=("bf16",)),
    ),
    source="numpy.matmul; ONNX MatMul",
)


def _dot_infer(a: TensorType, b: TensorType) -> TensorType:
    dtype = same_dtype("np.dot", a=a, b=b)
    if not a.rank or not b.rank:
        return TensorType((*a.shape, *b.shape), dtype)
    folded = b.rank - 2 if b.rank > 1 else 0
    _no_fit("np.dot", a, b, a.shape[-1], b.shape[folded])
    rest = tuple(d for i, d in enumerate(b.shape) if i != folded)
    return TensorType((*a.shape[:-1], *rest), dtype)


def _dot_expansion(o: Recorder, x: Values, attrs: Attrs) -> list[Any]:
    """dot as products of matrices: np.matmul where b has at most two axes."""
    a, b = x
    if not a.type.rank or not b.type.rank:
        return [o.np.multiply(a, b)]
    if b.type.rank < 3:
        return [o.np.matmul(a, b)]
    folded = b.type.rank - 2
    front = (folded, *(i for i in range(b.type.rank) if i != folded))
    rest = tuple(b.type.shape[i] for i in front[1:])
    inner = static_dim("np.dot", a.type.shape[-1], "the folded axis")
    wide = static_dim("np.dot", dim_prod(rest), "the columns")
    rows = o.np.reshape(a, newshape=(*write_shape((dim_prod(a.type.shape[:-1]),)), inner))
    columns = o.np.reshape(o.np.transpose(b, axes=front), newshape=(inner, wide))
    shape = write_shape((*a.type.shape[:-1], *rest))
    return [o.np.reshape(o.np.matmul(rows, columns), newshape=shape)]


dot = OpDef(
    name="np.dot",
    doc="Sum of products over the last axis of a and the second-to-last (or only) axis of b.\n\n"
    f"Scalars multiply. {_ONE_DTYPE}; IRTypeError where the folded axes differ.",
    operands=("a", "b"),
    infer=_dot_infer,
    reference=rounded(np.dot),
    gradient=gradient_of(_dot_expansion),
    lowering=absent("it is np.matmul of matrices"),
    expansion=_dot_expansion,
    samples=(
        Sample(((3, 4), (4, 2)), batch=(0,)),
        Sample(((2, 3, 4), (5, 4, 2)), dtypes=("f64",), batch=(0,)),
        Sample(((4,), (4,))),
        Sample(((2, 4), (4,))),
        Sample(((), (2, 3))),
    ),
    source="numpy.dot",
)


def _batch_dot_infer(
    a: TensorType, b: TensorType, transpose_a: bool, transpose_b: bool
) -> TensorType:
    op = "npx.batch_dot"
    dtype = same_dtype(op, a=a, b=b)
    if min(a.rank, b.rank) < 3 or a.shape[:-2] != b.shape[:-2]:
        fail(op, f"operands must be (*batch, rows, columns) of one batch, not {a} and {b}")
    rows, left = a.shape[:-3:-1] if transpose_a else a.shape[-2:]
    right, columns = b.shape[:-3:-1] if transpose_b else b.shape[-2:]
    _no_fit(op, a, b, left, right)
    return TensorType((*a.shape[:-2], rows, columns), dtype)


def _batch_dot_ref(a: Arr, b: Arr, transpose_a: bool, transpose_b: bool) -> Any:
    left = a.swapaxes(-1, -2) if transpose_a else a
    return np.matmul(left, b.swapaxes(-1, -2) if transpose_b else b)


def _batch_dot_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    ta, tb, dot = attrs["transpose_a"], attrs["transpose_b"], o.npx.batch_dot
    a, b, grad = x[0], x[1], g[0]
    da = (
        dot(b, grad, transpose_a=tb, transpose_b=True)
        if ta
        else dot(grad, b, transpose_a=False, transpose_b=not tb)
    )
    db = (
        dot(grad, a, transpose_a=True, transpose_b=ta)
        if tb
        else dot(a, grad, transpose_a=not ta, transpose_b=False)
    )
    return [da, db]


batch_dot = OpDef(
    name="npx.batch_dot",
    doc="Matrix products of two stacks: (*batch, rows, k) and (*batch, k, columns).\n\n"
    "MXNet has one axis of batch; here there may be several. "
    f"{_ONE_DTYPE}; IRTypeError where shapes do not fit.",
    operands=("a", "b"),
    params=(
        Param("transpose_a", "bool", False, "a is (batch, k, rows)"),
        Param("transpose_b", "bool", False, "b is (batch, columns, k)"),
    ),
    infer=_batch_dot_infer,
    reference=rounded(_batch_dot_ref),
    gradient=_batch_dot_grad,
    lowering=kernel("implicit_gemm"),
    samples=(
        Sample(((2, 3, 4), (2, 4, 5)), batch=(0, 1)),
        Sample(((2, 4, 3), (2, 4, 5)), {"transpose_a": True}),
        Sample(((2, 3, 4), (2, 5, 4)), {"transpose_b": True}),
        Sample(((2, 4, 3), (2, 5, 4)), {"transpose_a": True, "transpose_b": True}),
        Sample(
            ((2, 3, 4, 3), (2, 3, 5, 4)), {"transpose_a": True, "transpose_b": True}, batch=(0, 1)
        ),
    ),
    source="MXNet 2 npx.batch_dot",
)


def _fully_connected_infer(
    x: TensorType, weight: TensorType, bias: TensorType | None, **attrs: Any
) -> TensorType:
    op = "npx.fully_connected"
    dtype = need_float(op, x=x, weight=weight, bias=bias)
    if x.rank < 1 + attrs["flatten"] or weight.rank != 2:
        fail(op, f"x must have rank {1 + attrs['flatten']} or more and weight rank 2, "
             f"not {x} and {weight}")  # fmt: skip
    features = dim_prod(x.shape[1:]) if attrs["flatten"] else x.shape[-1]
    hidden, given = weight.shape[0], attrs["num_hidden"]
    need_shape(op, "weight", weight, (hidden, features), f"for x of {text(x.shape)}")
    need_shape(op, "bias", bias, (hidden,), "one for each row of weight")
    if given is not None and given != hidden:
        fail(op, f"num_hidden is {given} but weight has {hidden} rows")
    return TensorType((*(x.shape[:1] if attrs["flatten"] else x.shape[:-1]), hidden), dtype)


def _fully_connected_ref(x: Arr, weight: Arr, bias: Arr | None, **attrs: Any) -> Any:
    rows = x.reshape(x.shape[0], weight.shape[1]) if attrs["flatten"] else x
    out = np.matmul(rows, weight.T)
    return out if bias is None else out + bias


def _fully_connected_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    hidden, features = x[1].type.static_shape
    rows = o.np.reshape(x[0], newshape=(-1, features))
    grad = o.np.reshape(g[0], newshape=(-1, hidden))
    data = reshape_like(o, o.np.matmul(grad, x[1]), x[0])
    weight = o.np.matmul(swap_last(o, grad), rows)
    return [data, weight, *([o.np.sum(grad, axis=(0,))] if len(x) == 3 else [])]


fully_connected = OpDef(
    name="npx.fully_connected",
    doc="x times the transpose of weight, plus bias.\n\n"
    "x (N, ...) is flattened to (N, features), or with flatten=False (..., features) is taken "
    "along its last axis; weight (hidden, features), bias (hidden,). All operands have one "
    "floating dtype. IRTypeError where shapes disagree.",
    operands=("x", "weight", "bias?"),
    params=(
        Param("num_hidden", "int?", None, "rows of weight, checked if given"),
        Param("flatten", "bool", True, "take all axes of x but the first as features"),
    ),
    infer=_fully_connected_infer,
    reference=rounded(_fully_connected_ref),
    gradient=_fully_connected_grad,
    lowering=kernel("implicit_gemm"),
    samples=(
        Sample(((2, 4), (3, 4), (3,)), {"num_hidden": 3}, batch=(0,)),
        Sample(((2, 3, 2), (4, 6)), batch=(0,)),
        Sample(((2, 3, 4), (5, 4), (5,)), {"flatten": False}, batch=(0,)),
        Sample(((4,), (5, 4)), {"flatten": False}, dtypes=("f64",)),
        Sample(((2, 2), (2, 2)), dtypes=("f16",)),
    ),
    source="MXNet 2 npx.fully_connected; ONNX Gemm",
)

OPS = (matmul, dot, batch_dot, fully_connected)
