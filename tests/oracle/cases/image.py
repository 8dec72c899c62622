"""Image functions of the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.cases import Case

RGB = np.random.RandomState(3).randint(0, 256, (9, 14, 3)).astype("uint8")
SIZES = ((5, 4), (28, 18), (6, 20), (40, 5), (7, 3))


def _resized(interp: int) -> Case:
    def case(mx: Any) -> list[Any]:
        image = mx.np.array(RGB, dtype="uint8")
        return [mx.image.imresize(image, w, h, interp=interp).astype("float32") for w, h in SIZES]

    return case


def _resized_float(mx: Any) -> list[Any]:
    image = mx.np.array(RGB.astype("float32"))
    return [mx.image.imresize(image, 5, 21, interp=i) for i in range(5)]


def _cuts(mx: Any) -> list[Any]:
    image = mx.np.array(RGB, dtype="uint8")
    parts = [
        mx.image.resize_short(image, 5, 1),
        mx.image.fixed_crop(image, 1, 2, 5, 4),
        mx.image.center_crop(image, (8, 6))[0],
        mx.image.center_crop(image, (20, 6), 1)[0],
    ]
    return [p.astype("float32") for p in parts]


def _rotated(mx: Any) -> list[Any]:
    image = mx.np.array(RGB.transpose(2, 0, 1).astype("float32"))
    turns: tuple[dict[str, bool], ...] = ({}, {"zoom_in": True}, {"zoom_out": True})
    return [mx.image.imrotate(image, d, **kw) for d in (10, -70, 180) for kw in turns]


def _normalized(mx: Any) -> list[Any]:
    first, second = (mx.np.array(RGB.astype("float32")) for _ in range(2))  # MXNet changes them
    mean, std = mx.np.array([1.0, 2.0, 3.0]), mx.np.array([4.0, 5.0, 6.0])
    return [
        mx.image.color_normalize(first, mean, std),
        mx.image.color_normalize(second, mean),
    ]


CASES = {f"imresize_{i}": _resized(i) for i in range(5)} | {
    "imresize_float32": _resized_float,
    "cuts": _cuts,
    "imrotate": _rotated,
    "color_normalize": _normalized,
}

TOLERANCES = {
    # OpenCV adds uint8 with 11 bits of fraction, and its Lanczos weights are of a table
    **{f"imresize_{i}": (0, 1) for i in range(5)},
    "imresize_float32": (1e-3, 1e-2),
    "cuts": (0, 1),
    "imrotate": (1e-3, 1e-2),  # MXNet's sampling grid is float32, scaled to [-1, 1]
}
