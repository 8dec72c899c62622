"""ONNX ops on the small element types, and conversions, against the standard's evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import baryon as mx
from baryon.importers import import_onnx
from baryon.interp import run
from baryon.ir import SMALL_DTYPES, dtype_of
from frontend.onnx_cases import Case, f
from frontend.onnx_models import one_node

NEWEST = 28
X = np.array([[-3.6, -1.5, 0.25, 0.5], [1.5, 2.5, 3.49, 7.0]], np.float32)
FLOATS8 = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz")
WHOLE = ("int4", "uint4", "int2", "uint2")
SCALES = np.array([[0.5, 0.25], [1.0, 2.0]], np.float32)


def of(name: str, *values: float) -> Any:
    """An array of one of ml_dtypes' types."""
    return np.array(values, np.float32).astype(getattr(ml_dtypes, name))


def code(name: str) -> int:
    """ONNX's number of an element type."""
    return int(helper.np_dtype_to_tensor_dtype(dtype_of(name).numpy))


CASES = [
    Case("BitCast", (X,), {"to": TensorProto.INT32}, NEWEST),
    Case("BitCast", (np.array([0x3C00, 0xC000], np.uint16),), {"to": TensorProto.FLOAT16}, NEWEST),
    Case("BitCast", (of("float8_e5m2", 1, -2),), {"to": TensorProto.UINT8}, NEWEST),
    Case("Cast", (X,), {"to": TensorProto.DOUBLE}),
    Case("Cast", (np.array([1.5, -2.7]),), {"to": TensorProto.INT32}),
    *(Case("Cast", (X * 1e5,), {"to": code(t)}, NEWEST) for t in FLOATS8),
    *(Case("Cast", (X * 1e5,), {"to": code(t), "saturate": 0}, NEWEST) for t in FLOATS8),
    *(Case("Cast", (np.abs(X),), {"to": code(t)}, NEWEST) for t in ("float8_e8m0fnu", *WHOLE)),
    *(
        Case("Cast", (np.abs(X),), {"to": code("float8_e8m0fnu"), "round_mode": r}, NEWEST)
        for r in ("up", "down", "nearest")
    ),
    Case("CastLike", (X, of("float4_e2m1fn", 1)), {}, NEWEST),
    Case("CastLike", (of("int4", -8, 7), f(1)), {}, NEWEST),
    *(Case(op, (of("float8_e4m3fn", 1, 2, 3, 4),), attrs, NEWEST) for op, attrs in (
        ("Identity", {}), ("Flatten", {"axis": 0}), ("Transpose", {}),
    )),
    *(Case("QuantizeLinear", (X, np.float32(0.5), of(t, 0)), {}, NEWEST) for t in FLOATS8),
    *(Case("QuantizeLinear", (X, np.float32(0.5), of(t, 1)), {}, NEWEST) for t in WHOLE),
    Case("QuantizeLinear", (X, np.float32(0.5)), {"output_dtype": code("float4_e2m1fn")}, NEWEST),
    Case("QuantizeLinear", (X, f(4) ** 2 + 0.1, of("int4", 0, 1, -1, 2)), {"axis": 1}, NEWEST),
    Case("QuantizeLinear", (X, SCALES), {"axis": 1, "block_size": 2}, NEWEST),
    Case(
        "QuantizeLinear", (X[:, :3], SCALES, np.array([[1, 2], [3, 4]], np.uint8)),
        {"axis": 1, "block_size": 2}, NEWEST,
    ),
    Case(
        "QuantizeLinear", (X, np.float32(0.3)),
        {"precision": TensorProto.FLOAT16, "output_dtype": TensorProto.INT16}, NEWEST,
    ),
    *(
        Case("DequantizeLinear", (of(t, -2, 0, 1, 3), np.float32(0.5), of(t, 0)), {}, NEWEST)
        for t in (*FLOATS8, "int4", "float4_e2m1fn")
    ),
    Case("DequantizeLinear", (of("uint2", 0, 1, 2, 3), np.float32(3), of("uint2", 1)), {}, NEWEST),
    Case(
        "DequantizeLinear", (np.arange(6, dtype=np.uint8).reshape(2, 3), SCALES),
        {"axis": 1, "block_size": 2}, NEWEST,
    ),
    Case(
        "DequantizeLinear", (of("int4", 1, 2, -3, 4).reshape(2, 2), SCALES[:1]),
        {"axis": 0, "block_size": 2, "output_dtype": TensorProto.FLOAT16}, NEWEST, (0, 1),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_op(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("dtype", SMALL_DTYPES, ids=str)
def test_tensors_of_small_types_are_read_packed_and_beside_the_file(
    dtype: Any, tmp_path: Path
) -> None:
    """Initializers are constants of a compiled network, external ones too."""
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 1 << dtype.bits, (3, 7)).astype(np.uint8).view(dtype.numpy)
    tensor = numpy_helper.from_array(weights, "w")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["y"])], "g", [],
        [helper.make_tensor_value_info("y", tensor.data_type, (3, 7))], [tensor],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", NEWEST)])
    (inside,) = run(import_onnx(model), [])
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="data", size_threshold=0)
    assert (tmp_path / "data").stat().st_size == -(-weights.size * dtype.bits // 8)
    (beside,) = run(import_onnx(path), [])
    for got in (inside, beside):
        assert got.dtype == weights.dtype
        assert np.array_equal(got.view(np.uint8), weights.view(np.uint8))


def test_a_product_of_8_bit_floats() -> None:
    """The standard's evaluator has it for whole numbers alone."""
    a, b = (of("float8_e4m3fn", *v).reshape(2, 2) for v in ((1, 2, 3, 4), (4, 3, 2, 1)))
    zero, scales = of("float8_e4m3fn", 0)[0], [np.float32(s) for s in (0.5, 2, 0.25)]
    inputs = (a, scales[0], zero, b, scales[1], zero, scales[2], zero)
    made, feeds = one_node("QLinearMatMul", inputs, 21, 1, (1, 2, 4, 5, 6, 7))
    (got,) = run(import_onnx(made), [*feeds.values()])
    assert got.dtype == a.dtype
    assert got.astype(np.float32).tolist() == [[32, 20], [80, 52]]


def test_a_network_takes_and_gives_small_types(tmp_path: Path) -> None:
    x = of("int4", *range(-8, 8)).reshape(4, 4)
    made, _ = one_node("Transpose", (x,), NEWEST, perm=(1, 0))
    onnx.save(made, tmp_path / "model.onnx")
    exe = mx.compile(tmp_path / "model.onnx")
    assert str(exe.inputs[0]).endswith("int4[4, 4]")
    (got,) = exe(x)
    assert got.dtype == x.dtype
    assert np.array_equal(got, x.T)


def test_weights_of_4_bits_in_blocks(tmp_path: Path) -> None:
    """What exporters of language models write: int4 codes, a scale for 16 of them, a product."""
    rng = np.random.default_rng(1)
    codes = rng.integers(-8, 8, (64, 24)).astype(ml_dtypes.int4)
    scale = rng.uniform(0.1, 1, (4, 24)).astype(np.float32)
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=0, block_size=16),
        helper.make_node("MatMul", ["x", "d"], ["y"]),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g",
        [info("x", TensorProto.FLOAT, (3, 64))], [info("y", TensorProto.FLOAT, (3, 24))],
        [numpy_helper.from_array(codes, "w"), numpy_helper.from_array(scale, "s")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", NEWEST)])
    x = rng.normal(size=(3, 64)).astype(np.float32)
    want = x @ (codes.astype(np.float32) * np.repeat(scale, 16, 0))
    onnx.save(model, tmp_path / "model.onnx")
    (got,) = mx.compile(tmp_path / "model.onnx")(x)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
