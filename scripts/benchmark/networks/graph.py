"""Writing ONNX graphs: nodes with fresh names, and weights that depend on the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class Graph:
    """A graph under construction; values are known by their names.

    rng: where the weights come from.
    """

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name, self.rng = name, np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Sequence[int], type: int = TensorProto.FLOAT) -> str:
        """An input of the network."""
        self.inputs.append(helper.make_tensor_value_info(name, type, shape))
        return name

    def constant(self, array: NDArray[Any]) -> str:
        """A weight, or a number that an op takes as an operand."""
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def integers(self, *values: int) -> str:
        """A shape, or axes."""
        return self.constant(np.array(values, np.int64))

    def scalar(self, value: float) -> str:
        """A number without dimensions."""
        return self.constant(np.array(value, np.float32))

    def normal(self, *shape: int, scale: float = 1.0) -> str:
        """A weight of normal numbers with this standard deviation."""
        return self.constant(self.rng.standard_normal(shape, np.float32) * np.float32(scale))

    def uniform(self, low: float, high: float, *shape: int) -> str:
        """A weight of evenly distributed numbers."""
        return self.constant(self.rng.uniform(low, high, shape).astype(np.float32))

    def op(self, kind: str, *operands: str, **attrs: Any) -> str:
        """The result of a node."""
        (result,) = self.ops(kind, 1, *operands, **attrs)
        return result

    def ops(self, kind: str, count: int, *operands: str, **attrs: Any) -> list[str]:
        """The results of a node that has several."""
        results = [f"v{len(self.nodes)}_{n}" for n in range(count)]
        self.nodes.append(
            helper.make_node(kind, operands, results, f"{kind}_{len(self.nodes)}", **attrs)
        )
        return results

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        """x[..., inputs] times a weight, plus a bias."""
        bound = inputs**-0.5
        product = self.op("MatMul", x, self.uniform(-bound, bound, inputs, outputs))
        return self.op("Add", self.uniform(-bound, bound, outputs), product)

    def classifier(self, x: str, inputs: int, outputs: int) -> str:
        """x[batch, inputs] by one Gemm, its weight transposed as PyTorch keeps it."""
        bound = inputs**-0.5
        weight = self.uniform(-bound, bound, outputs, inputs)
        return self.op("Gemm", x, weight, self.uniform(-bound, bound, outputs), transB=1)

    def model(self, **outputs: tuple[str, Sequence[int]]) -> onnx.ModelProto:
        """The network. outputs: for each name the value that it has here, and its shape."""
        for name, (value, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        ports = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, (_, shape) in outputs.items()
        ]
        graph = helper.make_graph(self.nodes, self.name, self.inputs, ports, self.weights)
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
