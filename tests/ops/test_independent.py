"""The references agree with implementations that baryon did not write."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest
import scipy.special
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from baryon.ir import DType
from baryon.ops import TABLE, Absent, OpDef, Sample
from baryon.ops.numerics import Arr
from baryon.ops.samples import draw, operand_types

TOLERANCE = {"f16": 4e-3, "bf16": 3e-2, "f32": 3e-6, "f64": 1e-13}


def cases(
    names: Iterable[str], judged: Callable[[OpDef, Sample], bool] = lambda op, sample: True
) -> list[Any]:
    """Samples of the ops that the judge has an opinion on."""
    ops = [TABLE[name] for name in names]
    return [
        pytest.param(op, s, id=f"{op.name}-{i}")
        for op in ops
        if not isinstance(op.samples, Absent)
        for i, s in enumerate(op.samples)
        if judged(op, s)
    ]


def assert_agrees(op: OpDef, sample: Sample, expected: Any, least: float = 0) -> None:
    floats = [t.dtype.name for t in operand_types(sample) if t.dtype.is_float]
    tolerance = max((TOLERANCE[name] for name in floats), default=TOLERANCE["f32"]) + least
    found = op.evaluate(draw(sample), sample.attrs)
    wanted = expected if isinstance(expected, list | tuple) else [expected]
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == np.shape(b)
        left, right = (np.asarray(v).astype(np.float64) for v in (a, b))
        np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


def normal(op: OpDef, sample: Sample) -> dict[str, Any]:
    return dict(op.normalize(sample.attrs))


# NumPy functions of the same name -----------------------------------------------------------------

PLAIN = [
    "add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "equal", "not_equal",
    "greater", "greater_equal", "less", "less_equal", "where", "negative", "abs", "sign", "square",
    "floor", "sqrt", "exp", "log", "tanh", "reciprocal", "logical_not", "matmul", "dot",
    "transpose", "broadcast_to", "expand_dims", "squeeze", "take", "flip", "split", "sum", "mean",
    "max", "min", "prod", "argmax", "argmin", "var", "std", "zeros_like", "ones_like", "full",
    "zeros", "ones", "cbrt", "expm1", "log1p", "log2", "log10", "sinh", "cosh", "arcsinh",
    "arccosh", "arctanh", "degrees", "radians", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "arctan2", "hypot", "ceil", "trunc", "fix", "rint", "around", "positive", "fabs", "copysign",
    "floor_divide", "mod", "fmod", "fmax", "fmin", "logaddexp", "bitwise_and", "bitwise_or",
    "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm", "invert", "isnan",
    "isinf", "isfinite", "isposinf", "isneginf", "logical_and", "logical_or", "logical_xor",
]  # fmt: skip
REAL = {
    f"np.{name}" for name in (
        "divide", "sqrt", "exp", "log", "tanh", "reciprocal", "cbrt", "expm1", "log1p", "log2",
        "log10", "sinh", "cosh", "arcsinh", "arccosh", "arctanh", "degrees", "radians", "sin",
        "cos", "tan", "arcsin", "arccos", "arctan", "rint", "fabs",
    )
}  # fmt: skip
"""Functions for which whole numbers count as float32 here and as something else in NumPy."""


@pytest.mark.parametrize(("op", "sample"), cases(f"np.{n}" for n in PLAIN))
def test_numpy(op: OpDef, sample: Sample) -> None:
    function = getattr(np, op.name.removeprefix("np."))
    given = normal(op, sample)
    attrs = {k: v.numpy if isinstance(v, DType) else v for k, v in given.items()}
    arrays = [x.astype(np.float32) if x.dtype.name == "bfloat16" else x for x in draw(sample)]
    if op.name in REAL:
        arrays = [x.astype(np.float64) for x in arrays]
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty|Degrees of freedom", RuntimeWarning)
        expected = function(*arrays, **attrs)
    assert_agrees(op, sample, expected)


SEQUENCES: dict[str, Callable[..., Any]] = {"np.concatenate": np.concatenate, "np.stack": np.stack}


@pytest.mark.parametrize(("op", "sample"), cases(SEQUENCES))
def test_numpy_sequences(op: OpDef, sample: Sample) -> None:
    function = SEQUENCES[op.name]
    assert_agrees(op, sample, function(draw(sample), **sample.attrs))


@pytest.mark.parametrize(("op", "sample"), cases(("np.pad",)))
def test_numpy_pad(op: OpDef, sample: Sample) -> None:
    (x,), attrs = draw(sample), sample.attrs
    widths = np.reshape(attrs["pad_width"], (-1, 2)).astype(int) if x.ndim else ()
    mode = attrs.get("mode", "constant")
    more = {"constant_values": attrs.get("constant_value", 0)} if mode == "constant" else {}
    assert_agrees(op, sample, np.pad(x, widths, mode, **more) if x.ndim else x)


SPECIAL = {
    "npx.erf": scipy.special.erf,
    "npx.sigmoid": scipy.special.expit,
    "npx.softplus": lambda x: np.logaddexp(0, x),
    "npx.rsqrt": lambda x: x**-0.5,
    "npx.silu": lambda x: x * scipy.special.expit(x),
    "npx.relu": lambda x: x * (x > 0),
    "npx.erfinv": scipy.special.erfinv,
    "npx.gamma": scipy.special.gamma,
    "npx.gammaln": scipy.special.gammaln,
    "npx.digamma": scipy.special.digamma,
    "ir.trigamma": lambda x: scipy.special.polygamma(1, x),
}


@pytest.mark.parametrize(("op", "sample"), cases(SPECIAL))
def test_special_functions(op: OpDef, sample: Sample) -> None:
    (x,) = draw(sample)
    assert_agrees(op, sample, SPECIAL[op.name](x.astype(np.float64)))


# ONNX's reference evaluator -----------------------------------------------------------------------


def onnx_run(op_type: str, arrays: Sequence[Arr], attrs: Mapping[str, Any], opset: int = 18) -> Any:
    names = [f"x{i}" for i in range(len(arrays))]
    node = helper.make_node(op_type, names, ["y"], **attrs)
    types = [helper.np_dtype_to_tensor_dtype(x.dtype) for x in arrays]
    pairs = zip(names, types, arrays, strict=True)
    inputs = [helper.make_tensor_value_info(n, t, x.shape) for n, t, x in pairs]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", inputs, [output])
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    feeds = dict(zip(names, arrays, strict=True))
    if op_type == "LRN":  # the evaluator's loop runs over the batch instead of the channels
        (y,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)
    else:
        (y,) = ReferenceEvaluator(model).run(None, feeds)
    return y


def both_sides(pad: tuple[int, ...], rank: int) -> list[int]:
    begin_end = pad or (0,) * rank
    return list(begin_end) if len(begin_end) == 2 * rank else [*begin_end, *begin_end]


def window(attrs: Mapping[str, Any], rank: int) -> dict[str, Any]:
    return {
        "kernel_shape": list(attrs["kernel"]),
        "strides": list(attrs["stride"] or (1,) * rank),
        "pads": both_sides(attrs["pad"], rank),
    }


def wide(sample: Sample) -> list[Arr]:
    """Inputs in float32 at least: the evaluator lacks half precision in places."""
    return [x.astype(np.float32) if x.itemsize == 2 else x for x in draw(sample)]


def is_onnx_convolution(op: OpDef, sample: Sample) -> bool:
    """The evaluator takes no empty batch, and transposes only planes without groups."""
    is_plain = len(sample.shapes[0]) == 4 and normal(op, sample)["num_group"] == 1
    return 0 not in sample.shapes[0] and (op.name == "npx.convolution" or is_plain)


@pytest.mark.parametrize(
    ("op", "sample"), cases(("npx.convolution", "npx.deconvolution"), is_onnx_convolution)
)
def test_onnx_convolution(op: OpDef, sample: Sample) -> None:
    rank, attrs = len(sample.shapes[0]) - 2, normal(op, sample)
    given = window(attrs, rank) | {"group": attrs["num_group"]}
    given["dilations"] = list(attrs["dilate"] or (1,) * rank)
    if op.name == "npx.deconvolution":
        given["output_padding"] = list(attrs["adj"] or (0,) * rank)
    op_type = "Conv" if op.name == "npx.convolution" else "ConvTranspose"
    assert_agrees(op, sample, onnx_run(op_type, wide(sample), given))


def is_onnx_pooling(op: OpDef, sample: Sample) -> bool:
    """ONNX has neither sums nor our `same` convention nor empty batches nor 8-bit averages."""
    attrs = normal(op, sample)
    known = attrs["pool_type"] != "sum" and attrs["pooling_convention"] != "same"
    return known and 0 not in sample.shapes[0] and sample.dtypes != ("i8",)


@pytest.mark.parametrize(("op", "sample"), cases(("npx.pooling",), is_onnx_pooling))
def test_onnx_pooling(op: OpDef, sample: Sample) -> None:
    attrs = normal(op, sample)
    kind, convention = attrs["pool_type"], attrs["pooling_convention"]
    arrays = wide(sample)
    if attrs["global_pool"]:
        name = {"max": "GlobalMaxPool", "avg": "GlobalAveragePool"}[kind]
        assert_agrees(op, sample, onnx_run(name, arrays, {}))
        return
    rank = len(sample.shapes[0]) - 2
    given = window(attrs, rank) | {"dilations": list(attrs["dilate"] or (1,) * rank)}
    given["ceil_mode"] = int(convention == "full")
    if kind == "avg":
        given["count_include_pad"] = int(attrs["count_include_pad"])
    name = {"max": "MaxPool", "avg": "AveragePool"}[kind]
    assert_agrees(op, sample, onnx_run(name, arrays, given, 19 if kind == "avg" else 12))


NODES: dict[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "npx.softmax": ("Softmax", lambda a: {"axis": a["axis"]}),
    "npx.log_softmax": ("LogSoftmax", lambda a: {"axis": a["axis"]}),
    "npx.lrn": (
        "LRN",
        lambda a: {"size": a["nsize"], "alpha": a["alpha"], "beta": a["beta"], "bias": a["knorm"]},
    ),
    "npx.elu": ("Elu", lambda a: {"alpha": a["slope"]}),
    "npx.leaky_relu": ("LeakyRelu", lambda a: {"alpha": a["slope"]}),
    "npx.softsign": ("Softsign", lambda a: {}),
    "npx.gelu": ("Gelu", lambda a: {"approximate": a["approximate"].replace("erf", "none")}),
    "npx.layer_norm": ("LayerNormalization", lambda a: {"axis": a["axis"], "epsilon": a["eps"]}),
    "npx.batch_norm": ("BatchNormalization", lambda a: {"epsilon": a["eps"]}),
}


def is_onnx_node(op: OpDef, sample: Sample) -> bool:
    """The evaluator takes no scalars and no even LRN; ONNX's LayerNorm takes all further axes."""
    attrs = normal(op, sample)
    is_even = op.name == "npx.lrn" and attrs["nsize"] % 2 == 0
    is_inner = op.name == "npx.layer_norm" and attrs["axis"] != -1
    return bool(sample.shapes[0]) and not is_even and not is_inner


@pytest.mark.parametrize(("op", "sample"), cases(NODES, is_onnx_node))
def test_onnx_nodes(op: OpDef, sample: Sample) -> None:
    attrs = normal(op, sample)
    op_type, translate = NODES[op.name]
    arrays, opset = wide(sample), 17 if op_type == "LRN" else 20
    if attrs.get("temperature"):
        arrays = [x / np.float32(attrs["temperature"]) for x in arrays]
    if attrs.get("fix_gamma"):
        arrays[1] = np.ones_like(arrays[1])
    assert_agrees(op, sample, onnx_run(op_type, arrays, translate(attrs), opset), 1e-7)


@pytest.mark.parametrize(("op", "sample"), cases(("npx.fully_connected",)))
def test_gemm(op: OpDef, sample: Sample) -> None:
    x, weight, *bias = draw(sample)
    flatten = sample.attrs.get("flatten", True)
    rows = x.reshape(x.shape[0], -1) if flatten else x.reshape(-1, x.shape[-1])
    y = onnx_run("Gemm", [rows, weight, *bias], {"transB": 1})
    lead = x.shape[:1] if flatten else x.shape[:-1]
    assert_agrees(op, sample, y.reshape(*lead, weight.shape[0]))


@pytest.mark.parametrize(("op", "sample"), cases(("npx.one_hot",)))
def test_one_hot(op: OpDef, sample: Sample) -> None:
    (x,), attrs = draw(sample), normal(op, sample)
    off, on, depth = attrs["off_value"], attrs["on_value"], attrs["depth"]
    padded = np.concatenate([np.eye(depth), np.zeros((9, depth))])
    assert_agrees(op, sample, off + (on - off) * padded[x])
