"""Give every section, stub and slot of an image its address.

Addresses count from the start of the image: [code][stubs][constants] up to a whole page, then the
data part [zeros and pointer tables][variables][slots].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from baryon.codegen.link.elf import Section
from baryon.codegen.link.errors import LinkError
from baryon.codegen.link.imports import Imports
from baryon.codegen.link.machine import Addresses, Machine, Via
from baryon.codegen.link.select import Unit

PAGE = 4096
POINTER = 8
# Code starts on a cache line, so that a kernel's speed does not depend on its neighbours.
CODE_ALIGN = 64


@dataclass(frozen=True)
class Layout:
    """Addresses from the start of the image.

    sections: by (unit, section) number. code_bytes: end of the code, stubs included. stubs: by
    import. variables: by import. slots: by import, or by the address that the slot holds.
    symbols: one array per unit, by symbol number; -1 for symbols that no kernel uses.
    """

    sections: Mapping[tuple[int, int], int]
    code_bytes: int
    image_bytes: int
    data_bytes: int
    stubs: Mapping[str, int]
    variables: Mapping[str, int]
    slots: Mapping[str | int, int]
    symbols: tuple[Addresses, ...]


@dataclass
class _Cursor:
    """Hands out addresses from `position` on; equal read-only contents get the same address."""

    position: int = 0
    shared: dict[tuple[bool, int, bytes], int] = field(default_factory=dict)

    def take(self, size: int, align: int) -> int:
        start = -(-self.position // align) * align
        self.position = start + size
        return start

    def place(self, section: Section, align: int) -> int:
        if section.writable or len(section.relocations):
            return self.take(section.size, align)
        key = (section.executable, align, bytes(section.data))
        if key not in self.shared:
            self.shared[key] = self.take(section.size, align)
        return self.shared[key]


def lay_out(units: Sequence[Unit], machine: Machine, imports: Imports) -> Layout:
    """Addresses for all units, in their order. Raises LinkError for an impossible alignment."""
    cursor = _Cursor()
    code = _place(units, cursor, lambda section: section.executable)
    called = _imports(units, (Via.SYMBOL,), imports.functions)
    stubs = {name: cursor.take(machine.stub_bytes, machine.stub_bytes) for name in called}
    code_bytes = cursor.position
    constants = _place(units, cursor, lambda s: not s.executable and not s.writable)
    image_bytes = cursor.take(0, machine.page)
    data = _place(units, cursor, lambda section: section.writable)
    held = _imports(units, tuple(Via), imports.variables)
    variables = {name: cursor.take(POINTER, POINTER) for name in held}
    sections = {**code, **constants, **data}
    symbols = tuple(
        _symbol_addresses(unit, number, sections, {**stubs, **variables})
        for number, unit in enumerate(units)
    )
    targets = dict.fromkeys([*stubs, *_slot_targets(units, symbols, imports)])
    slots = {target: cursor.take(POINTER, POINTER) for target in targets}
    data_bytes = cursor.take(0, POINTER) - image_bytes
    return Layout(sections, code_bytes, image_bytes, data_bytes, stubs, variables, slots, symbols)


def _place(
    units: Sequence[Unit], cursor: _Cursor, wanted: Callable[[Section], bool]
) -> dict[tuple[int, int], int]:
    """Addresses of the wanted sections by (unit, section) number."""
    return {
        (number, section.index): cursor.place(section, _alignment(section))
        for number, unit in enumerate(units)
        for section in unit.sections
        if wanted(section)
    }


def _alignment(section: Section) -> int:
    if section.align > PAGE:
        raise LinkError(f"section {section.name} wants an alignment above a page: {section.align}")
    return max(section.align, CODE_ALIGN) if section.executable else section.align


def _imports(
    units: Sequence[Unit], vias: tuple[Via, ...], wanted: frozenset[str]
) -> dict[str, None]:
    """Imports that are used in one of the given ways, in the order of first use."""
    return {
        unit.imports[symbol]: None
        for unit in units
        for via in vias
        for symbol in unit.uses[via]
        if unit.imports.get(symbol) in wanted
    }


def _symbol_addresses(
    unit: Unit, number: int, sections: Mapping[tuple[int, int], int], imports: Mapping[str, int]
) -> Addresses:
    used = {section.index: sections[number, section.index] for section in unit.sections}
    addresses = np.full(len(unit.homes), -1, np.int64)
    for index, base in used.items():
        members = unit.homes == index
        addresses[members] = base + unit.object.symbols["value"][members].astype(np.int64)
    for symbol, name in unit.imports.items():
        addresses[symbol] = imports.get(name, -1)
    return addresses


def _slot_targets(
    units: Sequence[Unit], symbols: Sequence[Addresses], imports: Imports
) -> Iterator[str | int]:
    """What the slots hold: the name of an imported function or an address."""
    for unit, addresses in zip(units, symbols, strict=True):
        for symbol in unit.uses[Via.SLOT]:
            yield slot_target(unit, addresses, symbol, imports)


def slot_target(unit: Unit, addresses: Addresses, symbol: int, imports: Imports) -> str | int:
    """The key in `Layout.slots` of the slot for a symbol."""
    name = unit.imports.get(symbol)
    if name is not None and name in imports.functions:
        return name
    return int(addresses[symbol])
