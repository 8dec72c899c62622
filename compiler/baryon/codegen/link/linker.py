"""Link kernels into one image: read, select, lay out, then fill in the relocations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from baryon.codegen.artifact.plan import Code, Slot
from baryon.codegen.link.aarch64 import AARCH64
from baryon.codegen.link.elf import Section, Table, read_object
from baryon.codegen.link.errors import LinkError
from baryon.codegen.link.imports import RUNTIME_IMPORTS, Imports
from baryon.codegen.link.layout import POINTER, Layout, lay_out, slot_target
from baryon.codegen.link.machine import Addresses, Bytes, Machine, Relocation, Via
from baryon.codegen.link.select import Unit, select
from baryon.codegen.link.x86_64 import X86_64

_MACHINES = {machine.number: machine for machine in (X86_64, AARCH64)}


@dataclass(frozen=True)
class LinkedImage:
    """The code of an artifact, ELF's number of its machine, and the offset in its image of each
    kernel's entry by name.
    """

    code: Code
    machine: int
    entries: Mapping[str, int]


def link(kernels: Iterable[tuple[str, bytes]], imports: Imports = RUNTIME_IMPORTS) -> LinkedImage:
    """Link (kernel name, ELF object) pairs. Same objects in the same order give the same bytes.

    Raises LinkError for anything that the image cannot hold: a symbol that the runtime does not
    offer, code for a fixed address, initialized variables, start-up code, kernels of two machines.
    """
    objects = [read_object(name, data) for name, data in kernels]
    if len({source.name for source in objects}) != len(objects):
        raise LinkError("two kernels have the same name")
    machine = _machine({source.machine for source in objects})
    units = [select(source, machine, imports) for source in objects]
    layout = lay_out(units, machine, imports)
    slots = sorted(_slots(units, machine, layout, imports), key=lambda slot: slot.data_offset)
    image = _image(units, machine, layout, imports).tobytes()
    return LinkedImage(
        code=Code(image, layout.data_bytes, tuple(slots)),
        machine=machine.number,
        entries={
            unit.object.name: int(symbols[unit.entry])
            for unit, symbols in zip(units, layout.symbols, strict=True)
        },
    )


def _machine(numbers: set[int]) -> Machine:
    if not numbers:
        raise LinkError("there are no kernels to link")
    if len(numbers) > 1 or not numbers <= set(_MACHINES):
        known = ", ".join(f"{m.name} ({m.number})" for m in _MACHINES.values())
        raise LinkError(
            f"cannot link objects for the ELF machines {sorted(numbers)}",
            hint=f"all kernels must be for one of: {known}",
        )
    return _MACHINES[numbers.pop()]


def _image(units: Sequence[Unit], machine: Machine, layout: Layout, imports: Imports) -> Bytes:
    image = np.zeros(layout.image_bytes, np.uint8)
    image[: layout.code_bytes] = machine.padding
    for (number, index), start in layout.sections.items():
        section = units[number].object.sections[index]
        if not section.writable:
            image[start : start + section.size] = np.frombuffer(section.data, np.uint8)
    for name, start in layout.stubs.items():
        stub = machine.stub(start, layout.slots[name])
        image[start : start + len(stub)] = np.frombuffer(stub, np.uint8)
    for unit, symbols, section, base in _placed(units, layout):
        held = symbols.copy()
        for symbol in unit.uses[Via.SLOT]:
            held[symbol] = layout.slots[slot_target(unit, symbols, symbol, imports)]
        for relocation, rows in _by_type(section, machine):
            source = held if relocation.via is Via.SLOT else symbols
            if relocation.patch is not None:
                places = base + rows["offset"].astype(np.int64)
                relocation.patch(image, places, source[rows["symbol"]] + rows["addend"])
    return image


def _placed(
    units: Sequence[Unit], layout: Layout
) -> Iterator[tuple[Unit, Addresses, Section, int]]:
    """(unit, addresses of its symbols, section, address) of each section with relocations."""
    for (number, index), base in layout.sections.items():
        section = units[number].object.sections[index]
        if len(section.relocations):
            yield units[number], layout.symbols[number], section, base


def _by_type(section: Section, machine: Machine) -> Iterator[tuple[Relocation, Table]]:
    table = section.relocations
    for number in np.unique(table["type"]).tolist():
        yield machine.relocations[number], table[table["type"] == number]


def _slots(
    units: Sequence[Unit], machine: Machine, layout: Layout, imports: Imports
) -> Iterator[Slot]:
    start = layout.image_bytes
    for name, variable in layout.variables.items():
        yield Slot(variable - start, name)
    for target, slot in layout.slots.items():
        if isinstance(target, str):
            yield Slot(slot - start, target)
        else:
            yield Slot(slot - start, None, target)
    for unit, symbols, section, base in _placed(units, layout):
        for relocation, rows in _by_type(section, machine):
            if relocation.via is Via.ADDRESS:
                yield from _pointers(unit, symbols, rows, base - start, imports)


def _pointers(
    unit: Unit, symbols: Addresses, rows: Table, base: int, imports: Imports
) -> Iterator[Slot]:
    """Slots for the pointers of one table, such as an array of strings."""
    for row in rows:
        offset, symbol, addend = base + int(row["offset"]), int(row["symbol"]), int(row["addend"])
        name = unit.imports.get(symbol)
        if offset % POINTER:
            raise LinkError(f"kernel '{unit.object.name}': a pointer at an odd place")
        if name is not None and name in imports.functions:
            yield Slot(offset, name)
        else:
            yield Slot(offset, None, int(symbols[symbol]) + addend)
