"""Rotation of images (channels first) by bilinear interpolation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.array.host_random import host_generator
from baryon.image.host import host
from baryon.image.resize import Host
from baryon.imagecodec import ImageError


def imrotate(
    src: Any, rotation_degrees: Any, zoom_in: bool = False, zoom_out: bool = False
) -> ndarray:
    """Images (C, H, W) or (N, C, H, W), float32, turned counterclockwise; black outside.

    rotation_degrees: a number, or one for each image. zoom_in enlarges until nothing outside is
    seen, zoom_out shrinks until all is seen.
    """
    images = host(src)
    if images.dtype != np.float32:
        raise ImageError(f"imrotate works on float32 images, not {images.dtype}",
                         hint="convert with astype('float32')")  # fmt: skip
    if zoom_in and zoom_out:
        raise ImageError("zoom_in and zoom_out exclude each other")
    if images.ndim not in {3, 4}:
        raise ImageError(f"imrotate needs (C, H, W) or (N, C, H, W), got {images.shape}")
    if images.ndim == 3:
        return ndarray(_rotated(images, float(host(rotation_degrees)), zoom_in, zoom_out))
    angles = np.broadcast_to(host(rotation_degrees).astype(float), len(images))
    turned = [_rotated(x, a, zoom_in, zoom_out) for x, a in zip(images, angles, strict=True)]
    return ndarray(np.stack(turned))


def random_rotate(src: Any, angle_limits: tuple[float, float], zoom_in: bool = False,
                  zoom_out: bool = False) -> ndarray:  # fmt: skip
    """`imrotate` by random angles (degrees) between the limits, one for each image."""
    count = () if host(src).ndim == 3 else len(host(src))
    return imrotate(src, host_generator().uniform(*angle_limits, count), zoom_in, zoom_out)


def _rotated(image: Host, degrees: float, zoom_in: bool, zoom_out: bool) -> Host:
    height, width = image.shape[1:]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    zoom = _zoom(height, width, abs(cos), abs(sin))
    scale = zoom if zoom_out else 1 / zoom if zoom_in else 1.0
    y, x = np.mgrid[:height, :width]
    dy, dx = (y - (height - 1) / 2) * scale, (x - (width - 1) / 2) * scale
    return _sampled(
        image,
        sin * dx + cos * dy + (height - 1) / 2,
        cos * dx - sin * dy + (width - 1) / 2,
    )


def _zoom(height: int, width: int, cos: float, sin: float) -> float:
    return max((width * cos + height * sin) / width, (width * sin + height * cos) / height)


def _sampled(image: Host, y: Host, x: Host) -> Host:
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    y = np.clip(y + 1, 0, image.shape[1] + 1)
    x = np.clip(x + 1, 0, image.shape[2] + 1)
    top = np.minimum(y.astype(np.int64), image.shape[1])
    left = np.minimum(x.astype(np.int64), image.shape[2])
    down, right = (y - top).astype(np.float32), (x - left).astype(np.float32)
    upper = padded[:, top, left] * (1 - right) + padded[:, top, left + 1] * right
    lower = padded[:, top + 1, left] * (1 - right) + padded[:, top + 1, left + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
