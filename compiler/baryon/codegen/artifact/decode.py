"""The bytes of sections -> plan and code. No number in the file is believed unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.artifact.check import need
from baryon.codegen.artifact.errors import ArtifactError
from baryon.codegen.artifact.format import (
    CODE_HEADER,
    CODE_TABLES,
    CONTIGUOUS,
    DTYPES,
    LITERAL,
    OF_INPUTS,
    PLAN_HEADER,
    PLAN_TABLES,
    SLOT_ADDRESS,
    SLOT_IMPORT,
    TABLE_ALIGN,
)
from baryon.codegen.artifact.plan import (
    Call,
    Code,
    Computed,
    Dim,
    Extent,
    Kernel,
    Plan,
    Port,
    Slot,
    Storage,
    Symbol,
    TensorDesc,
)

_DTYPE_NAMES = {key: name for name, key in DTYPES.items()}


class _Tables:
    """The header and tables of one section, bounds-checked (A12) and as Python values."""

    def __init__(
        self,
        name: str,
        section: memoryview,
        header: np.dtype[Any],
        types: Mapping[str, np.dtype[Any]],
    ) -> None:
        self.name = name
        need(len(section) >= header.itemsize, "A12", "shorter than its header", name)
        fields = np.frombuffer(section, header, 1)[0]
        self.header = {key: fields[key].item() for key in header.names or ()}
        need(not self.header.get("reserved"), "A12", "a reserved field is not zero", name)
        own_size = self.header["header_bytes"] == header.itemsize
        need(own_size, "A12", f"header_bytes is {self.header['header_bytes']}", name)
        self.rows: dict[str, list[Any]] = {}
        for key, dtype in types.items():
            offset, count = self.header[key]
            inside = offset % TABLE_ALIGN == 0 and offset + count * dtype.itemsize <= len(section)
            need(inside, "A12", f"{count} records at {offset}", f"{name} table {key}")
            table = np.frombuffer(section, dtype, count, offset)
            need(_is_plain(table), "A12", "a reserved field is not zero", f"{name} table {key}")
            self.rows[key] = table.tolist() if dtype.itemsize > 1 else []
        offset, count = self.header["strings"]
        self.strings = bytes(section[offset : offset + count])

    def text(self, place: tuple[int, int]) -> str:
        offset, length = place
        data = self.strings[offset : offset + length]
        plain = offset + length <= len(self.strings) and b"\0" not in data
        need(plain, "A13", f"string at {offset}", self.name)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise ArtifactError(f"string at {offset}: {error}", rule="A13") from error

    def slice(self, key: str, start: int, count: int, rule: str) -> list[Any]:
        rows = self.rows[key]
        need(start + count <= len(rows), rule, f"{count} of {key} at {start}", self.name)
        return rows[start : start + count]


def _is_plain(table: NDArray[Any]) -> bool:
    names = table.dtype.names or ()
    return not any(table[name].any() for name in names if name == "reserved")


def decode_plan(section: memoryview) -> Plan:
    """A plan whose records exist; `check_plan` has yet to judge it."""
    tables = _Tables("PLAN", section, PLAN_HEADER, PLAN_TABLES)
    symbols: tuple[Symbol, ...] = ()
    for row in tables.rows["symbols"]:
        symbols += (_symbol(tables, symbols, row),)
    return Plan(
        name=tables.text(tables.header["name"]),
        machine=tables.header["machine"],
        tensors=tuple(_tensor(tables, symbols, row) for row in tables.rows["tensors"]),
        inputs=_ports(tables, "inputs"),
        outputs=_ports(tables, "outputs"),
        kernels=tuple(Kernel(tables.text(name), entry) for name, entry in tables.rows["kernels"]),
        calls=tuple(
            Call(kernel, tuple(tables.slice("args", first, count, "A23")))
            for kernel, first, count, _ in tables.rows["calls"]
        ),
        symbols=symbols,
        features=tuple(tables.text(place) for place in tables.rows["features"]),
        arena_bytes=tables.header["arena_bytes"],
        scratch_bytes=tables.header["scratch_bytes"],
    )


def decode_code(section: memoryview) -> tuple[Code, int]:
    """Code whose records exist, and its image's place in the section. The image is a view.

    `check_code` has yet to judge them.
    """
    tables = _Tables("CODE", section, CODE_HEADER, CODE_TABLES)
    start, size = tables.header["image_offset"], tables.header["image_bytes"]
    inside = 0 < start <= start + size <= len(section)
    need(inside, "A26", f"image of {size} bytes at {start}", "CODE")
    imports = [tables.text(place) for place in tables.rows["imports"]]
    code = Code(
        image=section[start : start + size],
        data_bytes=tables.header["data_bytes"],
        slots=tuple(_slot(imports, *row) for row in tables.rows["slots"]),
    )
    return code, start


def _symbol(tables: _Tables, before: tuple[Symbol, ...], row: tuple[Any, ...]) -> Symbol:
    name, low, high, factor, number, call, tensor, _ = row
    if call == OF_INPUTS:
        need((factor, number, tensor) == (0, LITERAL, 0), "A34", "a bound", "PLAN symbols")
        return Symbol(tables.text(name), low, high)
    computed = Computed(call, tensor, _extent(before, factor, number))
    return Symbol(tables.text(name), low, high, computed)


def _tensor(tables: _Tables, symbols: tuple[Symbol, ...], row: tuple[int, ...]) -> TensorDesc:
    code, bits, lanes, ndim, first_dim, first_stride, storage, index, offset, extent, _ = row
    known = lanes == 1 and (code, bits) in _DTYPE_NAMES
    need(known, "A17", f"dtype code {code}, {bits} bits, {lanes} lanes", "PLAN tensors")
    need(storage in set(Storage), "A19", f"storage {storage}", "PLAN tensors")
    plain = first_stride == CONTIGUOUS
    return TensorDesc(
        dtype=_DTYPE_NAMES[code, bits],
        shape=_extents(tables, symbols, first_dim, ndim),
        storage=Storage(storage),
        index=index,
        byte_offset=offset,
        strides=None if plain else _extents(tables, symbols, first_stride, ndim),
        byte_extent=extent,
    )


def _extents(
    tables: _Tables, symbols: tuple[Symbol, ...], first: int, count: int
) -> tuple[Extent, ...]:
    return tuple(
        _extent(symbols, factor, symbol)
        for factor, symbol, _ in tables.slice("dims", first, count, "A16")
    )


def _extent(symbols: tuple[Symbol, ...], factor: int, symbol: int) -> Extent:
    if symbol == LITERAL:
        return factor
    need(0 <= symbol < len(symbols), "A15", f"symbol {symbol}", "PLAN dims")
    return Dim(symbols[symbol].name, factor)


def _ports(tables: _Tables, key: str) -> tuple[Port, ...]:
    return tuple(
        Port(tables.text(name), tensor, value - 1 if value else None)
        for name, tensor, value in tables.rows[key]
    )


def _slot(imports: list[str], offset: int, kind: int, number: int, address: int) -> Slot:
    need(kind in {SLOT_IMPORT, SLOT_ADDRESS}, "A28", f"slot of kind {kind}", "CODE")
    unused = number if kind == SLOT_ADDRESS else address
    need(unused == 0, "A28", f"slot of kind {kind} with import and address", "CODE")
    if kind == SLOT_ADDRESS:
        return Slot(offset, None, address)
    need(number < len(imports), "A30", f"import {number} of {len(imports)}", "CODE")
    return Slot(offset, imports[number])
