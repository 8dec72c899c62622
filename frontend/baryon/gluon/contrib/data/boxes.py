"""Geometry of boxes: arrays (N, 4 or more) with left, top, right, bottom, then anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import typing as npt

Boxes = npt.NDArray[Any]


def cropped(boxes: Boxes, crop: tuple[int, int, int, int], allow_outside_center: bool) -> Boxes:
    """The boxes inside a crop (left, top, width, height), in its coordinates and cut at its edge.

    Boxes without area are left out, and, unless allowed, those whose centre is outside.
    """
    left, top, width, height = crop
    low, high = np.array([left, top]), np.array([left + width, top + height])
    out = boxes.copy()
    centre = (boxes[:, :2] + boxes[:, 2:4]) / 2
    out[:, :2] = np.maximum(boxes[:, :2], low) - low
    out[:, 2:4] = np.minimum(boxes[:, 2:4], high) - low
    kept = (out[:, :2] < out[:, 2:4]).all(1)
    if not allow_outside_center:
        kept &= ((low <= centre) & (centre < high)).all(1)
    return np.asarray(out[kept])


def mirrored(boxes: Boxes, width: float) -> Boxes:
    """The boxes of an image of this width whose left and right changed places."""
    out = boxes.copy()
    out[:, 0], out[:, 2] = width - boxes[:, 2], width - boxes[:, 0]
    return out


def overlaps(boxes: Boxes, box: Boxes) -> npt.NDArray[np.float64]:
    """Intersection over union of each box with one box."""
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, 2:4], box[2:4])
    common = np.prod(np.maximum(high - low, 0), 1)
    areas = np.prod(boxes[:, 2:4] - boxes[:, :2], 1)
    union = areas + np.prod(box[2:4] - box[:2]) - common
    return np.asarray(common / np.maximum(union, 1e-12))
