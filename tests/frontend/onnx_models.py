"""Small ONNX models for the tests of the importer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

Arrays = Mapping[str, numpy.ndarray[Any, Any]]

IR_OF_OPSET = {7: 3, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 17: 8, 18: 8, 20: 9}


def model(
    nodes: Sequence[onnx.NodeProto], inputs: Arrays, outputs: Sequence[str],
    weights: Arrays | None = None, opset: int = 17, dims: Mapping[str, Sequence[Any]] | None = None,
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:  # fmt: skip
    """A checked model; `dims` replaces the declared shapes of inputs. domains: others' opsets."""
    shapes = dims or {}
    graph = helper.make_graph(
        list(nodes), "g",
        [helper.make_tensor_value_info(
            k, helper.np_dtype_to_tensor_dtype(v.dtype), shapes.get(k, v.shape),
        ) for k, v in inputs.items()],
        [helper.make_value_info(name, onnx.TypeProto(tensor_type=onnx.TypeProto.Tensor(
            elem_type=TensorProto.UNDEFINED))) for name in outputs],
        [numpy_helper.from_array(v, k) for k, v in (weights or {}).items()],
    )  # fmt: skip
    opsets = {"": opset, **(domains or {})}
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid(*o) for o in opsets.items()])
    made.ir_version = IR_OF_OPSET.get(opset, 10)
    standard = all(not n.domain for n in nodes)
    return onnx.shape_inference.infer_shapes(made) if standard else made


def one_node(
    op: str, inputs: Sequence[Any], opset: int = 17, outputs: int = 1,
    constants: Sequence[int] = (), domain: str = "", **attrs: Any,
) -> tuple[onnx.ModelProto, dict[str, numpy.ndarray[Any, Any]]]:  # fmt: skip
    """A model of one node, and its feeds.

    Inputs at `constants` are initializers, those that are None are left out. opset: the version of
    the node's domain.
    """
    named = {f"x{i}": numpy.asarray(x) for i, x in enumerate(inputs) if x is not None}
    weights = {k: v for k, v in named.items() if int(k[1:]) in constants}
    feeds = {k: v for k, v in named.items() if k not in weights}
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, name="the_node", domain=domain, **attrs)
    if domain:
        return model([node], feeds, results, weights, domains={domain: opset}), feeds
    return model([node], feeds, results, weights, opset), feeds
