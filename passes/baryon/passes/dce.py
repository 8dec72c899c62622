"""dce: removes ops whose results nobody uses, and payloads that no constant reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import CONSTANT, Module, Region
from baryon.passes.base import Pass


@dataclass(frozen=True)
class DeadCode(Pass):
    """Remove unused ops, last first, then unused payloads. No op has effects, so any may go."""

    name: ClassVar[str] = "dce"

    def run(self, module: Module) -> bool:
        """Do it; arguments stay, since they are the function's interface."""
        removed = [_sweep(func.body) for func in module.funcs.values()]
        return drop_payloads(module) or any(removed)


def _sweep(region: Region) -> bool:
    changed = False
    for op in reversed(region.ops[:-1]):
        for inner in op.regions:
            changed = _sweep(inner) or changed
        if not any(r.users for r in op.results):
            op.erase()
            changed = True
    return changed


def drop_payloads(module: Module) -> bool:
    """Remove payloads that no constant reads; True if there were any."""
    ops = (op for func in module.funcs.values() for op in func.body.walk())
    read = {op.attrs["name"] for op in ops if op.name == CONSTANT}
    unread = [name for name in module.constants if name not in read]
    for name in unread:
        del module.constants[name]
    return bool(unread)
