"""Malformed HTTP requests: each gets well-formed answers or an end, and the next client is served.

Bytes go to the protocol object of a connection, piece by piece, as an event loop would hand them
over; there are no sockets. The networks behind it are real.
"""

from __future__ import annotations

import asyncio
import copy
import io
import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from baryon.server.connection import Connection
from baryon.server.http import Api
from baryon.server.listener import Listener
from baryon.server.logs import Logs
from baryon.server.repository import Repository
from baryon.server.settings import Limits
from baryon.server.traffic import Traffic
from fuzz.mutate import mutated
from runtime.artifacts import affine, build, pair
from server.networks import types
from server.requests import LENGTH, in_binary, in_json

_X = np.ones((2, 4), np.float32)
_LIMITS = Limits(head=4096, body=1 << 16, bodies=1 << 20, connections=64)
_DOCUMENT = json.dumps(in_json(data=_X)).encode()
_GOOD = b"POST /v2/models/affine/infer HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_DOCUMENT),
    _DOCUMENT,
)
_DEADLINE = 60.0
"""Seconds until an answer must be there: for machines that are busy."""

_WORDS = (
    b"\r\n", b"\n", b"\0", b" ", b":", b"\r\n\r\n", b"HTTP/1.0", b"HTTP/2.0", b"HEAD ", b"PUT ",
    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
    b"Content-Length: 18446744073709551616\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"Upgrade: h2c\r\n",
    b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Content-Encoding: gzip\r\n",
    b"0\r\n\r\n", b"ffffffffffffffff\r\n", LENGTH.encode() + b": 10\r\n",
    b"X-Request-Id: a\r\n",
    b"%00", b"%2e%2e/", b"../", b"[", b"]", b"{", b"}", b'"', b",", b"-1", b"1e999",
    b"NaN", b"null", b"true", b"9" * 30, b'"shape":[2,4]', b'"shape":[-1]', b'"datatype":"BYTES"',
    b"\xff\xfe",
    b'"data":[[1,2],[3]]', b'"parameters":{"timeout":1}', b'"binary_data_size":32', b"\\ud800",
    b'"outputs":[{"name":"y"}]',
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 4, 2**31, 2**63, 2**64, 10**30, 0.5, 1e308, "", "y", "FP32", "BYTES",
    [], [1], [[1], [2, 3]], {}, {"binary_data_size": 32}, {"timeout": 1}, "a" * 300, "\0", "é",
)  # fmt: skip


class FakeTransport(asyncio.Transport):
    """What a connection writes, and whether it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.is_closed = self.is_paused = self.has_ended = False

    def write(self, data: Any) -> None:
        assert not self.has_ended, "written behind the end"
        if not self.is_closed:
            self.sent += data

    def writelines(self, pieces: Any) -> None:
        for piece in pieces:
            self.write(piece)

    def write_eof(self) -> None:
        self.has_ended = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        assert not self.is_paused, "paused twice"
        self.is_paused = True

    def resume_reading(self) -> None:
        assert self.is_paused, "resumed twice"
        self.is_paused = False

    def get_write_buffer_size(self) -> int:
        return 0


class Requests:
    """The HTTP side of a server as a target."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._problems: list[str] = []
        self._loop.set_exception_handler(lambda _, context: self._problems.append(str(context)))
        self._folder = tempfile.TemporaryDirectory(prefix="baryon-fuzz-")
        folder = Path(self._folder.name)
        for name, net in {"affine": affine(), "pair": pair(), "types": types()}.items():
            (folder / f"{name}.baryon").write_bytes(build(net))
        self._log = io.StringIO()
        traffic = Traffic(is_ready=True)
        logs = Logs("none", self._log)
        self._repository = Repository(folder, lambda *_, **__: None)
        self._loop.run_until_complete(self._repository.refresh())
        self._listener = Listener(Api(self._repository, _LIMITS, logs, traffic), _LIMITS, traffic)
        self._seeds = _seeds()
        self._good = self._loop.run_until_complete(self._answer_to_good())

    def close(self) -> None:
        """End the models."""
        self._loop.run_until_complete(self._repository.close())
        self._loop.close()

    # ---- Inputs ----

    def input(self, r: random.Random) -> bytes:
        """Up to three requests, one after the other, most of them changed."""
        parts = [self._request(r) for _ in range(1 + r.randrange(4) // 3)]
        return b"".join(parts)

    def _request(self, r: random.Random) -> bytes:
        head, body = r.choice(self._seeds)
        if r.randrange(3) == 0 and body[:1] == b"{":
            body = _other_document(body, r)
        elif r.randrange(2) == 0:
            body = mutated(body, [b for _, b in self._seeds], _WORDS, r)
        if r.randrange(2) == 0:
            head = mutated(head, [h for h, _ in self._seeds], _WORDS, r)
        match r.randrange(8):
            case 0:
                framing = b"Transfer-Encoding: chunked\r\n\r\n"
                body = _in_chunks(body, r)
            case 1:
                framing = b"\r\n"
            case 2:
                framing = b"Content-Length: %d\r\n\r\n" % (len(body) + r.randrange(-3, 4))
            case _:
                framing = b"Content-Length: %d\r\n\r\n" % len(body)
        whole = head + framing + body
        return mutated(whole, [whole], _WORDS, r) if r.randrange(8) == 0 else whole

    # ---- Judging ----

    def judge(self, data: bytes) -> str:
        """Send it in pieces, then a good request over a connection of its own."""
        outcome: str = self._loop.run_until_complete(self._judge(data))
        return outcome

    async def _judge(self, data: bytes) -> str:
        statuses = await self._send(data)
        self._check()
        for name in self._unloaded():
            await self._repository.load(name)
        assert self._good == await self._answer_to_good(), "another answer to a good request"
        assert not self._listener.connections, "a connection is left"
        assert self._listener.body_bytes == 0, "bytes of bodies are left"
        return str(statuses[0]) if statuses else "closed"

    def _unloaded(self) -> set[str]:
        return {"affine", "pair", "types"} - {model.name for model in self._repository.models()}

    async def _answer_to_good(self) -> bytes:
        """The body."""
        transport = FakeTransport()
        await self._feed(transport, [_GOOD])
        ((status, body),) = answers(bytes(transport.sent))
        assert status == 200, body
        self._check()
        return body

    async def _send(self, data: bytes) -> list[int]:
        r = random.Random(len(data))
        cuts = sorted(r.randrange(len(data) + 1) for _ in range(r.randrange(4)))
        places = [0, *cuts, len(data)]
        pieces = [data[a:b] for a, b in pairwise(places) if a < b]
        transport = FakeTransport()
        await self._feed(transport, pieces)
        return [status for status, _ in answers(bytes(transport.sent), data)]

    async def _feed(self, transport: FakeTransport, pieces: Sequence[bytes]) -> None:
        """What an event loop does with a client that sends this, and then no more."""
        connection = Connection(self._listener)
        connection.connection_made(transport)
        try:
            for piece in pieces:
                await _hand_over(connection, transport, piece)
            if not transport.is_closed and connection.eof_received():
                await _until(lambda: transport.is_closed or transport.has_ended, "no answer")
        finally:
            transport.close()
            connection.connection_lost(None)
        if connection._task is not None:  # it was cancelled
            await asyncio.wait([connection._task])

    def _check(self) -> None:
        if self._problems or self._log.tell():
            text = "; ".join(self._problems) + self._log.getvalue()
            self._problems.clear()
            self._log.seek(0)
            self._log.truncate()
            raise AssertionError(text[-600:])


async def _hand_over(connection: Connection, transport: FakeTransport, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest and not transport.is_closed:
        if transport.is_paused:
            await _until(lambda: not transport.is_paused or transport.is_closed, "paused for ever")
            continue
        buffer = connection.get_buffer(-1)
        size = min(len(buffer), len(rest))
        assert size > 0, "an empty buffer"
        buffer[:size] = rest[:size]
        connection.buffer_updated(size)
        rest = rest[size:]


async def _until(condition: Callable[[], bool], what: str) -> None:
    """Let the event loop run until something is so; AssertionError if it takes too long."""
    for _ in range(100):  # most answers take a few turns
        if condition():
            return
        await asyncio.sleep(0)
    end = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.001)


def answers(sent: bytes, request: bytes = b"") -> list[tuple[int, bytes]]:
    """Status and body of each answer; AssertionError for what is no HTTP/1.1."""
    found = []
    while sent:
        match = re.match(rb"HTTP/1\.1 (\d{3}) [ -~]+\r\n((?:[!-9;-~]+: ?[ -~]*\r\n)*)\r\n", sent)
        assert match is not None, sent[:200]
        status, sent = int(match[1]), sent[match.end() :]
        if status == 100:
            continue
        assert status in _STATUSES, status
        lengths = re.findall(rb"(?mi)^content-length: (\d+)\r$", match[2])
        assert len(lengths) == 1, match[2]
        length = int(lengths[0])
        is_of_head = b"HEAD" in request and not _is_body(sent, length)
        body = b"" if is_of_head else sent[:length]
        assert is_of_head or len(body) == length, "an answer is cut"
        assert status < 400 or is_of_head or set(json.loads(body)) == {"error"}
        sent = sent[len(body) :]
        found.append((status, body))
    return found


_STATUSES = {200, 400, 404, 405, 413, 415, 429, 431, 503, 504}


def _is_body(rest: bytes, length: int) -> bool:
    """Whether a body stands there, and not the next answer."""
    return len(rest) >= length and rest[:9] != b"HTTP/1.1 "


def _seeds() -> list[tuple[bytes, bytes]]:
    """Heads without framing, and bodies, of requests that are good."""
    affine_url, pair_url = b"/v2/models/affine/infer", b"/v2/models/pair/versions/1/infer"
    nets = [
        (affine_url, {"data": _X}),
        (pair_url, {"a": np.ones((2, 3), np.float32), "b": np.ones((2, 5), np.float32)}),
    ]
    found: list[tuple[bytes, bytes]] = []
    for url, inputs in nets:
        found.append(
            (b"POST %b HTTP/1.1\r\nHost: x\r\n" % url, json.dumps(in_json(**inputs)).encode())
        )
        for of_answer in (True, False):
            body, headers = in_binary(of_answer, **inputs)
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
            found.append((b"POST %b HTTP/1.1\r\n%b" % (url, head), body))
    targets = "v2 v2/health/ready v2/models/pair v2/models/types/config v2/models/stats nowhere"
    for target in targets.split():
        found += [(f"{method} /{target} HTTP/1.1\r\n".encode(), b"") for method in ("GET", "HEAD")]
    found.append((b"POST /v2/repository/index HTTP/1.1\r\n", b'{"ready": true}'))
    rare = [b"POST /v2/repository/models/pair/unload", b"GET /metrics"]
    return found * 4 + [(b"%b HTTP/1.1\r\n" % line, b"") for line in rare]


def _in_chunks(body: bytes, r: random.Random) -> bytes:
    size = 1 + r.randrange(40)
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


def _other_document(body: bytes, r: random.Random) -> bytes:
    """A JSON document with some values replaced, and what follows it."""
    document, end = json.JSONDecoder().raw_decode(body.decode("latin-1"))
    for _ in range(1 + r.randrange(2)):
        _replace(document, r)
    return json.dumps(document).encode() + body[end:]


def _replace(value: Any, r: random.Random) -> None:
    keys: list[Any] = [*value] if isinstance(value, dict) else [*range(len(value))]
    if not keys:
        return
    key = r.choice(keys)
    if isinstance(value[key], dict | list) and value[key] and r.randrange(4):
        _replace(value[key], r)
        return
    match r.randrange(6):
        case 0:
            del value[key]
        case 1 if isinstance(value, list):
            value.append(copy.deepcopy(value[key]))
        case 2 if isinstance(value, dict):
            value[r.choice(("name", "shape", "data", "parameters", "id", "outputs"))] = (
                copy.deepcopy(value[key])
            )
        case _:
            value[key] = copy.deepcopy(r.choice(_VALUES))
