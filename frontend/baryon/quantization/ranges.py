"""Ranges of values: what was seen of them, and which part of it 8 bits shall represent.

A `Seen` takes in a value batch by batch and keeps extremes and a histogram, so its memory does not
grow with the data. Thresholds are functions of it: `naive` (the extremes), `entropy` (least
Kullback-Leibler divergence, as MXNet's calibrate_entropy), `percentile` and `mse` (least expected
squared error).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from baryon.ir import BaryonError
from baryon.npx.divergence import BINS, best_reach
from baryon.quantization.counting import Counts, counted

MOST_BINS = 16 * BINS
"""Beyond this, neighbouring bins are joined: data with growing ranges takes bounded memory."""

PERCENTILE = 99.99
_MOST_CUT = 1e-3
"""The share of the elements other than zero that `entropy` may cut off."""

_SHARES = np.geomspace(1.0, 1e-4, 400)
"""Thresholds that `mse` tries, as shares of the largest absolute value."""

FloatArray = np.ndarray[Any, np.dtype[Any]]


class CalibrationError(BaryonError, ValueError):
    """Calibration data, or what a network makes of it, that no range can be taken from."""


FEW_NEGATIVE = 0.5
"""Values that go below zero by at most this share of what they go above have a range that begins
there: in uint8, steps are then at most three quarters of int8's."""


@dataclass(frozen=True)
class Range:
    """The numbers that codes shall represent. What lies outside is cut off."""

    low: float
    high: float

    @property
    def reach(self) -> float:
        """The largest absolute value."""
        return max(abs(self.low), abs(self.high))


@dataclass
class Seen:
    """What was seen of one value.

    counts: of an odd number of bins of equal `width`, the middle one around zero; the first batch
        with an element other than zero sets the width, later ones add bins of the same width.
    zeros: elements that are exactly zero, which 8 bits always represent.
    """

    name: str
    low: float = np.inf
    high: float = -np.inf
    elements: int = 0
    zeros: int = 0
    width: float = 0.0
    counts: Counts = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def add(self, array: FloatArray) -> None:
        """Take in the elements of an array. CalibrationError for NaN and infinity."""
        flat = np.asarray(array, np.float32).reshape(-1)
        if not flat.size:
            return
        low, high = float(flat.min()), float(flat.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise CalibrationError(
                f"{self.name} has elements that are not finite",
                hint="look for NaN and infinity in the calibration data, and for overflow in the "
                "network",
            )
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.elements += flat.size
        self.zeros += int(np.count_nonzero(flat == 0))
        self._count(flat, max(abs(low), abs(high)))

    @property
    def reach(self) -> float:
        """The largest absolute value."""
        return max(abs(self.low), abs(self.high)) if self.elements else 0.0

    @property
    def is_positive(self) -> bool:
        """Whether no element was negative."""
        return self.low >= 0

    @property
    def end(self) -> float:
        """Where the histogram ends; it begins at the negative of that."""
        return self.width * len(self.counts) / 2

    def _count(self, flat: FloatArray, reach: float) -> None:
        if reach == 0.0 and self.width == 0.0:
            self.counts[BINS // 2] += flat.size
            return
        if self.width == 0.0:
            self.width = 2 * reach / BINS
        self._extend(reach)
        self.counts += counted(flat, self.width, len(self.counts))

    def _extend(self, reach: float) -> None:
        """Add bins on both sides until `reach` lies inside; join bins when they become too many."""
        missing = reach - self.end
        if missing <= self.width * 1e-6:
            return
        while 2 * (reach / self.width) > MOST_BINS:
            self._join()
        more = max(int(np.ceil((reach - self.end) / self.width)), 0)
        self.counts = np.pad(self.counts, more)

    def _join(self) -> None:
        """Make one bin of three, of which the middle one stays around zero."""
        middle = len(self.counts) // 2
        side = -(-(middle - 1) // 3) if middle > 1 else 0
        padded = np.pad(self.counts, 3 * side + 1 - middle)
        self.counts = padded.reshape(-1, 3).sum(axis=1)
        self.width *= 3

    def centres(self) -> FloatArray:
        """The middle of each bin."""
        count = len(self.counts)
        return (np.arange(count) - count // 2) * self.width


def naive(seen: Seen) -> float:
    """The largest absolute value."""
    return seen.reach


def entropy(seen: Seen) -> float:
    """The threshold whose clipped histogram, in 255 levels, diverges least from the whole one.

    511 levels for values without negative elements, half of which lie on the empty side. The
    algorithm is that of MXNet's calibrate_entropy (Migacz, 8-bit inference with TensorRT, 2017),
    which takes elements at the end of the histogram for outliers. Where there are many, as after
    ReLU6, they are none: no more than `_MOST_CUT` of the elements are cut off.
    """
    if seen.width == 0.0:
        return 0.0
    reach = best_reach(seen.counts, 511 if seen.is_positive else 255)
    least = _holding(seen, 1 - _MOST_CUT, seen.zeros)
    return float(min(max((reach + 0.5) * seen.width, least), seen.reach))


def percentile(seen: Seen, share: float = PERCENTILE) -> float:
    """The least threshold inside which `share` percent of the elements lie."""
    return _holding(seen, share / 100) if seen.width else 0.0


def _holding(seen: Seen, share: float, zeros: int = 0) -> float:
    """The least threshold inside which a share of the elements lie; without so many zeros."""
    middle = len(seen.counts) // 2
    sides = seen.counts[middle:].copy()
    sides[1:] += seen.counts[:middle][::-1]
    sides[0] -= zeros
    inside = np.cumsum(sides)
    wanted = share * inside[-1]
    bin = int(np.searchsorted(inside, wanted))
    before = inside[bin - 1] if bin else 0
    part = (wanted - before) / max(int(sides[bin]), 1)
    reach = (bin - 0.5 + part) * seen.width if bin else part * 0.5 * seen.width
    return float(min(reach, seen.reach))


def mse(seen: Seen) -> float:
    """The threshold with the least expected squared error.

    Inside, rounding errors spread evenly over a step (step^2 / 12), but for elements that are zero;
    outside, the error is the distance to the threshold.
    """
    if seen.width == 0.0:
        return 0.0
    levels = 255 if seen.is_positive else 127
    reaches = np.abs(seen.centres())
    order = np.argsort(reaches)
    sorted_reaches, counts = reaches[order], seen.counts[order].astype(np.float64)
    thresholds = _SHARES * seen.reach
    cuts = np.searchsorted(sorted_reaches, thresholds)
    inside = _sum_before(counts, cuts) - seen.zeros
    above = [_sum_from(counts * sorted_reaches**power, cuts) for power in (0, 1, 2)]
    clipped = above[2] - 2 * thresholds * above[1] + thresholds**2 * above[0]
    rounded = np.maximum(inside, 0) * (thresholds / levels) ** 2 / 12
    return float(thresholds[int(np.argmin(clipped + rounded))])


def _sum_before(values: FloatArray, cuts: FloatArray) -> FloatArray:
    totals: FloatArray = np.concatenate([[0.0], np.cumsum(values)])[cuts]
    return totals


def _sum_from(values: FloatArray, cuts: FloatArray) -> FloatArray:
    totals: FloatArray = np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])[cuts]
    return totals


Threshold = Callable[[Seen], float]
THRESHOLDS: Mapping[str, Threshold] = {
    "naive": naive,
    "entropy": entropy,
    "percentile": percentile,
    "mse": mse,
}
"""The calibration modes that ranges are taken from."""


def range_of(seen: Seen, threshold: Threshold) -> Range:
    """(-threshold, threshold); from 0 on for values without negative elements, and from the least
    element on for values with few (FEW_NEGATIVE)."""
    reach = threshold(seen)
    if seen.is_positive:
        return Range(0.0, reach)
    return Range(seen.low if seen.low >= -FEW_NEGATIVE * reach else -reach, reach)


def clipped_share(seen: Seen, range: Range) -> float:
    """The share of elements outside a range, as the histogram knows it."""
    if seen.width == 0.0 or not seen.elements:
        return 0.0
    centres = seen.centres()
    slack = seen.width / 2
    outside = (centres < range.low - slack) | (centres > range.high + slack)
    return float(seen.counts[outside].sum() / seen.elements)
