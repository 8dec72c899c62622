"""Another batch for an ONNX network that was written for one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import numpy_helper


def rebatch(model: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """The network with this leading dimension in inputs and outputs; `model` is changed.

    Reshapes of what depends on an input get it too, where their first number is the old batch.
    Shapes that were written down for values inside are dropped: they hold for the old batch.
    Raises ValueError where inputs have different batches, or a reshape's shape is not a constant.
    """
    graph = model.graph
    weights = {i.name: i for i in graph.initializer}
    inputs = [i for i in graph.input if i.name not in weights]
    old = {i.type.tensor_type.shape.dim[0].dim_value for i in inputs}
    if len(old) != 1:
        raise ValueError(f"the inputs have the batches {sorted(old)}, expected one")
    _rewrite_reshapes(graph, old.pop(), batch)
    for port in (*inputs, *graph.output):
        port.type.tensor_type.shape.dim[0].dim_value = batch
    del graph.value_info[:]
    return model


def _rewrite_reshapes(graph: onnx.GraphProto, old: int, new: int) -> None:
    weights = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    varying = _dependent(graph, [i.name for i in graph.input if i.name not in weights])
    for number, node in enumerate(graph.node):
        if node.op_type != "Reshape" or node.input[0] not in varying:
            continue
        if node.input[1] not in weights:
            raise ValueError(f"the shape of reshape {node.name or number} is computed")
        shape = weights[node.input[1]]
        if shape[0] == old:
            name = f"{node.input[1]}_{number}"  # its own: another reader may be of a weight
            graph.initializer.append(numpy_helper.from_array(_replaced(shape, new), name))
            node.input[1] = name


def _replaced(shape: np.ndarray, batch: int) -> np.ndarray:
    return np.concatenate([np.array([batch], shape.dtype), shape[1:]])


def _dependent(graph: onnx.GraphProto, inputs: Iterable[str]) -> set[str]:
    """The values that depend on the inputs; nodes stand in the order of their use."""
    found = set(inputs)
    for node in graph.node:
        if found.intersection(node.input):
            found.update(node.output)
    return found
