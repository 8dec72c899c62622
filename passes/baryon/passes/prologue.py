"""Which element-wise ops may run while a convolution reads its input."""

from __future__ import annotations

from baryon.ir import Op, Value


def is_channel_step(op: Op) -> bool:
    """True for an op on one tensor of its result's type, beside per-channel constants."""
    like = op.result.type
    tensors = [v for v in op.operands if v.type == like]
    others = [v for v in op.operands if v.type != like]
    return len(tensors) == 1 and all(_is_parameter(v, op) for v in others)


def _is_parameter(value: Value, op: Op) -> bool:
    """A constant that varies along axis 1 of the result at most."""
    if not value.is_constant:
        return False
    rank = op.result.type.rank
    shape = (1,) * (rank - value.type.rank) + value.type.shape
    return all(d == 1 for axis, d in enumerate(shape) if axis != 1)
