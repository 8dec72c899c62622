"""A fused group as codegen sees it: operands, body, and its ops as TIR expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from baryon.codegen.expr import Expr, Math
from baryon.ir import Array, DType, Op, TensorType, Value, dtype_of
from baryon.ops import TABLE, Role


@dataclass(frozen=True, eq=False)
class Group:
    """One `ir.fused` op.

    constants: payloads of the operands that are constants of the module.
    """

    op: Op
    constants: Mapping[Value, Array]

    @property
    def kind(self) -> str:
        """The kernel family."""
        return str(self.op.attrs["kind"])

    @property
    def args(self) -> Sequence[Value]:
        """The region's arguments, one for each operand."""
        return self.op.regions[0].args

    @property
    def body(self) -> Sequence[Op]:
        """The group's ops without the return."""
        return self.op.regions[0].ops[:-1]

    @property
    def outputs(self) -> Sequence[Value]:
        """The values inside the region that become the results."""
        return self.op.regions[0].outputs

    @cached_property
    def anchor(self) -> Op | None:
        """The op that decides the kernel's loops: the only one that is not element-wise."""
        heavy = [op for op in self.body if TABLE[op.name].role is not Role.ELEMENTWISE]
        assert len(heavy) <= 1, f"{self.kind} has the anchors {[op.name for op in heavy]}"
        return heavy[0] if heavy else None

    def payload(self, arg: Value) -> Array | None:
        """The constant behind a region argument, or None."""
        return self.constants.get(self.op.operands[list(self.args).index(arg)])

    def scalar(self, arg: Value) -> float | None:
        """The value of a one-element constant operand, which kernels hold as an immediate."""
        array = self.payload(arg)
        is_scalar = array is not None and array.size == 1
        return array.reshape(-1)[0].item() if array is not None and is_scalar else None

    def leaves(self) -> list[Value]:
        """Region arguments that kernels read from memory, in order: all but scalar constants."""
        return [arg for arg in self.args if self.scalar(arg) is None]


def evaluate(
    ops: Sequence[Op], values: dict[Value, Expr], leaf: Callable[[Value], Expr]
) -> dict[Value, Expr]:
    """Expressions of the results of element-wise ops.

    values: expressions known already. leaf: loads a value that none of `ops` defines.
    """
    for op in ops:
        operands = [
            values[v] if v in values else values.setdefault(v, leaf(v)) for v in op.operands
        ]
        values[op.result] = apply(op, operands)
    return values


def apply(op: Op, operands: Sequence[Expr]) -> Expr:
    """The expression of one element-wise op, operands brought to their common element type."""
    opdef = TABLE[op.name]
    assert not isinstance(opdef.lowering, type(None))
    types = [v.type.dtype for v in op.operands]
    common = common_dtype(types)
    promoted = [
        x if t.kind == "bool" or common is None else Math.cast(x, common)
        for x, t in zip(operands, types, strict=True)
    ]
    expr = opdef.lowering.expr(Math, *promoted, **opdef.normalize(op.attrs))  # type: ignore[union-attr, misc]
    return Math.cast(expr, op.result.type.dtype)


def common_dtype(types: Sequence[DType]) -> DType | None:
    """The element type in which operands meet, bools aside; an int beside a float takes its type."""
    numeric = [t for t in types if t.kind != "bool"]
    floats = [t for t in numeric if t.is_float]
    chosen = floats or numeric
    if not chosen:
        return None
    return dtype_of(np.result_type(*(t.numpy for t in chosen)))


def leaf_types(group: Group) -> list[TensorType]:
    """Types of `group.leaves()`."""
    return [v.type for v in group.leaves()]
