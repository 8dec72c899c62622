"""The HTTP side of a server: its socket, its connections, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from email.utils import formatdate

from baryon.server.connection import Connection, HttpAnswer, HttpRequest
from baryon.server.errors import ServerError
from baryon.server.http import Api
from baryon.server.settings import Limits
from baryon.server.traffic import Traffic

_BACKLOG = 1024
_LINGER = 1.0
"""Seconds for which an idle connection stays when the server stops: its client may just be sending
a request, which has no answer if the connection is closed now."""


class Listener:
    """Accepts connections and gives their requests to an Api."""

    def __init__(self, api: Api, limits: Limits, traffic: Traffic) -> None:
        self.limits = limits
        self._traffic = traffic
        self.date = b""
        self.draining = False
        self.body_bytes = 0
        self.connections: set[Connection] = set()
        self._api = api
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """Of the Api."""
        self._traffic.connections = len(self.connections)
        return await self._api.answer(request)

    def refuse(self, error: ServerError) -> HttpAnswer:
        """Of the Api."""
        return self._api.refuse(error)

    async def open(self, host: str, port: int) -> int:
        """Listen; returns the port, which the system chooses for 0. Raises OSError."""
        self.date = formatdate(usegmt=True).encode()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), host, port, backlog=_BACKLOG
        )
        self._sweeper = loop.create_task(self._sweep())
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def close(self) -> None:
        """Accept no more, answer what has come, and return when all connections have ended.

        Those that take longer than the limit are cut off.
        """
        assert self._server is not None
        assert self._sweeper is not None
        self._server.close()
        self.draining = True
        for connection in self.connections:
            connection.drain(_LINGER)
        end = time.monotonic() + self.limits.drain
        while self.connections and time.monotonic() < end:
            await asyncio.sleep(0.02)
            self._expire()
        self._sweeper.cancel()
        for connection in [*self.connections]:
            connection.abort()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sweeper

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.date = formatdate(usegmt=True).encode()
            self._expire()

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in [*self.connections]:
            connection.expire(now)
