"""Operators at the sizes of networks, which are larger than those of the recorded cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

import baryon as mx
from symbols.helpers import node, saved, symbol


def test_the_best_of_more_boxes_than_constants_are_made_for(tmp_path: Path) -> None:
    made = symbol([node("null", "x"), node("_contrib_box_nms", "y", [0], topk="20")])
    rows = np.random.RandomState(0).rand(1, 20000, 6).astype("f4")
    rows[..., 4:] = rows[..., 2:4] + 0.1
    (found,) = mx.compile(saved(tmp_path, made), rows)(rows)
    kept = found[0][found[0, :, 1] >= 0]
    best = np.sort(rows[0, :, 1])[::-1][:20]
    assert 0 < len(kept) <= 20
    assert_allclose(kept[0, 1], best[0])
    assert np.isin(kept[:, 1], best).all()
