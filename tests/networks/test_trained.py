"""Forward and backward of small networks as one module whose weights are inputs.

Activations are smooth: where relu is near 0, float32 and float64 may disagree about its slope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import interp
from baryon.array.calls import calls
from baryon.deferred import trace
from baryon.ir import Array, Builder, Func, Module, verify
from baryon.ops import TABLE, lookup
from baryon.ops.vjp import append_gradients

Shapes = Sequence[tuple[int, ...]]
Net = Callable[..., Any]

npx = mx.npx


def swish(x: Any) -> Any:
    """A smooth activation."""
    return x * npx.sigmoid(x)


def normalized(x: Any, gamma: Any, beta: Any) -> Any:
    """Batch normalization by the batch's own statistics."""
    opdef = TABLE["ir.batch_norm_train"]
    return calls.call(opdef, (x, gamma, beta), {"fix_gamma": False, "eps": 1e-5})[0]


def plain(x: Any, w: Sequence[Any]) -> Any:
    """Convolutions with biases, both poolings, fully-connected layers, a log-softmax."""
    h = mx.np.tanh(npx.convolution(x, w[0], w[1], kernel=(5, 5)))
    h = npx.pooling(h, kernel=(2, 2), stride=(2, 2))
    h = npx.convolution(h, w[2], w[3], kernel=(3, 3), pad=(1, 1))
    h = npx.pooling(mx.np.tanh(h), kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg")
    h = mx.np.tanh(npx.fully_connected(h, w[4], w[5]))
    return npx.log_softmax(npx.fully_connected(h, w[6], w[7]))


def residual(x: Any, w: Sequence[Any]) -> Any:
    """Batch normalization, a shortcut with a stride, an addition, global pooling."""
    h = swish(normalized(npx.convolution(x, w[0], kernel=(3, 3), pad=(1, 1)), w[1], w[2]))
    a = npx.convolution(h, w[3], kernel=(3, 3), stride=(2, 2), pad=(1, 1))
    a = npx.convolution(swish(normalized(a, w[4], w[5])), w[6], kernel=(3, 3), pad=(1, 1))
    b = npx.convolution(h, w[7], kernel=(1, 1), stride=(2, 2))
    h = swish(normalized(a, w[4], w[5]) + normalized(b, w[8], w[9]))
    return npx.fully_connected(npx.pooling(h, pool_type="avg", global_pool=True), w[10], w[11])


def unusual(x: Any, w: Sequence[Any]) -> Any:
    """Groups, a depthwise and a transposed convolution, a concatenation, dilation."""
    h = swish(npx.convolution(x, w[0], kernel=(3, 3), pad=(1, 1)))
    a = npx.convolution(h, w[1], kernel=(3, 3), pad=(2, 2), dilate=(2, 2), num_group=2)
    b = npx.convolution(h, w[2], w[3], kernel=(3, 3), pad=(1, 1), num_group=8)
    h = swish(mx.np.concatenate([a, b], axis=1))
    h = npx.deconvolution(h, w[4], w[5], kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=5)
    return mx.np.mean(swish(h), axis=(2, 3))


NETWORKS: dict[str, tuple[Net, tuple[int, ...], Shapes]] = {
    "plain": (
        plain,
        (6, 1, 16, 14),
        ((20, 1, 5, 5), (20,), (30, 20, 3, 3), (30,), (17, 270), (17,), (10, 17), (10,)),
    ),
    "residual": (
        residual,
        (5, 3, 12, 12),
        (
            (16, 3, 3, 3), (16,), (16,), (24, 16, 3, 3), (24,), (24,), (24, 24, 3, 3),
            (24, 16, 1, 1), (24,), (24,), (10, 24), (10,),
        ),
    ),
    "unusual": (
        unusual,
        (2, 3, 9, 9),
        ((8, 3, 3, 3), (8, 4, 3, 3), (8, 1, 3, 3), (8,), (16, 5, 4, 4), (5,)),
    ),
}  # fmt: skip


def training(name: str) -> tuple[Module, list[Array]]:
    """A module that returns a network's results and the gradients of all inputs, and arguments."""
    net, shape, shapes = NETWORKS[name]
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, np.prod(s[1:]) ** -0.5, s).astype(np.float32) for s in shapes]
    x = rng.normal(0, 1, shape).astype(np.float32)
    module = trace(net, x, weights)
    region, (output,) = module.main.body, module.main.outputs
    region.terminator.erase()
    builder = Builder(module, region, lookup)
    seed = builder.constant(rng.normal(0, 1, output.type.static_shape).astype(np.float32))
    grads = append_gradients(TABLE, builder, {output: seed}, module.main.inputs)
    assert None not in grads
    builder.ret([output, *(g for g in grads if g is not None)])
    module.funcs["main"] = Func("main", region, [f"o{i}" for i in range(len(grads) + 1)])
    verify(module, lookup)
    return module, [x, *weights]


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_right_on_any_number_of_threads(name: str) -> None:
    module, arguments = training(name)
    wanted = interp.run(module, arguments, precise=True)
    one, two = (mx.compile(module, threads=n)(*arguments) for n in (1, 2))
    for got, again, want in zip(one, two, wanted, strict=True):
        assert got.tobytes() == again.tobytes()
        found, right = got.astype(np.float64), want.astype(np.float64)
        np.testing.assert_allclose(found, right, 0, 2e-5 * max(float(np.abs(right).max()), 1e-3))
