"""One HTTP/1.1 connection: requests in, answers out, and what a bad client may not do.

httptools (llhttp, the parser of Node.js) reads heads and chunked bodies. A body of a stated length,
as tensors come in, is read by the socket into the memory from which the network reads it: no copy.
ASGI servers hand bodies over in pieces that have to be joined; docs/decisions/0031-the-server.md
has what that costs.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import Protocol, cast

import httptools
import numpy as np

from baryon.server.errors import ServerError, Status
from baryon.server.settings import Limits

JSON_LENGTH = b"inference-header-content-length"
_ALIGNMENT = 64
_MOST_DIGITS = 20
_SLACK = 64 * 1024
_LINGER = 2.0
_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
_CLOSED_EARLY = "the request came too slowly"
_FULL = "the requests that are under way are too large together: try again later"


@dataclass(slots=True)
class HttpRequest:
    """A whole request. Names of headers are lower case. Of the body, what follows the JSON is
    aligned.
    """

    method: bytes
    target: bytes
    headers: dict[bytes, bytes]
    body: memoryview


@dataclass(slots=True)
class HttpAnswer:
    """status, headers beside Content-Length, Date and Connection, and the pieces of the body."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: list[bytes | memoryview] = field(default_factory=list)


class Handler(Protocol):
    """What connections call, and what they have in common.

    date: for the header. draining: whether answers close their connections. body_bytes: of the
    requests that are under way.
    """

    limits: Limits
    date: bytes
    draining: bool
    body_bytes: int
    connections: set[Connection]

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request. Raises nothing."""

    def refuse(self, error: ServerError) -> HttpAnswer:
        """The answer to what is no request."""


class State(Enum):
    """What the next bytes are.

    ANSWERING: they wait. LINGERING: nobody reads them; the connection stays open for a moment so
    that the client can read why it is closed.
    """

    HEAD = auto()
    BODY = auto()
    CHUNKS = auto()
    ANSWERING = auto()
    LINGERING = auto()


class Connection(asyncio.BufferedProtocol):
    """One connection. Requests that come before an answer was sent wait in the socket."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._scratch = bytearray(handler.limits.head)
        self._view = memoryview(self._scratch)
        self._end = 0  # of what has been read into it
        self._state = State.HEAD
        self._deadline = self._loop.time() + handler.limits.idle
        self._task: asyncio.Task[None] | None = None
        self._has_ended = False  # the client sends no more
        self._is_blocked = False  # the client does not read
        self._is_paused = False  # we do not
        self._unsent = 0
        self._reserved = 0  # bytes for the body of this request
        self._reset()

    def _reset(self) -> None:
        """Be ready for a request."""
        self._reserve(0)
        self._parser = httptools.HttpRequestParser(self)
        self._fed = 0
        self._method = self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._has_head = self._is_complete = self._has_more = False
        self._keep = True
        self._body = memoryview(b"")
        self._filled = 0
        self._chunks = bytearray()
        self._wire_bytes = 0

    # ---- What the event loop calls ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come; one too many is sent away."""
        self._transport = cast(asyncio.Transport, transport)
        self._handler.connections.add(self)
        if len(self._handler.connections) > self._handler.limits.connections:
            self._refuse("there are too many connections: try again later", Status.UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: nobody waits for the answer."""
        self._handler.connections.discard(self)
        self._reserve(0)
        if self._task is not None:
            self._task.cancel()

    def eof_received(self) -> bool:
        """Nothing more will come; requests that are complete are still answered."""
        self._has_ended = True
        return self._state is State.ANSWERING

    def pause_writing(self) -> None:
        """The client does not read."""
        self._is_blocked = True

    def resume_writing(self) -> None:
        """The client has read."""
        self._is_blocked = False
        if self._state is State.ANSWERING and self._task is None:
            self._next()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        if self._state is State.BODY:
            return self._body[self._filled :]
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        match self._state:
            case State.BODY:
                self._filled += nbytes
                self._extend()
                if self._filled == len(self._body):
                    self._start()
            case State.HEAD:
                if self._end == 0:
                    self._extend()  # once: a head that trickles in does not buy time
                self._end += nbytes
                self._read_head()
            case State.CHUNKS:
                self._extend()
                self._read_chunks(self._view[:nbytes])
            case State.ANSWERING:
                self._end += nbytes
                self._pause_if_full()
            case State.LINGERING:
                pass

    # ---- Limits ----

    def expire(self, now: float) -> None:
        """Called now and then: end the connection if its time is over."""
        if now < self._deadline:
            return
        if self._state is State.HEAD and self._end == 0:
            self._transport.close()
        elif self._state in (State.HEAD, State.BODY, State.CHUNKS):
            self._refuse(_CLOSED_EARLY, Status.SLOW_CLIENT)
        elif self._state is State.LINGERING or (self._is_blocked and not self._is_taking()):
            self._transport.abort()

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def _is_taking(self) -> bool:
        """Whether the client has read something of the answer since this was last asked."""
        before, self._unsent = self._unsent, self._transport.get_write_buffer_size()
        self._extend()
        return self._unsent < before

    def drain(self, seconds: float) -> None:
        """The server stops: without a request soon, close. One that comes is the last."""
        if self._state is State.HEAD and self._end == 0:
            self._deadline = min(self._deadline, self._loop.time() + seconds)

    def _reserve(self, size: int) -> bool:
        """Count so many bytes for the body; whether all bodies together are within their limit."""
        self._handler.body_bytes += size - self._reserved
        self._reserved = size
        return self._handler.body_bytes <= self._handler.limits.bodies

    def _extend(self) -> None:
        self._deadline = self._loop.time() + self._handler.limits.read

    def _pause_if_full(self) -> None:
        if self._end == len(self._scratch):
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _refuse(self, message: str, status: Status = Status.INVALID) -> None:
        """Say what is wrong and close: where the next request would begin is not known."""
        self._keep = False
        self._send(self._handler.refuse(ServerError(message, status)))
        self._linger()

    def _linger(self) -> None:
        """Closing at once would take an answer from a client that is still sending."""
        self._state, self._end = State.LINGERING, 0
        self._resume()
        self._deadline = self._loop.time() + _LINGER
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    # ---- Reading ----

    def _read_head(self) -> None:
        """Give what has come to the parser, up to the end of the head."""
        while not self._has_head and self._fed < self._end:
            mark = self._scratch.find(b"\r\n\r\n", max(self._fed - 3, 0), self._end)
            stop = self._end if mark < 0 else mark + 4
            if not self._feed(self._view[self._fed : stop]):
                return
            self._fed = stop
        if self._has_head:
            self._begin_body(bytes(self._view[self._fed : self._end]))
        elif self._end == len(self._scratch):
            limit = f"the request line and headers have more than {self._end} bytes"
            self._refuse(limit, Status.HEAD_TOO_LARGE)

    def _feed(self, data: memoryview) -> bool:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # nothing is offered: RFC 9110 7.8 lets a server go on as if it were not asked for
        except httptools.HttpParserError as error:
            self._refuse(f"this is not HTTP/1.1: {error}")
            return False
        return True

    def _begin_body(self, rest: bytes) -> None:
        """The head is complete, and `rest` came with it."""
        self._end = 0
        limits, headers = self._handler.limits, self._headers
        if self._parser.get_http_version() not in ("1.0", "1.1"):
            self._refuse("this is not HTTP/1.1")
            return
        stated = headers.get(b"content-length", b"0")
        if len(stated) > _MOST_DIGITS:
            self._refuse("Content-Length has too many digits")
            return
        length = int(stated)
        if length > limits.body:
            self._refuse(f"the body has {length} bytes: {_limit(limits)}", Status.TOO_LARGE)
            return
        if not self._reserve(length):
            self._refuse(_FULL, Status.UNAVAILABLE)
            return
        if headers.get(b"expect", b"").lower() == b"100-continue" and not rest:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"transfer-encoding" in headers:
            self._state = State.CHUNKS
            self._read_chunks(memoryview(rest))
            return
        if length:
            self._body = self._allocate(length)
        own = rest[:length]
        self._filled = len(own)
        if own:
            self._body[: self._filled] = own
        self._end = len(rest) - len(own)
        self._scratch[: self._end] = rest[length:]
        if self._filled == length:
            self._start()
        else:
            self._state = State.BODY

    def _allocate(self, length: int) -> memoryview:
        """Memory for a body, such that what follows the JSON is aligned."""
        memory = np.empty(length + _ALIGNMENT, np.uint8)
        stated = self._headers.get(JSON_LENGTH, b"")
        json_length = int(stated) if stated.isdigit() and len(stated) < 19 else 0
        address: int = memory.__array_interface__["data"][0]
        skip = -(address + json_length) % _ALIGNMENT
        return memory.data[skip : skip + length]

    def _read_chunks(self, data: memoryview) -> None:
        self._wire_bytes += len(data)
        if not self._feed(data):
            return
        size = len(self._chunks)
        if size > self._handler.limits.body:
            message = f"the body is larger: {_limit(self._handler.limits)}"
            self._refuse(message, Status.TOO_LARGE)
        elif not self._reserve(size):
            self._refuse(_FULL, Status.UNAVAILABLE)
        elif self._wire_bytes > 2 * size + _SLACK:
            self._refuse("the body comes in too many chunks")
        elif self._is_complete:
            self._body = self._allocate(size)
            self._body[:] = self._chunks
            self._start()

    # ---- What the parser calls ----

    def on_message_begin(self) -> None:
        """A request begins; behind chunks of the one before, it cannot be kept apart from it."""
        self._has_more = self._is_complete

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        if not self._has_head:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer behind chunks, which nothing reads."""
        if not self._has_head:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head ends."""
        if not self._has_head:
            self._has_head = True
            self._method = self._parser.get_method()
            self._keep = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """A chunk, or a part of it."""
        if not self._has_more and len(self._chunks) <= self._handler.limits.body:
            self._chunks += body

    def on_message_complete(self) -> None:
        """The body ends."""
        self._is_complete = True

    # ---- Answering ----

    def _start(self) -> None:
        """The request is complete."""
        self._state = State.ANSWERING
        self._keep = self._keep and not self._has_more
        request = HttpRequest(self._method, self._target, self._headers, self._body)
        self._body = memoryview(b"")
        self._task = self._loop.create_task(self._answer(request))

    async def _answer(self, request: HttpRequest) -> None:
        answer = await self._handler.answer(request)
        self._task = None
        self._keep = self._keep and not self._handler.draining
        self._send(answer, with_body=request.method != b"HEAD")
        if not self._is_blocked:
            self._next()
        else:
            self._unsent = self._transport.get_write_buffer_size()
            self._extend()

    def _send(self, answer: HttpAnswer, with_body: bool = True) -> None:
        length = sum(map(len, answer.body))
        head = [_LINES[answer.status], b"Date: ", self._handler.date]
        head += [b"\r\n%b: %b" % pair for pair in answer.headers]
        head.append(b"\r\nContent-Length: %d\r\n" % length)
        head.append(b"\r\n" if self._keep else b"Connection: close\r\n\r\n")
        pieces = [b"".join(head), *(answer.body if with_body else ())]
        if length < _SLACK:
            self._transport.write(b"".join(pieces))
        else:
            self._transport.writelines(pieces)

    def _next(self) -> None:
        """The answer has been sent."""
        if not self._keep and self._end:
            self._linger()  # there are requests ahead, which nobody will answer
            return
        if not self._keep:
            self._transport.close()
            return
        self._reset()
        self._state = State.HEAD
        self._deadline = self._loop.time() + self._handler.limits.idle
        self._resume()
        if self._end:
            self._extend()
            self._read_head()
        if self._has_ended and self._state is not State.ANSWERING:
            self._transport.close()


def _limit(limits: Limits) -> str:
    return f"the limit is {limits.body}"
