"""A ModelInferRequest and its answer as protobuf writes them, without making their messages.

protobuf copies every tensor into a message and out of it again. Both messages are a head and raw
tensors behind it, as with HTTP: all that stands here is where the head ends. Fields of messages are
a tag, a length and bytes (https://protobuf.dev/programming-guides/encoding/); their numbers are
those of `runtime/protocol/inference.proto`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError

from baryon.server.messages import message

_LENGTH_DELIMITED = 2
_ID = 3
_RAW_INPUT = 7
_RAW_OUTPUT = 6
_INFER_RESPONSE = 2
_MAX_SHIFT = 35

_InferRequest = message("ModelInferRequest")


class Call(NamedTuple):
    """A request in parts. head: its parameters, inputs and outputs, still a message."""

    model: str
    version: str
    id: str
    head: bytes
    raw: Sequence[memoryview]


def split(data: bytes) -> Call | None:
    """The parts of a ModelInferRequest; None where it is none.

    Fields are in the order of their numbers, as all libraries write them; where they are not,
    protobuf reads and writes them once.
    """
    call = _split(data)
    if call is None and (ordered := _in_order(data)) is not None:
        call = _split(ordered)
    return call


def _split(data: bytes) -> Call | None:
    """The parts, where fields are in order and known."""
    texts = [b"", b"", b"", b""]
    raw: list[memoryview] = []
    view, end = memoryview(data), len(data)
    at = begin = stop = 0
    last = 1
    while at < end:
        number, kind = data[at] >> 3, data[at] & 7
        first, at = _sized(data, at + 1)
        if kind != _LENGTH_DELIMITED or not last <= number <= _RAW_INPUT or not first <= at <= end:
            return None
        last = number
        if number == _RAW_INPUT:
            raw.append(view[first:at])
            continue
        stop = at
        if number <= _ID:
            texts[number], begin = data[first:at], at
    try:
        _, model, version, identifier = (text.decode() for text in texts)
    except UnicodeDecodeError:
        return None
    return Call(model, version, identifier, data[begin:stop], raw)


def _sized(data: bytes, at: int) -> tuple[int, int]:
    """First and last place of bytes whose length stands here; (1, 0) where it does not."""
    size = shift = 0
    for place in range(at, min(at + 5, len(data))):
        byte = data[place]
        size |= (byte & 127) << shift
        if byte < 128:
            return place + 1, place + 1 + size
        shift += 7
    return 1, 0


def _in_order(data: bytes) -> bytes | None:
    """The same message with its fields in order; None where it is none."""
    try:
        found = _InferRequest.FromString(data)
    except DecodeError:
        return None
    found.DiscardUnknownFields()
    ordered: bytes = found.SerializeToString(deterministic=True)
    return ordered


def answer(head: bytes, identifier: str, tensors: Sequence[memoryview]) -> bytes:
    """A ModelInferResponse. head: all of it but the id and the tensors."""
    pieces: list[bytes | memoryview] = [head]
    if identifier:
        text = identifier.encode()
        pieces += [_prefix(_ID, len(text)), text]
    for tensor in tensors:
        pieces += [_prefix(_RAW_OUTPUT, len(tensor)), tensor]
    return b"".join(pieces)


def stream_answer(infer_response: bytes) -> bytes:
    """A ModelStreamInferResponse that holds one."""
    return _prefix(_INFER_RESPONSE, len(infer_response)) + infer_response


def _prefix(number: int, size: int) -> bytes:
    """The tag and the length of a field."""
    found = [number << 3 | _LENGTH_DELIMITED]
    while size > 127:
        found.append(size & 127 | 128)
        size >>= 7
    found.append(size)
    return bytes(found)
