"""A decoder-like network of any size, written without holding its weights in memory."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, helper

_HEADS, _TOKENS = 16, 8


def layer_bytes(width: int) -> int:
    """Weights of a layer: four products of attention, two of a part that is four times as wide."""
    return 12 * width * width * 4


class _Writer:
    def __init__(self, data: BinaryIO, location: str, width: int) -> None:
        self.data, self.location, self.width = data, location, width
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(0)

    def weight(self, *shape: int) -> str:
        """Random numbers in the data file; the name of the tensor that refers to them."""
        name, offset = f"w{len(self.weights)}", self.data.tell()
        numbers = self.random.standard_normal(shape, np.float32)
        numbers *= shape[0] ** -0.5
        numbers.tofile(self.data)
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        found = {"location": self.location, "offset": offset, "length": numbers.nbytes}
        for key, value in found.items():
            tensor.external_data.add(key=key, value=str(value))
        self.weights.append(tensor)
        return name

    def op(self, op: str, *inputs: str, **attributes: object) -> str:
        """A node; the name of its result."""
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, *numbers: int) -> str:
        """Whole numbers, such as a shape."""
        value = helper.make_tensor("", TensorProto.INT64, [len(numbers)], numbers)
        return self.op("Constant", value=value)

    def heads(self, x: str, order: tuple[int, ...]) -> str:
        """A projection of x, split into heads."""
        wide = self.op("MatMul", x, self.weight(self.width, self.width))
        shape = self.constant(0, _TOKENS, _HEADS, self.width // _HEADS)
        return self.op("Transpose", self.op("Reshape", wide, shape), perm=order)

    def layer(self, x: str) -> str:
        """Attention and a feed-forward part, each added to what it reads."""
        q, v = (self.heads(x, (0, 2, 1, 3)) for _ in range(2))
        scores = self.op("MatMul", q, self.heads(x, (0, 2, 3, 1)))
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        together = self.op("Transpose", mixed, perm=(0, 2, 1, 3))
        flat = self.op("Reshape", together, self.constant(0, _TOKENS, self.width))
        out = self.op("MatMul", flat, self.weight(self.width, self.width))
        x = self.op("Tanh", self.op("Add", x, out))
        wide = self.op("Relu", self.op("MatMul", x, self.weight(self.width, 4 * self.width)))
        narrow = self.op("MatMul", wide, self.weight(4 * self.width, self.width))
        return self.op("Tanh", self.op("Add", x, narrow))


def write_model(path: Path, size: float, width: int = 2048) -> int:
    """Write a model of about `size` bytes, and its weights to NAME.data beside it.

    The bytes of both files.
    """
    data = path.with_name(f"{path.name}.data")
    with data.open("wb") as file:
        writer, x = _Writer(file, data.name, width), "x"
        for _ in range(max(1, round(size / layer_bytes(width)))):
            x = writer.layer(x)
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, _TOKENS, width])
        for name in ("x", x)
    ]
    graph = helper.make_graph(writer.nodes, "large", ports[:1], ports[1:], writer.weights)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path.stat().st_size + data.stat().st_size
