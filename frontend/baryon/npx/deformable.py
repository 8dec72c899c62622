"""Convolutions whose taps are moved by offsets that a network computes.

Source: arXiv:1703.06211, and arXiv:1811.11168 for the modulated one. The data is sampled between
pixels into columns, which a product with the weight sums up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from baryon.array import ndarray
from baryon.array.types import ArrayLike, Axes
from baryon.npx.common import array, fail, np, pair, sizes
from baryon.npx.sampling import Image, linear, within


def deformable_convolution(
    data: ArrayLike, offset: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None,
    kernel: Axes = (), stride: Axes | None = None, dilate: Axes | None = None,
    pad: Axes | None = None, num_filter: int | None = None, num_group: int = 1,
    num_deformable_group: int = 1, workspace: int = 1024, no_bias: bool = False,
    layout: str | None = None,
) -> ndarray:  # fmt: skip
    """A 2-D convolution of (N, C, H, W) data whose taps are moved by offsets.

    offset: (N, 2 * num_deformable_group * taps, rows, columns) with a row and a column offset for
    each tap, for each group of channels that share theirs. weight: (num_filter, C / num_group,
    *kernel). Between pixels the data is interpolated; taps outside of it give 0, and those between
    the last pixel and its end give the last pixel.
    IRTypeError for shapes that do not fit.
    """
    call = _Call("deformable_convolution", array(data), array(weight), kernel, stride, dilate, pad,
                 num_group, num_deformable_group, layout)  # fmt: skip
    columns = call.columns(array(offset), None)
    return call.summed(columns, array(weight), None if no_bias else bias)


def modulated_deformable_convolution(
    data: ArrayLike, offset: ArrayLike, mask: ArrayLike, weight: ArrayLike,
    bias: ArrayLike | None = None, kernel: Axes = (), stride: Axes | None = None,
    dilate: Axes | None = None, pad: Axes | None = None, num_filter: int | None = None,
    num_group: int = 1, num_deformable_group: int = 1, workspace: int = 1024,
    no_bias: bool = False, im2col_step: int = 64, layout: str | None = None,
) -> ndarray:  # fmt: skip
    """`deformable_convolution` whose taps are multiplied by a mask.

    mask: (N, num_deformable_group * taps, rows, columns). Around the data there are zeros, towards
    which taps between the outermost pixels and them are interpolated.
    """
    call = _Call("modulated_deformable_convolution", array(data), array(weight), kernel, stride,
                 dilate, pad, num_group, num_deformable_group, layout)  # fmt: skip
    columns = call.columns(array(offset), array(mask))
    return call.summed(columns, array(weight), None if no_bias else bias)


@dataclass(frozen=True)
class _Axis:
    """One spatial axis: its size, the places of the outputs, and the distances of the taps."""

    size: int
    taps: int
    starts: tuple[int, ...]
    step: int


class _Call:
    """The geometry of one call."""

    def __init__(
        self, function: str, x: ndarray, weight: ndarray, kernel: Axes, stride: Axes | None,
        dilate: Axes | None, pad: Axes | None, groups: int, deformable_groups: int,
        layout: str | None,
    ) -> None:  # fmt: skip
        if layout not in (None, "NCHW") or x.ndim != 4 or weight.ndim != 4:
            fail(function, f"data {x.type}, weight {weight.type}, layout {layout}",
                 "data is (N, C, H, W)")  # fmt: skip
        self.function, self.x, self.groups, self.shared = function, x, groups, deformable_groups
        self.batch, self.channels, *image = sizes(function, x)
        if self.channels % groups or self.channels % deformable_groups:
            fail(function, f"{self.channels} channels in {groups} and {deformable_groups} groups")
        given = zip(image, pair(kernel, 2, 1), pair(stride, 2, 1), pair(dilate, 2, 1),
                    pair(pad, 2, 0), strict=True)  # fmt: skip
        self.axes = [_axis(function, *axis) for axis in given]
        self.taps = self.axes[0].taps * self.axes[1].taps
        self.rows, self.cols = (len(axis.starts) for axis in self.axes)

    def columns(self, offset: ndarray, mask: ndarray | None) -> ndarray:
        """The samples (N, C, taps, rows * columns)."""
        shape = (self.batch, self.shared, self.taps, -1, self.rows, self.cols)
        self._need("offset", offset, 2)
        moved = np.reshape(offset, shape)
        row = np.add(moved[:, :, :, 0], self._grid(0))
        column = np.add(moved[:, :, :, 1], self._grid(1))
        samples = self._sampled(row, column, clamp=mask is None)
        if mask is not None:
            self._need("mask", mask, 1)
            samples = samples * np.reshape(mask, (*shape[:2], 1, -1))
        return np.reshape(samples, (self.batch, self.channels, self.taps, -1))

    def _need(self, name: str, x: ndarray, parts: int) -> None:
        wanted = (self.batch, parts * self.shared * self.taps, self.rows, self.cols)
        if x.shape != wanted:
            fail(self.function, f"{name} {x.type} must have the shape {wanted}")

    def _grid(self, which: int) -> ndarray:
        """The places of the taps along an axis without offsets, (taps, rows, columns)."""
        axis = self.axes[which]
        starts = numpy.asarray(axis.starts, numpy.float32)
        taps = numpy.arange(axis.taps, dtype=numpy.float32) * axis.step
        shape = (axis.taps, 1, -1, 1) if which == 0 else (1, axis.taps, 1, -1)
        places = (taps[:, None] + starts).reshape(shape)
        full = (self.axes[0].taps, self.axes[1].taps, self.rows, self.cols)
        whole = numpy.broadcast_to(places, full).reshape(self.taps, self.rows, self.cols)
        return array(whole, self.x.dtype)

    def _sampled(self, row: ndarray, column: ndarray, clamp: bool) -> ndarray:
        """The data between pixels: (N, groups, C / groups, places)."""
        places = (self.batch, self.shared, 1, -1)
        row, column = np.reshape(row, places), np.reshape(column, places)
        pixels = np.reshape(self.x, (self.batch, self.shared, self.channels // self.shared, -1))
        height, width = (axis.size for axis in self.axes)
        inside = _within(row, height, clamp) & _within(column, width, clamp)
        if clamp:
            row, column = np.minimum(row, height - 1.0), np.minimum(column, width - 1.0)
        image = Image(pixels, (height, width))
        return np.where(inside, image.weighted([linear(row), linear(column)]), 0.0)

    def summed(self, columns: ndarray, weight: ndarray, bias: ArrayLike | None) -> ndarray:
        """The samples times the weight: (N, filters, rows, columns)."""
        filters, each = int(str(weight.shape[0])), self.channels // self.groups
        wanted = (filters, each, self.axes[0].taps, self.axes[1].taps)
        if weight.shape != wanted or filters % self.groups:
            fail(self.function, f"weight {weight.type} must have the shape {wanted}")
        parts = np.reshape(columns, (self.batch, self.groups, each * self.taps, -1))
        rows = np.reshape(weight, (self.groups, filters // self.groups, each * self.taps))
        y = np.reshape(np.matmul(rows, parts), (self.batch, filters, self.rows, self.cols))
        return y if bias is None else y + np.reshape(array(bias), (-1, 1, 1))


def _axis(function: str, size: int, kernel: int, stride: int, dilate: int, pad: int) -> _Axis:
    count = (size + 2 * pad - dilate * (kernel - 1) - 1) // stride + 1
    if count < 1:
        fail(function, f"a kernel of {kernel} does not fit into {size} pixels")
    return _Axis(size, kernel, tuple(i * stride - pad for i in range(count)), dilate)


def _within(place: ndarray, size: int, from_zero: bool) -> ndarray:
    """Whether a place is on the image, or, not from_zero, less than a pixel before it."""
    return (
        within(place, size) if from_zero else np.greater(place, -1.0) & np.less(place, float(size))
    )


PUBLIC = (deformable_convolution, modulated_deformable_convolution)
