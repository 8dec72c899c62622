"""The Open Inference Protocol over HTTP: which request asks what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import NamedTuple
from urllib.parse import unquote

import orjson

from baryon.server import describe
from baryon.server.connection import JSON_LENGTH, HttpAnswer, HttpRequest
from baryon.server.errors import ServerError, Status
from baryon.server.json_requests import parse_document, write_answer
from baryon.server.logs import Logs, request_id_of
from baryon.server.metrics import CONTENT_TYPE, Metrics
from baryon.server.repository import Repository
from baryon.server.settings import Limits
from baryon.server.traffic import Traffic

_JSON = (b"Content-Type", b"application/json")
_BINARY = (b"Content-Type", b"application/octet-stream")
_RETRY = (b"Retry-After", b"1")
_EMPTY = memoryview(b"{}")

Names = Mapping[str, str]
Action = Callable[["Api", HttpRequest, Names], Awaitable[HttpAnswer]]


class Route(NamedTuple):
    """A method and a path, whose parts in braces are names."""

    method: bytes
    path: tuple[str, ...]
    action: Action


class Api:
    """Answers requests about the models of a repository."""

    def __init__(
        self, repository: Repository, limits: Limits, logs: Logs, traffic: Traffic
    ) -> None:
        self._repository = repository
        self._limits = limits
        self._logs = logs
        self._traffic = traffic
        self._metrics = Metrics(repository, traffic)

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer, also to what is wrong."""
        start = time.perf_counter()
        identifier = request_id_of(request.headers.get(b"x-request-id"))
        target, message = (request.method + b" " + request.target).decode("latin-1"), ""
        try:
            answer = await self._find(request)
        except ServerError as error:
            answer, message = _error(error), str(error)
        except asyncio.CancelledError:
            self._traffic.count("http", "499")
            self._logs.request(identifier, "http", target, 499, start, "the client has gone")
            raise
        except Exception as error:
            message = self._logs.failure(identifier, error)
            answer = _error(ServerError(message, Status.INTERNAL))
        answer.headers.append((b"X-Request-Id", identifier.encode()))
        self._traffic.count("http", str(answer.status))
        self._logs.request(identifier, "http", target, answer.status, start, message)
        return answer

    def refuse(self, error: ServerError) -> HttpAnswer:
        """The answer to what is no request."""
        self._traffic.count("http", str(error.status.http))
        self._logs.request("", "http", "", error.status.http, time.perf_counter(), str(error))
        return _error(error)

    async def _find(self, request: HttpRequest) -> HttpAnswer:
        path = [unquote(part) for part in _path(request.target).split("/")[1:]]
        if path and not path[-1]:
            path.pop()
        methods: list[str] = []
        for route in ROUTES:
            names = _match(route.path, path)
            if names is not None:
                if route.method == request.method or (
                    request.method == b"HEAD" and route.method == b"GET"
                ):
                    return await route.action(self, request, names)
                methods.append(route.method.decode())
        if methods:
            raise ServerError(f"this path takes {' or '.join(methods)}", Status.METHOD)
        raise ServerError("there is nothing here", Status.NOT_FOUND)

    # ---- Inference ----

    async def infer(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """Run a model."""
        model = self._repository.get(names["model"], names.get("version", ""))
        asked = model.reader.read(*_split(request))
        outputs = await model.infer(asked.inputs, min(asked.seconds or 1e9, self._limits.request))
        size, body = write_answer(model.name, model.version, model.signature, asked, outputs)
        if size is None:
            return HttpAnswer(200, [_JSON], body)
        return HttpAnswer(200, [_BINARY, (JSON_LENGTH.title(), b"%d" % size)], body)

    # ---- Health and metadata ----

    async def live(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """Whether the server runs."""
        return HttpAnswer(200)

    async def ready(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """Whether the server takes requests: not before its models are loaded, nor when it ends."""
        return HttpAnswer(200 if self._traffic.is_ready else 503)

    async def server(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """What the server is."""
        return _json(describe.server())

    async def model(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """What a model takes and gives."""
        model = self._repository.get(names["model"], names.get("version", ""))
        return _json(describe.metadata(model, self._repository.versions(model.name)))

    async def model_ready(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """Whether a model answers."""
        self._repository.get(names["model"], names.get("version", ""))
        return HttpAnswer(200)

    async def config(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """A model's settings, in the words of tools that ask for them."""
        return _json(
            describe.config(self._repository.get(names["model"], names.get("version", "")))
        )

    async def statistics(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """What a model, or every one, has done."""
        models = self._repository.models()
        if "model" in names:
            models = [self._repository.get(names["model"], names.get("version", ""))]
        return _json({"model_stats": [describe.statistics(model) for model in models]})

    async def metrics(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """What Prometheus reads."""
        return HttpAnswer(200, [(b"Content-Type", CONTENT_TYPE)], [self._metrics.text()])

    # ---- The repository ----

    async def index(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """All models and versions."""
        only_ready = parse_document(request.body or _EMPTY).get("ready") is True
        entries = [asdict(entry) for entry in self._repository.index()]
        return _json([e for e in entries if not only_ready or e["state"] == "READY"])

    async def load(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """Load a model from the folder of models."""
        if parse_document(request.body or _EMPTY).get("parameters"):
            raise ServerError("loading takes no parameters: settings stand beside the artifact")
        await self._repository.load(names["model"])
        return HttpAnswer(200)

    async def unload(self, request: HttpRequest, names: Names) -> HttpAnswer:
        """Unload a model, when it has answered what it had."""
        await self._repository.unload(names["model"])
        return HttpAnswer(200)


def _routes() -> list[Route]:
    model = "v2/models/{model}"
    version = f"{model}/versions/{{version}}"
    of_models: list[tuple[bytes, str, Action]] = [
        (b"POST", "/infer", Api.infer),
        (b"GET", "", Api.model),
        (b"GET", "/ready", Api.model_ready),
        (b"GET", "/stats", Api.statistics),
        (b"GET", "/config", Api.config),
    ]
    found = [(m, base + path, a) for base in (model, version) for m, path, a in of_models]
    found += [
        (b"GET", "metrics", Api.metrics),
        (b"GET", "v2", Api.server),
        (b"GET", "v2/health/live", Api.live),
        (b"GET", "v2/health/ready", Api.ready),
        (b"GET", "v2/models/stats", Api.statistics),
        (b"POST", "v2/repository/index", Api.index),
        (b"POST", "v2/repository/models/{model}/load", Api.load),
        (b"POST", "v2/repository/models/{model}/unload", Api.unload),
    ]
    # names come after words: `stats` is no model
    found.sort(key=lambda route: "{model}" in route[1] and not route[1].endswith("/infer"))
    return [Route(method, tuple(path.split("/")), action) for method, path, action in found]


ROUTES = _routes()


def _match(pattern: tuple[str, ...], path: list[str]) -> Names | None:
    if len(pattern) != len(path):
        return None
    names = {}
    for expected, part in zip(pattern, path, strict=True):
        if expected[0] == "{":
            names[expected[1:-1]] = part
        elif expected != part:
            return None
    return names


def _path(target: bytes) -> str:
    try:
        return target.partition(b"?")[0].decode("ascii")
    except UnicodeDecodeError as error:
        raise ServerError("the path must be ASCII") from error


def _split(request: HttpRequest) -> tuple[memoryview, memoryview]:
    """The JSON of a request, and what follows it."""
    encoding = request.headers.get(b"content-encoding", b"identity")
    if encoding.lower() != b"identity":
        raise ServerError("compressed requests are not taken", Status.MEDIA_TYPE)
    stated = request.headers.get(JSON_LENGTH)
    if stated is None:
        return request.body, request.body[len(request.body) :]
    if not stated.isdigit() or len(stated) > 18 or int(stated) > len(request.body):
        raise ServerError(
            f"Inference-Header-Content-Length must be a number up to {len(request.body)}, "
            "the length of the body"
        )
    return request.body[: int(stated)], request.body[int(stated) :]


def _error(error: ServerError) -> HttpAnswer:
    """An error as the protocol has it."""
    answer = _json({"error": str(error)}, error.status.http)
    if error.status in (Status.BUSY, Status.UNAVAILABLE):
        answer.headers.append(_RETRY)
    return answer


def _json(document: object, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, [_JSON], [orjson.dumps(document)])
