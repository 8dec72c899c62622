"""A server in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Server:
    """A running server, its ports, and the lines of its log that came since it is ready."""

    process: subprocess.Popen[str]
    http: int
    grpc: int
    log: list[dict[str, Any]]
    reader: threading.Thread

    def loads(self) -> int:
        """How often a model was loaded, of a server that has ended."""
        self.reader.join()
        return 1 + len([line for line in self.log if line["event"] == "model_ready"])

    def cpu_seconds(self) -> float:
        """Of the process so far, its threads together."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").split(") ")[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / 100

    def run_seconds(self, model: str) -> tuple[int, float]:
        """Runs of a model, and seconds in the network in all."""
        address = f"http://127.0.0.1:{self.http}/v2/models/{model}/stats"
        with urllib.request.urlopen(address) as answer:
            (known,) = json.load(answer)["model_stats"]
        run: dict[str, Any] = known["inference_stats"]["compute_infer"]
        return run["count"], run["ns"] / 1e9


@contextmanager
def serving(models: Path, *more: str) -> Iterator[Server]:
    """A server of a folder while the block runs."""
    command = [sys.executable, "-m", "baryon.command", "serve", str(models)]
    options = ["--http-port", "0", "--grpc-port", "0", "--poll", "0", *more]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if not line.startswith("{"):
                raise RuntimeError(line)
            known = json.loads(line)
            if known["event"] == "ready":
                break
        http, grpc = (int(known[kind].rpartition(":")[2]) for kind in ("http", "grpc"))
        log: list[dict[str, Any]] = []
        lines = process.stderr
        reader = threading.Thread(target=lambda: log.extend(map(json.loads, lines)))
        reader.start()
        try:
            yield Server(process, http, grpc, log, reader)
        finally:
            process.terminate()
            process.wait()
            reader.join()


@contextmanager
def apart(models: Path) -> Iterator[Server]:
    """As `serving`, on a core that this process stays away from, where there are two."""
    known = os.sched_getaffinity(0)
    own = {min(known)}
    os.sched_setaffinity(0, own)  # the server's, which inherits it
    try:
        with serving(models) as server:
            os.sched_setaffinity(0, known - own or own)
            yield server
    finally:
        os.sched_setaffinity(0, known)
