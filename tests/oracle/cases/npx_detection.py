"""Anchors, suppression, matching, training targets, pooling of regions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from oracle.cases import Case
from oracle.graded import graded, plain, randn


def _boxes(seed: int, *shape: int) -> Any:
    """Boxes by their corners, inside of [0, 1]."""
    low, side = np.random.RandomState(seed).rand(2, *shape, 2)
    return np.concatenate([low * 0.6, low * 0.6 + 0.05 + side * 0.35], -1).astype("float32")


def _rows(seed: int, count: int) -> Any:
    """Detections: class, score, box."""
    draw = np.random.RandomState(seed)
    heads = np.stack([draw.randint(0, 3, count), draw.rand(count)], 1).astype("float32")
    return np.concatenate([heads, _boxes(seed, count)], 1)


ROWS = _rows(0, 12)
ANCHORS = _boxes(1, 1, 10)
LABELS = np.full((3, 4, 5), -1, "float32")
LABELS[0, :3, 1:], LABELS[1, :1, 1:] = _boxes(2, 3), ANCHORS[0, 4] + np.float32(0.02)
LABELS[0, :3, 0], LABELS[1, 0, 0] = [1, 0, 1], 1
SCORES = randn(3, 3, 3, 10)
CHANCES = np.exp(randn(4, 2, 3, 10))
CHANCES /= CHANCES.sum(1, keepdims=True)
PLACES = randn(5, 2, 40) * np.float32(0.5)
IMAGES = randn(6, 2, 2, 6, 8)
ROIS = np.array([[0, 0, 0, 4, 4], [1, 2, 1, 7, 5], [0, 3, 3, 3, 3], [1, -2, 1, 9, 9]], "float32")


def _nms(compare: Callable[..., Case] = graded, **kwargs: Any) -> Case:
    return compare(lambda mx, x: mx.npx.box_nms(x, **kwargs), ROWS)


def _detection(**kwargs: Any) -> Case:
    return plain(lambda mx, *x: mx.npx.multibox_detection(*x, **kwargs), CHANCES, PLACES, ANCHORS)


def _target(**kwargs: Any) -> Case:
    return plain(lambda mx, *x: mx.npx.multibox_target(*x, **kwargs), ANCHORS, LABELS, SCORES)


def _matching(**kwargs: Any) -> Case:
    return plain(lambda mx, x: mx.npx.bipartite_matching(x, **kwargs), np.abs(randn(7, 2, 4, 3)))


CASES: Mapping[str, Case] = {
    "nms": _nms(overlap_thresh=0.2),
    "nms_classes": _nms(overlap_thresh=0.1, id_index=0, background_id=1, valid_thresh=0.2),
    "nms_topk": _nms(overlap_thresh=0.1, id_index=0, topk=5, force_suppress=True),
    # MXNet's gradient leaves the change of format out
    "nms_to_center": _nms(plain, overlap_thresh=0.2, out_format="center"),
    "nms_from_center": _nms(plain, overlap_thresh=0.2, in_format="center"),
    "nms_batch": plain(lambda mx, x: mx.npx.box_nms(x, overlap_thresh=0.2),
                       np.stack([ROWS, _rows(8, 12)])),
    "iou": plain(lambda mx, a, b: mx.npx.box_iou(a, b), _boxes(3, 2, 3), _boxes(4, 4)),
    "iou_center": plain(lambda mx, a, b: mx.npx.box_iou(a, b, format="center"), _boxes(3, 2, 3),
                        _boxes(4, 4)),
    "matching": _matching(threshold=0.3),
    "matching_up": _matching(threshold=0.9, is_ascend=True),
    "prior": plain(lambda mx, x: mx.npx.multibox_prior(x, sizes=(0.5, 0.3), ratios=(2.0, 1.0, 0.5)),
                   IMAGES),
    "prior_steps": plain(
        lambda mx, x: mx.npx.multibox_prior(
            x, sizes=(0.6,), clip=True, steps=(0.4, 0.3), offsets=(0.4, 0.6)
        ),
        IMAGES[:, :, :2, :3],
    ),
    "encode": plain(
        lambda mx, *x: mx.npx.box_encode(*x, mx.np.array([0, 0.1, 0.2, 0.3]),
                                         mx.np.array([0.1, 0.1, 0.2, 0.2])),
        np.array([[1, 0, -1, 1]], "float32"), np.array([[2, 1, 0, 0]], "float32"), _boxes(9, 1, 4),
        _boxes(10, 1, 3),
    ),
    "decode": plain(lambda mx, x, a: mx.npx.box_decode(x, a, std0=0.1, std2=0.2, std3=0.3),
                    randn(11, 2, 4, 4), _boxes(9, 1, 4)),
    "decode_corner": plain(
        lambda mx, x, a: mx.npx.box_decode(x, a, std1=0.1, std2=0.2, clip=0.05, format="corner"),
        randn(11, 2, 4, 4), _boxes(9, 1, 4),
    ),
    "target": _target(),
    "target_mining": _target(overlap_threshold=0.3, negative_mining_ratio=2.0,
                             negative_mining_thresh=0.4, ignore_label=-5.0),
    "detection": _detection(nms_threshold=0.2),
    "detection_all": _detection(nms_threshold=0.1, force_suppress=True, threshold=0.2, clip=False),
    "detection_unsorted": _detection(nms_threshold=-1.0, threshold=0.3),
    "roi": graded(
        lambda mx, x: mx.npx.roi_pooling(x, mx.np.array(ROIS), pooled_size=(2, 2),
                                         spatial_scale=1.0),
        IMAGES,
    ),
    "roi_scaled": plain(
        lambda mx, x, r: mx.npx.roi_pooling(x, r, pooled_size=(3, 2), spatial_scale=0.5),
        IMAGES, ROIS,
    ),
}  # fmt: skip
