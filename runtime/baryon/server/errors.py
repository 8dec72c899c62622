"""What a server answers when it does not answer with results."""

from __future__ import annotations

from enum import Enum

from baryon.runtime import BaryonRuntimeError


class Status(Enum):
    """Why a request failed, as (HTTP status, name of the gRPC code)."""

    INVALID = (400, "INVALID_ARGUMENT")
    NOT_FOUND = (404, "NOT_FOUND")
    METHOD = (405, "UNIMPLEMENTED")
    SLOW_CLIENT = (408, "CANCELLED")
    TOO_LARGE = (413, "RESOURCE_EXHAUSTED")
    MEDIA_TYPE = (415, "INVALID_ARGUMENT")
    BUSY = (429, "RESOURCE_EXHAUSTED")
    HEAD_TOO_LARGE = (431, "RESOURCE_EXHAUSTED")
    INTERNAL = (500, "INTERNAL")
    UNIMPLEMENTED = (501, "UNIMPLEMENTED")
    UNAVAILABLE = (503, "UNAVAILABLE")
    TIMEOUT = (504, "DEADLINE_EXCEEDED")

    @property
    def http(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def grpc(self) -> str:
        """The name of a member of `grpc.StatusCode`."""
        return self.value[1]


class ServerError(Exception):
    """A request cannot be answered. The message is for the client: what was wrong, what to do."""

    def __init__(self, message: str, status: Status = Status.INVALID) -> None:
        super().__init__(message)
        self.status = status


class UnservableError(BaryonRuntimeError):
    """A network cannot be served, as the protocol has no name for an element type of it."""


class SettingsError(BaryonRuntimeError, ValueError):
    """A file of settings, or a folder of models, cannot be used; the message names it."""
