"""plan-memory: where each value lies at run time.

Values that share memory form a class: a view with what it views, the parts of an in-place
concatenation with the result, and an element-wise result with an operand that dies there. A class
lies in the caller's input or output, among the weights, or in the arena, where the classes that are
not alive at once may overlap. Sizes hold for all symbols at their maximum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from baryon.ir import CONSTANT, Func, Module, Value
from baryon.passes.alias import Aliases, find_aliases
from baryon.passes.arena import Block, peak, place
from baryon.passes.sizes import nbytes, row_bytes

ALIGNMENT = 64
"""Bytes; of every block in the arena."""


class Storage(Enum):
    """Whose memory a value is in."""

    INPUT = "input"
    OUTPUT = "output"
    WEIGHTS = "weights"
    ARENA = "arena"


@dataclass(frozen=True)
class Placement:
    """Where a value lies.

    index: number of the input or output; 0 elsewhere. constant: the payload's name for weights.
    offset: bytes from the start of that input, output, payload or of the arena. root: the value
    that stands for the class.
    """

    storage: Storage
    root: Value
    offset: int = 0
    index: int = 0
    constant: str = ""

    def __str__(self) -> str:
        number = f" {self.index}" if self.storage in (Storage.INPUT, Storage.OUTPUT) else ""
        return (
            f"{self.storage.value}{number}{self.constant and ' @' + self.constant} +{self.offset}"
        )


@dataclass(frozen=True)
class MemoryPlan:
    """Placements of all values of a function.

    arena_bytes: size of the arena. lower_bound: no plan with these classes needs less. blocks: the
    classes in the arena, by the value that stands for each.
    """

    placements: Mapping[Value, Placement]
    arena_bytes: int
    lower_bound: int
    blocks: Mapping[Value, Block] = field(default_factory=dict)

    def __str__(self) -> str:
        total = f"arena {self.arena_bytes} bytes, at least {self.lower_bound}"
        lines = (f"  %{v.name or '?'} : {v.type}  {p}" for v, p in self.placements.items())
        return "\n".join([total, *lines])


def plan_memory(module: Module, func: Func | None = None, *, in_place: bool = True) -> MemoryPlan:
    """Plan a lowered function (`main` by default).

    in_place: let element-wise results overwrite an operand that nothing reads afterwards.
    """
    func = func or module.main
    aliases = find_aliases(module, func, in_place)
    fixed = _fixed(module, func, aliases)
    blocks = _blocks(module, func, aliases, fixed)
    offsets = place(blocks.values())
    homes = fixed | {root: Placement(Storage.ARENA, root, offsets[b]) for root, b in blocks.items()}
    placements = {v: _within(homes, *aliases.root(v)) for v in _values(func)}
    total = max((offsets[b] + b.size for b in blocks.values()), default=0)
    return MemoryPlan(placements, total, peak(blocks.values()), blocks)


def _within(homes: Mapping[Value, Placement], root: Value, offset: int) -> Placement:
    home = homes[root]
    return Placement(home.storage, root, home.offset + offset, home.index, home.constant)


def _values(func: Func) -> list[Value]:
    return [*func.inputs, *(r for op in func.body.ops for r in op.results)]


def _fixed(module: Module, func: Func, aliases: Aliases) -> dict[Value, Placement]:
    """Classes whose memory is given: inputs, constants, and what the function returns."""
    homes: dict[Value, Placement] = {}
    for n, value in enumerate(func.inputs):
        homes[value] = Placement(Storage.INPUT, value, index=n)
    for op in func.body.ops:
        if op.name == CONSTANT:
            name = str(op.attrs["name"])
            homes[op.result] = Placement(Storage.WEIGHTS, op.result, constant=name)
    for n, value in enumerate(func.outputs):
        root, offset = aliases.root(value)
        assert root not in homes, "fuse gives each output memory of its own"
        assert offset == 0, "an output does not lie inside another value"
        homes[root] = Placement(Storage.OUTPUT, root, index=n)
    return homes


def _blocks(
    module: Module, func: Func, aliases: Aliases, fixed: Mapping[Value, Placement]
) -> dict[Value, Block]:
    """For each class in the arena its size and the ops between which it is alive."""
    spans: dict[Value, tuple[int, int]] = {}
    sizes: dict[Value, int] = {}
    position = {op: n for n, op in enumerate(func.body.ops)}
    for op in func.body.ops:
        for value in (*op.results, *op.operands):
            root, offset = aliases.root(value)
            first, _ = spans.setdefault(root, (position[op], position[op]))
            spans[root] = (first, position[op])
            size = sizes.get(root) or nbytes(module, root.type)
            is_slice = value.type.layout is not None and value.type.layout.pitch is not None
            sizes[root] = max(size, offset + row_bytes(module, value.type) if is_slice else 0)
    return {
        root: Block(_padded(sizes[root]), *span)
        for root, span in spans.items()
        if root not in fixed
    }


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
