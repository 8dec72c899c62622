"""The data of the suite: handwritten digits at several sizes, and shapes that are drawn here.

Both are NumPy alone, from seeds. Test sets have some thousand images, for a single image to weigh
less than the 0.2 points that are asked of a quantized network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from fidelity.shapes import CLASSES, draw

Images = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Data:
    """Images (N, channels, size, size) of about unit range, and the class of each."""

    x: Images
    y: Labels
    x_test: Images
    y_test: Labels

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(self.y.max()) + 1


def digits(size: int, copies: int = 4) -> Data:
    """scikit-learn's digits, turned, moved and scaled a little, at size x size pixels.

    copies: versions of each of the 1,347 training and 450 test images.
    """
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8).astype(np.float32) / 16
    x, x_test, y, y_test = train_test_split(
        images, labels.astype(np.int32), test_size=450, random_state=0, stratify=labels
    )
    rng = np.random.default_rng(0)
    return Data(
        _varied(x, size, copies, rng), np.tile(y, copies),
        _varied(x_test, size, copies, rng), np.tile(y_test, copies),
    )  # fmt: skip


def _varied(images: Images, size: int, copies: int, rng: np.random.Generator) -> Images:
    return np.concatenate([_warp(images, size, rng) for _ in range(copies)])[:, None]


def _warp(images: Images, size: int, rng: np.random.Generator) -> Images:
    """Each image (N, 8, 8) under a small affine map of its own, by bilinear interpolation."""
    count, side = len(images), images.shape[1]
    angle, zoom = rng.uniform(-0.25, 0.25, count), rng.uniform(0.85, 1.15, count)
    shift = rng.uniform(-0.7, 0.7, (2, count, 1, 1))
    v, u = np.meshgrid(*[(np.arange(size) + 0.5) / size * side - side / 2] * 2, indexing="ij")
    cos, sin = ((f(angle) / zoom)[:, None, None] for f in (np.cos, np.sin))
    rows = v * cos + u * sin + shift[0] + side / 2 - 0.5
    columns = u * cos - v * sin + shift[1] + side / 2 - 0.5
    return _sample(images, rows, columns)


def _sample(images: Images, rows: NDArray[Any], columns: NDArray[Any]) -> Images:
    """images[n, rows[n], columns[n]] for fractional positions; what lies outside is 0."""
    side, number = images.shape[1], np.arange(len(images))[:, None, None]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    rows, columns = (np.clip(p + 1, 0, side + 0.999) for p in (rows, columns))
    top, left = rows.astype(int), columns.astype(int)
    down, right = rows - top, columns - left
    upper = padded[number, top, left] * (1 - right) + padded[number, top, left + 1] * right
    lower = padded[number, top + 1, left] * (1 - right) + padded[number, top + 1, left + 1] * right
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


def shapes(train: int = 9000, test: int = 3000) -> Data:
    """Textured shapes on textured grounds under noise, 24 x 24 pixels of three colours."""
    rng = np.random.default_rng(1)
    labels = np.arange(train + test, dtype=np.int32) % CLASSES
    images = np.concatenate(
        [draw(part, rng) for part in np.split(labels, range(500, len(labels), 500))]
    )
    return Data(images[:train], labels[:train], images[train:], labels[train:])
