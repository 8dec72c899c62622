"""A fused group as codegen sees it: operands, body, and its ops as TIR expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from baryon.codegen.expr import Expr, Math, bind
from baryon.ir import (
    Array,
    Dim,
    DType,
    Op,
    TensorType,
    Value,
    boolean,
    bounded,
    dtype_of,
    f32,
    i8,
    i16,
    i32,
    i64,
)
from baryon.ops import TABLE, Role

SIGNED = {8: i16, 16: i32, 32: i64, 64: i64}
NEEDS_SIGN = ("np.negative", "np.sign")
KEEPS_TRUTH = ("np.invert",)  # of a truth value it is not that of a number


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

    @property
    def main(self) -> Op:
        """The anchor, in families that have one."""
        assert self.anchor is not None, f"a group of kind {self.kind} without an anchor"
        return self.anchor

    @cached_property
    def attrs(self) -> Mapping[str, Any]:
        """The anchor's attributes, normalized."""
        return TABLE[self.main.name].normalize(self.main.attrs)

    @cached_property
    def bounds(self) -> Mapping[str, Dim]:
        """The symbols that the group's ops define, and their greatest values."""
        return dict(filter(None, (TABLE[op.name].defined(op) for op in self.body)))

    def room(self, type: TensorType) -> TensorType:
        """The type of the memory that the kernel has for a result: sizes that it has yet to count
        are as large as they can be."""
        return replace(type, shape=tuple(bounded(d, self.bounds) for d in type.shape))

    def payload(self, arg: Value) -> Array | None:
        """The constant behind a region argument, or None."""
        if arg not in self.args:
            return None
        return self.constants.get(self.op.operands[list(self.args).index(arg)])

    def scalar(self, arg: Value) -> float | None:
        """The value of a one-element constant operand, which kernels hold as an immediate.

        None for one that the anchor moves: copies go from memory to memory.
        """
        array = None if self._is_moved(arg) else self.payload(arg)
        is_scalar = array is not None and array.size == 1
        return array.reshape(-1)[0].item() if array is not None and is_scalar else None

    def source(self, value: Value) -> Value:
        """The region argument that a value is, but for being widened when it is loaded."""
        op = value.op
        is_cast = op is not None and op.name == "npx.cast"
        narrow = op.operands[0] if op is not None and is_cast else value
        is_widened = narrow in self.args and narrow.type.dtype.bits < value.type.dtype.bits
        is_widened = is_widened and not narrow.type.dtype.is_small
        return narrow if is_widened and value.type.dtype.is_float else value

    def _is_moved(self, arg: Value) -> bool:
        injective = self.anchor is not None and TABLE[self.anchor.name].role is Role.INJECTIVE
        return injective and self.anchor is not None and arg in self.anchor.operands

    def leaves(self) -> list[Value]:
        """Region arguments that kernels read from memory, in order: all but scalar constants."""
        return [arg for arg in self.args if self.scalar(arg) is None]


Apply = Callable[[Op, Sequence[Expr]], Expr]
"""The expression of an element-wise op, from those of its operands."""


def evaluate(
    value: Value,
    known: dict[Value, Expr],
    leaf: Callable[[Value], Expr],
    applied: Apply | None = None,
) -> Expr:
    """The expression of a value that element-wise ops compute; everything met joins `known`.

    leaf: loads a value that no op of the group defines. applied: computes an op, by default as its
    declaration says.
    """
    if value not in known:
        op = value.op
        if op is None:
            known[value] = bind(leaf(value))
        else:
            operands = [evaluate(v, known, leaf, applied) for v in op.operands]
            known[value] = bind((applied or apply)(op, operands))
    return known[value]


def apply(op: Op, operands: Sequence[Expr]) -> Expr:
    """The expression of one element-wise op, operands brought to the dtype that it computes in.

    Small types are bits on the way in and out: ops that give them encode their result.
    """
    opdef = TABLE[op.name]
    assert not isinstance(opdef.lowering, type(None))
    given, result = [v.type.dtype for v in op.operands], op.result.type.dtype
    dtype = compute_dtype([t.wide for t in given], result.wide)
    if dtype.kind == "uint":  # TVM refuses negative numbers on the way; wider integers hold them
        dtype = SIGNED[dtype.bits] if dtype.bits < 64 or op.name in NEEDS_SIGN else dtype
    if op.name in KEEPS_TRUTH and op.result.type.dtype == boolean:
        dtype = boolean
    values = [Math.decoded(x, t) if t.is_small else x for x, t in zip(operands, given, strict=True)]
    promoted = [Math.cast(x, dtype) for x in values]
    expr = opdef.lowering.expr(Math, *promoted, **opdef.normalize(op.attrs))  # type: ignore[union-attr, misc]
    return Math.cast(expr, result.stored)


def compute_dtype(operands: Sequence[DType], result: DType) -> DType:
    """The element type in which an op computes.

    Operands meet in their common type, a whole number beside a float in that float; half precisions
    compute in float32, whole numbers in the result's type where that is a float, bools as int8.
    """
    numeric = [t for t in operands if t.kind != "bool"]
    chosen = [t for t in numeric if t.is_float] or numeric
    if not chosen:
        return result if result.is_float else i8
    if any(t.bits == 16 for t in chosen if t.is_float):
        chosen = [f32 if t.bits == 16 else t for t in chosen]
    common = dtype_of(np.result_type(*(t.numpy for t in chosen)))
    if result.is_float and not common.is_float:
        return f32 if result.bits == 16 else result
    return common
