"""What an artifact tells people about its kernels: the rows of `baryon inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baryon.codegen.compiler import CompiledKernel
from baryon.codegen.estimate import work_of
from baryon.codegen.group import Group
from baryon.codegen.kernel import Arg, Derived, Pack
from baryon.codegen.kernels.quantized import QuantizedFactors
from baryon.codegen.targets import Target
from baryon.ir import Op, bf16
from baryon.ops.nn_conv import CONVOLUTION

CODED = (CONVOLUTION, "npx.fully_connected")
"""Anchors whose kernels multiply codes."""


def describe(
    group: Group, compiled: CompiledKernel, symbols: Mapping[str, tuple[int, int]], target: Target
) -> dict[str, Any]:
    """One kernel: its ops, shapes, layout, and its work with symbols at their maximum.

    flops count a multiply-add as two; bytes what it reads and writes, weight_bytes the constants
    among them; cycles are those of its arithmetic on one core, by the model (`work_of`). nodes are
    those of the user's network that the kernel computes; op_nodes says which of them each op is of.
    args: what each argument of the call is (`_role`).
    """
    sizes = {name: high for name, (_, high) in symbols.items()}
    values = [*group.op.operands, *group.op.results]
    work = work_of(group, compiled.kernel, sizes, target)
    nodes = {node: n for n, node in enumerate(dict.fromkeys(map(_node, group.body)))}
    (result, *_) = group.op.results
    return {
        "name": compiled.name,
        "kind": group.kind,
        "ops": [op.name for op in group.body],
        "shapes": [str(v.type.with_quant(None)) for v in values],
        "precision": precision_of(group),
        "layout": str(result.type.layout or "row-major").strip("{}"),
        "source": str(group.op.loc),
        "nodes": list(nodes),
        "op_nodes": [nodes[_node(op)] for op in group.body],
        "args": [_role(arg) for arg in compiled.kernel.args],
        "flops": work.flops,
        "bytes": work.moved,
        "weight_bytes": work.weights,
        "cycles": round(work.cycles),
        "notes": dict(compiled.kernel.notes),
    }


def _role(arg: Arg) -> str:
    """Where an argument comes from: `operand 0`, `result 0`, `packed 1` (an operand in the form
    that the kernel wants), or `derived` (made of the group's attributes)."""
    if isinstance(arg, Derived):
        return "derived"
    kind, index = ("packed", arg.operand) if isinstance(arg, Pack) else arg
    return f"{kind} {index}"


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
