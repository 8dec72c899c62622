"""Large tensors of an ONNX file, left where they are.

Protocol Buffers copies what it parses, weights too, and its Python classes copy them again when
they are asked for. So a file is parsed without its large tensors: `outline` writes the same message
in which they refer to the file itself as external data, which is mapped when it is read.

What is followed here is the wire format (protobuf.dev, "Encoding"): a message is a row of fields,
each a number, a kind and a value; a message within a message is a value with its length.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import onnx

LARGE = 1 << 16
"""Bytes from which on a tensor stays in the file, and a message is worth looking into."""

_BYTES = 2
"""The kind of values that begin with their length."""
_FIXED = {1: 8, 5: 4}
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = (
    onnx.TensorProto.DESCRIPTOR.fields_by_name[name].number
    for name in ("raw_data", "external_data", "data_location")
)

_INSIDE: Mapping[str, Mapping[str, str]] = {
    "ModelProto": {"graph": "GraphProto"},
    "GraphProto": {"node": "NodeProto", "initializer": "TensorProto"},
    "NodeProto": {"attribute": "AttributeProto"},
    "AttributeProto": {"t": "TensorProto", "tensors": "TensorProto", "g": "GraphProto"},
}
"""Fields of a message in which tensors lie, with the messages that they are."""
_NUMBERS = {
    message: {
        getattr(onnx, message).DESCRIPTOR.fields_by_name[field].number: inner
        for field, inner in fields.items()
    }
    for message, fields in _INSIDE.items()
}


class _Field(NamedTuple):
    """A field of a message and its place: of its tag, its value, and what follows it."""

    number: int
    kind: int
    start: int
    value: int
    end: int


def outline(path: Path) -> bytes:
    """The bytes of a ModelProto without its large tensors, which refer to the file by its name.

    Raises ValueError for what is not Protocol Buffers, OSError where the file cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return b"".join(_Outline(content, path.name).message("ModelProto", 0, len(content)))


class _Outline:
    def __init__(self, content: mmap.mmap, name: str) -> None:
        self.content, self.name = content, name

    def message(self, kind: str, start: int, end: int) -> Iterator[bytes]:
        """The pieces of a message that lies there."""
        if kind == "TensorProto":
            yield from self._tensor(start, end)
            return
        for field in self._fields(start, end):
            inner = _NUMBERS[kind].get(field.number) if field.kind == _BYTES else None
            if inner is None or field.end - field.value < LARGE:
                yield self.content[field.start : field.end]
                continue
            part = b"".join(self.message(inner, field.value, field.end))
            yield _varint(field.number << 3 | _BYTES) + _varint(len(part)) + part

    def _tensor(self, start: int, end: int) -> Iterator[bytes]:
        fields = list(self._fields(start, end))
        is_external = any(f.number in (_EXTERNAL_DATA, _DATA_LOCATION) for f in fields)
        for field in fields:
            size = field.end - field.value
            if field.number == _RAW_DATA and size >= LARGE and not is_external:
                yield self._reference(field.value, size)
            else:
                yield self.content[field.start : field.end]

    def _reference(self, offset: int, size: int) -> bytes:
        """Fields of a TensorProto that say where its data is."""
        tensor = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL)
        for key, value in (("location", self.name), ("offset", offset), ("length", size)):
            tensor.external_data.add(key=key, value=str(value))
        reference: bytes = tensor.SerializeToString()
        return reference

    def _fields(self, start: int, end: int) -> Iterator[_Field]:
        at = start
        while at < end:
            tag, value = self._read_varint(at)
            after = self._after(tag & 7, value)
            if tag & 7 == _BYTES:
                _, value = self._read_varint(value)
            if after > end:
                raise ValueError(f"the field at byte {at} ends behind its message")
            yield _Field(tag >> 3, tag & 7, at, value, after)
            at = after

    def _after(self, kind: int, value: int) -> int:
        """Where a value of some kind ends."""
        if kind == _BYTES:
            size, start = self._read_varint(value)
            return start + size
        if kind == 0:
            return self._read_varint(value)[1]
        if kind not in _FIXED:
            raise ValueError(f"no value of kind {kind} is used by ONNX")
        return value + _FIXED[kind]

    def _read_varint(self, at: int) -> tuple[int, int]:
        """A number of 7 bits a byte, the lowest first, and where it ends."""
        value = 0
        for place, byte in enumerate(self.content[at : at + 10]):
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value, at + place + 1
        raise ValueError(f"the number at byte {at} does not end")


def _varint(value: int) -> bytes:
    low = value & 0x7F
    return bytes([low]) if value < 0x80 else bytes([low | 0x80]) + _varint(value >> 7)
