"""baryon: the artifact is compiled before, by the command line; here only the runtime is loaded."""

from __future__ import annotations

import baryon.runtime
from benchmark.engines import Run, Settings


def load(model: str, settings: Settings) -> tuple[list[str], Run]:
    """See the package. The precision is the artifact's."""
    network = baryon.runtime.load(model, threads=settings.threads)
    return [port.name for port in network.inputs], lambda arrays: list(network(*arrays))
