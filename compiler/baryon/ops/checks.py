"""Ops that check elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import TensorType, boolean
from baryon.ops.attributes import Param
from baryon.ops.numerics import Arr
from baryon.ops.opdef import OpDef, Sample, absent
from baryon.ops.shapes import fail


def _constraint_infer(x: TensorType, msg: str) -> TensorType:
    if x.dtype != boolean:
        fail("npx.constraint_check", f"x must be bool, not {x.dtype}", "compare the elements")
    return TensorType((), boolean)


def _constraint_ref(x: Arr, msg: str) -> Any:
    if not x.all():
        raise ValueError(msg)
    return np.asarray(True)


constraint_check = OpDef(
    name="npx.constraint_check",
    doc="True where every element is true.\n\n"
    "Otherwise ValueError with the message. IRTypeError for operands that are not bool.",
    operands=("x",),
    params=(Param("msg", "str", "Constraint violated!", "what the error says"),),
    infer=_constraint_infer,
    reference=_constraint_ref,
    gradient=absent("it is true or false and has no gradient"),
    lowering=absent("kernels raise no errors about elements"),
    samples=(Sample(((0, 2),), dtypes=("bool",)),),
    source="MXNet 2 npx.constraint_check",
)

OPS = (constraint_check,)
