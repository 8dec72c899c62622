"""Convolutions and pooling: MXNet's arguments, channels-last layouts, adaptive averages.

Data whose channels come last are transposed around the op; the compiler lays memory out as it finds
best, so that compiled code does not move them twice.
"""

from __future__ import annotations

from typing import Any

from baryon.array import ndarray
from baryon.array.types import ArrayLike, Axes
from baryon.npx.common import array, fail, np, npx, pair

_FIRST = ("NCW", "NCHW", "NCDHW")
_LAST = ("NWC", "NHWC", "NDHWC")


class _Layout:
    """How the axes of data lie, and the way from there to channels first and back."""

    def __init__(self, function: str, layout: str | None, rank: int) -> None:
        if layout is not None and layout not in _FIRST + _LAST:
            fail(function, f"layout={layout!r}", f"one of {', '.join(_FIRST + _LAST)}")
        if layout is not None and len(layout) != rank:
            fail(function, f"layout={layout!r} for data of {rank} axes")
        self.last = layout in _LAST
        spatial = range(1, rank - 1)
        self.to_first = (0, rank - 1, *spatial)
        self.to_last = (0, *range(2, rank), 1)

    def first(self, x: ndarray) -> ndarray:
        """Data, or a weight, with the channels at axis 1."""
        return np.transpose(x, axes=self.to_first) if self.last else x

    def back(self, x: ndarray) -> ndarray:
        """A result in the layout of the data."""
        return np.transpose(x, axes=self.to_last) if self.last else x


def convolution(
    data: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, kernel: Axes = (),
    stride: Axes | None = None, dilate: Axes | None = None, pad: Axes | None = None,
    num_filter: int | None = None, num_group: int = 1, workspace: int = 1024,
    no_bias: bool = False, cudnn_tune: str | None = None, cudnn_off: bool = False,
    layout: str | None = None,
) -> ndarray:  # fmt: skip
    """A convolution over 1 to 3 spatial axes of (N, C, *spatial) data.

    weight: (num_filter, C / num_group, *kernel); with a channels-last layout (num_filter, *kernel,
    C / num_group). pad: one number for each spatial axis, or all begins, then all ends. layout:
    NCW, NCHW, NCDHW, or NWC, NHWC, NDHWC.
    """
    x = array(data)
    order = _Layout("convolution", layout, x.ndim)
    y = npx.convolution(
        order.first(x), order.first(array(weight)), None if no_bias else bias, kernel, stride or (),
        dilate or (), pad or (), num_filter, num_group,
    )  # fmt: skip
    return order.back(y)


def deconvolution(
    data: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, kernel: Axes = (),
    stride: Axes | None = None, dilate: Axes | None = None, pad: Axes | None = None,
    adj: Axes | None = None, target_shape: Axes | None = None, num_filter: int | None = None,
    num_group: int = 1, workspace: int = 512, no_bias: bool = False,
    cudnn_tune: str | None = None, cudnn_off: bool = False, layout: str | None = None,
) -> ndarray:  # fmt: skip
    """A transposed convolution: the gradient of `convolution` with respect to its data.

    weight: (C, num_filter / num_group, *kernel); with a channels-last layout (C, *kernel,
    num_filter / num_group). An output axis has stride * (size - 1) + dilate * (kernel - 1) + 1 -
    2 * pad + adj elements; a target_shape chooses pad and adj so that it is met, and is refused
    (IRTypeError) if it is too large.
    """
    x = array(data)
    order = _Layout("deconvolution", layout, x.ndim)
    first, count = order.first(x), x.ndim - 2
    if target_shape is not None and any(pair(target_shape, count, 0)):
        pad, adj = _to_meet(first, pair(target_shape, count, 0), kernel, stride, dilate)
    y = npx.deconvolution(
        first, order.first(array(weight)), None if no_bias else bias, kernel, stride or (),
        dilate or (), pad or (), adj or (), num_filter, num_group,
    )  # fmt: skip
    return order.back(y)


def _to_meet(
    x: ndarray, target: tuple[int, ...], kernel: Axes, stride: Axes | None, dilate: Axes | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The padding and adjustment for an output shape."""
    count = len(target)
    steps = zip(x.shape[2:], pair(kernel, count, 1), pair(stride, count, 1), pair(dilate, count, 1),
                strict=True)  # fmt: skip
    full = [s * (int(str(d)) - 1) + a * (k - 1) + 1 for d, k, s, a in steps]
    spare = [f - t for f, t in zip(full, target, strict=True)]
    if min(spare) < 0:
        fail("deconvolution", f"target_shape={target} is larger than {tuple(full)}")
    return tuple((n + 1) // 2 for n in spare), tuple(n % 2 for n in spare)


def pooling(
    data: ArrayLike, kernel: Axes = (), stride: Axes | None = None, pad: Axes | None = None,
    pool_type: str = "max", pooling_convention: str = "valid", global_pool: bool = False,
    cudnn_off: bool = False, p_value: int | None = None, count_include_pad: bool | None = None,
    layout: str | None = None, output_size: Axes | None = None,
) -> ndarray:  # fmt: skip
    """A window of `kernel` slides over the spatial axes: its max, avg, sum, or lp norm.

    lp: (sum of |x| ** p_value) ** (1 / p_value). pooling_convention: valid, full (a window that
    starts inside counts) or same. output_size: the windows are those that give an average of this
    many places, `kernel` and the like have no effect. layout: as in `convolution`.
    """
    x = array(data)
    order = _Layout("pooling", layout, x.ndim)
    first = order.first(x)
    if output_size is not None:
        return order.back(_adaptive(first, pair(output_size, x.ndim - 2, 1), pool_type))
    included = True if count_include_pad is None else count_include_pad
    attrs = (pooling_convention, global_pool, included)
    if pool_type != "lp":
        y = npx.pooling(first, kernel, stride or (), pad or (), pool_type, *attrs)
        return order.back(y)
    if not p_value or p_value < 1:
        fail("pooling", f"p_value={p_value}: pool_type 'lp' needs a power of 1 or more")
    powers = np.power(np.abs(first), float(p_value))
    summed = npx.pooling(powers, kernel, stride or (), pad or (), "sum", *attrs)
    return order.back(np.power(summed, 1 / p_value))


def _adaptive(x: ndarray, output: tuple[int, ...], pool_type: str) -> ndarray:
    """Averages over windows that cover each axis in a given number of steps."""
    if pool_type != "avg":
        fail("pooling", f"output_size with pool_type={pool_type!r}", "use pool_type='avg'")
    for axis, (size, wanted) in enumerate(zip(x.shape[2:], output, strict=True), 2):
        x = _averaged(x, axis, int(str(size)), wanted)
    return x


def _averaged(x: ndarray, axis: int, size: int, wanted: int) -> ndarray:
    """One axis shortened, as a product with a matrix of weights."""
    if wanted == size:
        return x
    if wanted < 1:
        fail("pooling", f"output_size={wanted} must be positive")
    weights: list[Any] = []
    for i in range(wanted):
        start, stop = i * size // wanted, -(-(i + 1) * size // wanted)
        weights.append([1 / (stop - start) if start <= j < stop else 0.0 for j in range(size)])
    order = (*(i for i in range(x.ndim) if i != axis), axis)
    moved = np.matmul(np.transpose(x, axes=order), array(weights, x.dtype).T)
    return np.transpose(moved, axes=(*range(axis), x.ndim - 1, *range(axis, x.ndim - 1)))


PUBLIC = (convolution, deconvolution, pooling)
