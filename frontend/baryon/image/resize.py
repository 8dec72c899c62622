"""Resizing as OpenCV does it: each axis is a sparse weighted sum of source positions.

uint8 results are rounded; OpenCV's own fixed-point arithmetic may differ by 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy import typing as npt

from baryon.array.host_random import host_generator
from baryon.imagecodec import ImageError

Host = npt.NDArray[Any]
Taps = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""For each target position: source positions (n, taps), and their weights."""

NEAREST, LINEAR, CUBIC, AREA, LANCZOS, BY_SIZE, RANDOM = 0, 1, 2, 3, 4, 9, 10


def resized(pixels: Host, width: int, height: int, interp: int = LINEAR) -> Host:
    """An image (H, W, ...) with another size, of the same dtype.

    interp: 0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos; 9 chooses area to shrink, bicubic
    to enlarge and else bilinear; 10 chooses at random.
    """
    if width < 1 or height < 1:
        raise ImageError(f"an image cannot have {width} x {height} pixels")
    rows, columns = pixels.shape[:2]
    if (rows, columns) == (height, width):
        return pixels.copy()
    method = chosen_method(interp, (rows, columns), (height, width))
    shrinks = rows >= height and columns >= width
    taps = _area_enlarging if method == AREA and not shrinks else _METHODS[method]
    out = _along(_along(pixels, taps(rows, height), 0), taps(columns, width), 1)
    return _like(out, pixels.dtype)


def chosen_method(interp: int, old: tuple[int, int], new: tuple[int, int]) -> int:
    """What `interp` means for a change of size (heights and widths)."""
    if interp in _METHODS:
        return interp
    if interp == RANDOM:
        return int(host_generator().integers(0, 5))
    if interp != BY_SIZE:
        raise ImageError(f"interp={interp} is not one of {[*_METHODS, BY_SIZE, RANDOM]}")
    if new[0] > old[0] and new[1] > old[1]:
        return CUBIC
    return AREA if new[0] < old[0] and new[1] < old[1] else LINEAR


def _along(x: Host, taps: Taps, axis: int) -> Host:
    positions, weights = taps
    if positions.shape[1] == 1:
        return x.take(positions[:, 0], axis)
    shape = [1] * x.ndim
    shape[axis] = -1
    parts = zip(positions.T, weights.astype(np.float32).T, strict=True)
    return np.asarray(sum(x.take(p, axis) * w.reshape(shape) for p, w in parts))


def _like(x: Host, dtype: np.dtype[Any]) -> Host:
    if dtype.kind not in "iu" or x.dtype == dtype:
        return x.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(x), limits.min, limits.max).astype(dtype)


def _nearest(old: int, new: int) -> Taps:
    positions = np.minimum(np.arange(new) * old // new, old - 1)
    return positions[:, None], np.ones((new, 1))


def _centres(old: int, new: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    x = (np.arange(new) + 0.5) * (old / new) - 0.5
    floor = np.floor(x)
    return floor.astype(np.int64), x - floor


def _around(first: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], old: int) -> Taps:
    positions = first[:, None] + np.arange(weights.shape[1])
    return np.clip(positions, 0, old - 1), weights


def _linear(old: int, new: int) -> Taps:
    floor, fraction = _centres(old, new)
    return _around(floor, np.stack([1 - fraction, fraction], 1), old)


def _cubic(old: int, new: int) -> Taps:
    floor, t = _centres(old, new)
    near, far = _cubic_near, _cubic_far
    return _around(floor - 1, np.stack([far(1 + t), near(t), near(1 - t), far(2 - t)], 1), old)


_A = -0.75


def _cubic_near(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return ((_A + 2) * t - (_A + 3)) * t * t + 1


def _cubic_far(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return ((t - 5) * t + 8) * t * _A - 4 * _A


def _lanczos(old: int, new: int) -> Taps:
    floor, t = _centres(old, new)
    distance = t[:, None] + 3 - np.arange(8)
    weights = np.sinc(distance) * np.sinc(distance / 4)
    return _around(floor - 3, weights / weights.sum(1, keepdims=True), old)


def _area(old: int, new: int) -> Taps:
    """The part of each source position that the target position covers."""
    scale = old / new
    start = np.arange(new) * scale
    first = np.floor(start).astype(np.int64)
    positions = first[:, None] + np.arange(int(np.ceil(scale)) + 1)
    covered = np.minimum(positions + 1, (start + scale)[:, None]) - np.maximum(
        positions, start[:, None]
    )
    weights = np.clip(covered, 0, None)
    return np.clip(positions, 0, old - 1), weights / weights.sum(1, keepdims=True)


def _area_enlarging(old: int, new: int) -> Taps:
    """Linear, with the source position that OpenCV uses if the area of a pixel is below 1."""
    target = np.arange(new)
    first = target * old // new
    fraction = (target + 1) - (first + 1) * (new / old)
    fraction = np.where(fraction <= 0, 0, fraction - np.floor(fraction))
    return _around(first, np.stack([1 - fraction, fraction], 1), old)


_METHODS: Mapping[int, Callable[[int, int], Taps]] = {
    NEAREST: _nearest,
    LINEAR: _linear,
    CUBIC: _cubic,
    AREA: _area,
    LANCZOS: _lanczos,
}
