"""mx.np agrees with NumPy in values and dtypes; mx.npx with its definitions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.testing import assert_allclose

import baryon as mx
from baryon.array import public_ops
from baryon.ir import BaryonError

X = numpy.random.default_rng(0).uniform(0.2, 2, (2, 3, 4)).astype(numpy.float32)
UNARY = ["abs", "exp", "floor", "log", "negative", "reciprocal", "sign", "sqrt", "square", "tanh"]
BINARY = ["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "equal",
          "not_equal", "greater", "greater_equal", "less", "less_equal"]  # fmt: skip


def check(got: Any, want: Any, rtol: float = 2e-6) -> None:
    assert got.dtype == numpy.asarray(want).dtype
    assert got.shape == numpy.shape(want)
    assert_allclose(got.asnumpy(), want, rtol=rtol)


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    check(getattr(mx.np, name)(mx.np.array(X)), getattr(numpy, name)(X))


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    y = X[:, :1] + 0.3
    check(getattr(mx.np, name)(mx.np.array(X), mx.np.array(y)), getattr(numpy, name)(X, y))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "var", "std"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(name: str, axis: Any, keepdims: bool) -> None:
    got = getattr(mx.np, name)(mx.np.array(X), axis=axis, keepdims=keepdims)
    check(got, getattr(numpy, name)(X, axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 1, -1])
def test_arg_reductions(name: str, axis: Any) -> None:
    check(getattr(mx.np, name)(mx.np.array(X), axis), getattr(numpy, name)(X, axis))


def test_reductions_with_corrections_and_dtypes() -> None:
    a = mx.np.array(X)
    check(mx.np.var(a, axis=0, correction=1), numpy.var(X, axis=0, ddof=1), 1e-5)
    check(mx.np.std(a, ddof=1), numpy.std(X, ddof=1), 1e-5)
    assert mx.np.mean(mx.np.array([1, 2], dtype="int32")).dtype == numpy.float32
    assert mx.np.mean(a, dtype="float64").dtype == numpy.float64


SHAPES: dict[str, Callable[[Any, Any], Any]] = {
    "reshape": lambda m, x: m.reshape(x, (4, -1)),
    "transpose": lambda m, x: m.transpose(x, (1, 0, 2)),
    "expand_dims": lambda m, x: m.expand_dims(x, (0, -1)),
    "squeeze": lambda m, x: m.squeeze(x[:1]),
    "broadcast_to": lambda m, x: m.broadcast_to(x, (5, 2, 3, 4)),
    "concatenate": lambda m, x: m.concatenate([x, x[:, :2]], axis=1),
    "stack": lambda m, x: m.stack([x, x], axis=-1),
    "flip": lambda m, x: m.flip(x, axis=1),
    "ravel": lambda m, x: m.ravel(x),
    "swapaxes": lambda m, x: m.swapaxes(x, 0, 2),
    "moveaxis": lambda m, x: m.moveaxis(x, 0, -1),
    "take": lambda m, x: m.take(x, m.array([2, 0], dtype="int64"), axis=1),
    "pad": lambda m, x: m.pad(x, ((0, 0), (1, 2), (0, 1)), "constant", constant_values=3),
    "pad-1": lambda m, x: m.pad(x, 1),
    "clip": lambda m, x: m.clip(x, 0.5, 1),
    "dot": lambda m, x: m.dot(x[0], x[1].T),
    "where": lambda m, x: m.where(x > 1, x, -x),
    "split": lambda m, x: m.split(x, 2, axis=2)[1],
    "split-at": lambda m, x: m.split(x, (1,), axis=1)[1],
    "eye": lambda m, x: m.eye(3, 4, 1, dtype="float32"),
    "identity": lambda m, x: m.identity(3, dtype="int8"),
    "arange": lambda m, x: m.arange(1, 9, 2, dtype="int32"),
    "zeros_like": lambda m, x: m.zeros_like(x),
    "ones_like": lambda m, x: m.ones_like(x, dtype="int64"),
    "full_like": lambda m, x: m.full_like(x, 7),
    "absolute": lambda m, x: m.absolute(x),
}


@pytest.mark.parametrize("f", SHAPES.values(), ids=SHAPES)
def test_shapes_and_creation(f: Callable[[Any, Any], Any]) -> None:
    check(f(mx.np, mx.np.array(X)), f(numpy, X))


def test_reshape_codes() -> None:
    a = mx.np.zeros((8, 3, 1, 4, 5))
    assert mx.np.reshape(a, (-2, -2, -3, -5)).shape == (8, 3, 20)
    assert a.reshape(-6, 2, -1, -4).shape == (2, 4, 3, 1, 4, 5)


def test_promotion() -> None:
    half = mx.np.array([1], dtype="float16")
    whole = mx.np.array([2], dtype="int64")
    assert (half + whole).dtype == numpy.float16
    assert (whole / whole).dtype == numpy.float32
    assert (mx.np.array([1]) * 2.5).dtype == numpy.float32


@pytest.mark.parametrize("space", ["np", "npx"])
def test_derived_functions_say_what_their_declarations_say(space: str) -> None:
    module = getattr(mx, space)
    for name, opdef in public_ops(space).items():
        function = getattr(module, name)
        assert function.__name__ == name
        assert function.__module__.startswith(f"baryon.{space}")
        assert function.__doc__
        names = [p.split("*")[-1].strip("?") for p in opdef.operands]
        assert [*inspect.signature(function).parameters][: len(names)] == names


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match=r"baryon.np.fft is not there yet"):
        mx.np.fft  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute 'sofmax'; did you mean softmax"):
        mx.npx.sofmax  # type: ignore[attr-defined]
    assert (mx.np.pi, mx.np.newaxis) == (numpy.pi, None)
    assert mx.np.float32 == numpy.dtype("float32")


def sigmoid(x: Any) -> Any:
    return 1 / (1 + numpy.exp(-x))


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda x: numpy.maximum(x, 0),
    "sigmoid": sigmoid,
    "log_sigmoid": lambda x: numpy.log(sigmoid(x)),
    "mish": lambda x: x * numpy.tanh(numpy.log1p(numpy.exp(x))),
    "tanh": numpy.tanh,
    "softrelu": lambda x: numpy.log1p(numpy.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
}
RECTIFIERS: dict[str, Callable[[Any], Any]] = {
    "leaky": lambda x: numpy.where(x > 0, x, 0.1 * x),
    "elu": lambda x: numpy.where(x > 0, x, 0.1 * numpy.expm1(x)),
    "selu": lambda x: (
        1.0507009873554805 * numpy.where(x > 0, x, 1.6732632423543772 * numpy.expm1(x))
    ),
    "rrelu": lambda x: numpy.where(x > 0, x, (0.125 + 0.334) / 2 * x),
    "prelu": lambda x: numpy.where(x > 0, x, numpy.array([[[0.1]], [[0.2]], [[0.3]]]) * x),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activation(kind: str) -> None:
    x = X[:1] - 1
    got = mx.npx.activation(mx.np.array(x[0]), kind)
    assert_allclose(got.asnumpy(), ACTIVATIONS[kind](x[0]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", RECTIFIERS)
def test_leaky_relu(kind: str) -> None:
    x = X[:, :, :, None] - 1
    gamma = mx.np.array([0.1, 0.2, 0.3])
    got = mx.npx.leaky_relu(mx.np.array(x), gamma, act_type=kind, slope=0.1)
    assert_allclose(got.asnumpy(), RECTIFIERS[kind](x), rtol=1e-5, atol=1e-6)


def test_npx_extras() -> None:
    a = mx.np.array(X)
    assert mx.npx.slice(a, begin=(None, 1), end=(None, 3)).shape == (2, 2, 4)
    assert mx.npx.slice(a, (0, 0), (2, 3), (1, -1)).shape == (2, 0, 4)
    rows = mx.npx.embedding(mx.np.array([1, 0]), a[0], 3, 4)
    assert_allclose(rows.asnumpy(), X[0][[1, 0]])
    assert mx.npx.softmax(a, axis=1, dtype="float64").dtype == numpy.float64
    assert mx.npx.one_hot(mx.np.array([1], dtype="int32"), 3).tolist() == [[0, 1, 0]]
    mx.npx.set_np()
    mx.npx.waitall()


@pytest.mark.parametrize("call", [
    lambda a: mx.npx.activation(a, "nope"),
    lambda a: mx.npx.leaky_relu(a, act_type="prelu"),
    lambda a: mx.npx.softmax(a, length=a),
    lambda a: mx.npx.convolution(a, a, kernel=(1,), layout="NHWC"),
    lambda a: mx.npx.pooling(a, kernel=(1,), pool_type="lp"),
    lambda a: mx.npx.set_np(array=False),
    lambda a: mx.npx.dropout(a, mode="never"),
    lambda a: mx.npx.dropout(a, 1.5),
    lambda a: mx.np.zeros((2,), order="F"),
    lambda a: mx.np.zeros((2,), device="gpu(0)"),
])  # fmt: skip
def test_refusals(call: Callable[[Any], Any]) -> None:
    with pytest.raises(BaryonError):
        call(mx.np.array(X))
