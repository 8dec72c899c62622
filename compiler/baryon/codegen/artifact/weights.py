"""The weights of an artifact: arrays in one address space, equal contents stored once.

Arrays are kept by reference and written straight to the file, so a network of 600 MB needs no
second copy of its weights.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.artifact.format import WEIGHT_ALIGN

_SAMPLE = 4096
_COMPARED_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Weights:
    """The WEIGHTS section: `chunks` of bytes at their `offsets` (ascending), zeros between them."""

    chunks: tuple[memoryview, ...] = ()
    offsets: tuple[int, ...] = ()

    @property
    def nbytes(self) -> int:
        """Size of the section."""
        return self.offsets[-1] + len(self.chunks[-1]) if self.chunks else 0

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The section's bytes in order, without copying the arrays."""
        position = 0
        for offset, chunk in zip(self.offsets, self.chunks, strict=True):
            yield bytes(offset - position)
            yield chunk
            position = offset + len(chunk)

    def view(self, offset: int, size: int) -> bytes | memoryview:
        """The `size` bytes at `offset`, without a copy where they lie in one chunk."""
        number = bisect_right(self.offsets, offset) - 1
        if number < 0:
            return self.read(offset, size)
        start, chunk = offset - self.offsets[number], self.chunks[number]
        inside = start + size <= len(chunk)
        return chunk[start : start + size] if inside else self.read(offset, size)

    def read(self, offset: int, size: int) -> bytes:
        """A copy of `size` bytes at `offset`; zero where nothing is stored."""
        out = bytearray(size)
        for start, chunk in zip(self.offsets, self.chunks, strict=True):
            low, high = max(offset, start), min(offset + size, start + len(chunk))
            if low < high:
                out[low - offset : high - offset] = chunk[low - start : high - start]
        return bytes(out)


@dataclass
class WeightsBuilder:
    """Collects arrays and gives each its offset in the WEIGHTS section, a multiple of 64."""

    _chunks: list[memoryview] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)
    _known: dict[tuple[int, bytes], list[int]] = field(default_factory=dict)
    _end: int = 0

    def add(self, array: NDArray[Any]) -> int:
        """Offset of the array's bytes in row-major order. Do not change the array afterwards.

        An array with the same bytes as one before gets the same offset. Only an array that is not
        contiguous is copied.
        """
        data = _as_bytes(array)
        same = self._known.setdefault((len(data), _digest(data)), [])
        for number in same:
            if _equal(self._chunks[number], data):
                return self._offsets[number]
        same.append(len(self._chunks))
        offset = -(-self._end // WEIGHT_ALIGN) * WEIGHT_ALIGN
        self._chunks.append(data)
        self._offsets.append(offset)
        self._end = offset + len(data)
        return offset

    def finish(self) -> Weights:
        """The weights collected so far."""
        return Weights(tuple(self._chunks), tuple(self._offsets))


def _as_bytes(array: NDArray[Any]) -> memoryview:
    # Through uint8, because the buffer protocol does not know bfloat16.
    flat: NDArray[np.uint8] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat.data


def _digest(data: memoryview) -> bytes:
    """Digest of a sample: cheap for large arrays; equal samples are then compared in full."""
    return hashlib.sha256(bytes(data[:_SAMPLE]) + bytes(data[-_SAMPLE:])).digest()


def _equal(left: memoryview, right: memoryview) -> bool:
    """Whether two blocks of one size are equal; in pieces, as NumPy's result is an array too."""
    a, b = np.frombuffer(left, np.uint8), np.frombuffer(right, np.uint8)
    step = _COMPARED_AT_ONCE
    return all(np.array_equal(a[i : i + step], b[i : i + step]) for i in range(0, len(a), step))
