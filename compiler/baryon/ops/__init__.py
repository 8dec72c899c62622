"""The ops, one declaration each, by family. The registry is this explicit list.

How to add one: docs/recipes/add-an-op.md.
"""

from collections.abc import Mapping

from baryon.ops import (
    activations,
    along,
    arithmetic,
    attention,
    bits,
    boxes,
    boxes_selected,
    checks,
    control,
    counted,
    creation,
    elementary,
    indexing,
    linalg,
    logic,
    manipulation,
    matmul,
    nn_batch_norm,
    nn_conv,
    nn_norm,
    nn_pool,
    padding,
    quantize,
    random,
    random_host,
    recurrent,
    recurrent_gradient,
    reductions,
    remainders,
    roi,
    rounding,
    scatter,
    small,
    softmax,
    special,
    structure,
    trigonometry,
    unary,
    views,
)
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.calls import Calls, as_operand, bind, recording
from baryon.ops.opdef import (
    STRUCTURE,
    VIEW,
    Absent,
    Lowering,
    OpDef,
    Role,
    Sample,
    absent,
    elementwise,
    injective,
    kernel,
)

FAMILIES = (
    structure, checks, control, arithmetic, unary, elementary, trigonometry,
    rounding, remainders, bits, logic, special, activations, matmul, nn_conv, nn_pool, nn_norm,
    nn_batch_norm, softmax, attention, views, manipulation, indexing, scatter, along,
    padding, reductions, creation, random, random_host, linalg, counted,
    boxes, boxes_selected, roi, recurrent, recurrent_gradient, quantize, small,
)  # fmt: skip

TABLE: Mapping[str, OpDef] = {op.name: op for family in FAMILIES for op in family.OPS}


def lookup(name: str) -> OpDef | None:
    """The declaration of an op, or None."""
    return TABLE.get(name)


__all__ = [
    "FAMILIES", "REQUIRED", "STRUCTURE", "TABLE", "VIEW", "Absent", "Calls", "Lowering", "OpDef",
    "Param", "Role", "Sample", "absent", "as_operand", "bind", "elementwise", "injective",
    "kernel", "lookup", "recording",
]  # fmt: skip
