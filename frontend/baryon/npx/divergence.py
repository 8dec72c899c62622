"""The entropy threshold: which clipped histogram diverges least from the whole one.

For each half-width, p is the histogram inside it, with what lies outside added to the end bins; q
has the same counts joined to as many bins as there are levels and spread again over those that are
not empty. Empty bins of both get a little. The half-width with the least KL(p || q) wins. This is
MXNet's calibrate_entropy; its 4000 divergences of 8001 bins take half a second for each value, so
they are first bounded by sums over levels, in a hundredth of that, and only the best are computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 8001
"""Bins that a histogram begins with, as in MXNet."""

_STRIDE = 4
_NEAR = 12
"""How many estimates have their neighbours estimated too."""

_EXACT = 48
"""How many of the best half-widths are computed exactly."""

_AT_ONCE = 64
"""Half-widths that are estimated together: their sums over levels stay in the cache."""

_AMOUNT = 1e-4
"""What empty bins get."""

FloatArray = np.ndarray[Any, np.dtype[Any]]


def best_reach(counts: FloatArray, levels: int) -> int:
    """The best half-width, in bins beside the middle one."""
    middle, half = len(counts) // 2, levels // 2
    if not counts.any() or half >= middle:
        return middle
    estimate = _Estimate(counts, levels)
    sparse = np.arange(half, middle + 1, _STRIDE)
    best = _least(sparse, estimate(sparse), _NEAR)
    near = np.unique(best[:, None] + np.arange(-_STRIDE + 1, _STRIDE))
    near = np.unique([*near[(near >= half) & (near <= middle)], middle])
    few = np.unique([*_least(near, estimate(near), _EXACT), middle])
    exact = [divergence(counts, int(reach), levels) for reach in few]
    return int(few[int(np.argmin(exact))])


def divergence(counts: FloatArray, reach: int, levels: int) -> float:
    """KL(p || q) of the values up to `reach` bins from the middle."""
    middle = len(counts) // 2
    inside = counts[middle - reach : middle + reach + 1].astype(np.float64)
    clipped = inside.copy()
    clipped[0] += counts[: middle - reach].sum()
    clipped[-1] += counts[middle + reach + 1 :].sum()
    used = clipped != 0
    level = np.minimum(np.arange(len(inside)) // max(len(inside) // levels, 1), levels - 1)
    total = np.bincount(level, inside, levels)
    share = np.bincount(level, used, levels)
    mean = np.divide(total, share, out=np.zeros(levels), where=share > 0)
    p, q = _smooth(clipped), _smooth(np.where(used, mean[level], 0.0))
    p, q = p / p.sum(), q / q.sum()
    usable = (p > 0) & (q > 0)
    return float((p[usable] * np.log(p[usable] / q[usable])).sum())


def _smooth(counts: FloatArray) -> FloatArray:
    """Counts without zeros: a little is taken from the others."""
    zeros = counts == 0
    others = int((~zeros).sum())
    if not others:
        return np.full(len(counts), _AMOUNT)
    return np.where(zeros, _AMOUNT, counts - _AMOUNT * zeros.sum() / others)


def _least(reaches: FloatArray, losses: FloatArray, count: int) -> FloatArray:
    """The half-widths with the smallest losses."""
    return reaches[np.argsort(losses, kind="stable")[:count]]


class _Estimate:
    """Divergences without smoothing.

    sum p log(p / q) is sum p log p less, over levels, (their p) log(their mean of q): sums of
    counts, of bins in use and of p log p up to each bin are all that it takes.
    """

    def __init__(self, counts: FloatArray, levels: int) -> None:
        self.counts, self.levels = counts.astype(np.float64), levels
        self.sums = _running(self.counts)
        self.logs = _running(_xlogx(self.counts))
        self.used = _running((self.counts > 0).astype(np.float64))

    def __call__(self, reaches: FloatArray) -> FloatArray:
        """For the values up to each of so many bins from the middle."""
        parts = np.array_split(reaches, -(-len(reaches) // _AT_ONCE))
        return np.concatenate([self._some(part) for part in parts])

    def _some(self, reaches: FloatArray) -> FloatArray:
        middle, whole = len(self.counts) // 2, self.sums[-1]
        start, stop = middle - reaches, middle + reaches + 1
        tails = np.stack([self.sums[start], whole - self.sums[stop]], axis=1)
        ends = self.counts[np.stack([start, stop - 1], axis=1)]
        steps = ((stop - start) // self.levels)[:, None]
        edges = start[:, None] + steps * np.arange(self.levels + 1)
        edges[:, -1] = stop
        total, share = np.diff(self.sums[edges]), np.diff(self.used[edges])
        share[:, [0, -1]] += (ends == 0) & (tails > 0)
        clipped = total.copy()
        clipped[:, [0, -1]] += tails
        added = (_xlogx(ends + tails) - _xlogx(ends)).sum(axis=1)
        own = self.logs[stop] - self.logs[start] + added
        mean = np.divide(total, share, out=np.full(total.shape, _AMOUNT), where=total > 0)
        cross = (clipped * np.log(mean)).sum(axis=1)
        kept = np.maximum(total.sum(axis=1), _AMOUNT * (stop - start))
        found: FloatArray = (own - cross) / whole - np.log(whole / kept)
        return found


def _running(values: FloatArray) -> FloatArray:
    """Sums of the values before each place, and of all."""
    return np.concatenate([[0.0], np.cumsum(values)])


def _xlogx(values: FloatArray) -> FloatArray:
    return values * np.log(np.where(values > 0, values, 1.0))
