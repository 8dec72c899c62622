"""Inference over gRPC: what the head of a call says, and the head of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from baryon.server.errors import ServerError
from baryon.server.messages import message
from baryon.server.requests import (
    Given,
    Request,
    Wanted,
    arrange,
    check_parameters,
    order,
    output_number,
    timeout_of,
)
from baryon.server.signature import Array, Port, Shape, Signature
from baryon.server.tensors import from_bytes, to_bytes
from baryon.server.wire import Call, answer

_CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents",
    "INT32": "int_contents", "INT64": "int64_contents", "UINT8": "uint_contents",
    "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents",
}  # fmt: skip

_KEPT = 64
"""Heads of a model that are kept: clients choose them, so there is a limit."""
_LONGEST = 2048
_NO_BYTES = memoryview(b"")

_InferRequest = message("ModelInferRequest")
_InferResponse = message("ModelInferResponse")


class Form(NamedTuple):
    """What a head says of raw tensors: of each input its port, its shape, and the tensor's number.

    seconds: the client's own limit.
    """

    tensors: Sequence[tuple[Port, Shape, int]]
    outputs: Sequence[Wanted]
    seconds: float | None


class Codec:
    """Reads requests for one version of a model, and writes its answers.

    Clients send the same head again and again with other tensors behind it, and the heads of the
    answers are the same again as well: both are kept.
    """

    def __init__(self, name: str, version: int, signature: Signature) -> None:
        self._signature = signature
        self._form = lru_cache(_KEPT)(partial(_form, signature))
        self._head = lru_cache(_KEPT)(partial(_answer_head, name, version, signature))

    def read(self, call: Call) -> Request:
        """The request of a call. Raises ServerError."""
        if call.raw and len(call.head) <= _LONGEST:
            form = self._form(call.head, len(call.raw))
            inputs = [from_bytes(port, shape, call.raw[n]) for port, shape, n in form.tensors]
            return Request(call.id, inputs, form.outputs, form.seconds)
        head = _parse(call.head)
        seconds, outputs = _seconds(head), _outputs(self._signature, head)
        inputs = arrange(self._signature, _given(head, call.raw))
        return Request(call.id, inputs, outputs, seconds)

    def write(self, request: Request, arrays: Sequence[Array]) -> bytes:
        """The answer, as bytes of its message."""
        wanted = [arrays[output.index] for output in request.outputs]
        shapes = tuple(array.shape for array in wanted)
        head = self._head(tuple(output.index for output in request.outputs), shapes)
        return answer(head, request.id, [*map(to_bytes, wanted)])


def _form(signature: Signature, head: bytes, count: int) -> Form:
    """The form of a head with so many raw tensors behind it."""
    asked = _parse(head)
    seconds, outputs = _seconds(asked), _outputs(signature, asked)
    given = _given(asked, [_NO_BYTES] * count)
    numbers = {tensor.name: number for number, tensor in enumerate(given)}
    ordered = zip(signature.inputs, order(signature, given), strict=True)
    tensors = [(port, tensor.shape, numbers[port.name]) for port, tensor in ordered]
    return Form(tensors, outputs, seconds)


def _answer_head(
    name: str, version: int, signature: Signature, indices: Sequence[int], shapes: Sequence[Shape]
) -> bytes:
    """Of outputs of these numbers and shapes."""
    made = _InferResponse(model_name=name, model_version=str(version))
    for index, shape in zip(indices, shapes, strict=True):
        port = signature.outputs[index]
        made.outputs.add(name=port.name, datatype=port.datatype, shape=shape)
    head: bytes = made.SerializeToString()
    return head


def _parse(head: bytes) -> Any:
    try:
        return _InferRequest.FromString(head)
    except DecodeError as error:
        raise ServerError("the call holds no ModelInferRequest") from error


def _seconds(head: Any) -> float | None:
    return timeout_of(_parameters(head.parameters, "the request").get("timeout"))


def _outputs(signature: Signature, head: Any) -> list[Wanted]:
    outputs = [Wanted(output_number(signature, entry.name), True) for entry in head.outputs]
    for entry in head.outputs:
        _parameters(entry.parameters, f"output '{entry.name[:80]}'")
    return outputs or [Wanted(index, True) for index in range(len(signature.outputs))]


def _given(head: Any, raw: Sequence[memoryview]) -> list[Given]:
    if raw and len(raw) != len(head.inputs):
        raise ServerError(
            f"there are {len(head.inputs)} inputs and {len(raw)} raw_input_contents: "
            "either all inputs are raw or none"
        )
    given = []
    for number, entry in enumerate(head.inputs):
        _parameters(entry.parameters, f"input '{entry.name[:80]}'")
        if raw and entry.HasField("contents"):
            raise ServerError(f"input '{entry.name[:80]}' has contents beside raw_input_contents")
        data = raw[number] if raw else None
        values = None if raw else _values(entry)
        given.append(Given(entry.name, entry.datatype, tuple(entry.shape), data, values))
    return given


def _values(entry: Any) -> list[Any]:
    field = _CONTENTS.get(entry.datatype)
    if field is None:
        raise ServerError(
            f"input '{entry.name[:80]}' of {entry.datatype[:20]} can only be in raw_input_contents"
        )
    return [*getattr(entry.contents, field)]


def _parameters(given: Mapping[str, Any], where: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in given.items():
        kind = value.WhichOneof("parameter_choice")
        found[name] = None if kind is None else getattr(value, kind)
    check_parameters(found, where)
    return found
