"""recompute: cheap values that several kernels read are computed in each of them.

Where an element-wise op has one large operand, a kernel that reads its result may as well read that
operand: the result is neither written nor kept. Training makes many such values, as the distance
from the mean, which the variance, the result and their gradients use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import Module, Op, Region, Sym, Value
from baryon.ops import Role, lookup
from baryon.ops.quantize import DEQUANTIZE
from baryon.passes.base import Pass
from baryon.passes.families import is_elementwise, kind_of

CHEAP = frozenset(
    {
        "np.add", "np.subtract", "np.multiply", "np.negative", "np.maximum", "np.minimum",
        "np.square", "np.abs", "np.greater", "np.greater_equal", "np.less", "np.less_equal",
        "np.equal", "np.not_equal", "np.logical_not", "npx.relu", "npx.cast",
    }
)  # fmt: skip
"""Ops that cost less than the memory traffic of their result."""


@dataclass(frozen=True)
class Recompute(Pass):
    """Give each user of a cheap value a copy of the op that makes it.

    most_users: values with more users stay. least: elements of a value worth it.
    """

    name: ClassVar[str] = "recompute"
    most_users: int = 4
    least: int = 4096

    def run(self, module: Module) -> bool:
        """Do it from the last op to the first, so that whole chains are copied."""
        changed = False
        for func in module.funcs.values():
            for op in reversed(func.body.ops[:-1]):
                if self.is_worth_it(op):
                    _copy_for_users(func.body, op)
                    changed = True
        return changed

    def is_worth_it(self, op: Op) -> bool:
        """Whether all users of an op's result would rather compute it."""
        if op.name == DEQUANTIZE:  # codes are stored in any case, and every kernel reads them
            return len(op.result.users) > 1
        if op.name not in CHEAP or not self.is_large(op.result):
            return False
        users = op.result.users
        return (
            1 < len(users) <= self.most_users
            and _is_kept(op)
            and all(_absorbs(user, op.result) for user in users)
        )

    def is_large(self, value: Value) -> bool:
        """Whether a value's traffic matters; one of symbolic size does."""
        shape = value.type.shape
        return any(isinstance(d, Sym) for d in shape) or value.type.numel() >= self.least


def _is_kept(op: Op) -> bool:
    """Whether the op has just one large operand, which something else reads, too."""
    like = op.result.type
    large = [v for v in op.operands if (v.type.shape, v.type.layout) == (like.shape, like.layout)]
    return len(large) == 1 and (large[0].op is None or len({*large[0].users}) > 1)


def _absorbs(user: Op, value: Value) -> bool:
    """Whether the user's kernel can compute the value while it reads."""
    if is_elementwise(user):
        result = user.result.type
        return (result.shape, result.layout) == (value.type.shape, value.type.layout)
    opdef = lookup(user.name)
    return opdef is not None and opdef.role is Role.REDUCTION and kind_of(user) == "reduce"


def _copy_for_users(region: Region, op: Op) -> None:
    """Leave the op to its last user and put a copy before each of the others."""
    users = sorted({*op.result.users}, key=region.ops.index)
    for user in users[:-1]:
        copy = Op(op.name, op.operands, [op.result.type], op.attrs, (), op.loc)
        copy.result.name = op.result.name
        region.insert(region.ops.index(user), copy)
        user.operands = [copy.result if v is op.result else v for v in user.operands]
