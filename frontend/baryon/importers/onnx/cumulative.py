"""Running sums and products, sums by Einstein's convention, tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baryon import np
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp, Operand, shape_of
from baryon.ir import Sym, dim_mul
from baryon.ops import Calls
from baryon.ops.shapes import write_shape


def _running(function: Callable[[ndarray, int, int], ndarray], first: float) -> Any:
    """first: what stands before the first element, if a place does not count itself."""

    def build(node: Node, x: ndarray, axis: ndarray) -> ndarray:
        at, backward = int(axis.item()) % x.ndim, node.attr("reverse", 0)
        y = np.flip(x, axis=at) if backward else x
        y = function(y, at, node.number(x.shape[at], "the axis"))
        if node.attr("exclusive", 0):
            y = _shifted(y, at, 1, first)
        return np.flip(y, axis=at) if backward else y

    return by_arrays(build)


def _shifted(x: ndarray, axis: int, by: int, first: float) -> ndarray:
    """Every element so many places later."""
    lead = tuple(slice(0, by) if i == axis else slice(None) for i in range(x.ndim))
    kept = tuple(slice(0, -by) if i == axis else slice(None) for i in range(x.ndim))
    return np.concatenate([np.full_like(x[lead], first), x[kept]], axis=axis)


def _sums(x: ndarray, axis: int, size: int) -> ndarray:
    return np.cumsum(x, axis=axis, dtype=x.dtype)


def _products(x: ndarray, axis: int, size: int) -> ndarray:
    """In steps that double: after each a place holds the product of twice as many elements."""
    by = 1
    while by < size:
        x = np.multiply(x, _shifted(x, axis, by, 1))
        by *= 2
    return x


def _einsum(node: Node, *operands: ndarray) -> ndarray:
    return np.einsum(node.attr("equation", ""), *operands)


def _tile(o: Calls[Operand], node: Node, x: Operand, repeats: Operand) -> Any:
    """An axis of one element may be repeated as often as a symbol says."""
    times = node.known_dims(repeats, "the repeats")
    fixed = tuple(1 if isinstance(n, Sym) else n for n in times)
    tiled = by_arrays(lambda node, x: np.tile(x, fixed))(o, node, x)
    if fixed == times:
        return tiled
    sizes = zip(shape_of(tiled), times, strict=True)
    target = tuple(dim_mul(size, n) if isinstance(n, Sym) else size for size, n in sizes)
    return o.np.broadcast_to(tiled, shape=write_shape(target))


OPS = (
    OnnxOp("CumProd", _running(_products, 1), since=26),
    OnnxOp("CumSum", _running(_sums, 0), since=11),
    OnnxOp("Einsum", by_arrays(_einsum), since=12),
    OnnxOp("Tile", _tile, since=6),
)
