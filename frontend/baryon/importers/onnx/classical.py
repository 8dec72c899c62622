"""Ops of ai.onnx.ml on numbers: what comes before and after classical models."""

from __future__ import annotations

from baryon import np
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp

_DOMAIN = "ai.onnx.ml"


def _binarizer(node: Node, x: ndarray) -> ndarray:
    return np.greater(x, node.attr("threshold", 0.0)).astype(x.dtype)


def _array_feature_extractor(node: Node, x: ndarray, indices: ndarray) -> ndarray:
    taken: ndarray = np.take(x, np.reshape(indices, -1), axis=-1)
    return taken if x.ndim > 1 else np.reshape(taken, (1, -1))


OPS = (
    OnnxOp("ArrayFeatureExtractor", by_arrays(_array_feature_extractor), domain=_DOMAIN),
    OnnxOp("Binarizer", by_arrays(_binarizer), domain=_DOMAIN),
)
