"""A generated image task that is hard enough for a good network to miss one image of ten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 24
NOISE = 0.11
"""Standard deviation of each pixel's noise; the ground's colour is 0 to 1."""
CONTRAST = 0.33
"""Between the colours of ground and shape, up or down in each channel."""
TURN = 0.35
"""Radians that a shape is turned at most."""

Plane = NDArray[Any]


def _turned(u: Plane, v: Plane, angle: float) -> Plane:
    return np.asarray(u * np.cos(angle) + v * np.sin(angle))


def _triangle(u: Plane, v: Plane) -> Plane:
    sides = [_turned(u, v, k * 2 * np.pi / 3) for k in range(3)]
    return np.asarray(0.5 - np.maximum.reduce(sides))


def _box(u: Plane, v: Plane, half: float) -> Plane:
    return np.asarray(half - np.maximum(np.abs(u), np.abs(v)))


FIELDS: tuple[Callable[[Plane, Plane], Plane], ...] = (
    lambda u, v: 0.85 - np.hypot(u, v),
    lambda u, v: 0.22 - np.abs(np.hypot(u, v) - 0.75),
    lambda u, v: _box(u, v, 0.75),
    lambda u, v: 0.2 - np.abs(np.maximum(np.abs(u), np.abs(v)) - 0.65),
    _triangle,
    lambda u, v: np.minimum(1 - np.hypot(u, v), 0.28 - np.minimum(np.abs(u), np.abs(v))),
    lambda u, v: np.minimum(1 - np.abs(u), 0.3 - np.abs(v)),
    lambda u, v: np.minimum(1 - np.hypot(u, v), np.hypot(u - 0.5, v) - 0.75),
    lambda u, v: 0.6 + 0.35 * np.cos(5 * np.arctan2(v, u)) - np.hypot(u, v),
    lambda u, v: np.maximum(0.42 - np.hypot(u - 0.55, v), 0.42 - np.hypot(u + 0.55, v)),
)
"""Disc, ring, square, frame, triangle, cross, bar, crescent, star, two dots: positive inside, in
coordinates in which each fits the unit circle about."""
CLASSES = len(FIELDS)


def draw(labels: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.float32]:
    """An image (3, SIZE, SIZE) of each class, with place, angle, size, colours of its own."""
    count = len(labels)
    grid = np.meshgrid(*[(np.arange(SIZE) + 0.5) / SIZE * 2 - 1] * 2)
    mask = _masks(labels, grid, rng)[:, None]
    colours = rng.uniform(0, 1, (count, 3, 1, 1))
    ground = colours + _texture(count, grid, rng)
    figure = (colours + CONTRAST * rng.choice([-1, 1], colours.shape)) + _texture(count, grid, rng)
    images = ground * (1 - mask) + figure * mask
    noise = rng.normal(0, NOISE, images.shape)
    return np.asarray(images + noise, np.float32)


def _masks(labels: NDArray[np.int32], grid: Sequence[Plane], rng: np.random.Generator) -> Plane:
    """How much of each pixel (N, SIZE, SIZE) lies inside its shape."""
    radius, angle = rng.uniform(0.55, 0.8, len(labels)), rng.uniform(-TURN, TURN, len(labels))
    x, y = (p - rng.uniform(-0.3, 0.3, (len(labels), 1, 1)) for p in grid)
    cos, sin = ((f(angle) / radius)[:, None, None] for f in (np.cos, np.sin))
    u, v = x * cos + y * sin, y * cos - x * sin
    fields = np.stack([FIELDS[k](u[n], v[n]) for n, k in enumerate(labels)])
    edge = SIZE * radius[:, None, None] / 2  # pixels of one unit
    return np.clip(fields * edge + 0.5, 0, 1)


def _texture(count: int, grid: Sequence[Plane], rng: np.random.Generator) -> Plane:
    """Waves (N, 3, SIZE, SIZE) of a direction, phase and height of their own."""
    wave = rng.uniform(-9, 9, (2, count, 1, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (count, 3, 1, 1))
    height = rng.uniform(0, 0.18, (count, 3, 1, 1))
    return np.asarray(height * np.sin(wave[0] * grid[0] + wave[1] * grid[1] + phase))
