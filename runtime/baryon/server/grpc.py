"""The Open Inference Protocol over gRPC."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import grpc

from baryon.server import describe
from baryon.server.errors import ServerError, Status
from baryon.server.logs import Logs, request_id_of
from baryon.server.messages import SERVICE, class_of, message, methods
from baryon.server.repository import Repository
from baryon.server.requests import (
    Given,
    Request,
    Wanted,
    arrange,
    check_parameters,
    output_number,
    timeout_of,
)
from baryon.server.settings import Limits
from baryon.server.signature import Array, Signature
from baryon.server.tensors import to_bytes
from baryon.server.traffic import Traffic

_STREAM_DEPTH = 64
"""Requests of one stream that are under way at the same time."""
_HEAD_ROOM = 1024 * 1024
"""Bytes of a message beside its tensors."""
_CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents",
    "INT32": "int_contents", "INT64": "int64_contents", "UINT8": "uint_contents",
    "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents",
}  # fmt: skip

_InferResponse = message("ModelInferResponse")
_StreamResponse = message("ModelStreamInferResponse")


class _Outcome:
    """How a call ends: counted and logged, an error as its code and text. Cancelling goes on."""

    def __init__(self, name: str, given: str | None, logs: Logs, traffic: Traffic) -> None:
        self._name, self._logs, self._traffic = name, logs, traffic
        self._identifier, self._start = request_id_of(given), time.perf_counter()
        self.code, self.text = "OK", ""

    def __enter__(self) -> _Outcome:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, ServerError):
            self.code, self.text = error.status.grpc, str(error)
        elif isinstance(error, Exception):
            self.code = Status.INTERNAL.grpc
            self.text = self._logs.failure(self._identifier, error)
        elif error is not None:
            self.code = "CANCELLED"
        self._traffic.count("grpc", self.code)
        self._logs.request(self._identifier, "grpc", self._name, self.code, self._start, self.text)
        return isinstance(error, Exception)


class Service:
    """Answers calls about the models of a repository; each method is one of the protocol's."""

    def __init__(
        self, repository: Repository, limits: Limits, logs: Logs, traffic: Traffic
    ) -> None:
        self._repository = repository
        self._limits = limits
        self._logs = logs
        self._traffic = traffic

    # ---- Inference ----

    async def model_infer(self, request: Any, seconds: float | None) -> Any:
        """Run a model. seconds: the deadline of the call."""
        model = self._repository.get(request.model_name, request.model_version)
        asked = _parse(model.signature, request)
        limit = min(asked.seconds or 1e9, seconds or 1e9, self._limits.request)
        outputs = await model.infer(asked.inputs, limit)
        return _answer(model.name, model.version, model.signature, asked, outputs)

    async def model_stream_infer(
        self, requests: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        """Run a model for each request of a stream, several at a time; answers keep their order."""
        tasks: asyncio.Queue[asyncio.Task[Any] | None] = asyncio.Queue(_STREAM_DEPTH)
        reader = asyncio.create_task(self._read_stream(requests, tasks))
        task = None
        try:
            while (task := await tasks.get()) is not None:
                yield await task
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
            while task is not None:
                task.cancel()
                task = None if tasks.empty() else tasks.get_nowait()

    async def _read_stream(
        self, requests: AsyncIterator[Any], tasks: asyncio.Queue[asyncio.Task[Any] | None]
    ) -> None:
        async for request in requests:
            await tasks.put(asyncio.create_task(self._answer_in_stream(request)))
        await tasks.put(None)

    async def _answer_in_stream(self, request: Any) -> Any:
        """An answer, or an error that does not end the stream."""
        with self._outcome("ModelStreamInfer", request.id) as outcome:
            return _StreamResponse(infer_response=await self.model_infer(request, None))
        failed = _StreamResponse(error_message=outcome.text)
        failed.infer_response.id = request.id
        return failed

    def _outcome(self, name: str, given: str | None) -> _Outcome:
        return _Outcome(name, given, self._logs, self._traffic)

    # ---- Health and metadata ----

    async def server_live(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """Whether the server runs."""
        return {"live": True}

    async def server_ready(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """Whether the server takes requests."""
        return {"ready": self._traffic.is_ready}

    async def model_ready(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """Whether a model answers."""
        try:
            self._repository.get(request.name, request.version)
        except ServerError:
            return {"ready": False}
        return {"ready": True}

    async def server_metadata(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """What the server is."""
        return describe.server()

    async def model_metadata(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """What a model takes and gives."""
        model = self._repository.get(request.name, request.version)
        return describe.metadata(model, self._repository.versions(model.name))

    async def model_config(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """A model's settings."""
        return {"config": describe.config(self._repository.get(request.name, request.version))}

    async def model_statistics(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """What a model, or every one, has done."""
        models = self._repository.models()
        if request.name:
            models = [self._repository.get(request.name, request.version)]
        return {"model_stats": [describe.statistics(model) for model in models]}

    # ---- The repository ----

    async def repository_index(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """All models and versions."""
        entries = [asdict(entry) for entry in self._repository.index()]
        return {"models": [e for e in entries if not request.ready or e["state"] == "READY"]}

    async def repository_model_load(self, request: Any, seconds: float | None) -> Mapping[str, Any]:
        """Load a model from the folder of models."""
        if request.parameters:
            raise ServerError("loading takes no parameters: settings stand beside the artifact")
        await self._repository.load(request.model_name)
        return {}

    async def repository_model_unload(
        self, request: Any, seconds: float | None
    ) -> Mapping[str, Any]:
        """Unload a model, when it has answered what it had."""
        await self._repository.unload(request.model_name)
        return {}

    # ---- Calls ----

    def handlers(self) -> Any:
        """All methods, as gRPC takes them."""
        found = {}
        for method in methods():
            own = getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower())
            kinds = {
                "request_deserializer": class_of(method.input_type).FromString,
                "response_serializer": class_of(method.output_type).SerializeToString,
            }
            if method.client_streaming:
                found[method.name] = grpc.stream_stream_rpc_method_handler(own, **kinds)
            else:
                call = self._call(method.name, own, class_of(method.output_type))
                found[method.name] = grpc.unary_unary_rpc_method_handler(call, **kinds)
        return grpc.method_handlers_generic_handler(SERVICE, found)

    def _call(self, name: str, own: Callable[..., Any], kind: Any) -> Callable[..., Any]:
        """A method with what all have in common: errors, counts, logs."""

        async def call(request: Any, context: Any) -> Any:
            given = dict(context.invocation_metadata()).get("x-request-id")
            with self._outcome(name, given) as outcome:
                answer = await own(request, context.time_remaining())
                return kind(**answer) if isinstance(answer, Mapping) else answer
            return await context.abort(getattr(grpc.StatusCode, outcome.code), outcome.text)

        return call


def _parse(signature: Signature, request: Any) -> Request:
    parameters = _parameters(request.parameters, "the request")
    seconds = timeout_of(parameters.get("timeout"))
    outputs = [Wanted(output_number(signature, entry.name), True) for entry in request.outputs]
    for entry in request.outputs:
        _parameters(entry.parameters, f"output '{entry.name[:80]}'")
    return Request(
        id=request.id,
        inputs=arrange(signature, _given(request)),
        outputs=outputs or [Wanted(index, True) for index in range(len(signature.outputs))],
        seconds=seconds,
    )


def _given(request: Any) -> list[Given]:
    raw = [*request.raw_input_contents]
    if raw and len(raw) != len(request.inputs):
        raise ServerError(
            f"there are {len(request.inputs)} inputs and {len(raw)} raw_input_contents: "
            "either all inputs are raw or none"
        )
    given = []
    for number, entry in enumerate(request.inputs):
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


def _answer(
    name: str, version: int, signature: Signature, asked: Request, outputs: Sequence[Array]
) -> Any:
    answer = _InferResponse(model_name=name, model_version=str(version), id=asked.id)
    for wanted in asked.outputs:
        port, array = signature.outputs[wanted.index], outputs[wanted.index]
        answer.outputs.add(name=port.name, datatype=port.datatype, shape=array.shape)
        answer.raw_output_contents.append(bytes(to_bytes(array)))
    return answer


class GrpcServer:
    """The gRPC side of a server."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._limits = limits
        options = [
            ("grpc.max_receive_message_length", limits.body + _HEAD_ROOM),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", limits.head),
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.aio.server(options=options, maximum_concurrent_rpcs=limits.connections)
        self._server.add_generic_rpc_handlers((service.handlers(),))

    async def open(self, host: str, port: int) -> int:
        """Listen; returns the port, which the system chooses for 0. Raises OSError."""
        name = f"[{host}]" if ":" in host else host
        try:
            chosen: int = self._server.add_insecure_port(f"{name}:{port}")
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen at {host}, port {port}: {error}") from error
        await self._server.start()
        return chosen

    async def close(self) -> None:
        """Accept no more, and return when all calls have ended, or been cut off."""
        await self._server.stop(self._limits.drain)
