"""What a client asks of a model, whichever way it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from baryon.server.errors import ServerError
from baryon.server.signature import Array, Port, Shape, Signature
from baryon.server.tensors import check_datatype, from_bytes, from_values

_REFUSED = {
    "shared_memory_region": "shared memory is not offered: send the tensor in the request",
    "classification": "classification is not offered: take the tensor",
    "sequence_id": "sequences are not offered: networks keep nothing between requests",
}


@dataclass(frozen=True, slots=True)
class Given:
    """A tensor as it came: raw bytes, or, where raw is None, values.

    place: of the raw bytes behind the JSON that they came with.
    """

    name: str
    datatype: object
    shape: Shape
    raw: memoryview | bytes | None
    values: object = None
    place: slice | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that the client wants, by its number; raw: as bytes."""

    index: int
    raw: bool


@dataclass(frozen=True, slots=True)
class Request:
    """inputs: all of the network's, in order. seconds: the client's own limit."""

    id: str
    inputs: list[Array]
    outputs: Sequence[Wanted]
    seconds: float | None


def arrange(signature: Signature, given: Sequence[Given]) -> list[Array]:
    """The arrays of all inputs, in the network's order. Raises ServerError.

    Shapes are checked before data is looked at, so that no size of a client's choice is trusted.
    """
    ordered = order(signature, given)
    return [_array(port, t) for port, t in zip(signature.inputs, ordered, strict=True)]


def order(signature: Signature, given: Sequence[Given]) -> list[Given]:
    """The tensors in the network's order. Raises ServerError for names, dtypes and shapes."""
    named = {tensor.name: tensor for tensor in given}
    names = [port.name for port in signature.inputs]
    if len(named) != len(given) or named.keys() != {*names}:
        raise ServerError(_misnamed(names, given))
    ordered = [named[name] for name in names]
    for port, tensor in zip(signature.inputs, ordered, strict=True):
        check_datatype(port, tensor.datatype)
    signature.check_shapes([tensor.shape for tensor in ordered])
    return ordered


def _array(port: Port, tensor: Given) -> Array:
    if tensor.raw is not None:
        return from_bytes(port, tensor.shape, tensor.raw)
    return from_values(port, tensor.shape, tensor.values)


def _misnamed(names: Sequence[str], given: Sequence[Given]) -> str:
    seen: set[str] = set()
    for tensor in given:
        if tensor.name in seen:
            return f"input '{tensor.name[:80]}' is given twice"
        if tensor.name not in names:
            return f"there is no input '{tensor.name[:80]}'; the model has {[*names]}"
        seen.add(tensor.name)
    missing = next(name for name in names if name not in seen)
    return f"input '{missing}' is missing; the model has {[*names]}"


def output_number(signature: Signature, name: object) -> int:
    """Which output has this name. Raises ServerError."""
    names = [port.name for port in signature.outputs]
    if name not in names:
        raise ServerError(f"there is no output {str(name)[:80]!r}; the model has {names}")
    return names.index(str(name))


def timeout_of(microseconds: object) -> float | None:
    """Seconds from the parameter `timeout`; None where it is not set, or 0. Raises ServerError."""
    if microseconds is None or microseconds == 0:
        return None
    if type(microseconds) is not int or microseconds < 0:
        raise ServerError("the parameter 'timeout' must be a number of microseconds")
    return microseconds / 1e6


def check_parameters(parameters: Mapping[str, object], where: str) -> None:
    """Raise ServerError for a parameter that changes what is asked in a way that is not offered."""
    for name, reason in _REFUSED.items():
        if parameters.get(name):
            raise ServerError(f"{where} has the parameter '{name}': {reason}")
