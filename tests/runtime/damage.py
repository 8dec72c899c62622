"""Damaged artifacts: what the runtime must refuse, and what it must at least survive.

    python damage.py FOLDER

writes them, and the sound artifacts that the C++ driver runs, for `scripts/sanitize`.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from runtime.artifacts import (
    CODE,
    META,
    PLAN,
    WEIGHTS,
    Tensor,
    affine,
    build,
    counted,
    edited,
    pair,
    sections_of,
    single,
    start_of,
)

Case = tuple[str, bytes]
U32, U64 = "<I", "<Q"
HUGE32 = (0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 1 << 20)
HUGE64 = (2**64 - 1, 2**63, 2**63 - 8, 2**64 - 4096, 1 << 40)
# Offsets of the tables' records in the header of PLAN, and of CODE.
PLAN_TABLES = {
    "strings": 32,
    "features": 48,
    "symbols": 64,
    "dims": 80,
    "tensors": 96,
    "inputs": 112,
    "outputs": 128,
    "kernels": 144,
    "args": 160,
    "calls": 176,
}
CODE_TABLES = {"strings": 32, "imports": 48, "slots": 64}
# (table, offset in its first record, format, values that no artifact may have there)
BAD_FIELDS: list[tuple[str, int, str, tuple[int, ...]]] = [
    ("features", 0, U32, HUGE32),
    ("features", 4, U32, HUGE32),
    ("symbols", 4, U32, HUGE32),
    ("symbols", 8, U64, (9, *HUGE64)),
    ("symbols", 16, U64, (0, *HUGE64)),
    ("symbols", 24, U64, (1, *HUGE64)),
    ("symbols", 32, U32, (0, 1, 63, 64, *HUGE32[1:])),
    ("symbols", 36, U32, (0, 1, 2, *HUGE32[1:])),
    ("symbols", 40, U32, (1, *HUGE32)),
    ("symbols", 44, U32, (1,)),
    ("dims", 0, U64, HUGE64),
    ("dims", 8, U32, (1, 63, 64, 0xFFFFFFFE, 0x80000000, 0x7FFFFFFF)),
    ("dims", 12, U32, (1,)),
    ("tensors", 0, U32, (0, 0x00012005, 0x00022002, 0x00010002, 0x00010702, 0xFFFFFFFF)),
    ("tensors", 4, U32, (1, 3, 17, *HUGE32)),
    ("tensors", 8, U32, HUGE32),
    ("tensors", 12, U32, HUGE32[1:]),
    ("tensors", 16, U32, (1, 2, 3, 4, *HUGE32)),
    ("tensors", 20, U32, (1, *HUGE32)),
    ("tensors", 24, U64, (1, 4, *HUGE64)),
    ("tensors", 32, U64, (0, 1, 127, 129, *HUGE64)),
    ("tensors", 40, U64, (1,)),
    ("inputs", 0, U32, HUGE32),
    ("inputs", 4, U32, (0, *HUGE32)),
    ("inputs", 8, U32, (1, 2, 3, *HUGE32)),
    ("inputs", 12, U32, (1,)),
    ("outputs", 8, U32, (0, 2, 3, *HUGE32)),
    ("kernels", 4, U32, HUGE32),
    ("kernels", 8, U64, HUGE64),
    ("args", 0, U32, (4, *HUGE32)),
    ("calls", 0, U32, (2, *HUGE32)),
    ("calls", 4, U32, (3, *HUGE32)),
    ("calls", 8, U32, (0, 6, 257, *HUGE32)),
    ("calls", 12, U32, (1,)),
]
# The same in the second symbol of `counted`, which a call computes.
BAD_COUNTS: list[tuple[int, str, tuple[int, ...]]] = [
    (8, U64, (1, *HUGE64)),
    (16, U64, (23, 25, *HUGE64)),
    (24, U64, (0, 2, 4, *HUGE64)),
    (32, U32, (1, 2, 63, *HUGE32)),
    (36, U32, (1, 2, *HUGE32)),
    (40, U32, (0, 1, 2, 4, 5, *HUGE32)),
    (44, U32, (1,)),
]
BAD_CODE: list[tuple[int, str, tuple[int, ...]]] = [
    (0, U32, (0, 79, 81)),
    (4, U32, (1, 62, 183)),
    (8, U64, (0, 1, 4095, 8192 * 4, *HUGE64)),
    (16, U64, (0, 1, 4097, 1 << 32, *HUGE64)),
    (24, U64, (0, 8, (1 << 28) + 8, *HUGE64)),
]
BAD_SLOT: list[tuple[int, str, tuple[int, ...]]] = [
    (0, U64, (4, 1 << 20, *HUGE64)),
    (8, U32, (2, *HUGE32)),
    (12, U32, (5, *HUGE32)),
    (16, U64, (1, *HUGE64)),
]


def refused() -> Iterator[Case]:
    """Artifacts that must be refused."""
    base = build(affine())
    yield from _truncated(base)
    yield from _flipped(base)
    yield from _bad_header(base)
    yield from _bad_sections(base)
    yield from _bad_tables(base)
    yield from _bad_records(base)
    yield from _bad_counts()
    yield from _bad_code(base)
    yield from _bad_text(base)


def survived() -> Iterator[Case]:
    """Artifacts with right hashes and one word changed: they may load, but must not crash then.

    Nothing may run them: they can be sound for the runtime and still have other kernels called.
    """
    for name, net in (("affine", affine()), ("pair", pair()), ("counted", counted())):
        base = build(net)
        start = start_of(base, PLAN)
        size = next(size for _, kind, _, size in sections_of(base) if kind == PLAN)
        for at in range(0, size - 3, 4):
            value = HUGE32[at // 4 % len(HUGE32)]
            for new in (value, 1, 0):
                yield f"{name}: plan word {at} is {new:#x}", _with(base, start + at, U32, new)


def _with(base: bytes, at: int, form: str, value: int) -> bytes:
    return edited(base, lambda file: struct.pack_into(form, file, at, value))


def _truncated(base: bytes) -> Iterator[Case]:
    sizes = [0, 1, 7, 8, 40, 95, 96, 97, len(base) - 1]
    for _, _, offset, size in sections_of(base):
        sizes += [offset - 1, offset, offset + 1, offset + size // 2]
    for size in sizes:
        yield f"truncated to {size}", base[:size]
    yield "one byte more", base + b"\0"


def _flipped(base: bytes) -> Iterator[Case]:
    rng = random.Random(0)
    table_end = 96 + 56 * 4
    places = list(range(table_end))
    for _, kind, offset, size in sections_of(base):
        if kind in (META, PLAN, CODE):
            places += rng.sample(range(offset, offset + size), min(40, size))
    for at in places:
        # Of META, PLAN and CODE there is one variant, so that each of their bytes is hashed.
        copy = bytearray(base)
        copy[at] ^= 1 << rng.randrange(8)
        yield f"byte {at} flipped", bytes(copy)


def _bad_header(base: bytes) -> Iterator[Case]:
    for at, form, values in [
        (8, U32, (0, 1, 2, 4, 0xFFFFFFFF)),
        (12, U32, (0, 95, 128)),
        (16, U64, (0, len(base) - 1, len(base) + 1, *HUGE64)),
        (24, U64, (0, 97, len(base) - 8, len(base), *HUGE64)),
        (36, U32, (1,)),
        (72, U64, (1,)),
    ]:
        for value in values:
            copy = bytearray(base)
            struct.pack_into(form, copy, at, value)
            yield f"header field {at} is {value:#x}", bytes(copy)
    for count in (0, 3, 5, 4097, 0xFFFFFFFF):
        copy = bytearray(base)
        struct.pack_into(U32, copy, 32, count)
        yield f"{count} sections", bytes(copy)


def _bad_sections(base: bytes) -> Iterator[Case]:
    for entry, kind, _, size in sections_of(base):
        for at, form, values in [
            (0, U32, (0, 9, META if kind != META else PLAN) if kind != WEIGHTS else (CODE,)),
            (4, U32, (1, 0xFFFFFFFF)),
            (8, U64, (1, 4, len(base), *HUGE64)),
            (16, U64, (len(base), *HUGE64)),
        ]:
            for value in values:
                case = _with(base, entry + at, form, value)
                yield f"section {kind}: entry field {at} is {value:#x}", case
        if kind in (PLAN, CODE):
            for value in (0, 1, 79, size - 4096 if kind == CODE else 191):
                yield f"section {kind} of {value} bytes", _with(base, entry + 16, U64, value)
    weights = next(entry for entry, kind, _, _ in sections_of(base) if kind == WEIGHTS)
    yield "weights too small", _with(base, weights + 16, U64, 64 + 15)
    yield "no weights", _with(base, weights, U32, 9)


def _bad_tables(base: bytes) -> Iterator[Case]:
    for kind, tables in ((PLAN, PLAN_TABLES), (CODE, CODE_TABLES)):
        start = start_of(base, kind)
        for name, at in tables.items():
            (offset,) = struct.unpack_from(U64, base, start + at)
            for value in (offset + 4, 1 << 20, *HUGE64):
                yield f"{kind}: {name} at {value:#x}", _with(base, start + at, U64, value)
            for value in (1 << 20, *HUGE64, 2**60, 2**61 + 1):
                yield f"{kind}: {value:#x} {name}", _with(base, start + at + 8, U64, value)
        yield f"{kind}: no strings", _with(base, start + tables["strings"] + 8, U64, 0)
    plan = start_of(base, PLAN)
    for name in ("symbols", "dims", "tensors", "inputs", "outputs", "kernels", "args"):
        yield f"no {name}", _with(base, plan + PLAN_TABLES[name] + 8, U64, 0)
    for at in (0, 4, 8, 12):
        yield f"plan header field {at}", _with(base, plan + at, U32, HUGE32[2])
    yield "no name", _with(base, plan + 12, U32, 0)
    yield "names that are equal", build(affine(), affine())
    for value in (0, 128, (1 << 40) + 1, *HUGE64[:4]):
        yield f"arena of {value:#x}", _with(base, plan + 16, U64, value)
    for value in ((1 << 40) + 1, *HUGE64[:4]):
        yield f"scratch of {value:#x}", _with(base, plan + 24, U64, value)


def _bad_counts() -> Iterator[Case]:
    base = build(counted())
    start = start_of(base, PLAN)
    (first,) = struct.unpack_from(U64, base, start + PLAN_TABLES["symbols"])
    for at, form, values in BAD_COUNTS:
        for value in values:
            name = f"computed symbol, byte {at}: {value:#x}"
            yield name, _with(base, start + first + 48 + at, form, value)
    yield "a symbol that an input has too", build(counted(tensors=_with_input(("N", "k"))))
    yield "a symbol that is never defined", build(counted(counts={}))
    yield "a symbol that is used before", build(counted(calls=_swapped()))


def _with_input(shape: tuple[int | str, ...]) -> list[Tensor]:
    _, *rest = counted().tensors
    return [Tensor(shape, 0), *rest]


def _swapped() -> list[tuple[str, tuple[int, ...]]]:
    first, second = counted().calls
    return [(second[0], (3, *second[1])), first]


def _bad_records(base: bytes) -> Iterator[Case]:
    start = start_of(base, PLAN)
    for name, at, form, values in BAD_FIELDS:
        (first,) = struct.unpack_from(U64, base, start + PLAN_TABLES[name])
        for value in values:
            case = _with(base, start + first + at, form, value)
            yield f"{name}[0] field {at} is {value:#x}", case
    yield from _bad_views()


def _bad_views() -> Iterator[Case]:
    """Tensors that leave their storage by their strides or at their end only."""
    base = build(pair())
    start = start_of(base, PLAN)
    (tensors,) = struct.unpack_from(U64, base, start + PLAN_TABLES["tensors"])
    (dims,) = struct.unpack_from(U64, base, start + PLAN_TABLES["dims"])
    view = start + tensors + 48 * 4
    (stride,) = struct.unpack_from(U32, base, view + 12)
    for value in (9, 1 << 20, 2**62, 2**63 - 1):
        yield f"stride {value:#x}", _with(base, start + dims + 16 * stride, U64, value)
    for value in (13, 16, 1 << 31):
        yield f"view at {value}", _with(base, view + 24, U64, value)


def _bad_code(base: bytes) -> Iterator[Case]:
    start = start_of(base, CODE)
    for at, form, values in BAD_CODE:
        for value in values:
            yield f"code header field {at} is {value:#x}", _with(base, start + at, form, value)
    (slots,) = struct.unpack_from(U64, base, start + CODE_TABLES["slots"])
    for at, form, values in BAD_SLOT:
        for value in values:
            yield f"slot field {at} is {value:#x}", _with(base, start + slots + at, form, value)
    (imports,) = struct.unpack_from(U64, base, start + CODE_TABLES["imports"])
    for value in HUGE32:
        yield f"import's name at {value:#x}", _with(base, start + imports, U32, value)


def _bad_text(base: bytes) -> Iterator[Case]:
    def replaced(old: bytes, new: bytes) -> Callable[[bytearray], None]:
        def edit(file: bytearray) -> None:
            at = file.index(old)
            file[at : at + len(old)] = new

        return edit

    for text in (
        b"\0ata",
        b"\xffata",
        b"\xc0\x80ta",
        b"\xed\xa0\x80a",
        b"dat\xe2",
        b"\xf5\x80\x80\x80",
    ):
        yield f"input name {text!r}", edited(base, replaced(b"data", text))
    yield "unknown import", edited(base, replaced(b"expf", b"exec"))


def write(folder: Path) -> None:
    """The corpus in one file, {u32 must be refused, u32 size, bytes} each, and sound artifacts."""
    cases = [(1, case) for _, case in refused()] + [(0, case) for _, case in survived()]
    with (folder / "damaged.bin").open("wb") as file:
        for flag, case in cases:
            file.write(struct.pack("<II", flag, len(case)) + case)
    sound = {"affine": affine(), "pair": pair(), "refuse": single("refuse_in_task")}
    sound |= {"nested": single("nested"), "launch": single("launch_only", (1,), 100)}
    sound |= {"empty": single("empty", (1,), 100)}
    for name, net in sound.items():
        (folder / f"{name}.baryon").write_bytes(build(net))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
