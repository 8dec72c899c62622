"""The server as a whole: from its start to its end."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from baryon.server.errors import SettingsError
from baryon.server.http import Api
from baryon.server.listener import Listener
from baryon.server.logs import Logs
from baryon.server.repository import Repository
from baryon.server.settings import Limits


@dataclass(frozen=True)
class Settings:
    """Of a server. models: a folder of models, or one artifact. Ports: 0 lets the system choose.

    log_requests: one of `logs.LEVELS`. poll: seconds between two looks at the folder; 0: none.
    """

    models: Path
    host: str = "127.0.0.1"
    http_port: int = 8000
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
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Start, serve until `stop`, end."""
        settings = self._settings
        repository = Repository(settings.models, self._logs.event)
        await repository.refresh()
        _check_all_loaded(repository)
        api = Api(repository, settings.limits, self._logs)
        listener = Listener(api, settings.limits)
        port = await listener.open(settings.host, settings.http_port)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)
        api.is_ready = True
        self._logs.event("ready", http=f"{settings.host}:{port}")
        await self._stopping.wait()
        api.is_ready = False
        self._logs.event("stopping")
        await listener.close()
        await repository.close()
        self._logs.event("stopped")

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()


def _check_all_loaded(repository: Repository) -> None:
    """A server that starts without a model it was given would only be noticed by its clients."""
    for entry in repository.index():
        if entry.state != "READY":
            raise SettingsError(f"model '{entry.name}' cannot be loaded: {entry.reason}")
