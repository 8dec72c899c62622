"""The two sides of a server that clients see, HTTP and gRPC. Slow to import."""

from __future__ import annotations

import asyncio

from baryon.server.grpc import GrpcServer, Service
from baryon.server.http import Api
from baryon.server.listener import Listener
from baryon.server.logs import Logs
from baryon.server.repository import Repository
from baryon.server.settings import Limits
from baryon.server.traffic import Traffic


class Fronts:
    """Both over one repository."""

    def __init__(
        self, repository: Repository, limits: Limits, logs: Logs, traffic: Traffic
    ) -> None:
        self._http = Listener(Api(repository, limits, logs, traffic), limits, traffic)
        self._grpc = GrpcServer(Service(repository, limits, logs, traffic), limits)

    async def open(self, host: str, http_port: int, grpc_port: int) -> tuple[int, int]:
        """Listen; returns the ports, which the system chooses for 0. Raises OSError."""
        http = await self._http.open(host, http_port)
        return http, await self._grpc.open(host, grpc_port)

    async def close(self) -> None:
        """Accept no more, and return when what has come is answered, or cut off."""
        await asyncio.gather(self._http.close(), self._grpc.close())
