"""Inference over HTTP: JSON, with raw tensors behind it (the binary tensor data extension)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from baryon.server.errors import ServerError
from baryon.server.requests import (
    Given,
    Request,
    Wanted,
    arrange,
    check_parameters,
    output_number,
    timeout_of,
)
from baryon.server.signature import Array, Port, Shape, Signature
from baryon.server.tensors import from_bytes, parse_shape, to_bytes, to_values

_LONGEST_FORM = 2048
_FORMS = 64
_NUMPY = orjson.OPT_SERIALIZE_NUMPY


def parse_document(data: memoryview) -> dict[str, Any]:
    """A JSON object. Raises ServerError."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ServerError(f"the request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ServerError("the request must be a JSON object")
    return document


@dataclass(frozen=True, slots=True)
class Form:
    """What the JSON of a request says when all of its tensors are raw.

    tensors: of each input its port, its shape, and its place behind the JSON. length: of all raw
    tensors together.
    """

    tensors: Sequence[tuple[Port, Shape, slice]]
    outputs: Sequence[Wanted]
    seconds: float | None
    length: int


class Reader:
    """Reads requests for one network.

    Clients send the same JSON again and again with other tensors behind it, so its meaning is kept.
    """

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._forms: dict[bytes, Form] = {}

    def read(self, head: memoryview, tail: memoryview) -> Request:
        """A request from its JSON and the raw tensors behind it. Raises ServerError."""
        key = bytes(head[:_LONGEST_FORM])
        form = self._forms.get(key)
        if form is None or form.length != len(tail) or len(key) != len(head):
            return self._parse(head, tail, key)
        inputs = [from_bytes(port, shape, tail[place]) for port, shape, place in form.tensors]
        return Request("", inputs, form.outputs, form.seconds)

    def _parse(self, head: memoryview, tail: memoryview, key: bytes) -> Request:
        request, given = _parse_request(self._signature, head, tail)
        named = {tensor.name: tensor for tensor in given}
        ordered = [(port, named[port.name]) for port in self._signature.inputs]
        tensors = [(port, t.shape, t.place) for port, t in ordered if t.place is not None]
        if len(key) == len(head) and len(tensors) == len(given) and not request.id:
            if len(self._forms) >= _FORMS:
                self._forms.clear()
            self._forms[key] = Form(tensors, request.outputs, request.seconds, len(tail))
        return request


def _parse_request(
    signature: Signature, head: memoryview, tail: memoryview
) -> tuple[Request, Sequence[Given]]:
    document = parse_document(head)
    identifier = document.get("id", "")
    if not isinstance(identifier, str):
        raise ServerError("'id' must be a string")
    parameters = _parameters(document, "the request")
    given = _inputs(document, tail)
    request = Request(
        id=identifier,
        inputs=arrange(signature, given),
        outputs=_outputs(signature, document, parameters),
        seconds=timeout_of(parameters.get("timeout")),
    )
    return request, given


def _inputs(document: dict[str, Any], tail: memoryview) -> list[Given]:
    given, offset = [], 0
    for entry in _entries(document, "inputs"):
        name = entry["name"]
        shape = parse_shape(entry.get("shape"), name)
        size = _parameters(entry, f"input '{name}'").get("binary_data_size")
        raw = place = None
        if size is not None:
            if type(size) is not int or not 0 <= size <= len(tail) - offset:
                raise ServerError(
                    f"input '{name}': 'binary_data_size' is {str(size)[:40]}, and "
                    f"{len(tail) - offset} bytes are left behind the JSON"
                )
            place = slice(offset, offset + size)
            raw = tail[place]
            offset += size
        given.append(Given(name, entry.get("datatype"), shape, raw, entry.get("data"), place))
    if offset != len(tail):
        raise ServerError(f"{len(tail) - offset} bytes behind the JSON belong to no input")
    return given


def _outputs(
    signature: Signature, document: dict[str, Any], parameters: dict[str, Any]
) -> list[Wanted]:
    default = _flag(parameters, "binary_data_output", False)
    entries = _entries(document, "outputs") if document.get("outputs") else []
    wanted = []
    for entry in entries:
        own = _parameters(entry, f"output '{entry['name']}'")
        index = output_number(signature, entry["name"])
        wanted.append(Wanted(index, _flag(own, "binary_data", default)))
    return wanted or [Wanted(index, default) for index in range(len(signature.outputs))]


def _entries(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in entries
    ):
        raise ServerError(f"'{key}' must be a list of objects with a 'name'")
    return entries


def _parameters(holder: dict[str, Any], where: str) -> dict[str, Any]:
    parameters = holder.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise ServerError(f"'parameters' of {where} must be an object")
    check_parameters(parameters, where)
    return parameters


def _flag(parameters: dict[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise ServerError(f"the parameter '{name}' must be true or false")
    return value


def write_answer(
    name: str, version: int, signature: Signature, request: Request, arrays: Sequence[Array]
) -> tuple[int | None, list[bytes | memoryview]]:
    """Bytes of the JSON, where raw tensors follow, else None; and all pieces of the body.

    Raises ServerError for numbers that JSON cannot hold.
    """
    entries: list[dict[str, Any]] = []
    raw: list[bytes | memoryview] = []
    for wanted in request.outputs:
        port, array = signature.outputs[wanted.index], arrays[wanted.index]
        entry: dict[str, Any] = {"name": port.name, "datatype": port.datatype, "shape": array.shape}
        if wanted.raw:
            raw.append(to_bytes(array))
            entry["parameters"] = {"binary_data_size": array.nbytes}
        else:
            entry["data"] = to_values(port, array)
        entries.append(entry)
    document = {"model_name": name, "model_version": str(version), "outputs": entries}
    if request.id:
        document["id"] = request.id
    head = orjson.dumps(document, option=_NUMPY)
    return (len(head) if raw else None), [head, *raw]
