"""What each kernel family takes in beside its anchor: one table, which `fuse` and codegen share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from baryon.ir import Op
from baryon.ops import Lowering, Role, lookup


class Prologue(Enum):
    """Which element-wise producers a family computes while it reads its input."""

    NONE = "none"
    CHAIN = "a chain of per-channel ops on the input, used by nothing else"
    ANY = "any element-wise ops of the input's shape, used by nothing else"


@dataclass(frozen=True)
class Family:
    """epilogue: whether following element-wise ops run before the result is stored.

    codes: whether it may read codes for what its anchor computes with, and store codes.
    """

    epilogue: bool
    prologue: Prologue = Prologue.NONE
    codes: bool = False


FAMILIES: Mapping[str, Family] = {
    "implicit_gemm": Family(epilogue=True, prologue=Prologue.CHAIN, codes=True),
    "deconvolution": Family(epilogue=True),
    "weight_gradient": Family(epilogue=True),
    "pool": Family(epilogue=True, codes=True),
    "lrn": Family(epilogue=True, codes=True),
    "softmax": Family(epilogue=True, codes=True),
    "layer_norm": Family(epilogue=True, codes=True),
    "reduce": Family(epilogue=True, prologue=Prologue.ANY, codes=True),
    "scan": Family(epilogue=True),
    "attention": Family(epilogue=True, codes=True),
    "elementwise": Family(epilogue=True, prologue=Prologue.ANY, codes=True),
    "injective": Family(epilogue=True),
    "relayout": Family(epilogue=False),
    "concat": Family(epilogue=False),
}
"""Kinds of groups. A family that is not listed takes in nothing."""

ALONE = Family(epilogue=False)

CODED_WEIGHTS = frozenset({"npx.convolution", "npx.fully_connected"})
"""Contractions whose kernels read constants of codes; other weights are decoded when compiling."""


def kind_of(op: Op) -> str | None:
    """The kernel family of an op; None for ops without a kernel (views, constants, structure)."""
    opdef = lookup(op.name)
    if opdef is None or not isinstance(opdef.lowering, Lowering):
        return None
    if opdef.role in (Role.VIEW, Role.STRUCTURE):
        return None
    return opdef.lowering.family or opdef.role.value


def has_kernel(op: Op) -> bool:
    """Whether compiled code can hold an op: in a kernel, as a name of memory, or as structure."""
    opdef = lookup(op.name)
    return opdef is not None and (kind_of(op) is not None or isinstance(opdef.lowering, Lowering))


def is_elementwise(op: Op) -> bool:
    """True for ops that an epilogue or prologue may hold."""
    opdef = lookup(op.name)
    return opdef is not None and opdef.role is Role.ELEMENTWISE and len(op.results) == 1
