"""Sizes as numbers, and numbers as sizes: the size of an axis; as many rows as a number says."""

from __future__ import annotations

from baryon.codegen.expr import Math, bind, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import dim_prod, i64


def build_size(group: Group, target: Target) -> Kernel:
    """The kernel of one `ir.size`, which reads the size that the runtime passes."""
    builder = KernelBuilder(any_axis=True)
    with builder.function():
        frame, (x,) = Frame(builder, group), group.main.operands
        dim = builder.symbols.dim(x.type.shape[group.attrs["axis"]])
        frame.outputs[0].store(Math.cast(tirx.convert(dim), i64), 0)
    return builder.finish()


def build(group: Group, target: Target) -> Kernel:
    """The kernel of one `ir.leading`: the rows lie at the start of the operand's memory."""
    builder = KernelBuilder()
    with builder.function():
        _emit(Frame(builder, group))
    return builder.finish()


def _emit(frame: Frame) -> None:
    x, limit = frame.group.main.operands
    rows, count = frame.outputs
    at_most = int(frame.group.attrs["at_most"])
    have = Math.cast(tirx.convert(frame.builder.symbols.dim(x.type.shape[0])), i64)
    scalar = frame.group.scalar(limit)
    wish = frame.inputs[limit].load(0) if scalar is None else lane_const(scalar, i64, 1)
    wanted = tirx.min(wish, tirx.const(at_most, "int64")) if at_most >= 0 else wish
    found = bind(tirx.max(tirx.min(wanted, have), tirx.const(0, "int64")))
    width = dim_prod(x.type.shape[1:])
    with T.serial(0, found * frame.builder.symbols.dim(width)) as i:
        rows.store(frame.inputs[x].load(i), i)
    count.store(found, 0)
