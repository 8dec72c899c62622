"""A long run: many requests while models are replaced, then SIGTERM. Each is answered once."""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from serving.client import Client, connect, request
from serving.networks import SMALL, build_small
from serving.server import Server, serving

CLIENTS = 16
_LONGEST = 600.0


@dataclass
class Count:
    """What came about. closed: clients whose connection the server closed after an answer."""

    sent: int = 0
    answered: int = 0
    wrong: int = 0
    lost: int = 0
    closed: int = 0
    clients: list[Client] = field(default_factory=list)


def expected(data: bytes) -> bytes:
    """The raw output of the network `small`: the input without what is negative."""
    x = np.frombuffer(data[-4 * SMALL[0] :], np.float32)
    return np.maximum(x, 0).tobytes()


def soak(server: Server, folder: Path, requests: int, reloads: int) -> Count:
    """Send so many requests, replacing the model so many times; then SIGTERM in mid-traffic."""
    data = request("small", SMALL)
    right, count = expected(data), Count()
    selector = selectors.DefaultSelector()
    for _ in range(CLIENTS):
        client = connect(server.http, data)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send()
        count.sent += 1
    done, stopping, end = 0, False, time.monotonic() + _LONGEST
    while selector.get_map() and time.monotonic() < end:
        for key, _ in selector.select(1):
            _receive(key.data, right, count, selector)
        if done < reloads and count.answered >= (done + 1) * requests // (reloads + 1):
            done += 1
            replace(folder / "small.baryon")
        if not stopping and count.answered >= requests:
            stopping = True
            os.kill(server.process.pid, signal.SIGTERM)
    return count


def _receive(
    client: Client, right: bytes, count: Count, selector: selectors.DefaultSelector
) -> None:
    try:
        if not client.receive():
            return
        count.answered += 1
        count.wrong += client.body() != right
        if not client.is_closing():
            client.send()
            count.sent += 1
            return
        count.closed += 1
    except (OSError, RuntimeError):
        count.lost += 1
    selector.unregister(client.socket)
    client.socket.close()


def replace(path: Path) -> None:
    """The same artifact in a new file, as a new build would come."""
    temporary = path.with_name(".new")
    temporary.write_bytes(path.read_bytes())
    temporary.replace(path)


def main() -> None:
    """Run, and say in one line what came about; exit status 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="scripts/soak_server", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="[100000]")
    parser.add_argument("--reloads", type=int, default=10, help="[10]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_small(folder)
        with serving(folder, "--poll", "0.05") as server:
            count = soak(server, folder, options.requests, options.reloads)
            status = server.process.wait()
            loads = server.loads()
    print(
        f"{count.sent} requests sent, {count.answered} answered, {count.wrong} wrong, "
        f"{count.lost} lost; {loads - 1} reloads; {count.closed} of {CLIENTS} connections closed "
        f"after an answer; exit status {status}"
    )
    is_good = count.sent == count.answered and not count.wrong and not count.lost and not status
    raise SystemExit(not (is_good and loads - 1 == options.reloads))


if __name__ == "__main__":
    main()
