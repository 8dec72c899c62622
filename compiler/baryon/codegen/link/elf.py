"""Read ELF64 little-endian relocatable objects as NumPy tables.

Only what a linker needs is read: section headers, symbols and relocations with addends. The tables
are views of the object's bytes, so reading costs microseconds per object.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.link.errors import LinkError

SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 1, 2, 4, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXEC, SHF_TLS = 1, 2, 4, 0x400
SHN_UNDEF, SHN_FIRST_RESERVED = 0, 0xFF00
STB_LOCAL = 0
STT_FUNC, STT_SECTION = 2, 3

_ET_REL = 1
_HEADER = struct.Struct("<4sBBBB8xHHIQQQIHHHHHH")
_SECTION = np.dtype(
    [
        ("name", "<u4"),
        ("type", "<u4"),
        ("flags", "<u8"),
        ("addr", "<u8"),
        ("offset", "<u8"),
        ("size", "<u8"),
        ("link", "<u4"),
        ("info", "<u4"),
        ("align", "<u8"),
        ("entsize", "<u8"),
    ]
)
_SYMBOL = np.dtype(
    [
        ("name", "<u4"),
        ("info", "u1"),
        ("other", "u1"),
        ("section", "<u2"),
        ("value", "<u8"),
        ("size", "<u8"),
    ]
)
_RELOCATION = np.dtype([("offset", "<u8"), ("type", "<u4"), ("symbol", "<u4"), ("addend", "<i8")])

Table = NDArray[Any]


@dataclass(frozen=True)
class Section:
    """One section: `data` is empty for a section without file contents (`.bss`)."""

    index: int
    name: str
    type: int
    flags: int
    size: int
    align: int
    data: memoryview
    relocations: Table

    @property
    def allocated(self) -> bool:
        """Whether the section exists in memory at run time."""
        return bool(self.flags & SHF_ALLOC)

    @property
    def executable(self) -> bool:
        """Whether the section holds instructions."""
        return bool(self.flags & SHF_EXEC)

    @property
    def writable(self) -> bool:
        """Whether the section needs memory of its own in each process."""
        return bool(self.flags & SHF_WRITE)


@dataclass(frozen=True)
class ObjectFile:
    """One relocatable object. `symbols` has the fields name, info, other, section, value, size."""

    name: str
    machine: int
    sections: tuple[Section, ...]
    symbols: Table
    strings: bytes

    def symbol_name(self, index: int) -> str:
        """Name of a symbol; a section symbol has the name of its section."""
        symbol = self.symbols[index]
        if symbol["info"] & 15 == STT_SECTION:
            return self.sections[int(symbol["section"])].name
        return _text(self.strings, int(symbol["name"]))

    def globals(self) -> dict[str, int]:
        """Symbol number by name of each symbol that is not local, undefined ones included."""
        numbers = np.flatnonzero(self.symbols["info"] >> 4 != STB_LOCAL)
        return {_text(self.strings, int(self.symbols["name"][n])): int(n) for n in numbers}


def read_object(name: str, data: bytes) -> ObjectFile:
    """Read one object; `name` is the kernel's name, for messages. Raises LinkError."""
    try:
        return _read(name, memoryview(data))
    except (struct.error, ValueError, IndexError) as error:
        if isinstance(error, LinkError):
            raise
        raise LinkError(f"kernel '{name}': the object file is damaged: {error}") from error


def _read(name: str, data: memoryview) -> ObjectFile:
    machine, offset, count, names_index = _read_header(name, data)
    headers = np.frombuffer(data, _SECTION, count, offset)
    names = bytes(_contents(data, headers[names_index]))
    tables = [header for header in headers if header["type"] == SHT_SYMTAB]
    if len(tables) != 1:
        raise LinkError(f"kernel '{name}': the object file has {len(tables)} symbol tables, not 1")
    symbols = np.frombuffer(_contents(data, tables[0]), _SYMBOL)
    relocations = _read_relocations(name, data, headers, len(symbols))
    sections = tuple(
        _section(data, header, index, names, relocations.get(index, _NO_RELOCATIONS))
        for index, header in enumerate(headers)
    )
    ordinary = symbols["section"] < SHN_FIRST_RESERVED
    if (symbols["section"][ordinary] >= count).any():
        raise LinkError(f"kernel '{name}': the object file has a symbol in no section")
    strings = bytes(_contents(data, headers[int(tables[0]["link"])]))
    return ObjectFile(name, machine, sections, symbols, strings)


_NO_RELOCATIONS: Table = np.zeros(0, _RELOCATION)


def _read_header(name: str, data: memoryview) -> tuple[int, int, int, int]:
    """Machine, offset and number of the section headers, index of the section with their names."""
    fields = _HEADER.unpack_from(data)
    magic, wide, order, kind, machine, offset = *fields[:3], fields[5], fields[6], fields[10]
    if magic != b"\x7fELF" or wide != 2 or order != 1 or kind != _ET_REL:
        raise LinkError(
            f"kernel '{name}': not a 64-bit little-endian ELF relocatable object",
            hint="write the module with write_to_file(path, 'o') for a Linux target",
        )
    return machine, offset, fields[-2], fields[-1]


def _contents(data: memoryview, header: Any) -> memoryview:
    start, size = int(header["offset"]), int(header["size"])
    if start + size > len(data):
        raise ValueError("a section reaches past the end of the file")
    return data[start : start + size]


def _section(
    data: memoryview, header: Any, index: int, names: bytes, relocations: Table
) -> Section:
    empty = header["type"] in (0, SHT_NOBITS)
    return Section(
        index=index,
        name=_text(names, int(header["name"])),
        type=int(header["type"]),
        flags=int(header["flags"]),
        size=int(header["size"]),
        align=max(1, int(header["align"])),
        data=data[:0] if empty else _contents(data, header),
        relocations=relocations,
    )


def _read_relocations(
    name: str, data: memoryview, headers: Table, symbol_count: int
) -> dict[int, Table]:
    """Relocation table by number of the section that it patches, in order of their offsets."""
    if (headers["type"] == SHT_REL).any():
        raise LinkError(f"kernel '{name}': relocations without addends are not supported")
    tables = {}
    for header in headers[headers["type"] == SHT_RELA]:
        table = np.frombuffer(_contents(data, header), _RELOCATION)
        if len(table) and int(table["symbol"].max()) >= symbol_count:
            raise ValueError("a relocation names no symbol")
        patched = int(header["info"])
        # The narrowest field that we know is four bytes wide.
        if len(table) and int(table["offset"].max()) + 4 > int(headers[patched]["size"]):
            raise ValueError("a relocation lies outside of its section")
        tables[patched] = table
    return tables


def _text(strings: bytes, start: int) -> str:
    return strings[start : strings.index(b"\0", start)].decode()
