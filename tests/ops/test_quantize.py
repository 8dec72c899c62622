"""Codes and what they mean: against ONNX Runtime, along axes, at the ends, and in types."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper

from baryon import interp
from baryon.ir import (
    DTYPES,
    IRTypeError,
    Quant,
    TensorType,
    f32,
    i8,
    parse_module,
    print_module,
    u8,
    verify,
)
from baryon.ops import TABLE, lookup
from baryon.ops.quantize import dequantized, quantized

TYPES = {"i8": TensorProto.INT8, "u8": TensorProto.UINT8}


def by_onnx_runtime(x: Any, dtype: str, scale: Any, zero: Any, axis: int) -> list[Any]:
    """What ONNX Runtime gives for QuantizeLinear and for DequantizeLinear of that."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=axis),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=axis),
    ]
    scales = helper.make_tensor("s", TensorProto.FLOAT, np.shape(scale), np.ravel(scale))
    zeros = helper.make_tensor("z", TYPES[dtype], np.shape(zero), np.ravel(zero))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("q", TYPES[dtype], x.shape),
         helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)], [scales, zeros],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return list(onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x}))


@given(
    x=arrays(np.float32, (3, 4), elements=st.floats(-1e4, 1e4, width=32)),
    scale=st.sampled_from([0.5, 2.0**-7, 4.0]),
    zero=st.integers(0, 127),
    dtype=st.sampled_from(["i8", "u8"]),
)
def test_powers_of_two_are_as_in_onnx(x: Any, scale: float, zero: int, dtype: str) -> None:
    """With them the product by the reciprocal is the quotient."""
    quant = Quant.of((scale,), (zero,))
    codes, values = by_onnx_runtime(x, dtype, scale, zero, 1)
    np.testing.assert_array_equal(quantized(x, DTYPES[dtype], quant), codes)
    np.testing.assert_array_equal(dequantized(codes, quant), values)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_axis_is_as_in_onnx(axis: int) -> None:
    rng = np.random.default_rng(axis)
    x = rng.standard_normal((3, 5, 4)).astype(np.float32)
    places = [x.shape[axis]]
    scale = rng.uniform(0.01, 0.1, places).astype(np.float32)
    zero = rng.integers(0, 200, places).astype(np.uint8)
    quant = Quant.of(scale.tolist(), zero.tolist(), axis)
    codes, values = by_onnx_runtime(x, "u8", scale, zero, axis)
    np.testing.assert_array_equal(quantized(x, u8, quant), codes)
    np.testing.assert_array_equal(dequantized(codes, quant), values)


@given(st.integers(-128, 127), st.floats(2.0**-20, 2.0**10, width=32), st.integers(-128, 127))
def test_codes_survive_their_meaning(code: int, scale: float, zero: int) -> None:
    q, quant = np.asarray([code], np.int8), Quant.of((scale,), (zero,))
    assert quantized(dequantized(q, quant), i8, quant) == q


def test_ends_and_nan() -> None:
    x = np.asarray([np.inf, -np.inf, np.nan, 1e30, -1e30, 2.5, 3.5], np.float32)
    found = quantized(x, u8, Quant.of((1.0,), (7,)))
    np.testing.assert_array_equal(found, [255, 0, 0, 255, 0, 9, 11])


BAD: list[tuple[str, TensorType, dict[str, Any], str]] = [
    ("ir.quantize", TensorType((2,), i8), {"dtype": "i8", "scale": (1.0,)}, "floating"),
    ("ir.quantize", TensorType((2,), f32), {"dtype": "i32", "scale": (1.0,)}, "i8 or u8"),
    ("ir.quantize", TensorType((2,), f32), {"dtype": "u8", "scale": (1.0,), "zero": -1}, "0..255"),
    ("ir.quantize", TensorType((2,), f32), {"dtype": "u8", "scale": (1.0, 2.0)}, "places"),
    ("ir.dequantize", TensorType((2,), f32), {"scale": (1.0,)}, "codes are i8 or u8"),
    ("ir.dequantize", TensorType((2,), i8, Quant.of((1.0,))), {"scale": (2.0,)}, "requantize"),
    ("ir.as_quantized", TensorType((2,), i8, Quant.of((1.0,))), {"scale": (1.0,)}, "already"),
]


@pytest.mark.parametrize(("name", "type", "attrs", "message"), BAD)
def test_refusals(name: str, type: TensorType, attrs: dict[str, Any], message: str) -> None:
    with pytest.raises(IRTypeError, match=f"(?s)^{name}.*{message}"):
        TABLE[name].infer(type, **TABLE[name].normalize(attrs))


def test_codes_of_other_scales_are_not_joined() -> None:
    types = [TensorType((2, 3), i8, Quant.of((s,))) for s in (0.5, 0.25)]
    with pytest.raises(IRTypeError, match="must mean the same"):
        TABLE["np.concatenate"].infer(types, axis=1)


TEXT = """\
module {
  constant @w : i8[2,3] = (1, 2, 3, -4, -5, -6)

  func @main(%x: u8[2,3]) -> (y, c) {
    %w = ir.constant() {name="w"} : i8[2,3]<scale=(0.5, 0.25), zero=0, axis=0>
    %v = ir.dequantize(%w) {axis=0, scale=(0.5, 0.25), zero=(0,)} : f32[2,3]
    %q = ir.as_quantized(%x) {axis=none, scale=(0.125,), zero=(3,)} : u8[2,3]<scale=0.125, zero=3>
    %t = np.transpose(%q) {axes=(1, 0)} : u8[3,2]<scale=0.125, zero=3>
    %d = ir.dequantize(%t) {axis=none, scale=(0.125,), zero=(3,)} : f32[3,2]
    %y = np.matmul(%d, %v) : f32[3,3]
    %c = ir.codes(%t) : u8[3,2]
    ir.return(%y, %c)
  }
}
"""


def test_text_and_meaning() -> None:
    module = parse_module(TEXT)
    verify(module, lookup)
    assert print_module(module) == TEXT
    x = np.arange(6, dtype=np.uint8).reshape(2, 3)
    y, c = interp.run(module, [x])
    scales = np.asarray([[0.5], [0.25]], np.float32)
    weight = module.constants["w"].astype(np.float32) * scales
    np.testing.assert_array_equal(y, (x.T.astype(np.float32) - 3) * np.float32(0.125) @ weight)
    np.testing.assert_array_equal(c, x.T)
