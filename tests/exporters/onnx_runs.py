"""Runs ONNX models: by ONNX Runtime, or by the standard's reference where that has no kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx.reference import ReferenceEvaluator

from baryon import interp
from baryon.exporters.onnx import to_onnx
from baryon.ir import Array, Module, dtype_of

TOLERANCE = {"f16": 4e-3, "bf16": 2e-2, "f32": 2e-5, "f64": 2e-7}
"""Relative and absolute. Of float64 as attributes of ONNX are float32."""


def run(proto: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    """The outputs of a model, bfloat16 as float32, which NumPy can hold."""
    if any(_is_small(info) for info in (*proto.graph.input, *proto.graph.output)):
        return [np.asarray(y) for y in ReferenceEvaluator(proto).run(None, dict(feeds))]
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    for output in model.graph.output:
        if output.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
            wide = f"{output.name}.float32"
            node = onnx.helper.make_node("Cast", [output.name], [wide], to=onnx.TensorProto.FLOAT)
            model.graph.node.append(node)
            output.name = wide
            output.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    try:
        session = ort.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error):
            raise
        with np.errstate(all="ignore"):
            return [np.asarray(y) for y in ReferenceEvaluator(model).run(None, dict(feeds))]
    values = {name: _value(x) for name, x in feeds.items()}
    return [y.numpy() for y in session.run_with_ort_values(None, values)]


def _is_small(info: onnx.ValueInfoProto) -> bool:
    """Whether elements are of a type that ONNX Runtime does not exchange with NumPy."""
    code = info.type.tensor_type.elem_type
    return dtype_of(onnx.helper.tensor_dtype_to_np_dtype(code)).is_small


def _value(x: Array) -> Any:
    if x.dtype.name == "bfloat16":
        bits = x.view(np.uint16)
        kind = onnx.TensorProto.BFLOAT16
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, kind)
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(x).reshape(x.shape))


def compare(module: Module, inputs: Sequence[Array], **how: Any) -> onnx.ModelProto:
    """Export a module, check the file, and compare its results with the interpreter's."""
    proto = to_onnx(module, **how)
    onnx.checker.check_model(proto, full_check=True)
    names = [v.name for v in module.main.inputs]
    found = run(proto, dict(zip(names, inputs, strict=True)))
    wanted = interp.run(module, inputs)
    for value, got, want in zip(module.main.outputs, found, wanted, strict=True):
        assert got.shape == want.shape
        tolerance = TOLERANCE.get(value.type.dtype.name, 0)
        common = np.float64 if value.type.dtype.is_float else want.dtype
        np.testing.assert_allclose(
            got.astype(common), want.astype(common), rtol=tolerance, atol=tolerance
        )
    return proto
