"""Limits of time and memory, short ones, on a server in this process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop

from baryon.server.http import Api
from baryon.server.listener import Listener
from baryon.server.logs import Logs
from baryon.server.repository import Repository
from baryon.server.settings import Limits
from baryon.server.traffic import Traffic
from server.process import DEADLINE, eventually
from server.test_http import BODY, request, rest_of, statuses


@contextmanager
def listening(models: Path, limits: Limits) -> Iterator[int]:
    """The port of a server with these limits."""
    port: list[int] = []
    is_open, is_over = threading.Event(), threading.Event()

    async def run() -> None:
        logs, traffic = Logs("none"), Traffic()
        repository = Repository(models, lambda *_, **__: None)
        await repository.refresh()
        listener = Listener(Api(repository, limits, logs, traffic), limits, traffic)
        port.append(await listener.open("127.0.0.1", 0))
        is_open.set()
        await asyncio.to_thread(is_over.wait)
        await listener.close()
        await repository.close()

    thread = threading.Thread(target=lambda: uvloop.run(run()))
    thread.start()
    assert is_open.wait(DEADLINE)
    try:
        yield port[0]
    finally:
        is_over.set()
        thread.join(DEADLINE)


def answer(port: int, data: bytes) -> bytes:
    """All that a client gets that sends this and then waits."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
        client.sendall(data)
        return rest_of(client)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HT",
        request()[:-1],
        request(b"5\r\nhel", "Transfer-Encoding: chunked"),
    ],
)
def test_a_request_that_does_not_end_is_408(models: Path, data: bytes) -> None:
    with listening(models, Limits(read=0.1)) as port:
        assert statuses(answer(port, data)) == [408]


def test_idle_connections_are_closed(models: Path) -> None:
    with listening(models, Limits(idle=0.1)) as port:
        assert answer(port, b"") == b""
        assert statuses(answer(port, request())) == [200]


def connections(port: int) -> float:
    """How many there are, this one included."""
    text = answer(port, request(b"", "Connection: close", method="GET", path="/metrics"))
    (line,) = [n for n in text.splitlines() if n.startswith(b"baryon_http_connections ")]
    return float(line.split()[1])


def test_a_client_that_does_not_read_is_cut_off(models: Path) -> None:
    """It asks for more than the sockets hold."""
    ask = request(b"", method="GET", path="/metrics") * 4000
    with (
        listening(models, Limits(read=0.3)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client,
    ):
        client.sendall(ask)
        eventually(lambda: connections(port) == 1)
        assert len(statuses(rest_of(client))) < 4000


def test_all_bodies_together_have_a_limit(models: Path) -> None:
    size = 600_000
    head = request(b"", f"Content-Length: {size}")
    with (
        listening(models, Limits(bodies=1_000_000)) as port,
        socket.create_connection(("127.0.0.1", port)) as first,
    ):
        first.sendall(head + b" " * (size - 1))
        eventually(lambda: statuses(answer_soon(port, head)) == [503])
        assert statuses(answer(port, request(BODY, "Connection: close"))) == [200]
        first.sendall(b" ")  # all spaces is no JSON
        assert statuses(first.recv(65536)) == [400]
        assert statuses(answer_soon(port, head)) == []


def answer_soon(port: int, head: bytes) -> bytes:
    """What a client gets for the head of a request, if that is something soon."""
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as client:
        client.sendall(head)
        try:
            return client.recv(65536)
        except TimeoutError:
            return b""
