"""What a kernel costs by the model: core cycles of arithmetic, and bytes that it moves.

Nothing here knows a clock or a memory: whoever asks divides by those of a machine (see
`baryon.inspection`). Contractions bring their efficiency from the model that chose their schedule;
constants of the others are measured on Zen 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from baryon.codegen.code_costs import TAP_CYCLES
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel
from baryon.codegen.kernels import depthwise
from baryon.codegen.targets import Target
from baryon.ir import Op, TensorType
from baryon.ops import TABLE, Role
from baryon.ops.nn_conv import CONVOLUTION

FULL_RATE = 4
"""Operations of a multiply-add per cycle and lane: two units, a product and a sum each."""
EFFICIENCY: Mapping[str, float] = {
    "attention": 0.72, "implicit_gemm": 0.85, "deconvolution": 0.7, "weight_gradient": 0.75,
    "recurrent": 0.3,
}  # fmt: skip
"""Shares of the full rate, by kinds of groups whose kernels state none."""
VECTORS: Mapping[str, float] = {
    "layer_norm": 5.0, "softmax": 22.0, "lrn": 25.0, "reduce": 2.0, "scan": 8.0, "sort": 200.0,
    "scatter": 8.0, "injective": 2.0, "relayout": 8.0, "concat": 1.0, "pool_gradient": 9.0,
}  # fmt: skip
"""Instructions per vector of elements, by kinds of groups that multiply no matrices."""
SERIES = frozenset(
    f"{space}.{name}"
    for space in ("np", "npx")
    for name in ("exp", "expm1", "log", "log2", "log10", "log1p", "tanh", "sigmoid", "erf", "gelu",
        "silu", "mish", "softplus", "power", "sin", "cos", "tan", "sinh", "cosh", "gamma", "elu",
        "selu", "log_sigmoid", "logaddexp")
)  # fmt: skip
SERIES_VECTORS, PLAIN_VECTORS = 18.0, 1.0
"""Instructions of element-wise ops per vector: of those above, a polynomial, and of the others."""


@dataclass(frozen=True)
class Work:
    """Of one run, with symbols at their maximum.

    flops: a multiply-add is two. cycles: of arithmetic, on one core. moved, weights: bytes that it
    reads and writes, and those of them that are constants.
    """

    flops: int
    cycles: float
    moved: int
    weights: int


def work_of(group: Group, kernel: Kernel, sizes: Mapping[str, int], target: Target) -> Work:
    """The model of one group. sizes: the maxima of symbols."""
    factor = max(sizes.values(), default=1) if _is_symbolic(group) else 1
    flops = kernel.flops * factor
    values = [*group.op.operands, *group.op.results]
    moved = [_bytes(group, v.type, sizes) for v in values]
    constants = [size for v, size in zip(values, moved, strict=True) if v in group.constants]
    lanes = target.lanes(4)
    around = [op for op in group.body if op is not group.anchor]
    cycles = _anchor_cycles(group, kernel, flops, sizes, lanes)
    cycles += sum(_elementwise(op) * elements(op.results[0].type, sizes) / lanes for op in around)
    return Work(flops, cycles, sum(moved), sum(constants))


def elements(type: TensorType, sizes: Mapping[str, int]) -> int:
    """Elements of a value with these sizes of symbols."""
    return type.numel(sizes)


def _anchor_cycles(
    group: Group, kernel: Kernel, flops: int, sizes: Mapping[str, int], lanes: int
) -> float:
    if group.anchor is None:
        return 0.0
    if group.anchor.name == CONVOLUTION and depthwise.is_depthwise(group.anchor):
        return flops / 2 * TAP_CYCLES * 8 / lanes
    if kernel.efficiency or group.kind in EFFICIENCY:
        return flops / (FULL_RATE * lanes) / (kernel.efficiency or EFFICIENCY[group.kind])
    if flops:  # pooling visits each element of each window
        return flops / lanes
    values = [*group.anchor.operands, *group.anchor.results]
    visited = max(_visited(group, elements(v.type, sizes), sizes) for v in values)
    return VECTORS.get(group.kind, PLAIN_VECTORS) * visited / lanes


def _elementwise(op: Op) -> float:
    return SERIES_VECTORS if op.name in SERIES else PLAIN_VECTORS


def _bytes(group: Group, type: TensorType, sizes: Mapping[str, int]) -> int:
    return _visited(group, elements(type, sizes), sizes) * type.dtype.itemsize


def _visited(group: Group, count: int, sizes: Mapping[str, int]) -> int:
    """What a group touches of so many elements: a move reads one for each that it writes."""
    moves = group.anchor is not None and TABLE[group.anchor.name].role is Role.INJECTIVE
    written = max(elements(v.type, sizes) for v in group.op.results)
    return min(count, written) if moves else count


def _is_symbolic(group: Group) -> bool:
    return any(not v.type.is_static for v in group.op.results)
