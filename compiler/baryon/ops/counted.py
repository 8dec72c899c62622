"""Ops whose results have a size that depends on elements.

Such an op defines a symbol, which its attribute `size` names: results have the symbol as a
dimension, the last result is its value, and `most` says how large it can be (docs/spec/ir.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import Dim, Sym, TensorType, dim_prod, i64
from baryon.ops.numerics import Arr
from baryon.ops.opdef import SIZE_PARAM, OpDef, Sample, absent, kernel
from baryon.ops.shapes import fail

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

OPS = (nonzero,)
