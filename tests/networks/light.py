"""The nine networks of the onnx wheel, as published and with random weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

NAMES = (
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet",
    "squeezenet", "vgg19", "zfnet512",
)  # fmt: skip
FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def path(name: str) -> Path:
    """The file of a network."""
    return FOLDER / f"light_{name}.onnx"


def published_output(name: str) -> Any:
    """The output that the wheel ships for `published_input`."""
    return numpy_helper.to_array(onnx.load_tensor(str(FOLDER / f"light_{name}_output_0.pb")))


def published_input(shape: tuple[int, ...]) -> Any:
    """The input of the wheel's own backend test: evenly spaced from 0 to 1."""
    size = int(np.prod(shape))
    return (np.arange(size).reshape(shape) / size).astype(np.float32)


@cache
def random_model(name: str, seed: int = 0) -> bytes:
    """The network with random weights, up to its logits.

    The published files fill every weight with 0.02, which hides errors in their order. With
    random ones logits are large; a softmax of them would be 1 for one class and hide the rest.
    """
    model = onnx.load(str(path(name)))
    shapes = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    readers = {i: (n, k) for n in model.graph.node for k, i in enumerate(n.input)}
    rng, kept = np.random.default_rng(seed), []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = tuple(int(d) for d in shapes[node.input[0]])
        array = _weight(rng, shape, *readers[node.output[0]])
        model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
    if kept[-1].op_type == "Softmax":
        model.graph.output[0].name = kept.pop().input[0]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    model.ir_version = 8
    return bytes(model.SerializeToString())


def _weight(rng: np.random.Generator, shape: tuple[int, ...], reader: Any, slot: int) -> Any:
    if reader.op_type == "BatchNormalization":
        low, high = [(0.8, 1.2), (-0.1, 0.1), (-0.1, 0.1), (0.8, 1.2)][slot - 1]
        return rng.uniform(low, high, shape).astype(np.float32)
    if reader.op_type in ("Conv", "Gemm") and len(shape) > 1:
        fan_in = int(np.prod(shape[1:]))
        return (rng.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)
    if reader.op_type == "Unsqueeze":  # a per-channel scale or shift
        return rng.uniform(0.8, 1.2, shape).astype(np.float32)
    return rng.uniform(-0.1, 0.1, shape).astype(np.float32)


__all__ = ["NAMES", "path", "published_input", "published_output", "random_model"]
