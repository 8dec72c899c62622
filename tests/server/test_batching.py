"""Requests that are run together give what each gives alone; queues have ends."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import baryon.runtime as rt
from runtime.artifacts import affine_of
from server.metrics import number
from server.process import Answer, Served, eventually
from server.requests import LENGTH, arrays_of, in_binary, in_json

INFER = "/v2/models/affine/infer"
FOREVER = 3_600_000


def settings(models: Path, text: str) -> None:
    """Of the model `affine`."""
    (models / "affine" / "model.toml").write_text(text)


def rows(count: int, seed: int = 0) -> NDArray[np.float32]:
    """An input."""
    return np.random.default_rng(seed).random((count, 4), np.float32)


def ask(server: Served, x: NDArray[np.float32], path: str = INFER) -> Answer:
    """One request."""
    body, headers = in_binary(data=x)
    return server.ask("POST", path, body, headers)


def output(answer: Answer) -> NDArray[np.float32]:
    """Of an answer that went well."""
    assert answer.status == 200, answer.body
    return arrays_of(answer.body, answer.headers[LENGTH.lower()])["y"]


def waiting(server: Served, model: str = "affine") -> int:
    """How many requests wait, by the metrics."""
    return int(number(server, "baryon_waiting_requests", model=model, version="1"))


def test_a_full_batch_is_one_run(models: Path, artifacts: dict[str, bytes]) -> None:
    """Eight rows of four requests: nothing runs before they are there, then all in one run."""
    settings(models, f"[batching]\nmax_delay_ms = {FOREVER}\n")
    made = [rows(count, seed) for seed, count in enumerate((1, 3, 2, 2))]
    exe = rt.load(artifacts["affine"])
    with Served(models) as server, ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda x: output(ask(server, x)), made)]
        known = server.statistics("affine")
        assert (known["execution_count"], known["inference_count"]) == (1, 8)
        assert known["inference_stats"]["success"]["count"] == 4
        assert [batch["batch_size"] for batch in known["batch_stats"]] == [8]
    for x, answer in zip(made, answers, strict=True):
        np.testing.assert_array_equal(answer, exe(x)[0])


def test_a_request_that_does_not_fit_makes_the_batch_ready(models: Path) -> None:
    settings(models, f"[batching]\nmax_delay_ms = {FOREVER}\nmax_size = 4\n")
    with Served(models) as server, ThreadPoolExecutor(3) as pool:
        first = pool.submit(ask, server, rows(3))
        eventually(lambda: waiting(server) == 1)
        second = pool.submit(ask, server, rows(2))
        assert output(first.result()).shape == (3, 4)
        assert waiting(server) == 1
        third = pool.submit(ask, server, rows(2))
        assert output(second.result()).shape == output(third.result()).shape == (2, 4)
        assert output(ask(server, rows(7))).shape == (7, 4)  # larger than a batch: alone


def test_the_delay_ends_waiting(models: Path) -> None:
    settings(models, "[batching]\nmax_delay_ms = 20\n")
    with Served(models) as server:
        np.testing.assert_allclose(output(ask(server, rows(1))), affine_of(rows(1)), rtol=1e-6)


def test_one_bad_request_spoils_no_batch(models: Path) -> None:
    settings(models, f"[batching]\nmax_delay_ms = {FOREVER}\nmax_size = 2\n")
    with Served(models) as server, ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, server, rows(1))
        eventually(lambda: waiting(server) == 1)
        assert ask(server, np.ones((1, 5), np.float32)).status == 400
        second = pool.submit(ask, server, rows(1))
        assert first.result().status == second.result().status == 200


@pytest.mark.parametrize("text", ["instances = 3\n", "instances = 2\nthreads = 1\n", ""])
def test_many_clients_get_their_own_results(models: Path, text: str) -> None:
    settings(models, text)
    made = [rows(1 + seed % 8, seed) for seed in range(200)]
    with Served(models) as server, ThreadPoolExecutor(16) as pool:
        for x, y in zip(made, pool.map(lambda x: output(ask(server, x)), made), strict=True):
            np.testing.assert_allclose(y, affine_of(x), rtol=1e-6)
        assert server.statistics("affine")["inference_count"] == sum(len(x) for x in made)


def test_a_full_queue_is_429(models: Path) -> None:
    settings(models, f"queue = 2\n[batching]\nmax_delay_ms = {FOREVER}\n")
    with Served(models) as server, ThreadPoolExecutor(2) as pool:
        held = [pool.submit(ask, server, rows(1, seed)) for seed in range(2)]
        eventually(lambda: waiting(server) == 2)
        answer = ask(server, rows(1))
        assert answer.status == 429
        assert answer.headers["retry-after"] == "1"
        assert "2 requests wait for this model" in answer.json["error"]
        assert server.stop() == 0  # which runs what waits
        assert [answer.result().status for answer in held] == [200, 200]


def test_a_request_that_waits_too_long_is_504(models: Path) -> None:
    settings(models, f"timeout_ms = 30\n[batching]\nmax_delay_ms = {FOREVER}\n")
    with Served(models) as server:
        answer = ask(server, rows(1))
        assert answer.status == 504
        assert answer.json["error"] == "the limit of 0.03 s passed before it ran"
        assert waiting(server) == 0 or ask(server, rows(8)).status == 200


def test_the_clients_own_limit(models: Path) -> None:
    settings(models, f"[batching]\nmax_delay_ms = {FOREVER}\n")
    with Served(models) as server:
        request = in_json(data=rows(1)) | {"parameters": {"timeout": 20_000}}
        assert server.ask("POST", INFER, request).status == 504


def test_a_run_that_takes_too_long_is_504(tmp_path: Path, artifacts: dict[str, bytes]) -> None:
    (tmp_path / "slow.baryon").write_bytes(artifacts["slow"])
    (tmp_path / "slow.toml").write_text("timeout_ms = 5\n")
    (tmp_path / "affine.baryon").write_bytes(artifacts["affine"])
    with Served(tmp_path) as server:
        x = np.arange(4, dtype=np.float32)
        answer = server.ask("POST", "/v2/models/slow/infer", in_json(x=x))
        assert answer.status == 504
        assert answer.json["error"] == "the limit of 0.005 s passed while it ran"
        assert output(ask(server, rows(2))).shape == (2, 4)
        assert server.stop() == 0


def test_a_client_that_leaves_takes_its_request_along(models: Path) -> None:
    settings(models, f"[batching]\nmax_delay_ms = {FOREVER}\nmax_size = 2\n")
    with Served(models) as server, ThreadPoolExecutor(2) as pool:
        connection = server.connect()
        connection.request("POST", INFER, *in_binary(data=rows(1, 7)))
        eventually(lambda: waiting(server) == 1)
        assert connection.sock is not None
        connection.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: a reset
        connection.close()
        answers = [pool.submit(ask, server, rows(1, seed)) for seed in range(2)]
        for seed, answer in enumerate(answers):
            np.testing.assert_allclose(output(answer.result()), affine_of(rows(1, seed)), rtol=1e-6)


def shares(process: int) -> dict[str, int]:
    """KiB of a process's mappings of artifacts, by kind."""
    found: dict[str, int] = {}
    is_artifact = False
    for line in Path(f"/proc/{process}/smaps").read_text(encoding="utf-8").splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            is_artifact = line.endswith(".baryon")
        elif is_artifact and rest[-1] == "kB":
            found[name] = found.get(name, 0) + int(rest[0])
    return found


def test_processes_share_the_weights(models: Path) -> None:
    with Served(models) as first, Served(models) as second:
        for server in (first, second):
            assert ask(server, rows(8)).status == 200
        for server in (first, second):
            found = shares(server.process.pid)
            assert found["Shared_Clean:"] + found["Shared_Dirty:"] > 0  # dirty: not on disk yet
            assert found["Private_Clean:"] == found["Private_Dirty:"] == 0


def test_instances_share_one_set_of_weights(models: Path) -> None:
    """A folder with 16 instances has as many mappings of the file as one with one."""
    counts = []
    for instances in (1, 16):
        settings(models, f"instances = {instances}\n")
        with Served(models) as server:
            threads = [
                threading.Thread(target=ask, args=(server, rows(8))) for _ in range(instances)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            maps = Path(f"/proc/{server.process.pid}/maps").read_text(encoding="utf-8")
            counts.append(maps.count("net.baryon"))
    assert counts[0] == counts[1] > 0
