"""Datasets, samplers and batchify functions; expected values are MXNet's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.gluon import data
from baryon.gluon.data import batchify

TEN = data.SimpleDataset(list(range(10)))


def double(x: Any) -> Any:
    return 2 * x


def test_views_of_a_dataset() -> None:
    assert list(TEN.filter(lambda x: x % 2)) == [1, 3, 5, 7, 9]
    assert [list(TEN.shard(3, i)) for i in range(3)] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert [len(TEN.take(n)) for n in (3, None, 100, 0)] == [3, 10, 10, 0]
    assert list(TEN.sample(data.FilterSampler(lambda x: x > 5, TEN))) == [6, 7, 8, 9]
    assert TEN.transform(double)[3] == TEN.transform(double, lazy=False)[3] == 6
    assert list(TEN.filter(lambda x: x > 6).transform(double).take(2)) == [14, 16]


def test_transforms_of_tuples() -> None:
    pairs = data.ArrayDataset(list(range(4)), np.arange(4) * 2.0)
    assert pairs[1] == (1, 2.0)
    assert pairs.transform_first(lambda x: -x)[2] == (-2, 4.0)
    assert pairs.transform(lambda x, y: x + y)[2] == 6.0
    assert TEN.transform_first(double)[2] == 4
    labels = data.ArrayDataset(mx.np.ones((3, 2)), mx.np.arange(3))
    assert labels[2][0].shape == (2,) and float(labels[2][1]) == 2


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: TEN.shard(3, 3), ValueError, "shard 3 of 3"),
        (lambda: TEN.take(-1), ValueError, "negative"),
        (lambda: TEN.sample(3), TypeError, "Sampler"),  # type: ignore[arg-type]
        (data.ArrayDataset, ValueError, "at least one"),
        (lambda: data.ArrayDataset([1, 2], [1]), ValueError, r"\[2, 1\]"),
        (lambda: data.IntervalSampler(3, 5), ValueError, "1 .. 3"),
        (lambda: data.BatchSampler(data.SequentialSampler(3), 2, "x"), ValueError, "last_batch"),
        (lambda: data.BatchSampler(data.SequentialSampler(3), 0), ValueError, "batch_size=0"),
        (lambda: batchify.Stack()([np.ones(2), np.ones(3)]), ValueError, r"\(2,\), \(3,\)"),
        (lambda: batchify.Stack()(["a", "b"]), ValueError, "type str"),
        (lambda: batchify.Stack()([(1, 2), (3,)]), ValueError, "numbers of parts"),
        (lambda: batchify.Pad()([1, 2]), ValueError, "axes"),
        (lambda: batchify.Pad()([(1, 2)]), ValueError, "Group"),
        (lambda: batchify.Pad(round_to=0), ValueError, "round_to"),
        (lambda: batchify.Group([batchify.Stack()] * 2)([(1, 2, 3)]), ValueError, "3 parts"),
        (lambda: batchify.Group(batchify.Stack(), 1), TypeError, "argument 1"),  # type: ignore[arg-type]
    ],
)
def test_wrong_use(use: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        use()


def test_samplers() -> None:
    assert list(data.SequentialSampler(3, 4)) == [4, 5, 6]
    assert list(data.IntervalSampler(7, 3)) == [0, 3, 6, 1, 4, 2, 5]
    assert list(data.IntervalSampler(13, 3, rollover=False)) == [0, 3, 6, 9, 12]
    assert [len(data.IntervalSampler(7, 3, r)) for r in (True, False)] == [7, 3]
    assert len(data.FilterSampler(lambda x: x > 5, TEN)) == 4


def test_random_sampler_follows_the_seed() -> None:
    orders = []
    for seed in (1, 1, 2):
        mx.random.seed(seed)
        orders.append(list(data.RandomSampler(50)))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[2]) == list(range(50))
    sampler = data.RandomSampler(50)
    assert list(sampler) != list(sampler)


def test_batches_of_samples() -> None:
    seven = data.SequentialSampler(7)
    assert list(data.BatchSampler(seven, 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(data.BatchSampler(seven, 3, "discard")) == [[0, 1, 2], [3, 4, 5]]
    assert [len(data.BatchSampler(seven, 3, k)) for k in ("keep", "discard")] == [3, 2]
    roll = data.BatchSampler(seven, 3, "rollover")
    assert (len(roll), list(roll)) == (2, [[0, 1, 2], [3, 4, 5]])
    assert (len(roll), list(roll)) == (2, [[6, 0, 1], [2, 3, 4]])
    assert len(roll) == 3


def check(found: Any, want: Any, dtype: str) -> None:
    assert isinstance(found, mx.np.ndarray) and found.dtype == dtype
    np.testing.assert_array_equal(found.asnumpy(), want)


def test_stack() -> None:
    stack = batchify.Stack()
    check(stack([1.5, 2.5]), [1.5, 2.5], "float64")
    check(stack([1, 2]), [1, 2], "int64")
    check(stack([np.ones(2, "uint8"), np.zeros(2, "uint8")]), [[1, 1], [0, 0]], "uint8")
    check(stack([mx.np.ones(2), mx.np.zeros(2)]), [[1, 1], [0, 0]], "float32")
    first, (second, third) = stack([(1, (2, 3)), (4, (5, 6))])
    check(first, [1, 4], "int64")
    check(second, [2, 5], "int64")
    check(third, [3, 6], "int64")


def test_pad() -> None:
    check(batchify.Pad()([[1, 2, 3], [1]]), [[1, 2, 3], [1, 0, 0]], "int64")
    check(batchify.Pad(val=-1)([np.ones(2), np.ones(3)]), [[1, 1, -1], [1, 1, 1]], "float64")
    rounded = batchify.Pad(val=0, dtype="int32", round_to=4)([[1, 2, 3], [1]])
    check(rounded, [[1, 2, 3, 0], [1, 0, 0, 0]], "int32")
    planes = batchify.Pad()([np.ones((2, 2)), np.ones((1, 3))])
    check(planes, [[[1, 1, 0], [1, 1, 0]], [[1, 1, 1], [0, 0, 0]]], "float64")
    check(batchify.Pad()([mx.np.ones(2), mx.np.ones(1)]), [[1, 1], [1, 0]], "float32")


def test_other_batchify_functions() -> None:
    parts = batchify.Group(batchify.Stack(), batchify.Pad(val=0))([(1, [1, 2]), (2, [1])])
    assert isinstance(parts, tuple)
    check(parts[0], [1, 2], "int64")
    check(parts[1], [[1, 2], [1, 0]], "int64")
    assert [x.shape for x in batchify.Append()([np.ones(2), np.ones(3)])] == [(1, 2), (1, 3)]
    assert [x.shape for x in batchify.Append(expand=False)([np.ones(2)])] == [(2,)]
    assert batchify.AsList()([1, "a"]) == [1, "a"]
