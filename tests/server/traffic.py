"""Clients that ask the same model again and again, and check every answer."""

from __future__ import annotations

import http.client
import threading
import time

import numpy as np
from numpy.typing import NDArray

from runtime.artifacts import affine_of
from server.process import DEADLINE, Served
from server.requests import LENGTH, arrays_of, in_binary

INFER = "/v2/models/affine/infer"


class Traffic:
    """A context in which clients send requests to `affine`.

    answered: how many were answered rightly. problems: what else came about. A client ends when
    the server closes its connection after an answer; `refused` counts the connections that a
    stopped server does not accept.
    """

    def __init__(self, server: Served, clients: int = 4) -> None:
        self._server = server
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(n,)) for n in range(clients)]
        self.answered = 0
        self.refused = 0
        self.problems: list[str] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join()

    def join(self) -> None:
        """Wait until all clients have ended."""
        for thread in self._threads:
            thread.join(DEADLINE)

    def wait_for(self, more: int) -> None:
        """Until so many more requests were answered."""
        goal, end = self.answered + more, time.monotonic() + DEADLINE
        while self.answered < goal:
            assert time.monotonic() < end, "requests are not answered"
            assert not self.problems, self.problems
            time.sleep(0.005)

    def _client(self, number: int) -> None:
        random = np.random.default_rng(number)
        connection = self._server.connect()
        while not self._stopping.is_set():
            try:
                connection.connect()
            except OSError:
                with self._lock:
                    self.refused += 1
                return
            self._use(connection, random)

    def _use(self, connection: http.client.HTTPConnection, random: np.random.Generator) -> None:
        """Until the server says that it closes the connection."""
        keeps = True
        while keeps and not self._stopping.is_set():
            x = random.random((int(random.integers(1, 9)), 4), np.float32)
            try:
                connection.request("POST", INFER, *in_binary(data=x))
                response = connection.getresponse()
                body = response.read()
            except OSError as error:
                self.problems.append(repr(error))
                break
            keeps = response.headers["Connection"] != "close"
            self._check(x, response, body)
        connection.close()

    def _check(
        self, x: NDArray[np.float32], response: http.client.HTTPResponse, body: bytes
    ) -> None:
        if response.status != 200:
            self.problems.append(body.decode())
            return
        y = arrays_of(body, response.headers[LENGTH])["y"]
        if not np.allclose(y, affine_of(x), rtol=1e-6):
            self.problems.append(f"{y} is wrong")
        with self._lock:
            self.answered += 1
