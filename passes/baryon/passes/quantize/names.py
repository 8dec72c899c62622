"""name-values: every value of a function has a name of its own, which plans can speak of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import Module, Op, Region, Value
from baryon.passes.base import Pass


@dataclass(frozen=True)
class NameValues(Pass):
    """Name what has no name after its op (`convolution0`), and make equal names differ.

    Names that are numbers, which the text form does not keep, get a letter: `v495`.
    """

    name: ClassVar[str] = "name-values"

    def run(self, module: Module) -> bool:
        """Do it in program order; True when a name is new."""
        changed = [_name(func.body) for func in module.funcs.values()]
        return any(changed)


def _name(region: Region) -> bool:
    values = [*region.args, *(r for op in region.ops for r in op.results)]
    before = [v.name for v in values]
    for value in values:
        value.name = f"v{value.name}" if value.name.isdecimal() else value.name
    taken = {v.name for v in values if v.name}
    seen: set[str] = set()
    for value in values:
        if not value.name or value.name in seen:
            value.name = _fresh(value, taken)
        seen.add(value.name)
        taken.add(value.name)
    return before != [v.name for v in values]


def _fresh(value: Value, taken: set[str]) -> str:
    """A free name: the value's own with a number after a dot, else its op's with a number."""
    op = value.owner
    stem = f"{value.name}." if value.name else op.name.split(".")[-1] if isinstance(op, Op) else "x"
    number = int(bool(value.name))
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"
