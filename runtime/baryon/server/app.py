"""The server as a whole: from its start to its end."""

from __future__ import annotations

import asyncio
import importlib
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from baryon.server.errors import SettingsError
from baryon.server.logs import Logs
from baryon.server.reload import watch
from baryon.server.repository import Repository
from baryon.server.settings import Limits
from baryon.server.traffic import Traffic

if TYPE_CHECKING:
    from baryon.server.fronts import Fronts


@dataclass(frozen=True)
class Settings:
    """Of a server. models: a folder of models, or one artifact. Ports: 0 lets the system choose.

    log_requests: one of `logs.LEVELS`. poll: seconds between two looks at the folder; 0: none.
    keys: PEM text of public keys, one of which must have signed each artifact; None: none need.
    """

    models: Path
    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int = 8001
    limits: Limits = field(default_factory=Limits)
    log_requests: str = "errors"
    poll: float = 1.0
    keys: bytes | None = None


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has come. Raises SettingsError, OSError."""
    uvloop.run(Server(settings).run())


class Server:
    """A server in an event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._logs = Logs(settings.log_requests)
        self._traffic = Traffic()
        self._repository = Repository(settings.models, self._logs.event, settings.keys)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Start, serve until `stop`, end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        fronts = await self._start()
        poll, watcher = self._settings.poll, None
        if poll:
            watcher = loop.create_task(watch(self._repository, poll, self._logs))
        await self._stopping.wait()
        self._traffic.is_ready = False
        self._logs.event("stopping")
        if watcher is not None:
            watcher.cancel()
        for model in self._repository.models():
            model.scheduler.hurry()
        await fronts.close()
        await self._repository.close()
        self._logs.event("stopped")

    async def _start(self) -> Fronts:
        settings = self._settings
        loading = asyncio.create_task(self._repository.refresh())
        await asyncio.sleep(0)  # threads read the models while this one imports
        kind: type[Fronts] = importlib.import_module("baryon.server.fronts").Fronts
        await loading
        _check_all_loaded(self._repository)
        fronts = kind(self._repository, settings.limits, self._logs, self._traffic)
        host = settings.host
        http, grpc = await fronts.open(host, settings.http_port, settings.grpc_port)
        self._traffic.is_ready = True
        self._logs.event("ready", http=f"{host}:{http}", grpc=f"{host}:{grpc}")
        return fronts

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()


def _check_all_loaded(repository: Repository) -> None:
    """A server that starts without a model it was given would only be noticed by its clients."""
    for entry in repository.index():
        if entry.state != "READY":
            raise SettingsError(f"model '{entry.name}' cannot be loaded: {entry.reason}")
