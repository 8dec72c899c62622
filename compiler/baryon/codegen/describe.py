"""What an artifact tells people about its kernels: the rows of `baryon inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baryon.codegen.compiler import CompiledKernel
from baryon.codegen.group import Group
from baryon.codegen.kernels.quantized import QuantizedFactors
from baryon.codegen.targets import Target
from baryon.ir import Op, Sym, TensorType, bf16
from baryon.ops.nn_conv import CONVOLUTION

CODED = (CONVOLUTION, "npx.fully_connected")
"""Anchors whose kernels multiply codes."""
CLOCK_HZ = 3.0e9
BANDWIDTH = 20e9
"""Nominal clock and memory bandwidth (bytes per second) of one core, for estimates only."""


def describe(
    group: Group, compiled: CompiledKernel, symbols: Mapping[str, tuple[int, int]], target: Target
) -> dict[str, Any]:
    """One kernel: its ops, shapes, layout, work at the symbols' maximum, and estimated time.

    flops count a multiply-add as two; bytes count every operand and result once. estimate_us is
    that of one core: the larger of computing at the peak and moving the bytes. nodes are those of
    the user's network that the kernel computes.
    """
    sizes = {name: high for name, (_, high) in symbols.items()}
    values = [*group.op.operands, *group.op.results]
    moved = sum(_elements(v.type, sizes) * v.type.dtype.itemsize for v in values)
    factor = max(sizes.values(), default=1) if _is_symbolic(group) else 1
    flops = compiled.kernel.flops * factor
    peak = 4 * target.lanes(4) * CLOCK_HZ
    (result, *_) = group.op.results
    return {
        "name": compiled.name,
        "kind": group.kind,
        "ops": [op.name for op in group.body],
        "shapes": [str(v.type.with_quant(None)) for v in values],
        "precision": precision_of(group),
        "layout": str(result.type.layout or "row-major").strip("{}"),
        "source": str(group.op.loc),
        "nodes": list(dict.fromkeys(_node(op) for op in group.body)),
        "flops": flops,
        "bytes": moved,
        "estimate_us": round(max(flops / peak, moved / BANDWIDTH) * 1e6, 3),
        "notes": dict(compiled.kernel.notes),
    }


def _node(op: Op) -> str:
    """Where an op comes from, without the name of the file that all share."""
    return str(op.loc).rpartition("#")[2]


def precision_of(group: Group) -> str:
    """What a kernel computes in, and which bfloat16 it reads and stores besides.

    "int8" are contractions that multiply codes; other kernels of codes compute in float32. "bf16"
    are contractions whose factors are bfloat16 (their sums are float32), and moves of it.
    """
    if _multiplies_codes(group):
        return "int8"
    if any(v.type.quant is not None for v in (*group.op.operands, *group.op.results)):
        return "f32, codes"
    reads = any(v.type.dtype == bf16 for v in group.op.operands)
    writes = any(v.type.dtype == bf16 for v in group.op.results)
    if not reads and not writes:
        return "f32"
    inner = [v.op for op in group.body for v in op.operands if op is group.anchor]
    is_product = group.kind == "implicit_gemm" and any(op is not None for op in inner)
    moves = group.anchor is not None and group.anchor.results[0].type.dtype == bf16
    if is_product or moves:
        return "bf16"
    return f"f32, bf16 {'in and out' if reads and writes else 'in' if reads else 'out'}"


def _multiplies_codes(group: Group) -> bool:
    is_product = group.anchor is not None and group.main.name in (
        CONVOLUTION,
        "npx.fully_connected",
    )
    return is_product and QuantizedFactors.of(group) is not None


def _is_symbolic(group: Group) -> bool:
    return any(not v.type.is_static for v in group.op.results)


def _elements(type: TensorType, sizes: Mapping[str, int]) -> int:
    count = 1
    for dim in type.shape:
        count *= dim.factor * sizes[dim.name] if isinstance(dim, Sym) else dim
    return count
