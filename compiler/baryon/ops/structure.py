"""Ops that give the IR its structure: constants, returns, layout changes and fused groups."""

from __future__ import annotations

from typing import Any

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
    params=(Param("kind", "str", "", "the kernel family that makes the group"),),
    infer=_no_types,
    reference=_no_meaning,
    gradient=absent("gradients are taken before fusion"),
    lowering=STRUCTURE,
    samples=absent("structural"),
)

OPS = (constant, returns, relayout, fused)
