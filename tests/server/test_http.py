"""HTTP itself: connections, what a bad client sends, and that no other client notices."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.artifacts import affine_of
from server.process import DEADLINE, Served
from server.requests import LENGTH, arrays_of, in_binary, in_json

X = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)
INFER = "/v2/models/affine/infer"
BODY = json.dumps(in_json(data=X)).encode()


def request(body: bytes = BODY, *lines: str, method: str = "POST", path: str = INFER) -> bytes:
    """A request as bytes, with a Content-Length if no line frames the body."""
    framed = any(line.lower().startswith(("content-length", "transfer-enc")) for line in lines)
    own = [] if framed or not body else [f"Content-Length: {len(body)}"]
    head = [f"{method} {path} HTTP/1.1", "Host: test", *own, *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


@contextmanager
def connected(server: Served) -> Iterator[socket.socket]:
    """A bare connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as client:
        yield client


def rest_of(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    try:
        while piece := client.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def sent(server: Served, data: bytes) -> bytes:
    """What comes back for bytes after which the client sends no more."""
    with connected(server) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return rest_of(client)


def statuses(answers: bytes) -> list[int]:
    """Of all answers."""
    return [int(part.split()[0]) for part in answers.split(b"HTTP/1.1 ")[1:]]


def check(server: Served) -> None:
    """A good client is served."""
    answer = server.ask("POST", INFER, BODY)
    np.testing.assert_allclose(arrays_of(answer.body, None)["y"], affine_of(X), rtol=1e-6)


def test_a_connection_serves_many_requests(served: Served) -> None:
    connection = served.connect()
    for rows in (1, 2, 3):
        connection.request("POST", INFER, *in_binary(data=np.ones((rows, 4), np.float32)))
        response = connection.getresponse()
        got = arrays_of(response.read(), response.headers[LENGTH])
        assert got["y"].shape == (rows, 4)
    connection.close()


def test_requests_may_be_sent_ahead(served: Served) -> None:
    ahead = request() * 50 + request(b"", method="GET", path="/v2")
    assert statuses(sent(served, ahead)) == [200] * 51


def test_a_client_may_say_that_a_request_is_its_last(served: Served) -> None:
    ahead = request(BODY, "Connection: close") + request() * 200
    with connected(served) as client:
        client.sendall(ahead)
        assert statuses(rest_of(client)) == [200]
    with connected(served) as client:
        client.sendall(request(b"", method="GET", path="/v2").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert statuses(rest_of(client)) == [200]


def test_a_request_may_come_byte_by_byte(served: Served) -> None:
    with connected(served) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(BODY, "Connection: close"):
            client.send(bytes([byte]))
        assert statuses(rest_of(client)) == [200]


def chunked(*chunks: bytes) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks if c) + b"0\r\n\r\n"


def test_a_body_may_come_in_chunks(served: Served) -> None:
    body, headers = in_binary(False, data=X)
    lines = ["Transfer-Encoding: chunked", f"{LENGTH}: {headers[LENGTH]}"]
    pieces = chunked(body[:7], body[7:100], body[100:])
    assert statuses(sent(served, request(pieces, *lines) + request(pieces, *lines))) == [200]
    with connected(served) as client:
        for _ in range(3):  # one after the other the connection goes on
            client.sendall(request(pieces, *lines))
            assert statuses(client.recv(65536)) == [200]


def test_the_server_says_that_it_goes_on(served: Served) -> None:
    with connected(served) as client:
        client.sendall(request(BODY, "Expect: 100-continue")[: -len(BODY)])
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(BODY)
        assert statuses(client.recv(65536)) == [200]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2", 200),
        ("GET", "/v2/", 200),
        ("HEAD", "/v2", 200),
        ("GET", "/v2?x=y", 200),
        ("GET", "/v2/health/live", 200),
        ("GET", "/v2/health/ready", 200),
        ("GET", "/v2/models/affine/ready", 200),
        ("GET", "/v2/models/affine/versions/1", 200),
        ("GET", "/v2/models/affine/versions/2", 404),
        ("GET", "/v2/models/affine/versions/one", 404),
        ("GET", "/v2/models/affine/config", 200),
        ("GET", "/v2/models/affine/stats", 200),
        ("GET", "/v2/models/stats", 200),
        ("GET", "/v2/models/nothing", 404),
        ("GET", "/v2/models/..%2F..%2Fetc%2Fpasswd", 404),
        ("GET", "/v2/models/../../../etc/passwd", 404),
        ("GET", "/", 404),
        ("GET", "/v3", 404),
        ("GET", "/v2/models/%00%ff", 404),
        ("GET", INFER, 405),
        ("DELETE", "/v2/models/affine", 405),
        ("POST", "/v2/health/live", 405),
        ("POST", "/v2/models/affine%2Finfer", 405),
        ("POST", "/v2/logging", 404),
        ("POST", "/v2/systemsharedmemory/region/x/register", 404),
        ("POST", "/v2/models/nothing/infer", 404),
        ("OPTIONS", "*", 404),
    ],
)
def test_paths(served: Served, method: str, path: str, status: int) -> None:
    answers = sent(served, request(b"", method=method, path=path))
    assert statuses(answers) == [status]


def test_metadata(served: Served) -> None:
    assert "binary_tensor_data" in served.get("/v2").json["extensions"]
    assert served.get("/v2/models/pair").json == {
        "name": "pair",
        "versions": ["1"],
        "platform": "baryon",
        "inputs": [
            {"name": "a", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "b", "datatype": "FP32", "shape": [-1, 5]},
        ],
        "outputs": [{"name": "ab", "datatype": "FP32", "shape": [-1, 8]}],
    }


def test_requests_have_ids(served: Served) -> None:
    assert served.ask("GET", "/v2", None, {"X-Request-Id": "a-7"}).headers["x-request-id"] == "a-7"
    own = {served.get("/v2").headers["x-request-id"] for _ in range(3)}
    assert len(own) == 3
    long = served.ask("GET", "/v2", None, {"X-Request-Id": "y" * 999}).headers["x-request-id"]
    assert len(long) < 99


@given(st.binary(max_size=300))
def test_no_bytes_break_the_server(served: Served, data: bytes) -> None:
    assert {*statuses(sent(served, data))} <= {400, 404, 405, 413}


@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_no_change_of_a_request_breaks_the_server(served: Served, at: int, new: bytes) -> None:
    good = request()
    at = min(at, len(good) - len(new))
    found = statuses(sent(served, good[:at] + new + good[at + len(new) :]))
    assert {*found} <= {200, 400, 404, 405, 413, 415, 501}


def test_clients_that_stop_half_way_harm_nobody(served: Served) -> None:
    halves = []
    for end in range(10, len(request()), 12):
        client = socket.create_connection(("127.0.0.1", served.port))
        client.sendall(request()[:end])
        halves.append(client)
    check(served)
    for number, client in enumerate(halves):
        if number % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        client.close()
    check(served)


def test_a_client_that_does_not_wait_for_its_answer(served: Served) -> None:
    for _ in range(20):
        with connected(served) as client:
            client.sendall(request() * 20)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    check(served)
    assert not [line for line in served.text if not line.startswith("{")]
