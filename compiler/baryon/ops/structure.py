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
    if axis != 1 or any(p.layout is None for p in parts):
        raise IRTypeError(f"{IN_PLACE} joins channels (axis 1) of channels-last values")
    if any(_no_channels(p) != _no_channels(parts[0]) for p in parts):
        raise IRTypeError(f"{IN_PLACE}: the parts differ in more than their channels")
    total = sum(c for c in (p.shape[1] for p in parts) if isinstance(c, int))
    return parts[0].moved_to((parts[0].shape[0], total, *parts[0].shape[2:]))


def _no_channels(part: TensorType) -> TensorType:
    return part.with_shape((part.shape[0], 0, *part.shape[2:]))


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
    "The parts' types have the pitch of the buffer that all of them share.",
    operands=("*parts",),
    params=(Param("axis", "int", 1, "the axis along which the parts lie, 1"),),
    infer=_in_place_infer,
    reference=_in_place_ref,
    gradient=absent("gradients are taken before memory is planned"),
    lowering=STRUCTURE,
    samples=absent("structural; it needs channels-last operands"),
)

OPS = (constant, returns, relayout, fused, in_place)
