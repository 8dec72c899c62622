"""The nine networks of the onnx wheel, with random weights.

The wheel's files fill every weight with one number, so all their outputs are equal and say nothing
about errors; and their softmax would hide the differences of large scores, so it goes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = (
    "light_bvlc_alexnet", "light_densenet121", "light_inception_v1", "light_inception_v2",
    "light_resnet50", "light_shufflenet", "light_squeezenet", "light_vgg19", "light_zfnet512",
)  # fmt: skip


def light(name: str, seed: int = 0) -> onnx.ModelProto:
    """The network of that name at batch 1, up to its scores."""
    model = onnx.load(str(FOLDER / f"{name}.onnx"))
    graph = model.graph
    shapes = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    readers = {i: (n, k) for n in graph.node for k, i in enumerate(n.input)}
    rng, kept = np.random.default_rng(seed), []
    for node in graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = tuple(int(d) for d in shapes[node.input[0]])
        array = weight(rng, shape, *readers[node.output[0]])
        graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
    if kept[-1].op_type == "Softmax":
        graph.output[0].name = kept.pop().input[0]
    del graph.node[:]
    graph.node.extend(kept)
    _forget_unused(graph)
    model.ir_version = max(model.ir_version, 4)  # before, weights had to be inputs too
    return model


def weight(
    rng: np.random.Generator, shape: tuple[int, ...], reader: onnx.NodeProto, slot: int
) -> NDArray[np.float32]:
    """A weight that suits the node that reads it as operand `slot`."""
    if reader.op_type == "BatchNormalization":
        low, high = [(0.8, 1.2), (-0.1, 0.1), (-0.1, 0.1), (0.8, 1.2)][slot - 1]
        return rng.uniform(low, high, shape).astype(np.float32)
    if reader.op_type in ("Conv", "Gemm") and len(shape) > 1:
        scale = np.float32(np.sqrt(2 / np.prod(shape[1:])))
        return rng.standard_normal(shape, np.float32) * scale
    if reader.op_type == "Unsqueeze":  # a per-channel scale or shift
        return rng.uniform(0.8, 1.2, shape).astype(np.float32)
    return rng.uniform(-0.1, 0.1, shape).astype(np.float32)


def _forget_unused(graph: Any) -> None:
    """Drop initializers that nothing reads now, and inputs that are no inputs."""
    read = {name for node in graph.node for name in node.input}
    weights = [i for i in graph.initializer if i.name in read]
    names = {i.name for i in weights}
    inputs = [i for i in graph.input if i.name not in names and i.name in read]
    for field, kept in ((graph.initializer, weights), (graph.input, inputs)):
        del field[:]
        field.extend(kept)
