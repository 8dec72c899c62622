"""Which element-wise op may join which kernel: the edges of fusion, as data.

An edge goes from a kind of group to a kind of follower and belongs to a pattern group (see
`patterns.py`). The first edge that fits decides, so that switching a pattern off does not let a
wider edge below it take the op.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from baryon.ir import Op, Value
from baryon.ops.quantize import DEQUANTIZE, QUANTIZE
from baryon.passes.groups import Group
from baryon.passes.prologue import is_channel_step

CONVOLUTIONS = frozenset({"npx.convolution", "npx.deconvolution", "ir.convolution_weight_gradient"})
LAYERS = frozenset({"npx.fully_connected"})
PRODUCTS = frozenset({"np.matmul", "npx.batch_dot"})
POOLS = frozenset({"pool", "lrn"})
NORMS = frozenset({"layer_norm"})
SOFTMAX = frozenset({"softmax"})
REDUCTIONS = frozenset({"reduce", "scan"})
GATHERS = frozenset({"injective"})
CHAINS = frozenset({"elementwise"})
ATTENTION = frozenset({"attention"})

ACTIVATIONS = frozenset(
    {
        "npx.relu", "npx.sigmoid", "npx.softplus", "npx.softsign", "npx.leaky_relu", "npx.elu",
        "npx.silu", "npx.gelu", "np.tanh", "np.clip",
    }
)  # fmt: skip
"""Ops that are an activation by themselves; spelled-out ones are several element-wise ops."""


@dataclass(frozen=True)
class Follower:
    """A kind of op that reads a group's result. label: for people, after "then"."""

    label: str
    test: Callable[[Op, Value], bool]


def _is_sum(op: Op, result: Value) -> bool:
    """Whether an op adds another tensor of the same shape, as residual connections do."""
    others = [v for v in op.operands if v is not result]
    alike = all(v.type.shape == result.type.shape for v in others)
    return op.name == "np.add" and len(others) == 1 and alike and not others[0].is_constant


def _is_relu_of_batch_norm(op: Op, result: Value) -> bool:
    """Whether `relu` reads a sum that adds one constant per channel."""
    before = result.op
    sums = before is not None and before.name == "np.add" and is_channel_step(before)
    return op.name == "npx.relu" and sums


def _is_scaled_power(op: Op, result: Value) -> bool:
    before = result.op
    power = before is not None and before.name in ("np.power", "np.square", "np.sqrt")
    scalar = [v for v in op.operands if v is not result and v.is_constant and v.type.rank == 0]
    return power and op.name == "np.multiply" and bool(scalar)


def _is_rounded(op: Op, result: Value) -> bool:
    return op.name == DEQUANTIZE and result.op is not None and result.op.name == QUANTIZE


ANY = Follower("any element-wise op of the same shape", lambda op, result: True)
ACTIVATION = Follower("an activation", lambda op, result: op.name in ACTIVATIONS)
CODES = Follower(
    "the rounding to codes, and their meaning after it",
    lambda op, result: op.name == QUANTIZE or _is_rounded(op, result),
)
SUM = Follower("a sum with a tensor of the same shape", _is_sum)
PER_CHANNEL = Follower(
    "a factor or summand per channel",
    lambda op, result: (
        op.name in ("np.add", "np.subtract", "np.multiply", "np.divide") and is_channel_step(op)
    ),
)
BATCH_NORM_RELU = Follower("relu, where a batch norm was", _is_relu_of_batch_norm)
SCALED_POWER = Follower("a scalar factor, after a power", _is_scaled_power)


@dataclass(frozen=True)
class Edge:
    """An op like `then` may join a group whose anchor's name, or whose kind, is in `after`."""

    pattern: str
    after: frozenset[str]
    then: Follower

    def __str__(self) -> str:
        return f"{', '.join(sorted(self.after))}, then {self.then.label}"


_STORES = CONVOLUTIONS | LAYERS | PRODUCTS | POOLS | NORMS | SOFTMAX | REDUCTIONS | ATTENTION

EDGES = (
    Edge("requantize", _STORES, CODES),
    Edge("conv-sum", CONVOLUTIONS, SUM),
    Edge("conv-act", CONVOLUTIONS, ACTIVATION),
    Edge("conv-bn", CONVOLUTIONS, PER_CHANNEL),
    Edge("conv-eltwise", CONVOLUTIONS, ANY),
    Edge("fc-sum", LAYERS, SUM),
    Edge("fc-eltwise", LAYERS, ANY),
    Edge("batch-dot", PRODUCTS, ANY),
    Edge("bn-relu", CHAINS, BATCH_NORM_RELU),
    Edge("pow-mul-scalar", CHAINS, SCALED_POWER),
    Edge("eltwise-chain", CHAINS, ANY),
    Edge("pool-eltwise", POOLS, ANY),
    Edge("norm-eltwise", NORMS, ANY),
    Edge("softmax-eltwise", SOFTMAX, ANY),
    Edge("reduce-eltwise", REDUCTIONS, ANY),
    Edge("gather-eltwise", GATHERS, ANY),
)

READS_CODES = "dequantize"
"""The pattern by which kernels read codes, and say themselves what they mean."""

BEFORE = {
    "implicit_gemm": "conv-input",
    "elementwise": "eltwise-chain",
    "reduce": "reduce-eltwise",
}
"""The pattern by which a family takes in element-wise ops before its anchor."""


def edge_for(group: Group, op: Op) -> Edge | None:
    """The edge by which an op that reads the group's result may join; the first that fits."""
    for edge in EDGES:
        if edge.after & {group.anchor.name, group.kind} and edge.then.test(op, group.out):
            return edge
    return None
