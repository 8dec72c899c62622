"""A process that is asked by lines of JSON, such as `benchmark.worker`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any


class EngineError(Exception):
    """An engine that failed, with what it wrote."""


class Engine:
    """A process that answers lines of JSON; the first answer says that it is ready.

    command: what it runs. environment: variables that differ from those of this process.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by __exit__)
        self._process = subprocess.Popen(
            command,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.started: dict[str, Any] = {}

    def __enter__(self) -> Engine:
        try:
            self.started = self._read()
        except EngineError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            last = self._log.read().strip().splitlines()[-1:] or ["it ended without a word"]
            raise EngineError(f"{self.name}: {last[0]}")
        answer: dict[str, Any] = json.loads(line)
        return answer
