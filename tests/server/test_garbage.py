"""Bad requests, each of which must get an error while another client gets right answers."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Iterator

import pytest

from server.garbage import CALLS, FRAMES, GARBAGE
from server.process import DEADLINE, Served
from server.test_http import connected, rest_of, statuses
from server.traffic import Traffic


@pytest.fixture(scope="module")
def traffic(served: Served) -> Iterator[Traffic]:
    """Another client, whose every answer is checked."""
    with Traffic(served, clients=1) as found:
        yield found
    assert not found.problems


def check(served: Served, traffic: Traffic) -> None:
    """The other client goes on, and the server had no error of its own."""
    traffic.wait_for(2)
    assert not traffic.problems
    assert not served.events("internal_error")
    assert served.process.poll() is None


def send(client: socket.socket, data: bytes) -> None:
    """As much of it as the server takes."""
    try:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it was sent away before it had sent everything


def test_there_are_many() -> None:
    assert len(GARBAGE) >= 100
    assert len({data for data, _ in GARBAGE}) == len(GARBAGE)


@pytest.mark.parametrize(("data", "expected"), GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_gets_an_error_and_harms_nobody(
    served: Served, traffic: Traffic, data: bytes, expected: list[int]
) -> None:
    with connected(served) as client:
        send(client, data)
        assert statuses(rest_of(client)) == expected
    check(served, traffic)


@pytest.mark.parametrize("data", FRAMES, ids=range(len(FRAMES)))
def test_garbage_at_the_grpc_port_harms_nobody(
    served: Served, traffic: Traffic, data: bytes
) -> None:
    host, _, port = served.grpc.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as client:
        send(client, data)
        rest_of(client)
    check(served, traffic)


@pytest.mark.parametrize(("data", "expected"), CALLS, ids=range(len(CALLS)))
def test_calls_of_other_bytes_are_refused(
    served: Served, traffic: Traffic, data: bytes, expected: str
) -> None:
    grpc = importlib.import_module("grpc")
    with grpc.insecure_channel(served.grpc) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        with pytest.raises(grpc.RpcError) as caught:
            call(data, timeout=DEADLINE)
    assert caught.value.code().name == expected
    check(served, traffic)


def test_many_slow_clients_harm_nobody(served: Served, traffic: Traffic) -> None:
    """Slowloris: heads that come a byte at a time, and do not end."""
    held = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(200)]
    for byte in b"POST /v2":
        for client in held:
            client.sendall(bytes([byte]))
        check(served, traffic)
    for client in held:
        client.close()
    check(served, traffic)
