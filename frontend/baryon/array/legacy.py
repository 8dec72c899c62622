"""MXNet 1's list of arrays: the format of its `.params` files (magic number 0x112).

Little endian. u64 0x112, u64 0, u64 count and that many arrays, u64 count and that many names (a
u64 length and bytes); no names, or one for each array. An array: u32 magic (V1 0xF993FAC8 without,
V2 0xF993FAC9 and V3 0xF993FACA with an i32 storage type, 0 dense), a shape (i32 rank, i64 sizes),
i32 device type, i32 device number, i32 element type, the elements. An array without a value ends
after its shape, which has rank 0 (up to V2) or -1 (V3). Before V1 the u32 was the rank, sizes u32.
"""

from __future__ import annotations

import math
import struct
from typing import BinaryIO

import ml_dtypes
import numpy as np

from baryon.ir import Array

MAGIC = 0x112
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_MAX_RANK = 32
_DTYPES = (
    "<f4", "<f8", "<f2", "u1", "<i4", "i1", "<i8", "?", "<i2", "<u2", "<u4", "<u8",
    ml_dtypes.bfloat16,
)  # fmt: skip


class _Reader:
    """Takes numbers and bytes from a file, never beyond its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.left = file, size

    def bytes(self, count: int) -> bytes:
        """That many bytes; EOFError if there are fewer."""
        if not 0 <= count <= self.left:
            raise EOFError(f"it ends {count - self.left} bytes too early")
        self.left -= count
        return self.file.read(count)

    def number(self, code: str) -> int:
        """A number in the notation of `struct`."""
        value: int = struct.unpack(f"<{code}", self.bytes(struct.calcsize(code)))[0]
        return value

    def count(self, least: int) -> int:
        """A u64 count of things of at least that many bytes each."""
        count = self.number("Q")
        if count > self.left // least:
            raise EOFError(f"it speaks of {count} entries, which do not fit into it")
        return count


def read_list(file: BinaryIO, size: int) -> dict[str, Array]:
    """The arrays by name; ValueError or EOFError if the file is not such a list."""
    reader = _Reader(file, size)
    if size < 24 or reader.number("Q") != MAGIC:
        raise ValueError("it does not begin as any known format does")
    reader.number("Q")
    arrays = [_array(reader) for _ in range(reader.count(8))]
    names = [_name(reader) for _ in range(reader.count(8))]
    if names and len(names) != len(arrays):
        raise ValueError(f"it has {len(arrays)} arrays, but {len(names)} names")
    found = dict(zip(names or map(str, range(len(arrays))), arrays, strict=True))
    if len(found) != len(arrays):
        raise ValueError("it has two arrays of one name")
    return found


def _name(reader: _Reader) -> str:
    return reader.bytes(reader.number("Q")).decode()


def _array(reader: _Reader) -> Array:
    magic = reader.number("I")
    if magic in (_V2, _V3):
        _only_dense(reader.number("i"))
    rank = reader.number("i") if magic in (_V1, _V2, _V3) else magic
    if rank == -1 or (rank == 0 and magic != _V3):
        raise ValueError("it has an array without a value")
    if not 0 <= rank <= _MAX_RANK:
        raise ValueError(f"it has an array of {rank} axes")
    wide = magic in (_V1, _V2, _V3)
    shape = [reader.number("q" if wide else "I") for _ in range(rank)]
    reader.bytes(8)  # the device
    dtype = _dtype(reader.number("i"))
    if any(d < 0 for d in shape):
        raise ValueError(f"it has an array of the shape {tuple(shape)}")
    data = reader.bytes(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _only_dense(storage: int) -> None:
    if storage != 0:
        raise ValueError("it has sparse arrays, which baryon does not read")


def _dtype(number: int) -> np.dtype[np.generic]:
    if not 0 <= number < len(_DTYPES):
        raise ValueError(f"it has an array of the unknown element type {number}")
    return np.dtype(_DTYPES[number])
