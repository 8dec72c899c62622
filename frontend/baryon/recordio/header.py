"""The header that an image record begins with: label and numbers."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from baryon.recordio.framing import RecordError

_FORMAT = struct.Struct("<IfQQ")


class IRHeader(NamedTuple):
    """flag: 0, or how many numbers the label has. label: a float or a float32 array."""

    flag: int
    label: Any
    id: int
    id2: int


def pack(header: IRHeader, s: bytes) -> bytes:
    """A record: the header, then the bytes; the flag is set as the label needs it."""
    header = IRHeader(*header)
    if np.ndim(header.label) == 0:
        return _FORMAT.pack(0, float(header.label), header.id, header.id2) + bytes(s)
    label = np.asarray(header.label, "<f4").ravel()
    return _FORMAT.pack(label.size, 0.0, header.id, header.id2) + label.tobytes() + bytes(s)


def unpack(s: bytes) -> tuple[IRHeader, bytes]:
    """The header and the bytes of a record."""
    if len(s) < _FORMAT.size:
        raise RecordError(f"a record of {len(s)} bytes has no header ({_FORMAT.size} bytes)")
    header, rest = IRHeader(*_FORMAT.unpack_from(s)), s[_FORMAT.size :]
    if header.flag == 0:
        return header, rest
    if len(rest) < 4 * header.flag:
        raise RecordError(f"a label of {header.flag} numbers in a record of {len(s)} bytes")
    label = np.frombuffer(rest, "<f4", header.flag).astype(np.float32)
    return header._replace(label=label), rest[4 * header.flag :]
