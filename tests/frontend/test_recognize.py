"""Normalizations, softmax and activations that are spelled out, over drawn shapes and from files.

Each form must become the op that it means, and mean the same before and after.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import baryon as mx
from baryon.importers.onnx import import_onnx
from baryon.interp import run
from baryon.ir import CONSTANT, RETURN, Module
from baryon.passes import SIMPLIFY, run_pipeline

Form = Callable[[Any], Any]
VIEWS = {"np.reshape", CONSTANT, RETURN}


def simplified(module: Module) -> list[str]:
    """The ops that a network becomes, less views; its meaning must stay."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, module.main.inputs[0].type.bound({})).astype(np.float32)
    expected = run(module, [x])
    run_pipeline(module, SIMPLIFY)
    for now, before in zip(run(module, [x]), expected, strict=True):
        found, wanted = now.astype(np.float64), before.astype(np.float64)
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)  # other orders of products
    return [op.name for op in module.main.body.ops if op.name not in VIEWS]


def centred(x: Any, axis: Any = -1) -> Any:
    return x - mx.np.mean(x, axis=axis, keepdims=True)


def variance(x: Any, axis: Any = -1) -> Any:
    d = centred(x, axis)
    return mx.np.mean(d * d, axis=axis, keepdims=True)


def gamma(x: Any) -> Any:
    return mx.np.array(np.linspace(0.5, 2, x.shape[-1]), dtype="float32")


LAYER_NORMS: dict[str, Form] = {
    "square, sqrt": lambda x: centred(x) / mx.np.sqrt(variance(x) + 1e-5),
    "two subtractions": lambda x: (
        (x - x.mean(axis=-1, keepdims=True))
        / mx.np.sqrt(((x - x.mean(axis=-1, keepdims=True)) ** 2).mean(axis=-1, keepdims=True) + 0.1)
    ),
    "eps first": lambda x: centred(x) * mx.npx.rsqrt(1e-5 + variance(x)) * gamma(x) + gamma(x),
    "inverse": lambda x: gamma(x) + gamma(x) * (centred(x) * (1 / mx.np.sqrt(variance(x) + 1e-5))),
    "power": lambda x: centred(x) / (variance(x) + 1e-5) ** 0.5 * gamma(x),
    "np.var": lambda x: centred(x) / mx.np.sqrt(mx.np.var(x, axis=-1, keepdims=True) + 1e-5),
    "gamma first": lambda x: gamma(x) * centred(x) / mx.np.sqrt(variance(x) + 1e-5) + gamma(x),
}
RMS_NORMS: dict[str, Form] = {
    "rsqrt": lambda x: x * mx.npx.rsqrt(mx.np.mean(x * x, axis=-1, keepdims=True) + 1e-5),
    "gamma": lambda x: (
        gamma(x) * (x / mx.np.sqrt(mx.np.mean(mx.np.square(x), axis=-1, keepdims=True) + 1e-5))
    ),
    "l2": lambda x: x / mx.np.sqrt((x**2).sum(axis=-1, keepdims=True) + 1e-3),
}
GELUS: dict[str, Form] = {
    "x first": lambda x: x * 0.5 * (1 + mx.npx.erf(x / math.sqrt(2))),
    "half last": lambda x: x * (mx.npx.erf(x * math.sqrt(0.5)) + 1) * 0.5,
    "half inside": lambda x: x * (0.5 * (1 + mx.npx.erf(x / 2**0.5))),
    "halves": lambda x: (0.5 + 0.5 * mx.npx.erf(x / 2**0.5)) * x,
    "division": lambda x: (1 + mx.npx.erf(x / 2**0.5)) * x / 2,
    "tanh": lambda x: 0.5 * x * (1 + mx.np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "tanh, factored": lambda x: (
        0.5 * x * (1 + mx.np.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x)))
    ),
}
FORMS = {
    "npx.layer_norm": LAYER_NORMS,
    "npx.rms_norm": RMS_NORMS,
    "npx.gelu": GELUS,
    "npx.silu": {
        "sigmoid": lambda x: x * mx.npx.sigmoid(x),
        "division": lambda x: x / (1 + mx.np.exp(-x)),
    },
    "npx.softplus": {"log": lambda x: mx.np.log(1 + mx.np.exp(x))},
    "npx.leaky_relu": {
        "maximum": lambda x: mx.np.maximum(0.1 * x, x),
        "where": lambda x: mx.np.where(x > 0, x, 0.3 * x),
    },
    "np.clip": {
        "minimum": lambda x: mx.np.minimum(mx.np.maximum(x, -1), 1),
        "relu6": lambda x: mx.np.minimum(mx.npx.relu(x), 6),
    },
    "npx.softmax": {
        "with maximum": lambda x: (
            mx.np.exp(x - x.max(axis=-1, keepdims=True))
            / mx.np.exp(x - x.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True)
        ),
        "without": lambda x: mx.np.exp(x) / mx.np.exp(x).sum(axis=-1, keepdims=True),
    },
    "npx.log_softmax": {
        "log": lambda x: mx.np.log(mx.npx.softmax(x, axis=-1)),
    },
}
CASES = [
    pytest.param(op, form, id=f"{op}, {name}")
    for op, forms in FORMS.items()
    for name, form in forms.items()
]


@pytest.mark.parametrize(("op", "form"), CASES)
@settings(max_examples=5)
@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_a_form_becomes_its_op(op: str, form: Form, shape: list[int]) -> None:
    shape[-1] += 1  # statistics over one element are constants
    assert simplified(mx.trace(form, mx.np.ones(shape))) == [op]


@settings(max_examples=10)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(2, 4))
def test_group_and_instance_norm_become_layer_norms(n: int, g: int, c: int, side: int) -> None:
    channels = g * c
    vector = mx.np.array(np.linspace(0.5, 1.5, channels), dtype="float32")
    x = mx.np.ones((n, channels, side, side))
    for groups in {g, channels}:
        found = simplified(mx.trace(lambda x, k=groups: mx.npx.group_norm(x, vector, vector, k), x))
        assert Counter(found)["npx.layer_norm"] == 1
        assert {*found} <= {"npx.layer_norm", "np.multiply", "np.add"}


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x * mx.npx.sigmoid(1.702 * x),
        lambda x: centred(x) / (mx.np.sqrt(variance(x)) + 1e-5),
        lambda x: centred(x, 0) / mx.np.sqrt(variance(x, 1) + 1e-5),
        lambda x: 0.5 * x * (1 + mx.npx.erf(x / 1.5)),
        lambda x: mx.np.exp(x) / mx.np.exp(x).sum(axis=0, keepdims=True).sum(),
        lambda x: mx.np.maximum(x, 2 * x),
    ],
)
def test_what_is_only_like_it_stays(form: Form) -> None:
    made = {op for ops in FORMS for op in [ops]}
    assert not made & {*simplified(mx.trace(form, mx.np.ones((3, 3))))}


def onnx_file(path: Path, nodes: list[onnx.NodeProto], **constants: Any) -> Path:
    """A model x (2, 3, 8) -> y from nodes, opset 13."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "spelled",
        [value("x", TensorProto.FLOAT, [2, 3, 8])],
        [value("y", TensorProto.FLOAT, [2, 3, 8])],
        [numpy_helper.from_array(np.asarray(a, np.float32), name) for name, a in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_a_layer_norm_as_torch_exports_it(tmp_path: Path) -> None:
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["x"], ["mean"], axes=[-1]),
        node("Sub", ["x", "mean"], ["d"]),
        node("Cast", ["d"], ["d1"], to=TensorProto.FLOAT),
        node("Pow", ["d1", "two"], ["squares"]),
        node("ReduceMean", ["squares"], ["variance"], axes=[-1]),
        node("Add", ["variance", "eps"], ["shifted"]),
        node("Sqrt", ["shifted"], ["deviation"]),
        node("Div", ["d", "deviation"], ["normal"]),
        node("Mul", ["normal", "gamma"], ["scaled"]),
        node("Add", ["scaled", "beta"], ["y"]),
    ]
    path = onnx_file(
        tmp_path / "ln.onnx", nodes, two=2, eps=1e-5, gamma=np.arange(8), beta=np.ones(8)
    )
    assert simplified(import_onnx(path)) == ["npx.layer_norm"]


def test_a_gelu_as_torch_exports_it(tmp_path: Path) -> None:
    node = helper.make_node
    nodes = [
        node("Div", ["x", "root"], ["a"]),
        node("Erf", ["a"], ["b"]),
        node("Add", ["b", "one"], ["c"]),
        node("Mul", ["x", "c"], ["d"]),
        node("Mul", ["d", "half"], ["y"]),
    ]
    path = onnx_file(tmp_path / "gelu.onnx", nodes, root=1.4142135, one=1, half=0.5)
    assert simplified(import_onnx(path)) == ["npx.gelu"]


def test_an_rms_norm_as_torch_exports_it(tmp_path: Path) -> None:
    node = helper.make_node
    nodes = [
        node("Pow", ["x", "two"], ["squares"]),
        node("ReduceMean", ["squares"], ["mean"], axes=[-1]),
        node("Add", ["mean", "eps"], ["shifted"]),
        node("Sqrt", ["shifted"], ["root"]),
        node("Div", ["one", "root"], ["inverse"]),
        node("Mul", ["x", "inverse"], ["normal"]),
        node("Mul", ["gamma", "normal"], ["y"]),
    ]
    path = onnx_file(tmp_path / "rms.onnx", nodes, two=2, eps=1e-6, one=1, gamma=np.arange(8))
    assert simplified(import_onnx(path)) == ["npx.rms_norm"]
