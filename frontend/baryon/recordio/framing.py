"""How RecordIO frames bytes.

A piece is a magic number, a 32-bit word (kind in the upper 3 bits, length in the lower 29), the
bytes, and zeros up to a multiple of 4. The magic number inside a record, at a multiple of 4, would
look like the next piece: there the record is cut in two, and the magic number left out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from baryon.ir import BaryonError

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
WHOLE, FIRST, MIDDLE, LAST = range(4)
_HEADER = struct.Struct("<II")
_LENGTH_BITS = 29
_MAX_PIECE = (1 << _LENGTH_BITS) - 1


class RecordError(BaryonError, ValueError):
    """A record file that is damaged, missing, or used in the wrong way."""


def framed(data: bytes) -> bytes:
    """The record as it stands in the file."""
    parts = list(_cut(data))
    kinds = [WHOLE] if len(parts) == 1 else [FIRST, *[MIDDLE] * (len(parts) - 2), LAST]
    return b"".join(_piece(kind, part) for kind, part in zip(kinds, parts, strict=True))


def _cut(data: bytes) -> Iterator[bytes]:
    start, found = 0, data.find(MAGIC_BYTES)
    while found >= 0:
        if found % 4 == 0:
            yield data[start:found]
            start = found + 4
        found = data.find(MAGIC_BYTES, found + (4 if found % 4 == 0 else 1))
    yield data[start:]


def _piece(kind: int, part: bytes) -> bytes:
    if len(part) > _MAX_PIECE:
        raise RecordError(f"a record of {len(part)} bytes; {_MAX_PIECE} is the limit")
    head = _HEADER.pack(MAGIC, kind << _LENGTH_BITS | len(part))
    return head + part + bytes(-len(part) % 4)


def read_record(read: Callable[[int, int], bytes], offset: int, where: str) -> tuple[bytes, int]:
    """The record that starts at `offset`, and where the next one does.

    read(count, offset) returns fewer bytes at the end of the file only. where: the file's name.
    """
    kind, data, offset = _read_piece(read, offset, where)
    if kind == WHOLE:
        return data, offset
    if kind != FIRST:
        raise RecordError(f"offset {offset} of {where} is inside a record")
    parts = [data]
    while kind != LAST:
        kind, data, offset = _read_piece(read, offset, where)
        if kind not in {MIDDLE, LAST}:
            raise RecordError(f"{where}: a record ends too early before offset {offset}")
        parts.append(data)
    return MAGIC_BYTES.join(parts), offset


def _read_piece(
    read: Callable[[int, int], bytes], offset: int, where: str
) -> tuple[int, bytes, int]:
    head = read(_HEADER.size, offset)
    if len(head) < _HEADER.size:
        raise RecordError(f"{where} ends inside a record, at offset {offset}")
    magic, word = _HEADER.unpack(head)
    if magic != MAGIC:
        raise RecordError(
            f"there is no record at offset {offset} of {where}",
            hint="the .rec and .idx files may not belong together, or the file is damaged",
        )
    length = word & _MAX_PIECE
    data = read(length, offset + _HEADER.size)
    if len(data) < length:
        raise RecordError(f"{where} ends inside a record, at offset {offset}")
    return word >> _LENGTH_BITS, data, offset + _HEADER.size + length + -length % 4
