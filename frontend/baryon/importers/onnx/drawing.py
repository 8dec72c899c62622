"""Random numbers, and dropout while training.

A module is a function: the numbers that it draws are the same in each run. A `seed` asks for some
numbers and does not say which, so it has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onnx import helper

from baryon import np
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp
from baryon.ir import Dim


def _shape(node: Node, x: ndarray | None) -> tuple[int, ...]:
    given: Sequence[Dim] = node.ints("shape") if x is None else x.shape
    return tuple(node.number(d, "a dimension") for d in given)


def _dtype(node: Node, x: ndarray | None) -> Any:
    code = node.attr("dtype", 0)
    if code:
        return helper.tensor_dtype_to_np_dtype(code)
    return "float32" if x is None else x.dtype


def _uniform(node: Node, x: ndarray | None = None) -> ndarray:
    node.ignore("seed")
    low, high = node.attr("low", 0.0), node.attr("high", 1.0)
    drawn = np.random.uniform(low, high, size=_shape(node, x))
    return drawn.astype(_dtype(node, x))


def _normal(node: Node, x: ndarray | None = None) -> ndarray:
    node.ignore("seed")
    mean, scale = node.attr("mean", 0.0), node.attr("scale", 1.0)
    return np.random.normal(mean, scale, size=_shape(node, x)).astype(_dtype(node, x))


def _dropout(
    node: Node, x: ndarray, ratio: ndarray | None = None, training: ndarray | None = None
) -> tuple[ndarray, ndarray]:
    """The result and which elements are kept."""
    node.ignore("seed", "is_test", "consumed_inputs")
    share = node.attr("ratio", 0.5) if ratio is None else float(ratio.item())
    if training is None or not training.item() or share == 0:
        return x, np.ones(x.shape, dtype="bool") if len(node.outputs) > 1 else x
    kept = np.greater_equal(np.random.uniform(size=_shape(node, x)), share)
    return np.where(kept, x * (1 / (1 - share)), np.zeros((), dtype=x.dtype)), kept


OPS = (
    OnnxOp("Dropout", by_arrays(_dropout)),
    OnnxOp("RandomNormal", by_arrays(_normal)),
    OnnxOp("RandomNormalLike", by_arrays(_normal)),
    OnnxOp("RandomUniform", by_arrays(_uniform)),
    OnnxOp("RandomUniformLike", by_arrays(_uniform)),
)
