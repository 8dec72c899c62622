"""Convolutions over three spatial axes as ones over two, for which there are kernels.

The taps along the first spatial axis (depth) become channels: the slices that a place of the result
sees lie beside each other, and each place is an image of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.ir import Dim, TensorType, Value, dim_prod
from baryon.ops.gradients import Attrs, Recorder, Values
from baryon.ops.manipulation import END
from baryon.ops.shapes import write_shape
from baryon.ops.windows import Window, window_of

RANK = 5
"""Of data (N, C, depth, height, width)."""


def is_volume(operands: Sequence[TensorType]) -> bool:
    """Whether the data of a convolution has three spatial axes."""
    return operands[0].rank == RANK


def convolution(o: Recorder, x: Values, attrs: Attrs) -> Values:
    """npx.convolution of data (N, C, D, H, W)."""
    data, weight, *bias = x
    window = window_of("npx.convolution", 3, attrs)
    depth = window.out(data.type.shape[2:])[0]
    images = _images(o, data, window, depth)
    y = o.npx.convolution(images, _as_plane(o, weight), *bias, **_plane(window, attrs))
    return [_volumes(o, y, data.type.shape[0], depth)]


def weight_gradient(o: Recorder, x: Values, attrs: Attrs) -> Values:
    """ir.convolution_weight_gradient of data (N, C, D, H, W)."""
    data, out_grad = x
    window = window_of("ir.convolution_weight_gradient", 3, attrs)
    images = _images(o, data, window, int(str(out_grad.type.shape[2])))
    found = o.ir.convolution_weight_gradient(images, _slices(o, out_grad), **_plane(window, attrs))
    channels = int(str(data.type.shape[1])) // attrs["num_group"]
    shape = (found.type.shape[0], channels, *window.kernel)
    return [o.np.reshape(found, newshape=write_shape(shape))]


def deconvolution(o: Recorder, x: Values, attrs: Attrs) -> Values:
    """npx.deconvolution of data (N, C, D, H, W): each slice gives some slices of the result."""
    data, weight, *bias = x
    window = window_of("npx.deconvolution", 3, attrs)
    adj = attrs["adj"] or (0, 0, 0)
    size = int(str(data.type.shape[2]))
    plane = {**_plane(window, attrs), "adj": adj[1:]}
    y = o.npx.deconvolution(_slices(o, data), _as_plane(o, weight), **plane)
    taps = window.kernel[0]
    filters = int(str(y.type.shape[1])) // taps
    rows = y.type.shape[2:]
    split = (data.type.shape[0], size, filters, taps, *rows)
    parts = o.np.transpose(o.np.reshape(y, newshape=write_shape(split)), axes=(0, 2, 1, 3, 4, 5))
    full = (size - 1) * window.stride[0] + window.extent[0] + adj[0]
    starts = np.arange(size)[:, None] * window.stride[0] + np.arange(taps) * window.dilate[0]
    whole = o.ir.scatter_add(starts.astype(np.int64), parts, size=full, axis=2)
    kept = (window.before[0], full - window.after[0])
    y = o.npx.slice(whole, begin=(0, 0, kept[0]), end=(END, END, kept[1]))
    if not bias:
        return [y]
    return [o.np.add(y, o.np.reshape(bias[0], newshape=(-1, 1, 1, 1)))]


def _images(o: Recorder, data: Value, window: Window, depth: int) -> Value:
    """(N * depth, C * taps, H, W): what the result's places along the depth see."""
    count, channels, _, *plane = data.type.shape
    taps, stride, dilate = window.kernel[0], window.stride[0], window.dilate[0]
    before, after = window.before[0], max(window.after[0], 0)
    padded = data
    if before or after:
        padded = o.np.pad(data, pad_width=(0, 0, 0, 0, before, after, 0, 0, 0, 0))
    seen = []
    for tap in range(taps):
        first = tap * dilate
        end = first + (depth - 1) * stride + 1
        seen.append(o.npx.slice(padded, (0, 0, first), (END, END, end), (1, 1, stride)))
    beside = o.np.transpose(o.np.stack(seen, axis=2), axes=(0, 3, 1, 2, 4, 5))
    shape = (_times(count, depth), int(str(channels)) * taps, *plane)
    images: Value = o.np.reshape(beside, newshape=write_shape(shape))
    return images


def _slices(o: Recorder, x: Value) -> Value:
    """(N * D, C, H, W) of (N, C, D, H, W)."""
    count, channels, depth, *plane = x.type.shape
    slices = o.np.transpose(x, axes=(0, 2, 1, 3, 4))
    shape = (_times(count, depth), channels, *plane)
    images: Value = o.np.reshape(slices, newshape=write_shape(shape))
    return images


def _volumes(o: Recorder, y: Value, count: Dim, depth: int) -> Value:
    """(N, C, D, H, W) of (N * D, C, H, W)."""
    split = o.np.reshape(y, newshape=write_shape((count, depth, *y.type.shape[1:])))
    volumes: Value = o.np.transpose(split, axes=(0, 2, 1, 3, 4))
    return volumes


def _times(count: Dim, depth: Dim) -> Dim:
    return dim_prod((count, depth))


def _as_plane(o: Recorder, weight: Value) -> Value:
    """The weight with its taps along the depth as channels, behind each other for each."""
    lead, channels, taps, *plane = weight.type.shape
    shape = (lead, _times(channels, taps), *plane)
    made: Value = o.np.reshape(weight, newshape=write_shape(shape))
    return made


def _plane(window: Window, attrs: Attrs) -> dict[str, Any]:
    """The window without its first axis, as attributes."""
    pad = (*window.before[1:], *window.after[1:])
    return {
        "kernel": window.kernel[1:], "stride": window.stride[1:], "dilate": window.dilate[1:],
        "pad": pad, "num_group": attrs["num_group"],
    }  # fmt: skip
