"""One version of a model, loaded: what it takes, what it has done, and its queue."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from baryon.runtime import Executable, load
from baryon.server.batching import Plan, Scheduler
from baryon.server.errors import ServerError, Status
from baryon.server.json_requests import Reader
from baryon.server.settings import ModelSettings
from baryon.server.signature import Array, Signature, signature_of
from baryon.server.statistics import Statistics


class Model:
    """A version that answers. `start` makes one in the event loop, `stop` ends it."""

    def __init__(
        self, name: str, version: int, executable: Executable, settings: ModelSettings
    ) -> None:
        self.name = name
        self.version = version
        self.settings = settings
        self.executable = executable
        self.signature: Signature = signature_of(executable)
        self.max_rows = _max_rows(self.signature, settings)
        self.reader = Reader(self.signature)
        self.statistics = Statistics()
        plan = Plan(
            rows=self.max_rows,
            delay=settings.batching.max_delay_ms / 1e3,
            queue=settings.queue,
            instances=settings.instances,
        )
        self.scheduler = Scheduler(executable, plan, self.statistics)
        self._stopped = False

    async def infer(self, inputs: list[Array], seconds: float) -> list[Array]:
        """The outputs, in order, for inputs as `requests.arrange` gives them.

        seconds: the server's limit, where the model has none of its own. Raises ServerError.
        """
        if self._stopped:
            raise ServerError(f"model '{self.name}' is being unloaded", Status.UNAVAILABLE)
        if self.settings.timeout_ms is not None:
            seconds = min(seconds, self.settings.timeout_ms / 1e3)
        if self.max_rows == 1:
            return await self.scheduler.run(inputs, 1, None, seconds)
        kind = tuple(array.shape[1:] for array in inputs)
        return await self.scheduler.run(inputs, inputs[0].shape[0], kind, seconds)

    async def stop(self) -> None:
        """Take no more requests, and return when those under way have ended."""
        if not self._stopped:
            self._stopped = True
            await self.scheduler.close()


async def start(
    name: str, version: int, path: Path, settings: ModelSettings, keys: bytes | None
) -> Model:
    """Load, warm up and start a version. The event loop goes on meanwhile.

    keys: see Repository. Raises ArtifactError, SignatureError, UnsupportedCpuError,
    UnservableError, OSError.
    """
    executable = await asyncio.to_thread(_load, path, settings, keys)
    return Model(name, version, executable, settings)


def _load(path: Path, settings: ModelSettings, keys: bytes | None) -> Executable:
    executable = load(path, threads=settings.threads, signed_by=keys)
    signature = signature_of(executable)
    inputs = [np.zeros(signature.least_shape(p), p.dtype) for p in signature.inputs]
    with ThreadPoolExecutor(1) as other:
        # the weights, which `load` verifies only where a signature is required
        verified = other.submit(executable.verify) if keys is None else None
        for _ in range(settings.warm_up):
            executable(*inputs)
        if verified is not None:
            verified.result()
    return executable


def _max_rows(signature: Signature, settings: ModelSettings) -> int:
    """Rows of one run at most; 1 where requests are not joined."""
    if signature.batch is None or not settings.batching.enabled:
        return 1
    greatest = signature.symbols[signature.batch][1]
    return min(settings.batching.max_size or greatest, greatest)
