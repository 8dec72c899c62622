"""`baryon inspect MODEL`: what is said of a file before it is compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from baryon import np as mnp
from baryon import npx
from baryon.deferred import trace
from baryon.exporters.onnx import export_onnx
from baryon.importers import import_mxnet
from baryon.inspection.arithmetic import count_flops
from baryon.inspection.model import inspect_model
from symbols.helpers import node, saved, symbol

Array = np.ndarray[Any, Any]


def save(
    path: Path, nodes: list[onnx.NodeProto], shape: list[Any], weights: dict[str, Array],
    **opsets: int,
) -> Path:  # fmt: skip
    """A model of `x` (float32 of the shape) and an output `y`, of which nothing is said."""
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(x, name) for name, x in weights.items()],
    )  # fmt: skip
    versions = {"": 17, **opsets}
    imports = [helper.make_opsetid(domain, v) for domain, v in versions.items()]
    onnx.save(
        helper.make_model(graph, opset_imports=imports, ir_version=8, producer_name="by hand"), path
    )
    return path


def test_a_model_with_an_open_batch(tmp_path: Path) -> None:
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1),
             helper.make_node("Relu", ["h"], ["y"])]  # fmt: skip
    weights = {"w": np.ones((5, 3), np.float32), "b": np.ones(5, np.float32)}
    report = inspect_model(save(tmp_path / "m.onnx", nodes, ["batch", 3], weights))
    assert report.problem is None
    assert [str(port) for port in report.inputs] == ["x: f32[batch,3]"]
    assert (report.parameters, report.parameter_bytes) == (20, 80)
    assert report.flops == 2 * 15 + 5  # of one sample; the sum of the bias is part of the layer
    assert report.producer == "by hand"
    assert report.opsets == {"ai.onnx": 17}


def test_all_that_is_missing_is_told_with_what_can_be_done(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("FusedMatMul", ["x", "w"], ["a"], domain="com.microsoft"),
        helper.make_node("FusedMatMul", ["a", "w"], ["b"], domain="com.microsoft"),
        helper.make_node("Blend", ["b"], ["c"], domain="acme"),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    weights = {"w": np.ones((3, 3), np.float32)}
    path = save(tmp_path / "m.onnx", nodes, [2, 3], weights, **{"com.microsoft": 1, "acme": 1})
    report = inspect_model(path)
    assert report.unsupported == ["com.microsoft.FusedMatMul", "acme.Blend"]
    by_name = {op.op: op for op in report.ops}
    assert by_name["com.microsoft.FusedMatMul"].count == 2
    assert "QDQ" in by_name["com.microsoft.FusedMatMul"].remedy
    assert "other software" in by_name["acme.Blend"].remedy
    assert by_name["Relu"].supported
    assert report.flops is None
    assert report.parameters == 9
    assert report.problem is not None


CONVOLUTION = symbol([
    node("null", "data"), node("null", "w"),
    node("Convolution", "conv", [0, 1], kernel="(3, 3)", num_filter="4", no_bias="True"),
    node("Activation", "act", [2], act_type="relu"),
])  # fmt: skip
WEIGHT = {"arg:w": np.ones((4, 3, 3, 3), np.float32)}


def test_a_symbol_with_its_parameters(tmp_path: Path) -> None:
    path = saved(tmp_path, CONVOLUTION, WEIGHT)
    report = inspect_model(path, [np.empty((2, 3, 5, 5), np.float32)])
    assert [str(port) for port in report.inputs] == ["data: f32[2,3,5,5]"]
    assert [str(port) for port in report.outputs] == ["act_output: f32[2,4,3,3]"]
    assert report.flops == 2 * (2 * 4 * 9) * 27 + 2 * 4 * 9
    assert report.producer == "MXNet 1.9.1"
    assert (report.parameters, report.unsized, report.problem) == (108, (), None)
    again = tmp_path / "again.onnx"
    export_onnx(import_mxnet(path, np.empty((2, 3, 5, 5), np.float32)), again)
    assert inspect_model(again).flops == report.flops


def test_shapes_that_a_symbol_says_itself(tmp_path: Path) -> None:
    nodes = [node("null", "data", __shape__="(1, 3, 5, 5)"), *CONVOLUTION["nodes"][1:]]
    report = inspect_model(saved(tmp_path, symbol(nodes), WEIGHT))
    assert report.flops == 2 * (4 * 9) * 27 + 4 * 9


def test_a_symbol_says_which_shapes_it_wants(tmp_path: Path) -> None:
    path = saved(tmp_path, CONVOLUTION)
    report = inspect_model(path)
    assert (report.flops, report.problem) == (None, None)
    assert report.unsized == ("data", "w")
    sizes = {"data": np.empty((1, 3, 5, 5), "f4"), "w": np.empty((4, 3, 3, 3), "f4")}
    assert inspect_model(path, [{"data": sizes["data"]}]).unsized == ("w",)
    assert inspect_model(path, [sizes]).flops == 2 * (4 * 9) * 27 + 4 * 9


def test_operators_that_a_symbol_lacks(tmp_path: Path) -> None:
    nodes = [*CONVOLUTION["nodes"], node("Custom", "mine", [3], op_type="mine")]
    report = inspect_model(saved(tmp_path, symbol(nodes), WEIGHT))
    assert report.unsupported == ["Custom"]
    assert report.problem is not None and "mine" in report.problem
    assert next(op for op in report.ops if op.op == "Custom").remedy


def test_ops_inside_of_bodies_count(tmp_path: Path) -> None:
    body = helper.make_graph(
        [helper.make_node("Add", ["state", "row"], ["next"]),
         helper.make_node("Tanh", ["next"], ["out"])],
        "body",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [3]) for n in ("state", "row")],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [3]) for n in ("next", "out")],
    )  # fmt: skip
    nodes = [helper.make_node("Scan", ["zero", "x"], ["last", "y"], body=body, num_scan_inputs=1)]
    report = inspect_model(
        save(tmp_path / "m.onnx", nodes, [4, 3], {"zero": np.zeros(3, np.float32)})
    )
    assert {op.op: op.count for op in report.ops} == {"Scan": 1, "Add": 1, "Tanh": 1}
    assert report.flops == 4 * (3 + 3)


@pytest.mark.parametrize(
    ("function", "shapes", "flops"),
    [
        (lambda x, w: npx.convolution(x, w, kernel=(3, 3), num_filter=4, pad=(1, 1), no_bias=True),
         [(2, 3, 5, 5), (4, 3, 3, 3)], 2 * 2 * 4 * 25 * 27),
        (lambda x, w: npx.deconvolution(x, w, kernel=(2, 2), num_filter=4, stride=(2, 2),
                                        no_bias=True), [(1, 3, 5, 5), (3, 4, 2, 2)],
         2 * 3 * 25 * 16),
        (lambda a, b: npx.batch_dot(a, b, transpose_a=True), [(2, 3, 4), (2, 3, 5)],
         2 * 2 * 4 * 5 * 3),
        (mnp.matmul, [(2, 3, 4), (4, 5)], 2 * 2 * 3 * 5 * 4),
        (lambda a: a.reshape((3, 2)).T, [(2, 3)], 0),
        (lambda a: mnp.sum(mnp.tanh(a)), [(2, 3)], 12),
    ],
)  # fmt: skip
def test_arithmetic(function: Any, shapes: list[tuple[int, ...]], flops: int) -> None:
    assert count_flops(trace(function, *(mnp.ones(s) for s in shapes))) == flops
