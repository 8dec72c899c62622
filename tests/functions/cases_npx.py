"""Functions of `npx`, beside what NumPy would write."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from functions.case import Case

_erf, _gamma, _lgamma = map(numpy.vectorize, (math.erf, math.gamma, math.lgamma))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + numpy.exp(-x))


def softmax(x: Any, axis: int = -1) -> Any:
    e = numpy.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def normalized(x: Any, axes: Any, eps: float) -> Any:
    centred = x - x.mean(axes, keepdims=True)
    return centred / numpy.sqrt((centred**2).mean(axes, keepdims=True) + eps)


ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "relu": lambda x: numpy.maximum(x, 0),
    "sigmoid": sigmoid,
    "log_sigmoid": lambda x: numpy.log(sigmoid(x)),
    "mish": lambda x: x * numpy.tanh(numpy.log1p(numpy.exp(x))),
    "tanh": numpy.tanh,
    "softrelu": lambda x: numpy.log1p(numpy.exp(x)),
    "softsign": lambda x: x / (1 + numpy.abs(x)),
}
LEAKY: dict[str, Callable[..., Any]] = {
    "leaky": lambda x: numpy.where(x > 0, x, 0.25 * x),
    "elu": lambda x: numpy.where(x > 0, x, 0.25 * numpy.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * numpy.where(
        x > 0, x, 1.6732632423543772 * numpy.expm1(x)),
    "gelu_erf": lambda x: 0.5 * x * (1 + _erf(x / numpy.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (
        1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (x + 0.044715 * x**3))),
}  # fmt: skip

NEURAL = [
    *(Case("npx.activation", ("a b",), {"act_type": n}, reference=f)
      for n, f in ACTIVATIONS.items()),
    *(Case("npx.leaky_relu", ("a b",), {"act_type": n}, reference=f, rtol=1e-4)
      for n, f in LEAKY.items()),
    Case("npx.relu", ("a b",), reference=ACTIVATIONS["relu"]),
    Case("npx.sigmoid", ("a b",), reference=sigmoid),
    Case("npx.softsign", ("a b",), reference=ACTIVATIONS["softsign"]),
    Case("npx.softmax", ("a b c",), reference=softmax),
    Case("npx.softmax", ("a b c",), {"axis": 1}, reference=lambda x: softmax(x, 1)),
    Case("npx.softmax", ("a b",), {"temperature": 2.0}, reference=lambda x: softmax(x / 2)),
    Case("npx.log_softmax", ("a b",), reference=lambda x: numpy.log(softmax(x))),
    Case("npx.masked_softmax", ("a b",), call=lambda m, x: m.masked_softmax(x, x > -9),
         reference=softmax),
    Case("npx.fully_connected", ("a b", "c b", "c"), {"num_hidden": 0, "no_bias": False},
         call=lambda m, x, w, b: m.fully_connected(x, w, b, num_hidden=w.shape[0], no_bias=False),
         reference=lambda x, w, b: x @ w.T + b),
    Case("npx.layer_norm", ("a b", "b", "b"), {"eps": 1e-3}, rtol=1e-4,
         reference=lambda x, g, b: normalized(x, -1, 1e-3) * g + b),
    Case("npx.group_norm", ("a 4 b c", "4", "4"), {"num_groups": 2, "eps": 1e-3}, rtol=1e-4,
         reference=lambda x, g, b: normalized(
             x.reshape(x.shape[0], 2, -1), 2, 1e-3).reshape(x.shape) * g[:, None, None]
         + b[:, None, None]),
    Case("npx.instance_norm", ("a b c d", "b", "b"), {"eps": 1e-3}, rtol=1e-4,
         reference=lambda x, g, b: normalized(x, (2, 3), 1e-3) * g[:, None, None]
         + b[:, None, None]),
    Case("npx.smooth_l1", ("a b",), {"scalar": 1.0},
         reference=lambda x: numpy.where(numpy.abs(x) < 1, x * x / 2, numpy.abs(x) - 0.5)),
    Case("npx.stop_gradient", ("a b",), graded=False, reference=lambda x: x),
    Case("npx.round_ste", ("a b",), graded=False, reference=numpy.round),
    Case("npx.sign_ste", ("a b",), graded=False, reference=numpy.sign),
    Case("npx.erf", ("a b",), reference=_erf),
    Case("npx.gamma", ("a b",), low=0.5, reference=_gamma),
    Case("npx.gammaln", ("a b",), low=0.5, reference=_lgamma),
    Case("npx.erfinv", ("a b",), low=-0.9, high=0.9, compared=False),
    Case("npx.digamma", ("a b",), low=0.5, compared=False),
]  # fmt: skip
CONVOLUTIONS = [
    Case("npx.convolution", ("a 3 n n", "4 3 3 3", "4"), compared=False, least=4,
         call=lambda m, x, w, b, stride=stride: m.convolution(
             x, w, b, kernel=(3, 3), pad=(1, 1), stride=stride, num_filter=4))
    for stride in ((1, 1), (2, 2))
] + [
    Case("npx.convolution", ("a 4 n", "6 2 3", "6"), compared=False, least=4,
         call=lambda m, x, w, b: m.convolution(x, w, b, kernel=3, num_filter=6, num_group=2)),
    Case("npx.deconvolution", ("a 3 n n", "3 4 3 3"), compared=False, least=3,
         call=lambda m, x, w: m.deconvolution(
             x, w, kernel=(3, 3), stride=(2, 2), pad=(1, 1), num_filter=4, no_bias=True)),
    *(Case("npx.pooling", ("a b 6 6",), {"kernel": (2, 2), "stride": (2, 2), "pool_type": t},
           compared=False) for t in ("max", "avg", "sum")),
    Case("npx.pooling", ("a b 6 6",), {"kernel": (3, 3), "pad": (1, 1), "pool_type": "avg"},
         compared=False),
    Case("npx.pooling", ("a b c d",), {"kernel": (1, 1), "global_pool": True, "pool_type": "avg"},
         edges=False, reference=lambda x: x.mean((2, 3), keepdims=True)),
]  # fmt: skip
ARRAYS = [
    Case("npx.batch_dot", ("d a b", "d b c"), reference=numpy.matmul),
    Case("npx.batch_dot", ("d a b", "d c b"), {"transpose_b": True},
         reference=lambda x, y: x @ y.swapaxes(1, 2)),
    Case("npx.batch_flatten", ("a b c",), reference=lambda x: x.reshape(x.shape[0], -1)),
    Case("npx.reshape", ("a b c",), call=lambda m, x: m.reshape(x, (-5, -2)),
         reference=lambda x: x.reshape(-1, x.shape[2])),
    Case("npx.reshape_like", ("a b", "b a"), reference=lambda x, y: x.reshape(y.shape),
         graded=False),
    Case("npx.broadcast_like", ("a 1", "a b"), reference=lambda x, y: x + 0 * y, graded=False),
    Case("npx.arange_like", ("a b",), graded=False,
         reference=lambda x: numpy.arange(x.size, dtype="float32").reshape(x.shape)),
    Case("npx.one_hot", ("a b",), kinds="i", low=0, high=4,
         call=lambda m, x: m.one_hot(x, 5), reference=lambda x: numpy.eye(5, dtype="float32")[x]),
    Case("npx.pick", ("a b",), call=lambda m, x: m.pick(x, (x[:, 0] * 0).astype("int32"), axis=1),
         reference=lambda x: x[:, 0]),
    Case("npx.topk", ("a 5",), {"k": 3, "axis": 1, "ret_typ": "value"},
         reference=lambda x: -numpy.sort(-x, axis=1)[:, :3]),
    Case("npx.slice", ("5 a",), {"begin": (1, None), "end": (4, None)}, reference=lambda x: x[1:4]),
    Case("npx.slice_like", ("7 7", "a b"), graded=False,
         reference=lambda x, y: x[: y.shape[0], : y.shape[1]]),
    Case("npx.slice_channel", ("a 4",), {"num_outputs": 2, "axis": 1},
         reference=lambda x: numpy.split(x, 2, 1)),
    Case("npx.cast", ("a b",), {"dtype": "float32"}, reference=lambda x: x.astype("float32"),
         graded=False),
    Case("npx.shape_array", ("a b",), reference=lambda x: numpy.array(x.shape), graded=False,
         compiled=False),
    Case("npx.norm", ("a b",), {"axis": 1}, reference=lambda x: numpy.linalg.norm(x, axis=1)),
    Case("npx.add_n", ("a b", "a b", "a b"), call=lambda m, *xs: m.add_n(*xs),
         reference=lambda x, y, z: x + y + z),
    Case("npx.nonzero", ("a b",), kinds="b", reference=numpy.argwhere),
    Case("npx.gather_nd", ("5 a",), call=lambda m, x: m.gather_nd(x, numpy.array([[0, 3, 3]])),
         reference=lambda x: x[[0, 3, 3]]),
    Case("npx.index_add", ("5 a", "2 a"), call=lambda m, x, v: m.index_add(
        x, numpy.array([[1, 1]]), v),
         reference=lambda x, v: x + numpy.eye(5, dtype=x.dtype)[:, [1]] * v.sum(0)),
    Case("npx.index_update", ("5 a", "2 a"), call=lambda m, x, v: m.index_update(
        x, numpy.array([[1, 3]]), v),
         reference=lambda x, v: numpy.stack([x[0], v[0], x[2], v[1], x[4]])),
    Case("npx.sequence_reverse", ("a b c",), reference=lambda x: x[::-1]),
    Case("npx.sequence_last", ("a b c",), reference=lambda x: x[-1]),
    Case("npx.sequence_mask", ("a b c",), reference=lambda x: x),
]  # fmt: skip

CASES = (*NEURAL, *CONVOLUTIONS, *ARRAYS)
