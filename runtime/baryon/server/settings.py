"""Settings of the server, and of each model (a small TOML beside its artifacts)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from baryon.server.errors import SettingsError

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What clients may take. Times in seconds.

    head: bytes of a request line and its headers. body: bytes of one. bodies: bytes of all HTTP
    requests that are under way; more get 503. connections: at the same time; more get 503.
    request: from the last byte of a request to its answer; more is 504. read: between two pieces of
    a request that is under way. idle: between two requests of a connection. drain: for requests
    under way when the server stops.
    """

    head: int = 16 * 1024
    body: int = 64 * MIB
    bodies: int = 2048 * MIB
    connections: int = 1024
    request: float = 60.0
    read: float = 20.0
    idle: float = 75.0
    drain: float = 30.0


@dataclass(frozen=True)
class Batching:
    """How requests are joined. max_size: rows of one run; None: as many as the network takes.

    max_delay_ms: how long the first request of a batch waits for others while an instance is idle.
    """

    enabled: bool = True
    max_size: int | None = None
    max_delay_ms: float = 0.0


@dataclass(frozen=True)
class ModelSettings:
    """Of one model; `docs/deploy.md` describes the file.

    versions: "latest", "all", or a list of numbers. instances: runs at the same time, of one set of
    weights. threads: of one run; None: the CPUs of the process. queue: requests that may wait; more
    get 429. timeout_ms: of a request; None: the server's. warm_up: runs before a version answers.
    """

    versions: str | tuple[int, ...] = "latest"
    instances: int = 1
    threads: int | None = None
    queue: int = 256
    timeout_ms: float | None = None
    warm_up: int = 1
    batching: Batching = field(default_factory=Batching)


Check = Callable[[Any], bool]


def _count(least: int) -> Check:
    return lambda value: type(value) is int and least <= value <= 2**20


def _milliseconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 86_400_000


def _versions(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(type(v) is int and v > 0 for v in value)
    return value in ("latest", "all")


_MODEL: Mapping[str, tuple[str, Check]] = {
    "versions": ('"latest", "all", or a list of version numbers', _versions),
    "instances": ("a number of instances, at least 1", _count(1)),
    "threads": ("a number of threads, at least 1", _count(1)),
    "queue": ("a number of requests, at least 1", _count(1)),
    "timeout_ms": ("milliseconds", _milliseconds),
    "warm_up": ("a number of runs", _count(0)),
    "batching": ("a table", lambda value: isinstance(value, dict)),
}
_BATCHING: Mapping[str, tuple[str, Check]] = {
    "enabled": ("true or false", lambda value: isinstance(value, bool)),
    "max_size": ("a number of rows, at least 1", _count(1)),
    "max_delay_ms": ("milliseconds", _milliseconds),
}
assert {f.name for f in fields(ModelSettings)} == _MODEL.keys()
assert {f.name for f in fields(Batching)} == _BATCHING.keys()


def read_settings(path: Path) -> ModelSettings:
    """A model's settings; the defaults where the file does not exist. Raises SettingsError."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ModelSettings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    values = _checked(path, found, _MODEL, "")
    if "batching" in values:
        values["batching"] = Batching(**_checked(path, values["batching"], _BATCHING, "batching."))
    if isinstance(values.get("versions"), list):
        values["versions"] = tuple(values["versions"])
    return ModelSettings(**values)


def _checked(
    path: Path, found: Mapping[str, Any], known: Mapping[str, tuple[str, Check]], prefix: str
) -> dict[str, Any]:
    for name, value in found.items():
        if name not in known:
            raise SettingsError(f"{path}: there is no setting {prefix}{name}: {', '.join(known)}")
        expected, is_good = known[name]
        if not is_good(value):
            raise SettingsError(f"{path}: {prefix}{name} is {value!r}, expected {expected}")
    return dict(found)
