"""Which ops may compute on bfloat16, and which values are stored in it: one table, as data.

Nothing sums in bfloat16: kernels widen what they read to float32 and round what they store, once.
The table says where rounding may happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from baryon.ir import Op
from baryon.ops import Role, lookup
from baryon.passes.families import is_elementwise


class Precision(Enum):
    """What a kernel does with half precision, by its anchor."""

    ALLOWED = "factors are rounded, sums are float32"
    FOLLOWS = "stores half precision if what it reads is stored so"
    SENSITIVE = "stores float32, but for kernels that round it anyway"
    UNTOUCHED = "reads and writes what it did before"


FACTORS: Mapping[str, tuple[int, ...]] = {
    "npx.convolution": (0, 1),
    "npx.fully_connected": (0, 1),
    "np.matmul": (0, 1),
    "npx.batch_dot": (0, 1),
}
"""Contractions, which are allowed; their operands that are multiplied."""

FOLLOWING = frozenset({"npx.pooling"})
"""Other anchors that follow their inputs, computing in float32."""

MOVES = frozenset(
    {
        "ir.relayout", "np.broadcast_to", "np.concatenate", "np.flip", "np.split", "np.stack",
        "np.take", "np.transpose", "npx.slice",
    }
)  # fmt: skip
"""Anchors whose results are elements of their operands: they follow, and move two bytes for four.
What they look up or fill in besides keeps its type."""

SENSITIVE_STEPS = frozenset(
    {
        "np.exp", "np.expm1", "np.log", "np.log1p", "np.log2", "np.log10", "np.power", "np.square",
        "np.reciprocal", "np.divide", "np.sqrt", "npx.rsqrt",
    }
)  # fmt: skip
"""Element-wise ops whose results, or what is computed from them, feel a rounding: parts of norms,
of softmax and of losses that are spelled out. A group of element-wise ops with one is sensitive."""

KINDS = frozenset(
    {
        "implicit_gemm", "pool", "softmax", "layer_norm", "lrn", "reduce", "elementwise",
        "injective", "relayout", "concat",
    }
)  # fmt: skip
"""Kernel families that widen what they load and round what they store; others are untouched."""


def anchor_of(body: Sequence[Op]) -> Op | None:
    """The op of a group that is not element-wise."""
    return next((op for op in body if not is_elementwise(op)), None)


def precision_of(kind: str, body: Sequence[Op]) -> Precision:
    """What the kernel of a group does."""
    anchor = anchor_of(body)
    if kind not in KINDS:
        return Precision.UNTOUCHED
    if anchor is None:
        sensitive = any(op.name in SENSITIVE_STEPS for op in body)
        return Precision.SENSITIVE if sensitive else Precision.FOLLOWS
    if anchor.name in FACTORS:
        return Precision.ALLOWED
    if anchor.name in FOLLOWING | MOVES:
        return Precision.FOLLOWS
    opdef = lookup(anchor.name)
    moves = opdef is not None and opdef.role is Role.INJECTIVE
    return Precision.UNTOUCHED if moves else Precision.SENSITIVE
