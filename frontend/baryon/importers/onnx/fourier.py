"""Fourier transforms of real numbers and pairs (real, imaginary), and what goes with them.

There are no complex numbers in the IR. A transform of any kind is linear, so a short one is a
product with a matrix of real numbers; a long one is two rounds of shorter ones (Cooley and Tukey,
An algorithm for the machine calculation of complex Fourier series, 1965).
"""

from __future__ import annotations

from typing import Any

import numpy

from baryon import np
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp
from baryon.importers.onnx.reader import element_type
from baryon.ir import Array
from baryon.ops.shapes import write_shape

SHORT = 512
"""Elements up to which a transform is one product."""

_LONGEST_PRODUCT = 1 << 12
"""Elements up to which a length without divisors is transformed, by one product."""


def _dft(node: Node, x: ndarray, length: ndarray | None, axis: int) -> ndarray:
    inverse, onesided = bool(node.attr("inverse", 0)), bool(node.attr("onesided", 0))
    at = axis % x.ndim
    if at == x.ndim - 1:
        raise node.unsupported(f"axis={axis}", "the last axis has the real and imaginary parts")
    bins = node.number(x.shape[at], "the transformed axis")
    real = inverse and onesided
    count = int(length.item()) if length is not None else (2 * (bins - 1) if real else bins)
    signal = np.moveaxis(x, at, -2)
    signal = _fitted(signal, bins, count // 2 + 1 if real else count)
    if real:
        y = _real_inverse(node, signal, count)
    else:
        y = _transformed(node, signal, count, inverse)
        y = y[..., : count // 2 + 1, :] if onesided else y
    return np.moveaxis(y, -2, at)


def _fitted(x: ndarray, size: int, wanted: int) -> ndarray:
    """The next to last axis cut off, or with zeros at its end."""
    if size >= wanted:
        return x[..., :wanted, :]
    return np.pad(x, [*[(0, 0)] * (x.ndim - 2), (0, wanted - size), (0, 0)])


def _transformed(node: Node, x: ndarray, count: int, inverse: bool) -> ndarray:
    """The transform of (..., count, 1 or 2) as (..., count, 2); the inverse is divided by count."""
    y = _spectrum(node, x, count, 1 if inverse else -1)
    return y * (1 / count) if inverse else y


def _spectrum(node: Node, x: ndarray, count: int, sign: int) -> ndarray:
    """Sums of x[n] * exp(sign * 2 pi i k n / count) over n."""
    parts = x.shape[-1]
    rows = next((d for d in range(int(count**0.5), 1, -1) if count % d == 0), 1)
    if count <= SHORT or rows == 1:
        if count > _LONGEST_PRODUCT:
            raise node.unsupported(f"a transform of {count} elements, a prime number")
        return _product(x, _matrix(count, int(str(parts)), sign))
    columns = count // rows
    grid = np.reshape(x, write_shape((*x.shape[:-2], rows, columns, parts)))
    inner = _spectrum(node, np.swapaxes(grid, -3, -2), rows, sign)  # (..., columns, rows, 2)
    outer = np.swapaxes(_turned(inner, columns, rows, sign), -3, -2)
    found = np.swapaxes(_spectrum(node, outer, columns, sign), -3, -2)
    return np.reshape(found, write_shape((*x.shape[:-2], count, 2)))


def _turned(x: ndarray, columns: int, rows: int, sign: int) -> ndarray:
    """(..., columns, rows, 2) times exp(sign * 2 pi i column * row / (columns * rows))."""
    angles = numpy.outer(numpy.arange(columns), numpy.arange(rows)) / (columns * rows)
    cos, sin = (
        np.array(f(sign * 2 * numpy.pi * angles), dtype=x.dtype) for f in (numpy.cos, numpy.sin)
    )
    real, imaginary = x[..., 0], x[..., 1]
    return np.stack([real * cos - imaginary * sin, real * sin + imaginary * cos], axis=-1)


def _matrix(count: int, parts: int, sign: int) -> Array:
    """From (count, parts) as flat to (count, 2) as flat."""
    turns = numpy.outer(numpy.arange(count), numpy.arange(count)) % count / count
    wave = numpy.exp(sign * 2j * numpy.pi * turns)
    of_real = numpy.stack([wave.real, wave.imag], axis=-1)
    of_imaginary = numpy.stack([-wave.imag, wave.real], axis=-1)
    both = numpy.stack([of_real, of_imaginary][:parts], axis=1)
    flat: Array = both.reshape(count * parts, count * 2)
    return flat


def _product(x: ndarray, matrix: Array) -> ndarray:
    """(..., n, parts) times a matrix, as (..., k, 2)."""
    lead = x.shape[:-2]
    flat = np.reshape(x, write_shape((*lead, matrix.shape[0])))
    y = np.matmul(flat, np.array(matrix, dtype=x.dtype))
    return np.reshape(y, write_shape((*lead, matrix.shape[1] // 2, 2)))


def _real_inverse(node: Node, x: ndarray, count: int) -> ndarray:
    """The real signal (..., count, 1) with these first frequencies (..., count // 2 + 1, 2)."""
    inner = x[..., 1 : (count + 1) // 2, :]  # those with a conjugate behind the middle
    conjugate = np.flip(inner, axis=-2) * np.array([1.0, -1.0], dtype=x.dtype)
    whole = np.concatenate([x, conjugate], axis=-2)
    return _transformed(node, whole, count, True)[..., :1]


def _dft_17(node: Node, x: ndarray, length: ndarray | None = None) -> ndarray:
    return _dft(node, x, length, node.attr("axis", 1))


def _dft_20(
    node: Node, x: ndarray, length: ndarray | None = None, axis: ndarray | None = None
) -> ndarray:
    return _dft(node, x, length, -2 if axis is None else int(axis.item()))


def _stft(
    node: Node, signal: ndarray, step: ndarray, window: ndarray | None = None,
    length: ndarray | None = None,
) -> ndarray:  # fmt: skip
    x = signal if signal.ndim == 3 else np.expand_dims(signal, axis=-1)
    size = node.number(x.shape[1], "the length of the signal")
    if length is not None:
        count = int(length.item())
    else:
        count = size if window is None else node.number(window.shape[0], "the window")
    hop = int(step.item())
    frames = (size - count) // hop + 1
    places = numpy.arange(frames)[:, None] * hop + numpy.arange(count)
    x = np.take(x, np.array(places, dtype="int64"), axis=1)
    if window is not None:
        x = x * np.reshape(window, (-1, 1))
    y = _transformed(node, x, count, False)
    return y[..., : count // 2 + 1, :] if node.attr("onesided", 1) else y


def _mel_weights(node: Node, *inputs: ndarray) -> ndarray:
    dtype = element_type(node.attr("output_datatype", 1)).numpy
    bands, length, rate, low, high = (x.item() for x in inputs)
    ends = [2595 * numpy.log10(1 + hertz / 700) for hertz in (low, high)]
    mels = ends[0] + numpy.arange(bands + 2) * (ends[1] - ends[0]) / (bands + 2)
    hertz = 700 * (10 ** (mels / 2595) - 1)
    corners = ((length + 1) * hertz // rate).astype(int)
    weights = numpy.zeros((length // 2 + 1, bands))
    bins = numpy.arange(length // 2 + 1)
    for band, (left, middle, right) in enumerate(
        zip(corners, corners[1:], corners[2:], strict=False)
    ):
        rising = (bins - left) / max(middle - left, 1)
        falling = (right - bins) / max(right - middle, 1)
        up = numpy.where((bins >= left) & (bins < middle), rising, 0)
        down = numpy.where((bins > middle) & (bins < right), falling, 0)
        weights[:, band] = numpy.where(bins == middle, 1.0, up + down)
    return np.array(weights, dtype=dtype)


OPS: tuple[Any, ...] = (
    OnnxOp("DFT", by_arrays(_dft_17), since=17),
    OnnxOp("DFT", by_arrays(_dft_20), since=20),
    OnnxOp("MelWeightMatrix", by_arrays(_mel_weights), since=17),
    OnnxOp("STFT", by_arrays(_stft), since=17),
)
