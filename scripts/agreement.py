"""How far what a network computes is from what it should."""

from __future__ import annotations

from typing import Any

import numpy as np

_BESIDE = range(-2, 3)


def difference(found: Any, wanted: Any, *, ranked: bool = False) -> float:
    """The largest one of elements, over the largest of `wanted`; infinite for other shapes, types.

    ranked: (batch, rows, numbers), where rows come by falling score. Those whose scores differ in
    the last bits only may have changed places, so a row is compared with those beside it too.
    """
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return float("inf")
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    if not a.size or np.array_equal(a, b, equal_nan=True):
        return 0.0
    gaps = np.abs(a - b)
    if ranked:
        shifted = [np.abs(np.roll(a, by, axis=1) - b).max(axis=2) for by in _BESIDE]
        gaps = np.min(shifted, axis=0)
    gap = float(gaps.max())
    return gap / max(float(np.abs(b).max()), 1e-30) if np.isfinite(gap) else float("inf")
