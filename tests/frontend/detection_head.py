"""A detection head as exporters write one: what suppression leaves, the best of it as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

BOXES, CLASSES, BEST = 60, 3, 9
_NUMBERS: dict[str, Any] = {
    "limit": np.array([20], np.int64),
    "overlap": np.array([0.5], np.float32),
    "least": np.array([0.3], np.float32),
    "first": np.array(0, np.int64),
    "second": np.array(1, np.int64),
    "ones": np.array([1], np.int64),
    "zeros": np.array([0], np.int64),
    "best": np.array([BEST], np.int64),
    "third": np.array([2], np.int64),
    "end": np.array([3], np.int64),
}


def head() -> ModelProto:
    """boxes (N, 60, 4), scores (N, 3, 60) -> table (m, 6), kept (k, 3), largest ().

    table: box, score, class, by falling score, m at most 9. largest: of the kept coordinates.
    """
    node = helper.make_node
    nodes = [
        node("NonMaxSuppression", ["boxes", "scores", "limit", "overlap", "least"], ["kept"]),
        node("Gather", ["kept", "second"], ["kind"], axis=1),
        node("Slice", ["kept", "zeros", "third", "ones"], ["head2"]),
        node("Slice", ["kept", "third", "end", "ones"], ["place"]),
        node("Slice", ["head2", "zeros", "ones", "ones"], ["image"]),
        node("Concat", ["image", "place"], ["where"], axis=1),
        node("GatherND", ["boxes", "where"], ["chosen"]),
        node("GatherND", ["scores", "kept"], ["score"]),
        node("ReduceMax", ["chosen"], ["largest"], keepdims=0),
        node("Cast", ["kind"], ["kinds"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["score", "ones"], ["score_column"]),
        node("Unsqueeze", ["kinds", "ones"], ["kind_column"]),
        node("Concat", ["chosen", "score_column", "kind_column"], ["table_of_all"], axis=1),
        node("Shape", ["score"], ["sizes"]),
        node("Gather", ["sizes", "first"], ["found"], axis=0),
        node("Unsqueeze", ["found", "zeros"], ["founds"]),
        node("Min", ["founds", "best"], ["count"]),
        node("TopK", ["score", "count"], ["top", "order"], axis=0),
        node("Gather", ["table_of_all", "order"], ["table"], axis=0),
    ]
    value, real, whole = helper.make_tensor_value_info, TensorProto.FLOAT, TensorProto.INT64
    inputs = [value("boxes", real, ["N", BOXES, 4]), value("scores", real, ["N", CLASSES, BOXES])]
    outputs = [value("table", real, ["m", 6]), value("kept", whole, ["k", 3])]
    outputs.append(value("largest", real, []))
    stored = [_stored(name, array) for name, array in _NUMBERS.items()]
    graph = helper.make_graph(nodes, "head", inputs, outputs, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _stored(name: str, array: Any) -> TensorProto:
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor(name, kind, array.shape, array.reshape(-1).tolist())
