"""The positions of elements other than zero, in order, and how many there are.

One pass without a branch: every position is written behind those found before it, and the next one
overwrites it unless its element counted. So there is never more written than there are elements.
"""

from __future__ import annotations

from typing import Any

from baryon.codegen.expr import Expr, Math, bind, const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, flat, grid
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import tirx
from baryon.ir import DType, f32, i64
from baryon.ir.memory import steps as element_steps


def build(group: Group, target: Target) -> Kernel:
    """The kernel of one `ir.nonzero`: results are positions (count, rank) and the count."""
    builder = KernelBuilder(any_axis=True)
    with builder.function():
        _emit(Frame(builder, group))
    return builder.finish()


def _emit(frame: Frame) -> None:
    (x,) = frame.group.main.operands
    positions, count = frame.outputs
    found = Memory.local(1, i64)
    found.store(tirx.const(0, "int64"), 0)
    if 0 not in x.type.shape:
        symbols = frame.builder.symbols
        steps = symbols.dims(element_steps(x.type))
        with grid(symbols.dims(x.type.shape)) as indices:
            row = bind(found.load(0))
            for axis, index in enumerate(indices):
                positions.store(Math.cast(tirx.convert(index), i64), row * len(indices) + axis)
            element = frame.inputs[x].load(flat(indices, steps))
            found.store(row + Math.cast(_counts(element, x.type.dtype), i64), 0)
    count.store(found.load(0), 0)


def _counts(element: Expr, dtype: DType) -> Any:
    if dtype.kind == "bool":
        return element
    wide = Math.cast(element, f32) if dtype.is_float and dtype.bits == 16 else element
    return Math.ne(wide, const(0, wide))
