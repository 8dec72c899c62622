"""Values of images at places between their pixels, for functions that compute the places."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from baryon.array import ndarray
from baryon.npx.common import cast, np
from baryon.ops.shapes import write_shape

Tap = tuple[ndarray, ndarray | None]
"""A whole place along an axis, of a floating dtype, and its weight; None for 1."""


@dataclass(frozen=True)
class Image:
    """Pixels (..., P) in the last axis, of an image of the spatial `size`.

    edge: what stands for places outside, zeros or the nearest pixel.
    """

    pixels: ndarray
    size: tuple[int, ...]
    edge: str = "zeros"

    def weighted(self, taps: Sequence[Sequence[Tap]]) -> ndarray:
        """The sum of the pixels at all combinations of the axes' taps, times their weights.

        Places broadcast to (..., places), with the axes of `pixels` before the last one.
        """
        total: ndarray | None = None
        for corner in itertools.product(*taps):
            value = self.at([place for place, _ in corner])
            for _, weight in corner:
                value = value if weight is None else value * weight
            total = value if total is None else total + value
        assert total is not None
        return total

    def at(self, places: Sequence[ndarray]) -> ndarray:
        """The pixels at whole places, one for each spatial axis."""
        index: ndarray | None = None
        for place, size in zip(places, self.size, strict=True):
            here = cast(np.clip(place, 0.0, size - 1.0), "int32")
            index = here if index is None else index * size + here
        assert index is not None
        shape = write_shape((*self.pixels.shape[:-1], index.shape[-1]))
        whole = np.broadcast_to(index, shape=shape)
        picked = np.take_along_axis(self.pixels, whole, axis=-1, mode="clip")
        return np.where(self._inside(places), picked, 0.0) if self.edge == "zeros" else picked

    def _inside(self, places: Sequence[ndarray]) -> ndarray:
        found = [within(place, size) for place, size in zip(places, self.size, strict=True)]
        inside = found[0]
        for other in found[1:]:
            inside = inside & other
        return inside


def within(place: ndarray, size: int) -> ndarray:
    """Whether a place is between the first pixel and the end of the last one: [0, size)."""
    return np.greater_equal(place, 0.0) & np.less(place, float(size))


def nearest(place: ndarray) -> list[Tap]:
    """The next pixel, of two the even one."""
    return [(np.rint(place), None)]


def linear(place: ndarray) -> list[Tap]:
    """The pixels on both sides."""
    low = np.floor(place)
    part = place - low
    return [(low, np.subtract(1.0, part)), (np.add(low, 1.0), part)]


def cubic(place: ndarray, a: float = -0.75) -> list[Tap]:
    """Two pixels on both sides; Keys, Cubic convolution interpolation (1981)."""
    low = np.floor(place)
    part = place - low
    rest = np.subtract(1.0, part)
    return [
        (np.subtract(low, 1.0), _far(np.add(part, 1.0), a)), (low, _near(part, a)),
        (np.add(low, 1.0), _near(rest, a)), (np.add(low, 2.0), _far(np.add(rest, 1.0), a)),
    ]  # fmt: skip


def _near(x: ndarray, a: float) -> ndarray:
    """The weight of a pixel less than 1 away."""
    return ((a + 2) * x - (a + 3)) * x * x + 1.0


def _far(x: ndarray, a: float) -> ndarray:
    """The weight of a pixel between 1 and 2 away."""
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
