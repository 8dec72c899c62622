"""Ops whose results have a size that depends on elements.

Such an op defines a symbol, which its attribute `size` names: results have the symbol as a
dimension, the last result is its value, and `most` says how large it can be (docs/spec/ir.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Dim, Sym, TensorType, dim_prod, i64
from baryon.ops.attributes import Param
from baryon.ops.numerics import Arr
from baryon.ops.opdef import SIZE_PARAM, OpDef, Sample, absent, kernel
from baryon.ops.shapes import fail, one_axis

COUNT = TensorType((1,), i64)
"""The type of a symbol's value."""


def counted(rows: Arr) -> tuple[Arr, Arr]:
    """An array and how many rows it has."""
    return rows, np.array([len(rows)], np.int64)


def _nonzero_infer(x: TensorType, size: str) -> tuple[TensorType, ...]:
    if not x.rank:
        fail("ir.nonzero", "the operand has no axes", "reshape it to (1,)")
    return TensorType((Sym(size), x.rank), i64), COUNT


def _nonzero_most(x: TensorType, size: str) -> Dim:
    return dim_prod(x.shape)


def _nonzero_ref(x: Arr, size: str) -> Any:
    return counted(np.argwhere(x))


nonzero = OpDef(
    name="ir.nonzero",
    doc="The positions of elements other than zero, in row-major order.\n\n"
    "x has any dtype and one axis or more (IRTypeError otherwise). Results: positions (size, rank) "
    "in int64, and size, at most the number of elements of x.",
    operands=("x",),
    params=(SIZE_PARAM,),
    infer=_nonzero_infer,
    reference=_nonzero_ref,
    gradient=absent("positions are whole numbers"),
    lowering=kernel("nonzero"),
    most=_nonzero_most,
    samples=(
        Sample(((7,),), dtypes=("i32",), high=2, batch=(0,)),
        Sample(((3, 4),), dtypes=("bool",), high=2, batch=(0,)),
        Sample(((2, 3, 2),)),
        Sample(((0, 3),), dtypes=("i64",)),
        Sample(((4,),), dtypes=("f16",)),
        Sample(((5,),), dtypes=("bf16",)),
    ),
    source="numpy.argwhere; ONNX NonZero",
)


def _size_infer(x: TensorType, axis: int) -> TensorType:
    one_axis("ir.size", axis, x.rank)
    return COUNT


def _size_ref(x: Arr, axis: int) -> Any:
    return np.array([x.shape[axis]], np.int64)


size = OpDef(
    name="ir.size",
    doc="The size of an axis, as one int64.\n\n"
    "x has any dtype; IRTypeError for an axis that it lacks.",
    operands=("x",),
    params=(Param("axis", "int", 0, "the axis"),),
    infer=_size_infer,
    reference=_size_ref,
    gradient=absent("a size is a whole number"),
    lowering=kernel("size"),
    samples=(
        Sample(((3, 2),), {"axis": -1}),
        Sample(((3, 2),), {"axis": 0}, dtypes=("i32",), batch=(0,)),
    ),
    source="ONNX Shape",
)


def _leading_infer(
    x: TensorType, limit: TensorType, at_most: int, size: str
) -> tuple[TensorType, ...]:
    if not x.rank or limit != COUNT:
        fail("ir.leading", f"takes an operand with axes and a limit {COUNT}, not {x} and {limit}")
    return x.moved_to((Sym(size), *x.shape[1:])), COUNT


def _leading_most(x: TensorType, limit: TensorType, at_most: int, size: str) -> Dim:
    rows = x.shape[0]
    known = at_most >= 0 and not (isinstance(rows, int) and rows <= at_most)
    return at_most if known else rows


def _leading_ref(x: Arr, limit: Arr, at_most: int, size: str) -> Any:
    most = int(limit[0]) if at_most < 0 else min(int(limit[0]), at_most)
    return counted(x[: max(most, 0)])


leading = OpDef(
    name="ir.leading",
    doc="The first rows of an operand: as many as limit says, or all if there are fewer.\n\n"
    "x has any dtype and one axis or more, limit is one int64 (IRTypeError otherwise); a negative "
    "one counts as 0. Results: rows (size, ...) and size.",
    operands=("x", "limit"),
    params=(
        Param("at_most", "int", -1, "a number that limit does not exceed, or -1 for none known"),
        SIZE_PARAM,
    ),
    infer=_leading_infer,
    reference=_leading_ref,
    gradient=absent("programs with gradients have no sizes that depend on data"),
    lowering=kernel("leading"),
    most=_leading_most,
    samples=(
        Sample(((3, 2), (1,)), dtypes=("f32", "i64"), high=5, batch=(0,)),
        Sample(((4,), (1,)), {"at_most": 2}, dtypes=("i32", "i64"), high=9, batch=(0,)),
        Sample(((0, 2), (1,)), dtypes=("f16", "i64"), high=5),
        Sample(((3, 0), (1,)), dtypes=("f32", "i64"), high=5),
    ),
    source="ONNX Slice with ends that are computed",
)

OPS = (nonzero, size, leading)
