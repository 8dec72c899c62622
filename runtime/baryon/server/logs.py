"""Logs: one JSON object a line, on stderr."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any, TextIO

import orjson

LEVELS = ("all", "errors", "none")
"""Which requests are logged."""

_PREFIX = os.urandom(4).hex()
_NUMBERS: Iterator[int] = count(1)
_LONGEST_ID = 128
_LONGEST_TARGET = 256


def request_id_of(given: bytes | str | None) -> str:
    """The client's own id of a request, where it is short and printable; else a new one."""
    text = given.decode("latin-1") if isinstance(given, bytes) else given
    if text and len(text) <= _LONGEST_ID and text.isascii() and text.isprintable():
        return text
    return f"{_PREFIX}-{next(_NUMBERS)}"


class Logs:
    """Writes lines. requests: one of LEVELS."""

    def __init__(self, requests: str = "errors", stream: TextIO | None = None) -> None:
        self._requests = requests
        self._stream = stream or sys.stderr

    def event(self, event: str, level: str = "info", /, **fields: Any) -> None:
        """Something has happened; fields say more."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "level": level, "event": event, **fields}
        self._stream.write(orjson.dumps(line, default=str).decode() + "\n")
        self._stream.flush()

    def request(
        self,
        identifier: str,
        protocol: str,
        target: str,
        status: int | str,
        start: float,
        message: str,
    ) -> None:
        """A request has been answered. start: of `time.perf_counter`."""
        is_error = status != "OK" if isinstance(status, str) else status >= 400
        if self._requests == "none" or (self._requests == "errors" and not is_error):
            return
        self.event(
            "request",
            "warning" if is_error else "info",
            request_id=identifier,
            protocol=protocol,
            target=target[:_LONGEST_TARGET],
            status=status,
            ms=round((time.perf_counter() - start) * 1e3, 3),
            **({"message": message} if message else {}),
        )

    def failure(self, identifier: str, error: Exception) -> str:
        """Something that should not happen, with its trace; what to tell the client."""
        trace = "".join(traceback.format_exception(error))
        self.event("internal_error", "error", request_id=identifier, trace=trace)
        return f"internal error, see the server's log for request {identifier}"
