"""Changes of colour, on float arrays (H, W, 3) in RGB."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from baryon.image.resize import Host

_GRAY = np.array([0.299, 0.587, 0.114], np.float32)
_TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]], np.float32
)
_FROM_YIQ = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]], np.float32)

EIGEN_VALUES = np.array([55.46, 4.794, 1.148], np.float32)
"""Variances of ImageNet's colours along `EIGEN_VECTORS`, for `lighting`."""

EIGEN_VECTORS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]], np.float32
)


def luma(x: Host) -> Host:
    """The brightness that the eye sees (H, W, 1)."""
    return np.asarray((x * _GRAY).sum(2, keepdims=True))


def brightness(x: Host, factor: float) -> Host:
    """All colours times `factor`."""
    return np.asarray(x * np.float32(factor))


def contrast(x: Host, factor: float) -> Host:
    """The distance from the image's mean gray times `factor`."""
    return np.asarray(x * np.float32(factor) + luma(x).mean() * np.float32(1 - factor))


def saturation(x: Host, factor: float) -> Host:
    """The distance from each pixel's gray times `factor`."""
    return np.asarray(x * np.float32(factor) + luma(x) * np.float32(1 - factor))


def hue(x: Host, shift: float) -> Host:
    """All hues turned by `shift` half turns."""
    u, w = math.cos(shift * math.pi), math.sin(shift * math.pi)
    turn = np.array([[1, 0, 0], [0, u, -w], [0, w, u]], np.float32)
    return np.asarray(x @ (_FROM_YIQ @ turn @ _TO_YIQ).T)


def lighting(x: Host, alpha: Any, values: Any = EIGEN_VALUES, vectors: Any = EIGEN_VECTORS) -> Host:
    """Colours moved along the main directions of a data set's colours, by `alpha` for each."""
    return np.asarray(x + (np.asarray(vectors) * alpha) @ np.asarray(values)).astype(np.float32)
