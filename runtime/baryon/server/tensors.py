"""Tensors on the wire: JSON, raw bytes, and arrays.

Raw tensors are row-major and little-endian, without gaps (the binary tensor data extension, and
`raw_input_contents` of gRPC). They are read where they lie.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from baryon.server.errors import ServerError
from baryon.server.signature import Array, Port, Shape

assert sys.byteorder == "little"

_FLOATS: tuple[set[type], str] = ({int, float}, "float64")
_JSON_TYPES: dict[str, tuple[set[type], str]] = {
    "b": ({bool}, "bool"),
    "i": ({int}, "int64"),
    "u": ({int}, "uint64"),
}
JSON_LACKS = "JSON has no NaN and no infinity: ask for binary data"


def parse_shape(value: object, name: str) -> Shape:
    """The shape in a request. Raises ServerError where it is not a list of sizes."""
    if not isinstance(value, list) or not all(type(n) is int and n >= 0 for n in value):
        raise ServerError(f"input '{name}': 'shape' must be a list of sizes, not below 0")
    return tuple(value)


def check_datatype(port: Port, datatype: object) -> None:
    """Raise ServerError where a request's datatype is not the input's."""
    if datatype == port.datatype:
        return
    hint = "; networks have no strings" if datatype == "BYTES" else ""
    raise ServerError(
        f"input '{port.name}' has datatype {str(datatype)[:40]!r}, expected {port.datatype}{hint}"
    )


def from_bytes(port: Port, shape: Shape, data: memoryview | bytes) -> Array:
    """Raw bytes as an array of a shape that has been checked; shares their memory.

    Raises ServerError for another number of bytes, and for bool that is neither 0 nor 1.
    """
    expected = prod(shape) * port.dtype.itemsize
    if len(data) != expected:
        raise ServerError(
            f"input '{port.name}' of {port.datatype}{[*shape]} has {len(data)} bytes, "
            f"expected {expected}"
        )
    if port.dtype.kind == "b" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise ServerError(f"input '{port.name}' of BOOL has bytes other than 0 and 1")
    return np.frombuffer(data, port.spec.buffer_dtype).view(port.dtype).reshape(shape)


def from_values(port: Port, shape: Shape, values: object) -> Array:
    """Numbers of JSON as an array: a flat list, or one nested as the shape, which was checked."""
    flat = _flatten(port, shape, values)
    return _convert(port, flat).reshape(shape)


def _flatten(port: Port, shape: Shape, values: object) -> list[Any]:
    if not isinstance(values, list):
        raise ServerError(f"input '{port.name}': 'data' must be a list")
    level: list[Any] = values
    if level and type(level[0]) is list:
        _check_level(port, shape[:1], [level])
        for axis in range(1, len(shape)):
            _check_level(port, shape[axis : axis + 1], level)
            level = [*chain.from_iterable(level)]
    if len(level) != prod(shape):
        raise ServerError(
            f"input '{port.name}' of shape {[*shape]} has {len(level)} values, "
            f"expected {prod(shape)}"
        )
    return level


def _check_level(port: Port, size: Shape, lists: list[Any]) -> None:
    if {*map(type, lists)} != {list} or {*map(len, lists)} != {*size}:
        raise ServerError(f"input '{port.name}': 'data' is neither flat nor nested as the shape")


def _convert(port: Port, flat: list[Any]) -> Array:
    allowed, wide = _JSON_TYPES.get(port.dtype.kind, _FLOATS)
    if other := {*map(type, flat)} - allowed:
        names = ", ".join(sorted(kind.__name__ for kind in other))
        raise ServerError(f"input '{port.name}' of {port.datatype} has values that are {names}")
    try:
        numbers = np.array(flat, wide)
    except OverflowError as error:
        raise _out_of_range(port) from error
    with np.errstate(over="ignore"):
        array = numbers.astype(port.dtype)
    exact = np.isfinite(array).all() if allowed is _FLOATS[0] else (array == numbers).all()
    if not exact:
        raise _out_of_range(port)
    return array


def _out_of_range(port: Port) -> ServerError:
    return ServerError(f"input '{port.name}' has values that {port.datatype} cannot hold")


def to_bytes(array: Array) -> memoryview:
    """The raw bytes of a row-major array, where they lie."""
    return array.reshape(-1).view(np.uint8).data


def to_values(port: Port, array: Array) -> Array:
    """What `orjson` writes as a flat list. Raises ServerError for what JSON has no number for."""
    flat = array.reshape(-1)
    if port.dtype.kind in "biu":
        return flat
    if port.datatype == "BF16":
        flat = flat.astype(np.float32)
    if not np.isfinite(flat).all():
        raise ServerError(f"output '{port.name}' is not finite, and {JSON_LACKS}")
    return flat


def total_bytes(arrays: Iterable[Array]) -> int:
    """Of all of them."""
    return sum(array.nbytes for array in arrays)
