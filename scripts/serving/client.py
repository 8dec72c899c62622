"""Clients that cost little: requests made once, sent over bare sockets."""

from __future__ import annotations

import json
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_ROOM = 2**20
_JSON_LENGTH = b"\r\nInference-Header-Content-Length: "
_LENGTH = b"\r\nContent-Length: "


def request(model: str, size: tuple[int, ...]) -> bytes:
    """An inference request of one row of random numbers; the answer is to be binary."""
    x = np.random.default_rng(0).random((1, *size), np.float32)
    entry: dict[str, Any] = {"name": "x", "shape": [*x.shape], "datatype": "FP32"}
    entry["parameters"] = {"binary_data_size": x.nbytes}
    flags = {"binary_data_output": True}
    document = json.dumps({"inputs": [entry], "parameters": flags}).encode()
    head = (
        f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: localhost\r\n"
        f"Inference-Header-Content-Length: {len(document)}\r\n"
        f"Content-Length: {len(document) + x.nbytes}\r\n\r\n"
    )
    return head.encode() + document + x.tobytes()


@dataclass
class Client:
    """One connection, with one request under way at a time."""

    socket: socket.socket
    data: bytes
    room: memoryview = field(default_factory=lambda: memoryview(bytearray(_ROOM)))
    filled: int = 0
    start: float = 0.0

    def send(self) -> None:
        """The request."""
        self.filled, self.start = 0, time.perf_counter()
        self.socket.sendall(self.data)

    def body(self) -> bytes:
        """The raw tensors of a complete answer; the JSON in front of them is left out."""
        found = bytes(self.room[: self.filled])
        head, _, body = found.partition(b"\r\n\r\n")
        at = head.index(_JSON_LENGTH) + len(_JSON_LENGTH)
        return body[int(head[at:].split(b"\r\n")[0]) :]

    def is_closing(self) -> bool:
        """Whether a complete answer says that the server closes the connection."""
        return b"\r\nConnection: close\r\n" in bytes(self.room[: min(self.filled, 400)])

    def receive(self) -> bool:
        """Some of the answer; whether it is complete."""
        more = self.socket.recv_into(self.room[self.filled :])
        if not more:
            raise ConnectionResetError("the server closed the connection before its answer")
        self.filled += more
        found = bytes(self.room[: min(self.filled, 400)])
        end = found.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not found.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(found.decode("latin-1"))
        at = found.index(_LENGTH) + len(_LENGTH)
        return self.filled == end + 4 + int(found[at : found.index(b"\r", at)])


def connect(port: int, data: bytes) -> Client:
    """A client of a server on this machine."""
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Client(made, data)


def latencies(port: int, data: bytes, seconds: float) -> list[float]:
    """Seconds of each request, one after the other."""
    client = connect(port, data)
    found: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(found) < 20:
        client.send()
        while not client.receive():
            pass
        found.append(time.perf_counter() - client.start)
    client.socket.close()
    return found


def rate(port: int, data: bytes, clients: int, seconds: float) -> float:
    """Requests per second of so many clients, each with one request under way."""
    selector = selectors.DefaultSelector()
    made = [connect(port, data) for _ in range(clients)]
    for client in made:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send()
    done, start = 0, time.perf_counter()
    while (now := time.perf_counter()) < start + seconds:
        for key, _ in selector.select():
            client = key.data
            if client.receive():
                done += 1
                client.send()
    for client in made:
        client.socket.close()
    return done / (now - start)
