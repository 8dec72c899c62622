"""expand: ops that have no kernel, but are a combination of others, are written as that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import Builder, Module, Op, Region
from baryon.ops import TABLE, OpDef, lookup, recording
from baryon.passes.base import Pass


@dataclass(frozen=True)
class Expand(Pass):
    """Replace ops without a kernel by their declaration's expansion, until there are none."""

    name: ClassVar[str] = "expand"

    def run(self, module: Module) -> bool:
        """Do it in program order; the ops of an expansion are expanded in their turn."""
        changed = [_region(module, func.body) for func in module.funcs.values()]
        return any(changed)


def _region(module: Module, region: Region) -> bool:
    changed, at = False, 0
    while at < len(region.ops):
        op = region.ops[at]
        opdef = lookup(op.name)
        inner = [_region(module, body) for body in op.regions]
        changed = changed or any(inner)
        if opdef is None or not opdef.is_expanded(op):
            at += 1
            continue
        _replace(module, op, opdef, at)
        changed = True
    return changed


def _replace(module: Module, op: Op, opdef: OpDef, at: int) -> None:
    assert isinstance(op.parent, Region)
    assert opdef.expansion is not None
    builder = Builder(module, op.parent, lookup, at)
    with builder.at(op.loc):
        attrs = opdef.normalize(op.attrs)
        made = opdef.expansion(recording(TABLE, builder), op.operands, attrs)
    op.replace_by(made)
