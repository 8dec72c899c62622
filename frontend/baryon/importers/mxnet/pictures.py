"""Operators on pictures (H, W, C), which networks that take files' pixels begin with."""

from __future__ import annotations

import math

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import flag, integer, numbers, whole
from baryon.importers.mxnet.node import Node, direct, op

_MOST_TAPS = 1 << 10


def _resize(node: Node, x: ndarray) -> ndarray:
    size = node.get(whole("size", ()))
    return npx.image.resize(
        x, size[0] if len(size) == 1 else size, bool(node.get(flag("keep_ratio", False))),
        node.get(integer("interp", 1)),
    )  # fmt: skip


def _normalize(node: Node, x: ndarray) -> ndarray:
    """Numbers of the attributes are repeated for channels that have none."""
    channels = int(str(x.shape[-3]))
    mean, std = node.get(numbers("mean", (0.0,))), node.get(numbers("std", (1.0,)))
    return npx.image.normalize(x, mean[:channels], std[:channels])


def _windows(node: Node, x: ndarray) -> ndarray:
    """x (N, C, H, W) -> (N, C * kernel, windows): what each window of a convolution reads."""
    kernel = node.get(whole("kernel"))
    stride, dilate = (node.get(whole(k, ())) or (1, 1) for k in ("stride", "dilate"))
    pad = node.get(whole("pad", ())) or (0, 0)
    if len(kernel) != 2 or not 1 <= math.prod(kernel) <= _MOST_TAPS:
        raise node.unsupported(f"kernel={kernel}", f"two axes, {_MOST_TAPS} elements at most")
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in pad)))
    axes = [
        _taps(int(str(size)), *window)
        for size, *window in zip(padded.shape[2:], kernel, stride, dilate, strict=True)
    ]
    if not all(end > 0 for axis in axes for _, end in axis):
        raise node.unsupported(f"kernel={kernel} on data {x.shape}")
    taps = [
        npx.slice(padded, (None, None, top, left), (None, None, bottom, right),
                  (None, None, *stride))
        for top, bottom in axes[0] for left, right in axes[1]
    ]  # fmt: skip
    images, channels = (int(str(d)) for d in x.shape[:2])
    return np.reshape(np.stack(taps, axis=2), (images, channels * len(taps), -1))


def _taps(size: int, kernel: int, stride: int, dilate: int) -> list[tuple[int, int]]:
    """Where the places that each element of a kernel reads begin and end; ends of 0: nowhere."""
    count = (size - dilate * (kernel - 1) - 1) // stride + 1
    span = (count - 1) * stride + 1
    return [(i * dilate, i * dilate + span if count > 0 else 0) for i in range(kernel)]


OPS = (
    op("_image_resize _npx__image_resize", _resize),
    op("_image_normalize _npx__image_normalize", _normalize),
    direct("_image_to_tensor _npx__image_to_tensor", npx.image.to_tensor),
    direct("_image_crop _npx__image_crop", npx.image.crop, x=integer("x"), y=integer("y"),
           width=integer("width"), height=integer("height")),
    direct("_image_flip_left_right _npx__image_flip_left_right", npx.image.flip_left_right),
    direct("_image_flip_top_bottom _npx__image_flip_top_bottom", npx.image.flip_top_bottom),
    direct("_image_adjust_lighting _npx__image_adjust_lighting", npx.image.adjust_lighting,
           alpha=numbers("alpha")),
    op("im2col", _windows),
)  # fmt: skip
