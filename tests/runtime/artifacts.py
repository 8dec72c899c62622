"""Artifacts for the tests, made without the compiler: kernels.c, packed as the spec says.

A second, independent writer of the format. It checks nothing, so that it can also write what the
runtime must refuse.
"""

from __future__ import annotations

import functools
import hashlib
import json
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
PAGE = 4096
META, PLAN, CODE, WEIGHTS = 1, 2, 3, 4
INPUT, OUTPUT, ARENA, WEIGHT = 0, 1, 2, 3
CONTIGUOUS = 0xFFFFFFFF
DTYPES = {
    "float32": (2, 32),
    "uint8": (1, 8),
    "int64": (0, 64),
    "bfloat16": (4, 16),
    "bool": (6, 8),
    "float8_e4m3fn": (10, 8),
}
IMPORTS = {
    "parallel_launch": "__TVMBackendParallelLaunch",
    "alloc_workspace": "__TVMBackendAllocWorkspace",
    "free_workspace": "__TVMBackendFreeWorkspace",
    "raise_error": "TVMFFIErrorSetRaisedFromCStrParts",
    "exp_float": "expf",
}
Size = int | str


@dataclass(frozen=True)
class Tensor:
    """One tensor record; sizes are numbers or symbols' names."""

    shape: tuple[Size, ...]
    storage: int
    index: int = 0
    offset: int = 0
    strides: tuple[Size, ...] | None = None
    dtype: str = "float32"


@dataclass(frozen=True)
class Count:
    """Where a symbol's value comes from: what a call writes, at most factor * the bound."""

    call: int
    tensor: int
    factor: int
    bound: str | None = None


@dataclass(frozen=True)
class Net:
    """A network: kernels by name are called on tensors by number. counts: of computed symbols."""

    tensors: Sequence[Tensor]
    inputs: dict[str, int]
    outputs: dict[str, int]
    calls: Sequence[tuple[str, tuple[int, ...]]]
    symbols: dict[str, tuple[int, int]] = field(default_factory=dict)
    counts: dict[str, Count] = field(default_factory=dict)
    features: Sequence[str] = ()
    arena_bytes: int = 0
    weights: bytes = b""
    imports: dict[str, str] = field(default_factory=lambda: dict(IMPORTS))
    name: str = "x86-64-v3"
    machine: int = 62


@dataclass(frozen=True)
class Image:
    """kernels.c, compiled and linked at address 0: symbols are offsets from there."""

    code: bytes
    symbols: dict[str, int]
    data_bytes: int


@functools.cache
def image() -> Image:
    """The code image of all kernels (built once)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        flags = ["-O1", "-fPIC", "-fvisibility=hidden", "-fno-stack-protector", "-nostdlib"]
        flags += ["-fcf-protection=none", "-fno-tree-loop-distribute-patterns", "-static"]
        script = f"-Wl,-T,{HERE / 'image.lds'},--build-id=none,-e,0"
        source = str(HERE / "kernels.c")
        subprocess.run(["cc", *flags, script, source, "-o", str(path / "elf")], check=True)
        copy = ["objcopy", "-O", "binary", "-j", ".image", str(path / "elf"), str(path / "bin")]
        subprocess.run(copy, check=True)
        table = subprocess.run(["nm", path / "elf"], check=True, capture_output=True, text=True)
        code = (path / "bin").read_bytes()
    fields = [line.split() for line in table.stdout.splitlines()]
    symbols = {name: int(address, 16) for address, _, name in fields}
    code += bytes(-len(code) % PAGE)
    data_bytes = max(symbols[name] for name in [*IMPORTS, "table"]) + 8 - len(code)
    return Image(code, symbols, data_bytes)


class Tables:
    """Tables after a header, each aligned to 8 bytes; strings are shared."""

    def __init__(self, header_bytes: int) -> None:
        self.body, self.start, self.strings = bytearray(), header_bytes, bytearray()

    def string(self, text: str) -> bytes:
        """A string record."""
        data = text.encode()
        self.strings += data
        return struct.pack("<II", len(self.strings) - len(data), len(data))

    def add(self, records: Sequence[bytes] | bytes) -> bytes:
        """Append records; returns their table record."""
        self.body += bytes(-len(self.body) % 8)
        place = struct.pack("<QQ", self.start + len(self.body), len(records))
        self.body += records if isinstance(records, bytes) else b"".join(records)
        return place


class PlanWriter:
    """The records of one network's PLAN section."""

    def __init__(self, net: Net) -> None:
        self.net, self.tables, self.symbols = net, Tables(192), list(net.symbols)
        self.dims: list[bytes] = []
        self.kernels = list(dict.fromkeys(name for name, _ in net.calls))

    def section(self) -> bytes:
        """Header and tables."""
        net, string = self.net, self.tables.string
        own_name = string(net.name)
        features = [string(name) for name in net.features]
        symbols = [string(name) + self.symbol(name) for name in self.symbols]
        tensors = [self.tensor(tensor) for tensor in net.tensors]
        inputs, outputs = self.ports(net.inputs), self.ports(net.outputs)
        entries = [string(name) + struct.pack("<Q", image().symbols[name]) for name in self.kernels]
        args = [struct.pack("<I", tensor) for _, call in net.calls for tensor in call]
        records = (features, symbols, self.dims, tensors, inputs, outputs, entries, args)
        places = [self.tables.add(bytes(self.tables.strings))]
        places += [self.tables.add(table) for table in (*records, self.calls())]
        header = struct.pack("<II", 192, net.machine) + own_name
        header += struct.pack("<QQ", net.arena_bytes, 1 << 17)
        return header + b"".join(places) + bytes(self.tables.body)

    def symbol(self, name: str) -> bytes:
        """A symbol's record without its name."""
        count, bounds = self.net.counts.get(name), struct.pack("<qq", *self.net.symbols[name])
        if count is None:
            return bounds + struct.pack("<qiIII", 0, -1, CONTIGUOUS, 0, 0)
        bound = -1 if count.bound is None else self.symbols.index(count.bound)
        return bounds + struct.pack("<qiIII", count.factor, bound, count.call, count.tensor, 0)

    def add_dims(self, sizes: Sequence[Size]) -> int:
        """Append dims; returns the number of the first."""
        for size in sizes:
            symbol = self.symbols.index(size) if isinstance(size, str) else -1
            factor = 1 if isinstance(size, str) else size
            self.dims.append(struct.pack("<qiI", factor, symbol, 0))
        return len(self.dims) - len(sizes)

    def tensor(self, t: Tensor) -> bytes:
        """A tensor record."""
        code, bits = DTYPES[t.dtype]
        first = self.add_dims(t.shape)
        strides = CONTIGUOUS if t.strides is None else self.add_dims(t.strides)
        extent = span(self.net, t) * bits // 8
        numbers = (len(t.shape), first, strides, t.storage, t.index, t.offset, extent, 0)
        return struct.pack("<BBHIIIIIQQQ", code, bits, 1, *numbers)

    def ports(self, given: dict[str, int]) -> list[bytes]:
        """Records of inputs or outputs."""
        string = self.tables.string
        return [string(name) + struct.pack("<II", tensor, 0) for name, tensor in given.items()]

    def calls(self) -> list[bytes]:
        """Records of calls, whose args follow each other."""
        records, start = [], 0
        for name, args in self.net.calls:
            kernel = self.kernels.index(name)
            records.append(struct.pack("<IIII", kernel, start, len(args), 0))
            start += len(args)
        return records


def span(net: Net, tensor: Tensor) -> int:
    """Elements that a tensor spans with symbols at their maximum."""

    def largest(size: Size) -> int:
        return size if isinstance(size, int) else net.symbols[size][1]

    shape = [largest(size) for size in tensor.shape]
    steps = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
    if 0 in shape:
        return 0
    if tensor.strides is not None:
        steps = [largest(step) for step in tensor.strides]
    return 1 + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))


def code_section(net: Net) -> bytes:
    """The CODE section: header and tables, then the image at a page."""
    built, tables = image(), Tables(80)
    base = len(built.code)
    imports = [tables.string(name) for name in net.imports.values()]
    slots = [
        struct.pack("<QIIQ", built.symbols[name] - base, 0, i, 0)
        for i, name in enumerate(net.imports)
    ]
    slots.append(
        struct.pack("<QIIQ", built.symbols["table"] - base, 1, 0, built.symbols["constants"])
    )
    places = [tables.add(bytes(tables.strings)), tables.add(imports), tables.add(slots)]
    image_offset = -(-(80 + len(tables.body)) // PAGE) * PAGE
    header = struct.pack("<IIQQQ", 80, 0, image_offset, base, built.data_bytes)
    head = header + b"".join(places) + bytes(tables.body)
    return head + bytes(image_offset - len(head)) + built.code


def build(*variants: Net, meta: dict[str, Any] | None = None) -> bytes:
    """The artifact's bytes; several nets are variants, with the weights of the first."""
    sections = []
    for number, net in enumerate(variants):
        made = meta or {"made": "by hand", "variant": number}
        sections.append((META, number, json.dumps(made).encode()))
        sections += [(PLAN, number, PlanWriter(net).section()), (CODE, number, code_section(net))]
    sections.append((WEIGHTS, 0, variants[0].weights))
    file = bytearray(96 + 56 * len(sections))
    for i, (kind, variant, body) in enumerate(sections):
        file += bytes(-len(file) % (PAGE if kind in (CODE, WEIGHTS) else 8))
        struct.pack_into("<IIQQ", file, 96 + 56 * i, kind, variant, len(file), len(body))
        file += body
    struct.pack_into("<8sIIQQII", file, 0, b"BARYON\r\n", 3, 96, len(file), 96, len(sections), 0)
    return seal(file)


def sections_of(file: bytes | bytearray) -> Iterator[tuple[int, int, int, int]]:
    """(table entry's offset, kind, offset, bytes) of each section."""
    (count,) = struct.unpack_from("<I", file, 32)
    for i in range(count):
        kind, _, offset, size = struct.unpack_from("<IIQQ", file, 96 + 56 * i)
        yield 96 + 56 * i, kind, offset, size


def start_of(file: bytes | bytearray, kind: int) -> int:
    """Where the first section of a kind starts."""
    return next(offset for _, k, offset, _ in sections_of(file) if k == kind)


def seal(file: bytearray) -> bytes:
    """All hashes made right: of sections that lie inside the file, and of the table."""
    for entry, _, offset, size in sections_of(file):
        if offset + size <= len(file):
            file[entry + 24 : entry + 56] = hashlib.sha256(file[offset : offset + size]).digest()
    end = 96 + 56 * struct.unpack_from("<I", file, 32)[0]
    file[40:72] = hashlib.sha256(file[96:end]).digest()
    return bytes(file)


def edited(file: bytes, edit: Callable[[bytearray], object]) -> bytes:
    """A copy with a change and hashes that agree with it: for what the hashes do not catch."""
    copy = bytearray(file)
    edit(copy)
    return seal(copy)


# ---- Networks ------------------------------------------------------------------------------------

FACTORS = np.array([1, 2, 3, -1], np.float32)


def affine(features: Sequence[str] = ("avx2", "fma"), name: str = "x86-64-v3") -> Net:
    """data (N, 4), N in 1..8 -> y = exp(data * FACTORS) + 3.5."""
    return Net(
        tensors=[
            Tensor(("N", 4), INPUT),
            Tensor(("N", 4), OUTPUT),
            Tensor((4,), WEIGHT, offset=64),
            Tensor(("N", 4), ARENA, offset=128),
        ],
        inputs={"data": 0},
        outputs={"y": 1},
        calls=[("scale", (0, 2, 3)), ("exponential", (3, 1))],
        symbols={"N": (1, 8)},
        features=features,
        arena_bytes=256,
        weights=bytes(64) + FACTORS.tobytes(),
        name=name,
    )


def affine_of(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `affine` computes."""
    return np.asarray(np.exp(data * FACTORS) + 3.5, np.float32)


def pair() -> Net:
    """a (N, 3), b (N, 5) and one for each column -> (N, 8), side by side, in one output."""
    return Net(
        tensors=[
            Tensor(("N", 3), INPUT, 0),
            Tensor(("N", 5), INPUT, 1),
            Tensor(("N", 8), OUTPUT, 0),
            Tensor(("N", 3), OUTPUT, 0, strides=(8, 1)),
            Tensor(("N", 5), OUTPUT, 0, offset=12, strides=(8, 1)),
            Tensor((3,), WEIGHT),
            Tensor((5,), WEIGHT),
        ],
        inputs={"a": 0, "b": 1},
        outputs={"ab": 2},
        calls=[("scale", (0, 5, 3)), ("scale", (1, 6, 4))],
        symbols={"N": (2, 1000)},
        weights=np.ones(8, np.float32).tobytes(),
    )


def single(kernel: str, shape: tuple[int, ...] = (100,), calls: int = 1) -> Net:
    """No input; one kernel that gets the output."""
    return Net(
        tensors=[Tensor(shape, OUTPUT)],
        inputs={},
        outputs={"y": 0},
        calls=[(kernel, (0,))] * calls,
    )


def counted(kernel: str = "positive", **changes: Any) -> Net:
    """x (N, 3) -> its positive numbers (k,), scaled; k is what the first call counts."""
    net = Net(
        tensors=[
            Tensor(("N", 3), INPUT),
            Tensor(("k",), OUTPUT),
            Tensor((24,), ARENA),
            Tensor((1,), ARENA, offset=128, dtype="int64"),
            Tensor(("k",), ARENA),
        ],
        inputs={"x": 0},
        outputs={"y": 1},
        calls=[(kernel, (0, 2, 3)), ("copy", (4, 1))],
        symbols={"N": (1, 8), "k": (0, 24)},
        counts={"k": Count(0, 3, 3, "N")},
        arena_bytes=192,
    )
    return replace(net, **changes)
