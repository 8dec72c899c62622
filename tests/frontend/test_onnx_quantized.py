"""Quantized ONNX models, against ONNX Runtime: each op, and files that its quantizer makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

import baryon as mx
from baryon.importers import import_onnx
from baryon.interp import run
from baryon.ir import UnsupportedError, verify
from baryon.ops import lookup
from baryon.passes import SIMPLIFY, run_pipeline

RNG = np.random.default_rng(5)
MICROSOFT = "com.microsoft"


def u8(*shape: int) -> Any:
    return RNG.integers(0, 256, shape).astype(np.uint8)


def i8(*shape: int) -> Any:
    """Weights of 7 bits: without VNNI, ONNX Runtime's sums of larger ones saturate at 16 bits."""
    return RNG.integers(-63, 64, shape).astype(np.int8)


def i32(*shape: int) -> Any:
    return RNG.integers(-900, 900, shape).astype(np.int32)


def f(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def s(*values: float) -> Any:
    return np.asarray(values if len(values) > 1 else values[0], np.float32)


def z(value: Any, dtype: Any = np.uint8) -> Any:
    return np.asarray(value, dtype)


@dataclass(frozen=True)
class Case:
    """One node; the inputs at `data` are the graph's, the others are weights.

    near: how far codes may be apart, by a rounding at a tie.
    """

    op: str
    inputs: tuple[Any, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    data: tuple[int, ...] = (0,)
    outputs: int = 1
    domain: str = ""
    near: int = 0

    def __str__(self) -> str:
        return f"{self.op}-{len(self.inputs)}-{','.join(self.attrs)}"

    def model(self) -> onnx.ModelProto:
        names = ["" if x is None else f"x{i}" for i, x in enumerate(self.inputs)]
        results = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(self.op, names, results, domain=self.domain, **self.attrs)
        infos = [
            helper.make_tensor_value_info(
                names[i], helper.np_dtype_to_tensor_dtype(x.dtype), x.shape
            )
            for i, x in enumerate(self.inputs)
            if i in self.data
        ]
        weights = [
            numpy_helper.from_array(x, names[i])
            for i, x in enumerate(self.inputs)
            if i not in self.data and x is not None
        ]
        outs = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in results]
        for out in outs:
            out.ClearField("type")
        graph = helper.make_graph([node], "g", infos, outs, weights)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def ms(op: str, *inputs: Any, **more: Any) -> Case:
    return Case(op, inputs, domain=MICROSOFT, near=1, **more)


SCALE, ZERO = s(0.05), z(120)
A, B = (u8(2, 4, 5, 5), SCALE, ZERO), (u8(2, 4, 5, 5), s(0.02), z(9))
OUT = (s(0.1), z(100))
CASES = [
    Case("QuantizeLinear", (f(2, 3), s(0.5), z(3))),
    Case("QuantizeLinear", (f(2, 3), s(0.03125), z(-3, np.int8))),
    Case("QuantizeLinear", (f(2, 3, 4), s(0.5, 0.25, 0.125), z([1, 2, 3]))),
    Case("QuantizeLinear", (f(2, 3), s(0.5, 0.25)), {"axis": 0}),
    Case("QuantizeLinear", (f(2, 3), s(0.5), z(3)), data=(0, 1, 2)),
    Case("DequantizeLinear", (u8(2, 3), s(0.5), z(3))),
    Case("DequantizeLinear", (i8(2, 3), s(0.3))),
    Case("DequantizeLinear", (u8(2, 3, 4), s(0.5, 0.3, 0.1), z([1, 2, 3]))),
    Case("DequantizeLinear", (i32(2, 3), s(0.3))),
    Case("DequantizeLinear", (i8(2, 3), s(0.3), z(3, np.int8)), data=(0, 1, 2)),
    Case("DynamicQuantizeLinear", (f(3, 4),), outputs=3, near=1),
    Case("DynamicQuantizeLinear", (np.zeros((3,), np.float32),), outputs=3),
    Case("QLinearConv", (u8(1, 4, 7, 6), SCALE, ZERO, i8(6, 4, 3, 3), s(0.01), z(0, np.int8),
                         s(0.5), z(100)), near=1),
    Case("QLinearConv", (u8(1, 4, 7, 6), SCALE, ZERO, i8(6, 2, 3, 3), f(6) ** 2 / 50 + s(0.001),
                         z([0] * 6, np.int8), s(0.2), z(100), i32(6)),
         {"group": 2, "pads": [1, 1, 1, 1], "strides": [2, 2]}, near=1),
    Case("QLinearMatMul", (u8(3, 4), SCALE, ZERO, u8(4, 5), s(0.02), z(7), s(0.3), z(90)), near=1),
    Case("QLinearMatMul", (i8(2, 3, 4), SCALE, z(0, np.int8), i8(4, 2), s(0.02, 0.03),
                           z([0, 0], np.int8), s(0.3), z(1, np.int8)), near=1),
    Case("MatMulInteger", (u8(3, 4), i8(4, 5))),
    Case("MatMulInteger", (u8(3, 4), i8(4, 5), z(100), z(3, np.int8))),
    Case("MatMulInteger", (u8(2, 3, 4), i8(4, 5), z(100), z([1, 2, 3, 4, 5], np.int8)),
         data=(0, 2)),
    Case("MatMulInteger", (u8(2, 3, 4), i8(2, 4, 5), z(100)), data=(0, 2)),
    Case("MatMulInteger", (u8(3, 4), i8(4, 5), z(100)), data=(0, 1, 2)),
    Case("ConvInteger", (u8(1, 4, 7, 6), u8(6, 4, 3, 3), z(100), z(3)), {"pads": [1, 1, 1, 1]}),
    Case("ConvInteger", (u8(1, 4, 7, 6), u8(6, 4, 3, 3), z(100)), data=(0, 1, 2)),
    ms("QGemm", u8(3, 4), SCALE, ZERO, i8(5, 4), s(0.02), z(0, np.int8), i32(5), s(0.4), z(99),
       attrs={"transB": 1}),
    ms("QGemm", u8(3, 4), SCALE, ZERO, i8(4, 5), s(0.02), z(0, np.int8), i32(5),
       attrs={"alpha": 0.5}),
    ms("QuantizeLinear", f(2, 3), s(0.5), z(3)), ms("DequantizeLinear", u8(2, 3), s(0.5), z(3)),
    ms("QLinearAdd", *A, *B, *OUT, data=(0, 3)), ms("QLinearMul", *A, *B, *OUT, data=(0, 3)),
    ms("QLinearConcat", *OUT, *A, *B, data=(2, 5), attrs={"axis": 1}),
    ms("QLinearGlobalAveragePool", *A, *OUT),
    ms("QLinearAveragePool", *A, *OUT, attrs={"kernel_shape": [2, 2]}),
    ms("QLinearLeakyRelu", *A, *OUT, attrs={"alpha": 0.2}), ms("QLinearSigmoid", *A, s(0.01), z(0)),
]  # fmt: skip

TESTED = {f"{case.domain}.{case.op}".lstrip(".") for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_ops(case: Case) -> None:
    model = case.model()
    module = import_onnx(model)
    verify(module, lookup)
    data = [case.inputs[i] for i in case.data]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    wanted = session.run(None, {f"x{i}": case.inputs[i] for i in case.data})
    before = run(module, data)
    run_pipeline(module, SIMPLIFY)
    for found, again, want in zip(before, run(module, data), wanted, strict=True):
        assert found.dtype == want.dtype
        assert found.shape == want.shape
        np.testing.assert_array_equal(found, again)
        whole = want.dtype.kind in "iu"
        apart = {"atol": case.near, "rtol": 0} if whole else {"rtol": 1e-5, "atol": 1e-4}
        np.testing.assert_allclose(found.astype(np.float64), want.astype(np.float64), **apart)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (Case("QLinearConv", (u8(1, 1, 3, 3), SCALE, ZERO, u8(1, 1, 1, 1), SCALE, ZERO,
                              SCALE, ZERO), data=(0, 6)), "scale of the result must be a constant"),
        (ms("QLinearGlobalAveragePool", *A, *OUT, attrs={"channels_last": 1}), "channels_last"),
    ],
    ids=str,
)  # fmt: skip
def test_refusals(case: Case, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        import_onnx(case.model())


# files that ONNX Runtime's quantizer makes --------------------------------------------------------


def network() -> onnx.ModelProto:
    """Two convolutions with a residual sum, a depthwise one, pools, a concatenation, a matrix."""
    rng = np.random.default_rng(11)
    weights = {
        "w1": (8, 3, 3, 3), "w2": (8, 8, 3, 3), "w3": (8, 1, 3, 3), "m": (16, 10), "b1": (8,),
        "b2": (10,),
    }  # fmt: skip
    made = [
        numpy_helper.from_array((rng.standard_normal(v) * 0.3).astype(np.float32), k)
        for k, v in weights.items()
    ]
    pad = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], **pad),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("MaxPool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p1", "w2"], ["c2"], **pad),
        helper.make_node("Add", ["c2", "p1"], ["a1"]),
        helper.make_node("Relu", ["a1"], ["r2"]),
        helper.make_node("Conv", ["r2", "w3"], ["c3"], group=8, **pad),
        helper.make_node("Concat", ["c3", "r2"], ["j"], axis=1),
        helper.make_node("GlobalAveragePool", ["j"], ["g"]),
        helper.make_node("Flatten", ["g"], ["h"]),
        helper.make_node("Gemm", ["h", "m", "b2"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])], made,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


class Images(CalibrationDataReader):  # type: ignore[misc]
    """A few random images."""

    def __init__(self) -> None:
        rng = np.random.default_rng(2)
        images = rng.standard_normal((4, 1, 3, 12, 12)).astype(np.float32)
        self.left = iter([{"x": image} for image in images])

    def get_next(self) -> Any:
        return next(self.left, None)


FORMS: dict[str, dict[str, Any]] = {
    "qdq": {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8},
    "qdq-int8-per-channel": {
        "quant_format": QuantFormat.QDQ, "activation_type": QuantType.QInt8, "per_channel": True,
    },
    "operators": {"quant_format": QuantFormat.QOperator, "activation_type": QuantType.QUInt8},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_static_quantization(form: str, tmp_path: Path) -> None:
    plain, made = tmp_path / "plain.onnx", tmp_path / "made.onnx"
    onnx.save(network(), plain)
    more = {"weight_type": QuantType.QInt8, "reduce_range": True}
    quantize_static(plain, made, Images(), **more, **FORMS[form])
    check(plain, made)


def test_dynamic_quantization(tmp_path: Path) -> None:
    plain, made = tmp_path / "plain.onnx", tmp_path / "made.onnx"
    onnx.save(network(), plain)
    quantize_dynamic(plain, made, reduce_range=True)
    check(plain, made)


def check(plain: Path, made: Path) -> None:
    """Nearer to ONNX Runtime's result than that is to the float network's."""
    x = np.random.default_rng(3).standard_normal((2, 3, 12, 12)).astype(np.float32)
    exact, want = (onnxruntime.InferenceSession(p).run(None, {"x": x})[0] for p in (plain, made))
    found = np.asarray(mx.compile(made)(x))
    lost = np.abs(exact - want).max()
    assert np.abs(found - want).max() <= 0.5 * lost
    assert np.abs(found - exact).max() <= 1.5 * lost
