"""Ops that give the IR its structure: constants, returns, layout changes and fused groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import CONSTANT, RETURN, Array, IRTypeError, Op, TensorType
from baryon.ops.attributes import Param
from baryon.ops.opdef import (
    STRUCTURE,
    Lowering,
    OpDef,
    Role,
    Sample,
    absent,
)

FUSED = "ir.fused"
IN_PLACE = "ir.concat_in_place"
ROWS = "ir.rows"
RELAYOUT = "ir.relayout"


class _Constant(OpDef):
    """`ir.constant`: its type is that of the payload, which the verifier compares (ir.v5)."""

    def result_types(self, op: Op) -> tuple[TensorType, ...]:
        self.normalize(op.attrs)
        return tuple(r.type for r in op.results)


class _Fused(OpDef):
    """`ir.fused`: its region takes the operands and returns the results."""

    def result_types(self, op: Op) -> tuple[TensorType, ...]:
        self.normalize(op.attrs)
        (body,) = op.regions
        given, wanted = ([v.type for v in vs] for vs in (op.operands, body.args))
        if given != wanted:
            raise IRTypeError(f"the region takes {wanted} but is given {given}")
        return tuple(v.type for v in body.outputs)


def _no_types(*operands: Any) -> tuple[TensorType, ...]:
    return ()


def _no_meaning(*operands: Any, **attrs: Any) -> Array:
    raise NotImplementedError("the interpreter treats structural ops itself")


def _relayout_infer(x: TensorType) -> TensorType:
    return x.with_layout(None)


def _relayout_ref(x: Array) -> Array:
    return x


def _relayout_grad(o: Any, operands: Any, results: Any, grads: Any, attrs: Any) -> list[Any]:
    return [o.ir.relayout(grads[0])]


def _in_place_infer(parts: tuple[TensorType, ...], axis: int) -> TensorType:
    if axis not in (0, 1) or (axis == 1 and any(p.layout is None for p in parts)):
        raise IRTypeError(f"{IN_PLACE} joins rows (axis 0), or channels of channels-last values")
    if any(_without(p, axis) != _without(parts[0], axis) for p in parts):
        raise IRTypeError(f"{IN_PLACE}: the parts differ in more than axis {axis}")
    total = sum(n for n in (p.shape[axis] for p in parts) if isinstance(n, int))
    shape = parts[0].shape
    return parts[0].moved_to((*shape[:axis], total, *shape[axis + 1 :]))


def _without(part: TensorType, axis: int) -> TensorType:
    return part.with_shape((*part.shape[:axis], 0, *part.shape[axis + 1 :]))


def _rows_infer(x: TensorType, start: int, count: int) -> TensorType:
    have = x.shape[0] if x.rank else 0
    if not isinstance(have, int) or start < 0 or count < 0 or start + count > have:
        raise IRTypeError(f"{ROWS}: {x} has no rows {start} to {start + count}")
    return x.moved_to((count, *x.shape[1:]))


def _rows_ref(x: Array, start: int, count: int) -> Array:
    return x[start : start + count]


def _in_place_ref(parts: tuple[Array, ...], axis: int) -> Array:
    return np.concatenate(parts, axis)


constant = _Constant(
    name=CONSTANT,
    doc="A constant of the module.",
    operands=(),
    params=(Param("name", "str", "", "the constant's name in the module"),),
    infer=_no_types,
    reference=_no_meaning,
    gradient=absent("a constant has no operands"),
    lowering=STRUCTURE,
    samples=absent("structural"),
)
returns = OpDef(
    name=RETURN,
    doc="Ends a region and says what it returns.",
    operands=("*values",),
    infer=_no_types,
    reference=_no_meaning,
    gradient=absent("the caller of a region propagates gradients"),
    lowering=STRUCTURE,
    samples=absent("structural"),
)
relayout = OpDef(
    name=RELAYOUT,
    doc="The same value in another memory layout; the result's type says which.",
    operands=("x",),
    infer=_relayout_infer,
    reference=_relayout_ref,
    gradient=_relayout_grad,
    lowering=Lowering(Role.INJECTIVE, family="relayout"),
    samples=(Sample(((2, 3, 4, 5),)),),
)
fused = _Fused(
    name=FUSED,
    doc="A group of ops that becomes one kernel; the region is the group.",
    operands=("*operands",),
    params=(
        Param("kind", "str", "", "the kernel family that makes the group"),
        Param("prologue", "int", 0, "leading ops of the region that the anchor's input passes"),
    ),
    infer=_no_types,
    reference=_no_meaning,
    gradient=absent("gradients are taken before fusion"),
    lowering=STRUCTURE,
    samples=absent("structural"),
)
in_place = OpDef(
    name=IN_PLACE,
    doc="A concatenation whose parts lie in slices of the result already; it moves nothing.\n\n"
    "Along channels, the parts' types have the pitch of the buffer that all of them share.",
    operands=("*parts",),
    params=(Param("axis", "int", 1, "the axis along which the parts lie, 0 or 1"),),
    infer=_in_place_infer,
    reference=_in_place_ref,
    gradient=absent("gradients are taken before memory is planned"),
    lowering=STRUCTURE,
    samples=absent("structural; it needs channels-last operands"),
)
rows = OpDef(
    name=ROWS,
    doc="Rows start to start + count of axis 0, where they are; it moves nothing.",
    operands=("x",),
    params=(
        Param("start", "int", 0, "the first row"),
        Param("count", "int", 1, "how many rows"),
    ),
    infer=_rows_infer,
    reference=_rows_ref,
    gradient=absent("gradients are taken before memory is planned"),
    lowering=STRUCTURE,
    samples=(Sample(((4, 3),), {"start": 1, "count": 2}),),
)

OPS = (constant, returns, relayout, fused, in_place, rows)
