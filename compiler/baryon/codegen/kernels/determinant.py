"""Determinants: the product of the pivots of Gauss's elimination with row exchanges.

A task has one matrix, in scratch memory.
"""

from __future__ import annotations

from typing import Any

from baryon.codegen.expr import Expr, Math, bind, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import DType, dim_prod, f32, f64, i32


def build(group: Group, target: Target) -> Kernel:
    """The kernel of the determinants of a stack of matrices."""
    builder = KernelBuilder()
    with builder.function():
        _Determinant(Frame(builder, group)).emit()
    return builder.finish()


class _Determinant:
    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.source, self.result = frame.group.main.operands[0], frame.group.main.result
        self.size = int(str(self.source.type.shape[-1]))
        self.dtype: DType = f64 if self.source.type.dtype == f64 else f32

    def emit(self) -> None:
        """Emit the loops."""
        count = dim_prod(self.source.type.shape[:-2])
        if count == 0:
            T.evaluate(0)
            return
        elements = self.size**2
        with self.frame.builder.tasks([count], self.size**3) as [at]:
            matrix = Memory.local(max(elements, 1), self.dtype)
            total = self._number(1)
            with T.serial(0, elements) as i:
                matrix.store(self._element(at * elements + i), i)
            with T.serial(0, self.size) as k:
                self._eliminate(matrix, total, k)
            self.frame.outputs[0].store(Math.cast(total.load(0), self.result.type.dtype), at)

    def _element(self, at: Any) -> Expr:
        scalar = self.frame.group.scalar(self.source)
        if scalar is not None:
            return lane_const(scalar, self.dtype, 1)
        return Math.cast(self.frame.inputs[self.source].load(at), self.dtype)

    def _number(self, value: float) -> Memory:
        number = Memory.local(1, self.dtype)
        number.store(lane_const(value, self.dtype, 1), 0)
        return number

    def _eliminate(self, matrix: Memory, total: Memory, k: Any) -> None:
        """One step: the row with the largest element of column k comes up, and is subtracted from
        those below. Where all of them are 0, so is the determinant, and nothing is subtracted."""
        n = self.size
        best = self._largest(matrix, k)
        pivot = bind(matrix.load(best * n + k))
        zero, one = (lane_const(v, self.dtype, 1) for v in (0, 1))
        sign = tirx.Select(best == k, one, -one)
        total.store(total.load(0) * pivot * sign, 0)
        with T.serial(k, n) as j:
            upper, lower = bind(matrix.load(k * n + j)), bind(matrix.load(best * n + j))
            matrix.store(lower, k * n + j)
            matrix.store(upper, best * n + j)
        divisor = bind(tirx.Select(Math.eq(pivot, zero), one, pivot))
        with T.serial(k + 1, n) as i:
            factor = bind(matrix.load(i * n + k) / divisor)
            with T.serial(k + 1, n) as j:
                left = matrix.load(i * n + j) - factor * matrix.load(k * n + j)
                matrix.store(left, i * n + j)

    def _largest(self, matrix: Memory, k: Any) -> Expr:
        """The row from k on with the largest element of column k."""
        best = Memory.local(1, i32)
        best.store(Math.cast(k, i32), 0)
        with T.serial(k + 1, self.size) as i:
            found = matrix.load(best.load(0) * self.size + k)
            better = tirx.abs(matrix.load(i * self.size + k)) > tirx.abs(found)
            best.store(tirx.Select(better, Math.cast(i, i32), best.load(0)), 0)
        return bind(best.load(0))
