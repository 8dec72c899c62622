"""Suppression of boxes in order, and detection, which is sorting and that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import baryon as mx
from baryon.array import op
from baryon.npx import multibox_detection

R = np.random.default_rng(5)


def boxes(*shape: int) -> Any:
    low = R.uniform(0, 0.6, (*shape, 2))
    return np.concatenate([low, low + R.uniform(0.1, 0.4, (*shape, 2))], axis=-1).astype("f4")


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("count", [1, 7, 40])
def test_suppressed(count: int, equal: bool) -> None:
    found = boxes(3, count)
    groups = R.integers(0, 2, (3, count)).astype("f4")
    groups[:, ::5] = np.nan

    def entry(b: Any, g: Any) -> Any:
        return op("ir.suppressed")(b, g, overlap=0.3, equal=equal)

    wanted = entry(mx.np.array(found), mx.np.array(groups)).asnumpy()
    assert not wanted[:, ::5].any()
    assert count < 40 or wanted.any()
    for batch in (None, 4):
        assert_array_equal(mx.compile(entry, found, groups, dynamic_batch=batch)(found, groups)[0],
                           wanted)  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [{}, {"force_suppress": True}, {"nms_topk": 5}, {"nms_threshold": -1.0}, {"clip": False}],
)
def test_detection(options: Any) -> None:
    scores = R.dirichlet(np.ones(4), (2, 30)).transpose(0, 2, 1).astype("f4")
    offsets, anchor = R.normal(0, 1, (2, 120)).astype("f4"), boxes(30)[None]

    def entry(*x: Any) -> Any:
        return multibox_detection(x[0], x[1], x[2], threshold=0.3, **options)

    wanted = entry(*map(mx.np.array, (scores, offsets, anchor))).asnumpy()
    assert (wanted[..., 0] >= 0).any()
    found = mx.compile(entry, scores, offsets, anchor)(scores, offsets, anchor)[0]
    assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{}, {"topk": 6}, {"force_suppress": True}, {"id_index": -1}, {"background_id": 1}]
)
def test_box_nms(options: Any) -> None:
    head = np.stack([R.integers(0, 2, (2, 20)), R.random((2, 20))], axis=2)
    rows = np.concatenate([head, boxes(2, 20)], axis=2).astype("f4")

    def entry(x: Any) -> Any:
        how = {"overlap_thresh": 0.3, "valid_thresh": 0.1, "id_index": 0, **options}
        return mx.npx.box_nms(x, **how)

    wanted = entry(mx.np.array(rows)).asnumpy()
    assert_allclose(mx.compile(entry, rows)(rows)[0], wanted, rtol=1e-6)
