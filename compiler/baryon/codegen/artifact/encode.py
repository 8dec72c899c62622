"""Plan and code -> the bytes of their sections. Equal values give equal bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.artifact.check import byte_extent_of
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
from baryon.codegen.artifact.plan import Code, Dim, Extent, Plan, Port, Symbol, TensorDesc

Rows = list[Any]


@dataclass
class _Strings:
    """The blob of strings; each text is stored once."""

    blob: bytearray = field(default_factory=bytearray)
    known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, text: str) -> tuple[int, int]:
        if text not in self.known:
            data = text.encode()
            if b"\0" in data:
                raise ArtifactError(f"a name with a NUL: {text!r}", rule="A13")
            self.known[text] = (len(self.blob), len(data))
            self.blob += data
        return self.known[text]


@dataclass
class _Dims:
    """The table of dimensions; each sequence is stored once."""

    symbols: Mapping[str, int]
    rows: Rows = field(default_factory=list)
    known: dict[tuple[Extent, ...], int] = field(default_factory=dict)

    def add(self, extents: tuple[Extent, ...]) -> int:
        if extents not in self.known:
            self.known[extents] = len(self.rows)
            self.rows += [self.row(extent) for extent in extents]
        return self.known[extents]

    def row(self, extent: Extent) -> tuple[int, int, int]:
        if isinstance(extent, Dim):
            return extent.factor, self.symbols[extent.symbol], 0
        return extent, LITERAL, 0


def encode_plan(plan: Plan) -> bytes:
    """The PLAN section of a plan that `check_plan` accepts."""
    strings = _Strings()
    name = strings.add(plan.name)
    dims = _Dims({symbol.name: number for number, symbol in enumerate(plan.symbols)})
    args: list[int] = []
    rows: dict[str, Rows] = {
        "features": [strings.add(name) for name in plan.features],
        "symbols": [_symbol_row(s, strings, dims) for s in plan.symbols],
        "tensors": [_tensor_row(tensor, plan, dims) for tensor in plan.tensors],
        "inputs": _port_rows(plan.inputs, strings),
        "outputs": _port_rows(plan.outputs, strings),
        "kernels": [(strings.add(kernel.name), kernel.entry) for kernel in plan.kernels],
        "calls": _call_rows(plan, args),
    }
    rows |= {"dims": dims.rows, "args": args, "strings": list(strings.blob)}
    header = np.zeros(1, PLAN_HEADER)
    header["name"], header["machine"] = name, plan.machine
    header["arena_bytes"], header["scratch_bytes"] = plan.arena_bytes, plan.scratch_bytes
    return _section(header, PLAN_TABLES, rows)


def encode_code(code: Code, page: int) -> tuple[bytes, bytes | memoryview]:
    """The CODE section in two parts: header and tables up to a whole page, then the image."""
    strings = _Strings()
    names = sorted({slot.symbol for slot in code.slots if slot.symbol is not None})
    numbers = {name: number for number, name in enumerate(names)}
    rows: dict[str, Rows] = {
        "imports": [strings.add(name) for name in names],
        "slots": [
            (slot.data_offset, SLOT_ADDRESS, 0, slot.address)
            if slot.symbol is None
            else (slot.data_offset, SLOT_IMPORT, numbers[slot.symbol], 0)
            for slot in code.slots
        ],
    }
    rows["strings"] = list(strings.blob)
    header = np.zeros(1, CODE_HEADER)
    header["data_bytes"], header["image_bytes"] = code.data_bytes, len(code.image)
    size = len(_section(header, CODE_TABLES, rows))
    image_offset = -(-size // page) * page
    header["image_offset"] = image_offset
    return _section(header, CODE_TABLES, rows).ljust(image_offset, b"\0"), code.image


def _symbol_row(symbol: Symbol, strings: _Strings, dims: _Dims) -> tuple[Any, ...]:
    head, computed = (strings.add(symbol.name), symbol.min, symbol.max), symbol.computed
    if computed is None:
        return (*head, 0, LITERAL, OF_INPUTS, 0, 0)
    factor, number, _ = dims.row(computed.most)
    return (*head, factor, number, computed.call, computed.tensor, 0)


def _tensor_row(tensor: TensorDesc, plan: Plan, dims: _Dims) -> tuple[int, ...]:
    code, bits = DTYPES[tensor.dtype]
    return (
        code,
        bits,
        1,
        len(tensor.shape),
        dims.add(tensor.shape),
        CONTIGUOUS if tensor.strides is None else dims.add(tensor.strides),
        int(tensor.storage),
        tensor.index,
        tensor.byte_offset,
        byte_extent_of(tensor, plan),
        0,
    )


def _port_rows(ports: Iterable[Port], strings: _Strings) -> Rows:
    return [
        (strings.add(port.name), port.tensor, 0 if port.value is None else port.value + 1)
        for port in ports
    ]


def _call_rows(plan: Plan, args: list[int]) -> Rows:
    """Rows of the calls; appends their arguments to `args`."""
    rows: Rows = []
    for call in plan.calls:
        rows.append((call.kernel, len(args), len(call.args), 0))
        args += call.args
    return rows


def _section(
    header: NDArray[Any], types: Mapping[str, np.dtype[Any]], rows: Mapping[str, Rows]
) -> bytes:
    """Header and tables, each table aligned to 8; fills in where the tables are."""
    header["header_bytes"] = header.itemsize
    body = bytearray()
    for name, dtype in types.items():
        body += bytes(-len(body) % TABLE_ALIGN)
        header[name] = (header.itemsize + len(body), len(rows[name]))
        body += _records(name, rows[name], dtype)
    return header.tobytes() + bytes(body)


def _records(name: str, rows: Rows, dtype: np.dtype[Any]) -> bytes:
    try:
        return np.array(rows, dtype).tobytes()
    except OverflowError as error:
        raise ArtifactError(f"a number does not fit its field: {error}", where=name) from error
