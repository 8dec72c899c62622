"""The kernel of a contraction as a function of its own, for the tuner and the tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from baryon.codegen.expr import tvm_name
from baryon.codegen.kernels.implicit_gemm import Operands
from baryon.codegen.kernels.microkernel import Buffer, Expr, Flat
from baryon.codegen.kernels.plan import Plan
from baryon.codegen.kernels.strip import Elementwise, Position
from baryon.codegen.tvm import IRBuilder, T, tirx
from baryon.ir import i8

Fused = Callable[[Expr, Position, Sequence[Buffer]], Expr]
"""An element-wise function that also gets the extra buffers."""


def prim_func(
    plan: Plan,
    epilogue: Fused | None = None,
    prologue: Fused | None = None,
    extra: Sequence[int] = (),
) -> Any:
    """A PrimFunc `main` with the parameters input, packed weights, extra buffers..., output.

    Buffers are one-dimensional; with a symbolic batch input and output are [batch, elements per
    image]. extra: element counts of the buffers that epilogue and prologue read.
    """
    spec = plan.spec
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name("main")
        T.func_attr({"tirx.noalias": True})
        batch = tirx.Var("batch", "int64") if spec.batch is None else spec.batch
        image = spec.size[0] * spec.size[1] * spec.pixel_pitch
        source = _parameter(spec.codes or spec.dtype, "source", image, batch)
        stored = tvm_name(plan.stored(i8)) if spec.codes else spec.dtype
        weights = _parameter(stored, "weights", plan.packed_size)
        buffers = [_parameter(spec.dtype, f"extra{i}", size) for i, size in enumerate(extra)]
        output = _parameter(spec.dtype, "output", spec.pixels * spec.output_pitch, batch)
        after, before = _given(epilogue, buffers), _given(prologue, buffers)
        plan.emit(Operands(source, weights, output, batch), after, before)
    return builder.get()


def _given(function: Fused | None, buffers: Sequence[Buffer]) -> Elementwise | None:
    if function is None:
        return None
    return lambda value, at: function(value, at, buffers)


def _parameter(dtype: str, name: str, elements: int, batch: Expr = 1) -> Flat:
    shape = (elements * batch,) if isinstance(batch, int) else (batch, elements)
    align = np.dtype(dtype).itemsize
    return Flat(T.arg(name, T.buffer(shape, dtype, align=align, layout=None)))
