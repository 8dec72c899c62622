"""dce: removes ops whose results nobody uses, payloads that no constant reads, unused symbols."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import CONSTANT, Module, Op, Region, Sym, TensorType
from baryon.ops import lookup
from baryon.passes.base import Pass


@dataclass(frozen=True)
class DeadCode(Pass):
    """Remove unused ops, last first, then unused payloads. No op has effects, so any may go.

    One that defines a symbol stays as long as a type behind it has the symbol.
    """

    name: ClassVar[str] = "dce"

    def run(self, module: Module) -> bool:
        """Do it; arguments stay, since they are the function's interface."""
        removed = [_sweep(func.body, set()) for func in module.funcs.values()]
        return drop_payloads(module) | drop_symbols(module) | any(removed)


def _sweep(region: Region, used: set[str]) -> bool:
    """Do it in a region; `used` gathers the symbols of the types that stay."""
    changed = False
    for op in reversed(region.ops[:-1]):
        for inner in op.regions:
            changed = _sweep(inner, used) or changed
        if any(r.users for r in op.results) or _defined(op) in used:
            used.update(name for r in op.results for name in _symbols(r.type))
        else:
            op.erase()
            changed = True
    return changed


def _defined(op: Op) -> str | None:
    opdef = lookup(op.name)
    found = opdef.defined(op) if opdef is not None else None
    return found[0] if found is not None else None


def _symbols(type: TensorType) -> Iterator[str]:
    return (d.name for d in type.shape if isinstance(d, Sym))


def drop_symbols(module: Module) -> bool:
    """Remove symbols that no type has; True if there were any."""
    used: set[str] = set()
    for func in module.funcs.values():
        values = [*func.inputs, *(r for op in func.body.walk() for r in op.results)]
        used.update(name for v in values for name in _symbols(v.type))
    unused = module.symbols.keys() - used
    for name in unused:
        del module.symbols[name]
    return bool(unused)


def drop_payloads(module: Module) -> bool:
    """Remove payloads that neither a constant nor a fixed input reads; True if there were any."""
    ops = (op for func in module.funcs.values() for op in func.body.walk())
    read = {op.attrs["name"] for op in ops if op.name == CONSTANT} | {*module.fixed.values()}
    unread = [name for name in module.constants if name not in read]
    for name in unread:
        del module.constants[name]
    return bool(unread)
