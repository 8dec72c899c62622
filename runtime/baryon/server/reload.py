"""New files are noticed: the folder of models is looked at again and again.

Looking works on every file system, network ones too, and costs a few calls of stat.
"""

from __future__ import annotations

import asyncio

from baryon.server.logs import Logs
from baryon.server.repository import Repository


async def watch(repository: Repository, seconds: float, logs: Logs) -> None:
    """Bring the repository up to date every so many seconds, until cancelled."""
    problem = ""
    while True:
        await asyncio.sleep(seconds)
        try:
            await repository.refresh()
            problem = ""
        except OSError as error:  # a file that went away between two looks, or a lost disk
            if str(error) != problem:
                problem = str(error)
                logs.event("models_not_read", "warning", reason=problem)
