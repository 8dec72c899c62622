"""A server in a process of its own, as `baryon serve` starts it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

DEADLINE = 90.0
"""Seconds: for machines that are slow; a test that waits so long has failed."""


def eventually(what: Callable[[], Any]) -> Any:
    """The first true value, asked for again and again."""
    end = time.monotonic() + DEADLINE
    while not (value := what()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return value


class Answer:
    """Status, headers (by lower-case names) and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Served:
    """A running server: a context that ends it. lines: its log so far."""

    def __init__(self, models: Path, *options: str) -> None:
        command = [sys.executable, "-m", "baryon.command", "serve", str(models)]
        ports = ["--http-port", "0", "--grpc-port", "0", *options]
        self.process = subprocess.Popen([*command, *ports], stderr=subprocess.PIPE, text=True)
        self.lines: list[dict[str, Any]] = []
        self.text: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Served:
        ready = eventually(lambda: self.events("ready") or self.process.poll() is not None)
        assert ready is not True, "".join(self.text)
        self.ready = ready[0]
        self.port = int(self.ready["http"].rpartition(":")[2])
        self.grpc = self.ready["grpc"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log about one kind of event."""
        return [line for line in self.lines if line["event"] == name]

    def terminate(self) -> None:
        """SIGTERM, and nothing more."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.terminate()
        return self.process.wait(DEADLINE)

    def connect(self) -> http.client.HTTPConnection:
        """A connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request over a connection of its own; a body that is not bytes is sent as JSON."""
        connection = self.connect()
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        """GET."""
        return self.ask("GET", path)

    def statistics(self, model: str) -> dict[str, Any]:
        """Of the only version of a model."""
        (known,) = self.get(f"/v2/models/{model}/stats").json["model_stats"]
        found: dict[str, Any] = known
        return found

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.text.append(line)
            if line.startswith("{"):
                self.lines.append(json.loads(line))
