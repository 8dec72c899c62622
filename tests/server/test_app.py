"""Start, end, limits, metrics and logs of a server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.artifacts import affine_of
from server.metrics import number
from server.process import DEADLINE, Served, eventually
from server.requests import LENGTH, arrays_of, in_binary, in_json
from server.test_http import BODY, connected, request, rest_of, statuses
from server.traffic import Traffic

X = np.ones((2, 4), np.float32)
INFER = "/v2/models/affine/infer"
AFFINE = {"model": "affine", "version": "1"}


def test_sigterm_answers_what_has_come(models: Path) -> None:
    with Served(models) as server:
        traffic = Traffic(server, clients=6)
        with traffic:
            traffic.wait_for(200)
            server.terminate()
            assert server.process.wait(DEADLINE) == 0
            traffic.join()
        assert traffic.problems == []
        assert traffic.refused == 6  # each client's next connection
        eventually(lambda: server.events("stopped"))
        assert not [line for line in server.text if not line.startswith("{")]


def test_sigterm_waits_for_a_request_half_way(models: Path) -> None:
    with Served(models) as server, connected(server) as client:
        data = request()
        client.sendall(data[:-5])
        assert server.get("/v2/health/ready").status == 200
        server.terminate()
        eventually(lambda: server.events("stopping"))
        client.sendall(data[-5:])
        answer = rest_of(client)
        assert statuses(answer) == [200]
        assert b"\r\nConnection: close\r\n" in answer
        assert server.process.wait(DEADLINE) == 0


def test_sigterm_does_not_wait_forever(models: Path) -> None:
    with Served(models, "--drain", "0.2") as server, connected(server) as client:
        client.sendall(request()[:-5])
        assert server.get("/v2/health/ready").status == 200
        assert server.stop() == 0


def test_an_idle_connection_may_send_one_last_request(models: Path) -> None:
    with Served(models) as server, connected(server) as client:
        client.sendall(request(b"", method="GET", path="/v2/health/ready"))
        assert statuses(client.recv(65536)) == [200]
        server.terminate()
        eventually(lambda: server.events("stopping"))
        client.sendall(request(b"", method="GET", path="/v2/health/ready"))
        assert statuses(rest_of(client)) == [503]
        assert server.process.wait(DEADLINE) == 0


def test_bodies_have_a_limit(models: Path) -> None:
    with Served(models, "--max-body", "1") as server:
        answer = server.ask("POST", INFER, b" " * 2**20)
        assert answer.status == 400  # it is no JSON, but it is taken
        head = request(b"", f"Content-Length: {2**20 + 1}")
        with connected(server) as client:
            client.sendall(head)
            answers = rest_of(client)
        assert statuses(answers) == [413]
        assert b"the body has 1048577 bytes: the limit is 1048576" in answers
        chunks = b"".join(b"10000\r\n" + b" " * 65536 + b"\r\n" for _ in range(17)) + b"0\r\n\r\n"
        with connected(server) as client:
            client.sendall(request(chunks, "Transfer-Encoding: chunked"))
            assert statuses(rest_of(client)) == [413]


def test_connections_have_a_limit(models: Path) -> None:
    with Served(models, "--max-connections", "3") as server:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for client in held:
            client.sendall(request())
            assert statuses(client.recv(65536)) == [200]
        with connected(server) as client:
            assert statuses(rest_of(client)) == [503]
        held.pop().close()
        eventually(lambda: server.get("/v2/health/live").status == 200)
        for client in held:
            client.close()


def test_metrics(models: Path) -> None:
    with Served(models) as server:
        for _ in range(3):
            server.ask("POST", INFER, in_json(data=X))
        server.ask("POST", INFER, b"{}")
        answer = server.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert number(server, "baryon_ready") == 1
        assert number(server, "baryon_requests_total", result="success", **AFFINE) == 3
        assert number(server, "baryon_rows_total", **AFFINE) == 6
        assert number(server, "baryon_executions_total", **AFFINE) == 3
        assert number(server, "baryon_request_seconds_bucket", le="+Inf", **AFFINE) == 3
        assert number(server, "baryon_batch_rows_bucket", le="2", **AFFINE) == 3
        assert number(server, "baryon_batch_rows_bucket", le="1", **AFFINE) == 0
        assert number(server, "baryon_answers_total", protocol="http", status="400") == 1
        assert number(server, "process_resident_memory_bytes") > 1e6


@pytest.mark.parametrize(
    ("level", "expected"), [("all", [200, 400]), ("errors", [400]), ("none", [])]
)
def test_logs(models: Path, level: str, expected: list[int]) -> None:
    with Served(models, "--log-requests", level) as server:
        server.ask("POST", INFER, BODY, {"X-Request-Id": "one"})
        server.ask("POST", INFER, b"{}", {"X-Request-Id": "two\x07"})
        server.ask("POST", INFER, b"{}", {"X-Request-Id": "two"})
        server.stop()
        eventually(lambda: server.events("stopped"))
        lines = [line for line in server.events("request") if line["request_id"] in ("one", "two")]
        assert [line["status"] for line in lines] == expected
        assert all(line["target"] == f"POST {INFER}" and line["ms"] >= 0 for line in lines)
        assert all("time" in line and "level" in line for line in server.lines)


def test_the_extra_is_asked_for(tmp_path: Path) -> None:
    script = (
        "import sys, importlib.abc\n"
        "class Absent(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name in ('uvloop', 'orjson', 'grpc'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"sys.argv = ['baryon', 'serve', {str(tmp_path)!r}]\n"
        "from baryon.command.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "baryon: error: serving needs grpc, orjson, uvloop: pip install 'baryon[serve]', "
        "or 'baryon-runtime[serve]' where the compiler is not needed\n"
    )


def test_an_address_in_use_is_one_line(models: Path) -> None:
    with Served(models) as server:
        second = Served(models, "--http-port", str(server.port))
        assert second.process.wait(DEADLINE) == 1
        eventually(lambda: [t for t in second.text if t.startswith("baryon: error: ")])
        second.__exit__(None, None, None)


def test_a_server_of_nothing_waits_for_models(tmp_path: Path, artifacts: dict[str, bytes]) -> None:
    with Served(tmp_path, "--poll", "0.05") as server:
        assert server.ask("POST", "/v2/repository/index").json == []
        (tmp_path / "affine.baryon").write_bytes(artifacts["affine"])
        eventually(lambda: server.get("/v2/models/affine").status == 200)
        body, headers = in_binary(data=X)
        answer = server.ask("POST", INFER, body, headers)
        y = arrays_of(answer.body, answer.headers[LENGTH.lower()])["y"]
        np.testing.assert_allclose(y, affine_of(X), rtol=1e-6)
        assert json.loads(json.dumps(server.ready))["event"] == "ready"
