"""Data loaders: order, seeds, and what happens when a worker fails."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.gluon import data

KINDS = [{}, {"num_workers": 2}, {"num_workers": 2, "thread_pool": True}]
PAIRS = data.ArrayDataset(np.arange(20.0, dtype="float32").reshape(10, 2), np.arange(10))


def numpy_of(loader: data.DataLoader) -> list[Any]:
    return [[part.asnumpy() for part in batch] for batch in loader]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_come_in_order(kind: dict[str, Any]) -> None:
    loader = data.DataLoader(PAIRS, 3, **kind)
    assert len(loader) == 4
    for _ in range(2):  # the workers go on
        batches = numpy_of(loader)
        assert [b[1].tolist() for b in batches] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
        np.testing.assert_array_equal(batches[1][0], np.arange(6.0, 12).reshape(3, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_two_iterators_and_one_that_is_left(kind: dict[str, Any]) -> None:
    loader = data.DataLoader(data.SimpleDataset(list(range(30))), 3, **kind)
    next(iter(loader))
    for first, second in zip(loader, loader, strict=True):
        assert first.tolist() == second.tolist()
    assert [b.tolist()[0] for b in loader] == list(range(0, 30, 3))


def test_arrays_of_workers_are_whole_and_writable() -> None:
    big = np.random.RandomState(0).rand(4, 200, 200)
    text = [(big[i], "text", mx.np.array(i)) for i in range(4)]
    loader = data.DataLoader(
        data.SimpleDataset(text), 2, num_workers=1, batchify_fn=data.batchify.AsList()
    )
    found = [sample for batch in loader for sample in batch]
    for i, (array, word, number) in enumerate(found):
        np.testing.assert_array_equal(array, big[i])
        array[:] = 0
        assert (word, number.tolist()) == ("text", i)
    stacked = next(iter(data.DataLoader(data.SimpleDataset([*big]), 4, num_workers=1)))
    np.testing.assert_array_equal(stacked.asnumpy(), big)


def test_what_batches_draw_depends_on_the_seed_alone() -> None:
    def draw(_: int) -> np.ndarray[Any, Any]:
        drawn = mx.np.random.uniform(size=2).asnumpy()
        return np.concatenate([drawn, np.random.rand(2)]).astype("float64")

    noisy = data.SimpleDataset(list(range(8))).transform(draw)
    runs = []
    for seed, workers in ((5, 1), (5, 3), (6, 2)):
        mx.random.seed(seed)
        loader = data.DataLoader(noisy, 2, num_workers=workers)
        runs.append([np.concatenate([b.asnumpy() for b in loader]) for _ in range(2)])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert len(np.unique(np.concatenate([*runs[0], *runs[2]]))) == 4 * 8 * 4


def fail(x: int) -> int:
    if x == 4:
        raise ZeroDivisionError("sample four")
    return x


@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_the_dataset(kind: dict[str, Any]) -> None:
    loader = data.DataLoader(data.SimpleDataset(list(range(8))).transform(fail), 2, **kind)
    for _ in range(2):
        batches = iter(loader)
        assert [next(batches).tolist() for _ in range(2)] == [[0, 1], [2, 3]]
        with pytest.raises(ZeroDivisionError, match="sample four") as error:
            next(batches)
    if kind == KINDS[1]:
        assert "samples 4, 5" in error.value.__notes__[0]
        assert "in fail" in error.value.__notes__[0]


class OddError(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def test_errors_and_batches_that_cannot_be_sent() -> None:
    def raise_odd(x: int) -> int:
        raise OddError(x, x)

    ones = data.SimpleDataset([1, 1])
    with pytest.raises(data.WorkerError, match="OddError: 1 and 1"):
        list(data.DataLoader(ones.transform(raise_odd), 1, num_workers=1))
    lambdas = ones.transform(lambda x: lambda: x)
    loader = data.DataLoader(lambdas, 1, num_workers=1, batchify_fn=data.batchify.AsList())
    with pytest.raises(Exception, match="pickle"):
        list(loader)


def test_a_worker_that_dies_is_named_and_replaced(tmp_path: Path) -> None:
    mark = tmp_path / "died"

    def die_once(x: int) -> int:
        if x == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    loader = data.DataLoader(
        data.SimpleDataset(list(range(6))).transform(die_once), 1, num_workers=2
    )
    with pytest.raises(data.WorkerError, match=r"worker 1 .* ended by signal SIGKILL"):
        list(loader)
    assert [b.tolist() for b in loader] == [[i] for i in range(6)]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_batch_that_takes_too_long(kind: dict[str, Any]) -> None:
    slow = data.SimpleDataset([0.6]).transform(time.sleep)
    with pytest.raises(data.WorkerError, match=r"0\.05 s"):
        list(data.DataLoader(slow, 1, timeout=0.05, **kind))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def wait_until_gone(pids: list[int]) -> bool:
    end = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(alive, pids))


def test_workers_end_with_their_loader() -> None:
    loader = data.DataLoader(PAIRS.transform(lambda *_: os.getpid()), 1, num_workers=2)
    pids = sorted({int(b.tolist()[0]) for b in loader})
    assert len(pids) == 2 and all(map(alive, pids))
    del loader
    gc.collect()
    assert wait_until_gone(pids)


def test_a_copy_of_a_loader_in_a_forked_process_ends_no_workers() -> None:
    loaders = {"outer": data.DataLoader(PAIRS, 5, num_workers=1)}
    assert len(list(loaders["outer"])) == 2

    def drop(x: int) -> int:
        loaders.clear()
        gc.collect()
        return x

    inner = data.DataLoader(data.SimpleDataset([1]).transform(drop), 1, num_workers=1)
    assert [b.tolist() for b in inner] == [[1]]
    assert len(list(loaders["outer"])) == 2


SCRIPT = """
import os, signal, sys, time
from baryon.gluon import data
signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background ignores it
slow = data.SimpleDataset(list(range(9))).transform(lambda x: (time.sleep(x), os.getpid())[1])
for batch in data.DataLoader(slow, 1, num_workers=2):
    print(batch.tolist()[0], flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_program(how: signal.Signals) -> None:
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None and program.stderr is not None
        pids = [int(program.stdout.readline()) for _ in range(2)]
        program.send_signal(how)
        assert program.wait(60) == -how
        assert wait_until_gone(pids)
        assert ("KeyboardInterrupt" in program.stderr.read()) == (how == signal.SIGINT)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, "batch_size or batch_sampler"),
        ({"batch_size": 2, "shuffle": True, "sampler": [1]}, "shuffle=True"),
        ({"batch_size": 2, "batch_sampler": [[1]]}, "batch_sampler excludes"),
        ({"batch_size": 2, "timeout": 0}, "timeout=0"),
    ],
)
def test_arguments_that_exclude_each_other(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.DataLoader(PAIRS, **kwargs)


def test_samplers_of_the_user() -> None:
    loader = data.DataLoader(PAIRS, batch_sampler=[[1, 3], [5]], try_nopython=True, pin_memory=True)
    assert [labels.tolist() for _, labels in loader] == [[1, 3], [5]]
    backwards = data.DataLoader(PAIRS, 4, sampler=range(9, -1, -1), last_batch="discard")
    assert [labels.tolist() for _, labels in backwards] == [[9, 8, 7, 6], [5, 4, 3, 2]]
    mx.random.seed(3)
    shuffled = [i for _, labels in data.DataLoader(PAIRS, 4, shuffle=True) for i in labels.tolist()]
    assert sorted(shuffled) == list(range(10)) != shuffled
