"""The server as a whole: from its start to its end."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from baryon.server.errors import SettingsError
from baryon.server.grpc import GrpcServer, Service
from baryon.server.http import Api
from baryon.server.listener import Listener
from baryon.server.logs import Logs
from baryon.server.reload import watch
from baryon.server.repository import Repository
from baryon.server.settings import Limits
from baryon.server.traffic import Traffic


@dataclass(frozen=True)
class Settings:
    """Of a server. models: a folder of models, or one artifact. Ports: 0 lets the system choose.

    log_requests: one of `logs.LEVELS`. poll: seconds between two looks at the folder; 0: none.
    """

    models: Path
    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int = 8001
    limits: Limits = field(default_factory=Limits)
    log_requests: str = "errors"
    poll: float = 1.0


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has come. Raises SettingsError, OSError."""
    uvloop.run(Server(settings).run())


class Server:
    """A server in an event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._logs = Logs(settings.log_requests)
        self._traffic = Traffic()
        self._repository = Repository(settings.models, self._logs.event)
        common = (self._repository, settings.limits, self._logs, self._traffic)
        self._http = Listener(Api(*common), settings.limits, self._traffic)
        self._grpc = Service(*common)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Start, serve until `stop`, end."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        await self._repository.refresh()
        _check_all_loaded(self._repository)
        grpc = GrpcServer(self._grpc, settings.limits)
        http_port = await self._http.open(settings.host, settings.http_port)
        grpc_port = await grpc.open(settings.host, settings.grpc_port)
        watcher = None
        if settings.poll:
            watcher = loop.create_task(watch(self._repository, settings.poll, self._logs))
        self._traffic.is_ready = True
        host = settings.host
        self._logs.event("ready", http=f"{host}:{http_port}", grpc=f"{host}:{grpc_port}")
        await self._stopping.wait()
        self._traffic.is_ready = False
        self._logs.event("stopping")
        if watcher is not None:
            watcher.cancel()
        for model in self._repository.models():
            model.scheduler.hurry()
        await asyncio.gather(self._http.close(), grpc.close())
        await self._repository.close()
        self._logs.event("stopped")

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()


def _check_all_loaded(repository: Repository) -> None:
    """A server that starts without a model it was given would only be noticed by its clients."""
    for entry in repository.index():
        if entry.state != "READY":
            raise SettingsError(f"model '{entry.name}' cannot be loaded: {entry.reason}")
