"""Resize and Upsample: each axis by weights of few of its elements, known while importing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy
from numpy.typing import NDArray

from baryon import np
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp, Operand
from baryon.ir import Dim, Sym
from baryon.ops import Calls

Floats = NDArray[numpy.float64]
Origin = Callable[[Floats, "Axis"], Floats]

_ORIGINS: dict[str, Origin] = {
    "half_pixel": lambda at, axis: (at + 0.5) / axis.scale - 0.5,
    "half_pixel_symmetric": lambda at, axis: axis.shift + (at + 0.5) / axis.scale - 0.5,
    "pytorch_half_pixel": lambda at, axis: (
        (at + 0.5) / axis.scale - 0.5 if axis.out > 1 else 0 * at
    ),
    "align_corners": lambda at, axis: at * (axis.size - 1) / max(axis.wanted - 1, 1),
    "asymmetric": lambda at, axis: at / axis.scale,
    "tf_half_pixel_for_nn": lambda at, axis: (at + 0.5) / axis.scale,
    "tf_crop_and_resize": lambda at, axis: axis.cropped(at),
}
"""Where in the input an element of the output lies, by `coordinate_transformation_mode`."""

_NEAREST: dict[str, Callable[[Floats], Floats]] = {
    "round_prefer_floor": lambda x: numpy.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: numpy.floor(x + 0.5),
    "floor": numpy.floor,
    "ceil": numpy.ceil,
}


@dataclass(frozen=True)
class Axis:
    """One axis: its size and how it is scaled. crop: from where to where, of its whole length."""

    number: int
    size: int
    out: int
    scale: float
    crop: tuple[float, float] = (0.0, 1.0)

    @property
    def wanted(self) -> float:
        """The size of the output before it is rounded."""
        return self.size * self.scale

    @property
    def shift(self) -> float:
        """How far rounding the size moves the middle."""
        return self.size / 2 * (1 - self.out / self.wanted)

    def cropped(self, at: Floats) -> Floats:
        """Places between the borders of the crop."""
        first, last = (border * (self.size - 1) for border in self.crop)
        if self.out == 1:
            return 0 * at + (first + last) / 2
        return first + at * (last - first) / (self.out - 1)


@dataclass(frozen=True)
class Filter:
    """How elements are weighed: by distance, a tent or a cubic; mode "nearest" takes one."""

    mode: str
    origin: Origin
    nearest: Callable[[Floats], Floats]
    cubic: float
    antialias: bool
    exclude_outside: bool

    def taps(self, axis: Axis) -> tuple[Floats, Floats]:
        """For each element of the output the places that it reads, and their weights."""
        center = self.origin(numpy.arange(axis.out, dtype=numpy.float64), axis)
        if self.mode == "nearest":
            return self.nearest(center)[:, None], numpy.ones((axis.out, 1))
        stretch = max(1.0, 1 / axis.scale) if self.antialias else 1.0
        reach = (1 if self.mode == "linear" else 2) * stretch
        first: Floats = numpy.floor(center - reach) + 1
        places: Floats = first[:, None] + numpy.arange(math.ceil(2 * reach), dtype=numpy.float64)
        weights: Floats = self._weight((places - center[:, None]) / stretch)
        if self.exclude_outside:
            weights = numpy.where((places >= 0) & (places < axis.size), weights, 0)
        return places, weights / weights.sum(1, keepdims=True)

    def _weight(self, distance: Floats) -> Floats:
        x, a = numpy.abs(distance), self.cubic
        if self.mode == "linear":
            tent: Floats = numpy.maximum(1 - x, 0)
            return tent
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        result: Floats = numpy.where(x <= 1, near, numpy.where(x < 2, far, 0))
        return result


def _resize_any(
    o: Calls[Operand], node: Node, x: Operand, roi: Operand | None = None,
    scales: Operand | None = None, sizes: Operand | None = None,
) -> Any:  # fmt: skip
    """Sizes may hold symbols: an axis that keeps its size is left alone."""
    dims = None if sizes is None else node.known_dims(sizes, "the sizes")
    return by_arrays(partial(_resize, sizes=dims))(o, node, x, roi, scales)


def _resize(
    node: Node, x: ndarray, roi: ndarray | None, scales: ndarray | None, *,
    sizes: Sequence[Dim] | None,
) -> ndarray:  # fmt: skip
    numbers = [a % x.ndim for a in node.ints("axes", range(x.ndim))]
    mode = node.attr("coordinate_transformation_mode", "half_pixel")
    chosen = _filter(node, mode)
    axes = _axes(node, x, numbers, scales, sizes)
    outside = node.attr("extrapolation_value", 0.0)
    if mode != "tf_crop_and_resize" or roi is None:
        return _resized(x, axes, chosen)
    borders = dict(zip(numbers, roi.asnumpy().reshape(2, -1).T.tolist(), strict=True))
    axes = [
        Axis(a.number, a.size, a.out, a.scale, (first, last))
        for a in axes
        for first, last in [borders[a.number]]
    ]
    return _resized(x, axes, chosen, outside)


def _resize_10(node: Node, x: ndarray, scales: ndarray) -> ndarray:
    plain = Filter(
        node.attr("mode", "nearest"), _ORIGINS["asymmetric"], numpy.floor, -0.75, False, False
    )
    return _resized(x, _axes(node, x, [*range(x.ndim)], scales, None), plain)


def _upsample_7(node: Node, x: ndarray) -> ndarray:
    return _resize_10(node, x, np.array(node.attr("scales", ())))


def _filter(node: Node, origin: str) -> Filter:
    rounding = node.attr("nearest_mode", "round_prefer_floor")
    if origin not in _ORIGINS or rounding not in _NEAREST:
        raise node.unsupported(f"{origin!r} with nearest_mode={rounding!r}")
    return Filter(
        mode=node.attr("mode", "nearest"),
        origin=_ORIGINS[origin],
        nearest=_NEAREST[rounding],
        cubic=node.attr("cubic_coeff_a", -0.75),
        antialias=bool(node.attr("antialias", 0)),
        exclude_outside=bool(node.attr("exclude_outside", 0)),
    )


def _axes(
    node: Node, x: ndarray, numbers: list[int], scales: ndarray | None,
    sizes: Sequence[Dim] | None,
) -> list[Axis]:  # fmt: skip
    """The axes that may change their sizes."""
    policy = node.attr("keep_aspect_ratio_policy", "stretch")
    if scales is not None and scales.size:
        by_factor = dict(zip(numbers, scales.asnumpy().tolist(), strict=True))
        numbers = [n for n in numbers if by_factor[n] != 1 or not isinstance(x.shape[n], Sym)]
        given = {n: node.number(x.shape[n], "the size of a resized axis") for n in numbers}
        factors: list[float] = [by_factor[n] for n in numbers]
        outs = [math.floor(given[n] * by_factor[n]) for n in numbers]
    elif sizes is not None:
        by_size = dict(zip(numbers, sizes, strict=True))
        kept = {n for n in numbers if isinstance(by_size[n], Sym) and by_size[n] == x.shape[n]}
        numbers = [n for n in numbers if n not in kept]
        given = {n: node.number(x.shape[n], "the size of a resized axis") for n in numbers}
        outs = [node.number(by_size[n], "a size to resize to") for n in numbers]
        factors = [out / given[n] for n, out in zip(numbers, outs, strict=True)]
        if policy != "stretch":
            one = min(factors) if policy == "not_larger" else max(factors)
            factors = [one] * len(numbers)
            outs = [math.floor(given[n] * one + 0.5) for n in numbers]
    else:
        raise node.unsupported("neither scales nor sizes are given")
    parts = zip(numbers, outs, factors, strict=True)
    return [Axis(n, given[n], out, factor) for n, out, factor in parts]


def _resized(x: ndarray, axes: list[Axis], chosen: Filter, outside: float | None = None) -> ndarray:
    for axis in axes:
        if axis.out != axis.size or axis.scale != 1 or axis.crop != (0.0, 1.0):
            x = _along(x, axis, *chosen.taps(axis))
    if outside is None:
        return x
    return _with_border(x, axes, chosen, outside)


def _along(x: ndarray, axis: Axis, places: Floats, weights: Floats) -> ndarray:
    """The weighted sum of elements along one axis; places outside are the border's."""
    inside = numpy.clip(places, 0, axis.size - 1).astype(numpy.int64)
    lines = (-1, *(1,) * (x.ndim - axis.number - 1))
    terms: list[Any] = []
    for k in range(inside.shape[1]):
        if not weights[:, k].any():
            continue
        taken = np.take(x, np.array(inside[:, k], dtype="int64"), axis=axis.number)
        by = weights[:, k].reshape(lines)
        terms.append(taken if (by == 1).all() else taken * np.array(by, dtype=x.dtype))
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    result: ndarray = total
    return result


def _with_border(x: ndarray, axes: list[Axis], chosen: Filter, outside: float) -> ndarray:
    """The number for places outside of the input where the crop is larger than it."""
    for axis in axes:
        center = chosen.origin(numpy.arange(axis.out, dtype=numpy.float64), axis)
        inside = ((center >= 0) & (center <= axis.size - 1)).reshape(
            -1, *(1,) * (x.ndim - axis.number - 1)
        )
        if not inside.all():
            x = np.where(np.array(inside, dtype="bool"), x, np.full((), outside, dtype=x.dtype))
    return x


OPS = (
    OnnxOp("Resize", by_arrays(_resize_10), since=10),
    OnnxOp("Resize", _resize_any, since=11),
    OnnxOp("Upsample", by_arrays(_upsample_7), since=7),
    OnnxOp("Upsample", by_arrays(_resize_10), since=9),
)
