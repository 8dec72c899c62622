"""The models of a server: loaded from a folder, switched when files change, unloaded.

A version is replaced in this order: the new one is loaded and warmed up beside the old one, takes
its place between two requests, and the old one ends when it has answered what it had. What cannot
be loaded replaces nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baryon.runtime import BaryonRuntimeError
from baryon.server.errors import ServerError, Status
from baryon.server.folder import Artifact, Found, scan
from baryon.server.model import Model, start
from baryon.server.settings import ModelSettings

Log = Callable[..., None]

_MOST_DIGITS = 18
"""Of a version in a request: Python refuses to read numbers of thousands of digits."""


@dataclass
class Version:
    """What is known of a version: the model that answers, if one does, and what was tried last.

    source: the file and settings that were last loaded, whether that went well or not. reason: why
    it did not.
    """

    model: Model | None = None
    source: tuple[Artifact, ModelSettings] | None = None
    reason: str = ""
    is_loading: bool = False

    @property
    def state(self) -> str:
        """In the protocol's words."""
        if self.model is not None:
            return "READY"
        return "LOADING" if self.is_loading else "UNAVAILABLE"


@dataclass(frozen=True)
class IndexEntry:
    """A line of the repository's index."""

    name: str
    version: str
    state: str
    reason: str


class Repository:
    """The models of a folder, or of one file. log: called with an event and its fields.

    keys: PEM text of public keys, one of which must have signed each artifact; None: none need.
    """

    def __init__(self, root: Path, log: Log, keys: bytes | None = None) -> None:
        self._root = root
        self._log = log
        self._keys = keys
        self._names: dict[str, dict[int, Version]] = {}
        self._problems: dict[str, str] = {}
        self._unloaded: set[str] = set()
        self._lock = asyncio.Lock()  # one change at a time; requests do not take it
        self._ending: set[asyncio.Task[None]] = set()

    # ---- Asking ----

    def get(self, name: str, version: str = "") -> Model:
        """The model that answers; without a version the highest that does. Raises ServerError."""
        versions = self._names.get(name)
        if versions is None:
            reason = f": {self._problems[name]}" if name in self._problems else ""
            raise ServerError(f"there is no model '{name[:80]}'{reason}", Status.NOT_FOUND)
        if version:
            is_number = version.isdecimal() and len(version) <= _MOST_DIGITS
            found = versions.get(int(version)) if is_number else None
            model = found.model if found else None
        else:
            model = max((v.model for v in versions.values() if v.model), key=_number, default=None)
        if model is None:
            what = f"version {version[:20]} of model" if version else "model"
            raise ServerError(f"{what} '{name[:80]}' is not loaded", Status.NOT_FOUND)
        return model

    def models(self) -> list[Model]:
        """All that answer."""
        return [v.model for vs in self._names.values() for v in vs.values() if v.model is not None]

    def versions(self, name: str) -> list[str]:
        """Those of a model that answer, as the protocol writes them."""
        return [str(n) for n, v in sorted(self._names.get(name, {}).items()) if v.model is not None]

    def index(self) -> list[IndexEntry]:
        """All models and versions, loaded or not."""
        entries = [
            IndexEntry(name, str(number), version.state, version.reason)
            for name, versions in self._names.items()
            for number, version in sorted(versions.items())
        ]
        entries += [
            IndexEntry(name, "", "UNAVAILABLE", reason) for name, reason in self._problems.items()
        ]
        return sorted(entries, key=lambda entry: (entry.name, entry.version))

    # ---- Changing ----

    async def refresh(self) -> None:
        """Do what the folder says. Raises OSError where it cannot be read."""
        async with self._lock:
            found = await asyncio.to_thread(scan, self._root)
            self._note_problems(found)
            for name in sorted({*found, *self._names} - self._unloaded):
                await self._apply(name, found.get(name, Found()))

    async def load(self, name: str) -> None:
        """Load a model, or load it anew where its files changed. Raises ServerError."""
        async with self._lock:
            found = await asyncio.to_thread(scan, self._root)
            self._note_problems(found)
            if name not in found:
                raise ServerError(f"there are no files of model '{name[:80]}'", Status.NOT_FOUND)
            self._unloaded.discard(name)
            await self._apply(name, found[name], again=True)
        if reason := self.failure(name):
            raise ServerError(f"model '{name}' cannot be loaded: {reason}")

    async def unload(self, name: str) -> None:
        """End all versions of a model, which stays unloaded until it is asked for."""
        async with self._lock:
            if name not in self._names:
                raise ServerError(f"there is no model '{name[:80]}'", Status.NOT_FOUND)
            self._unloaded.add(name)
            ending = [self._end(name, number, "unloaded") for number in [*self._names[name]]]
        await asyncio.gather(*filter(None, ending))

    async def close(self) -> None:
        """End everything; returns when all requests have been answered."""
        async with self._lock:
            for name, versions in self._names.items():
                for number in [*versions]:
                    self._end(name, number, "the server stops")
        await asyncio.gather(*self._ending)

    def failure(self, name: str) -> str:
        """Why a model is not as its files say; "" where it is."""
        reasons = (version.reason for version in self._names.get(name, {}).values())
        return self._problems.get(name) or next(filter(None, reasons), "")

    def _note_problems(self, found: dict[str, Found]) -> None:
        problems = {name: f.problem for name, f in found.items() if f.problem is not None}
        for name, problem in problems.items():
            if self._problems.get(name) != problem:
                self._log("model_failed", model=name, reason=problem)
        self._problems = problems

    async def _apply(self, name: str, found: Found, again: bool = False) -> None:
        """Load what is new, then end what is gone or no longer wanted."""
        if found.problem is not None:
            return  # what answers goes on
        versions = self._names.setdefault(name, {})
        for number, artifact in found.versions.items():
            version = versions.setdefault(number, Version())
            source = (artifact, found.settings)
            if version.source != source or (again and version.model is None):
                await self._switch(name, number, version, source)
        is_served = any(versions[number].model for number in found.versions)
        if is_served or not found.versions:
            for number in versions.keys() - found.versions.keys():
                self._end(name, number, "")
                del versions[number]
        if not versions:
            del self._names[name]

    async def _switch(
        self, name: str, number: int, version: Version, source: tuple[Artifact, ModelSettings]
    ) -> None:
        version.source, version.reason, version.is_loading = source, "", True
        artifact, settings = source
        try:
            model = await start(name, number, artifact.path, settings, self._keys)
        except (BaryonRuntimeError, OSError, MemoryError) as error:
            version.reason = f"{artifact.path}: {error}"
            self._log("model_failed", model=name, version=number, reason=version.reason)
            return
        finally:
            version.is_loading = False
        old, version.model = version.model, model
        self._log("model_ready", model=name, version=number, file=str(artifact.path))
        if old is not None:
            self._stop(old)

    def _end(self, name: str, number: int, reason: str) -> asyncio.Task[None] | None:
        version = self._names[name][number]
        model, version.model, version.source = version.model, None, None
        version.reason = reason
        if model is None:
            return None
        self._log("model_unloaded", model=name, version=number)
        return self._stop(model)

    def _stop(self, model: Model) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(model.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task


def _number(model: Any) -> int:
    return int(model.version)
