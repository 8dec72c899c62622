"""cse: ops that compute the same from the same become one.

Also a concatenation that starts with all operands of an earlier one takes that one's result, so
that a chain of growing concatenations (DenseNet) can share one buffer.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import CONSTANT, Array, Module, Op, Region, Value
from baryon.ops import lookup
from baryon.passes.arrays import SMALL
from baryon.passes.base import Pass
from baryon.rewrite import compact

CONCAT = "np.concatenate"


@dataclass(frozen=True)
class CommonSubexpressions(Pass):
    """Merge equal ops (same name, operands, attributes, types), except random ones."""

    name: ClassVar[str] = "cse"

    def run(self, module: Module) -> bool:
        """Do it in one sweep in program order: operands are merged before their users."""
        changed = [_Merger(module, func.body).run() for func in module.funcs.values()]
        return any(changed)


class _Merger:
    def __init__(self, module: Module, region: Region) -> None:
        self.module, self.region = module, region
        self.seen: dict[Hashable, Op] = {}
        self.joined: dict[tuple[Hashable, ...], Value] = {}

    def run(self) -> bool:
        """True when any op was merged or shortened."""
        changed = [self.visit(op) for op in list(self.region.ops)]
        return any(changed)

    def visit(self, op: Op) -> bool:
        shortened = op.name == CONCAT and self.share_prefix(op)
        opdef = lookup(op.name)
        if op.regions or not op.results or (opdef is not None and opdef.random):
            return False
        first = self.seen.setdefault(self.key(op), op)
        if first is op:
            return shortened
        for old, new in zip(op.results, first.results, strict=True):
            old.replace_by(new)
        op.erase()
        return True

    def key(self, op: Op) -> Hashable:
        types = tuple(r.type for r in op.results)
        if op.name == CONSTANT:
            return (CONSTANT, _payload_key(self.module.constants[str(op.attrs["name"])]), types)
        attrs = tuple((k, type(v), v) for k, v in sorted(op.attrs.items()))
        return (op.name, tuple(op.operands), attrs, types)

    def share_prefix(self, op: Op) -> bool:
        """Let a concatenation read the longest earlier one that it starts with."""
        parts, axis = tuple(op.operands), op.attrs.get("axis", 0)
        lengths = range(len(parts) - 1, 1, -1)
        known = (n for n in lengths if (axis, parts[:n]) in self.joined)
        length = next(known, 0)
        self.joined.setdefault((axis, parts), op.result)
        if not length:
            return False
        op.operands = (self.joined[axis, parts[:length]], *parts[length:])
        return True


def _payload_key(array: Array) -> Hashable:
    """Equal for equal payloads: by content for small ones, by place in memory for large ones."""
    few = compact(array)
    if few.nbytes <= SMALL:
        return (array.shape, few.shape, array.dtype.str, few.tobytes())
    return (array.shape, array.dtype.str, array.ctypes.data, array.strides)
