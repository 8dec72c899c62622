"""The Open Inference Protocol over gRPC."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import grpc

from baryon.server import describe
from baryon.server.errors import ServerError, Status
from baryon.server.grpc_requests import Codec
from baryon.server.logs import Logs, request_id_of
from baryon.server.messages import SERVICE, class_of, message, methods
from baryon.server.model import Model
from baryon.server.repository import Repository
from baryon.server.settings import Limits
from baryon.server.traffic import Traffic
from baryon.server.wire import Call, split, stream_answer

_STREAM_DEPTH = 64
"""Requests of one stream that are under way at the same time."""
_HEAD_ROOM = 1024 * 1024
"""Bytes of a message beside its tensors."""

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
        self._codecs: WeakKeyDictionary[Model, Codec] = WeakKeyDictionary()

    # ---- Inference ----

    async def model_infer(self, request: bytes, seconds: float | None) -> bytes:
        """Run a model. seconds: the deadline of the call."""
        return await self._infer(split(request), seconds)

    async def _infer(self, call: Call | None, seconds: float | None) -> bytes:
        if call is None:
            raise ServerError("the call holds no ModelInferRequest")
        model = self._repository.get(call.model, call.version)
        codec = self._codecs.get(model)
        if codec is None:
            codec = self._codecs[model] = Codec(model.name, model.version, model.signature)
        asked = codec.read(call)
        limit = min(asked.seconds or 1e9, seconds or 1e9, self._limits.request)
        return codec.write(asked, await model.infer(asked.inputs, limit))

    async def model_stream_infer(
        self, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        """Run a model for each request of a stream, several at a time; answers keep their order."""
        tasks: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue(_STREAM_DEPTH)
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
        self, requests: AsyncIterator[bytes], tasks: asyncio.Queue[asyncio.Task[bytes] | None]
    ) -> None:
        async for request in requests:
            await tasks.put(asyncio.create_task(self._answer_in_stream(request)))
        await tasks.put(None)

    async def _answer_in_stream(self, request: bytes) -> bytes:
        """An answer, or an error that does not end the stream."""
        call = split(request)
        identifier = call.id if call else ""
        with self._outcome("ModelStreamInfer", identifier) as outcome:
            return stream_answer(await self._infer(call, None))
        failed = _StreamResponse(error_message=outcome.text)
        failed.infer_response.id = identifier
        answer: bytes = failed.SerializeToString()
        return answer

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
        """All methods, as gRPC takes them: inference reads and writes its messages itself."""
        found = {}
        for method in methods():
            own = getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower())
            kinds: dict[str, Any] = {}
            if method.input_type.name != "ModelInferRequest":
                kinds["request_deserializer"] = class_of(method.input_type).FromString
                kinds["response_serializer"] = partial(_serialized, class_of(method.output_type))
            if method.client_streaming:
                found[method.name] = grpc.stream_stream_rpc_method_handler(own, **kinds)
            else:
                call = self._call(method.name, own)
                found[method.name] = grpc.unary_unary_rpc_method_handler(call, **kinds)
        return grpc.method_handlers_generic_handler(SERVICE, found)

    def _call(self, name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        """A method with what all have in common: errors, counts, logs."""

        async def call(request: Any, context: Any) -> Any:
            given = dict(context.invocation_metadata()).get("x-request-id")
            with self._outcome(name, given) as outcome:
                return await own(request, context.time_remaining())
            return await context.abort(getattr(grpc.StatusCode, outcome.code), outcome.text)

        return call


def _serialized(kind: Any, fields: Mapping[str, Any]) -> bytes:
    answer: bytes = kind(**fields).SerializeToString()
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
