"""Sizes that depend on data: traced, interpreted, compiled and hybridized code against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import baryon as mx
from baryon import autograd, interp
from baryon.deferred import EagerWarning

Array = NDArray[Any]
Function = Callable[..., Any]


def chosen_rows(x: Any) -> Any:
    return x[x[:, 0] > 0] * 2


def chosen_elements(x: Any) -> Any:
    return mx.np.sqrt(x[x > 0])


def places(x: Any) -> Any:
    return mx.np.nonzero(x > 0.5)


def flat_places(x: Any) -> Any:
    return mx.np.flatnonzero(x > 0.5) + 1


def turned_places(x: Any) -> Any:
    return mx.np.argwhere(x > 0).T


def sums_of_chosen(x: Any) -> Any:
    kept = x[x[:, 0] > 0]
    return kept.sum(), kept.sum(axis=1), mx.np.concatenate([kept, kept * 2], axis=1)


def chosen_of_chosen(x: Any) -> Any:
    kept = x[x[:, 0] > 0]
    return kept[kept[:, 1] > 0], kept


FUNCTIONS = [
    chosen_rows, chosen_elements, places, flat_places, turned_places, sums_of_chosen,
    chosen_of_chosen,
]  # fmt: skip
each = pytest.mark.parametrize("function", FUNCTIONS)
RNG = np.random.default_rng(3)
ARRAYS = [RNG.normal(size=(rows, 4)).astype(np.float32) for rows in (5, 1, 8)]
ARRAYS += [-np.abs(ARRAYS[0]), np.abs(ARRAYS[0])]


def plain(results: Any) -> list[Array]:
    listed = results if isinstance(results, list | tuple) else [results]
    return [np.asarray(x) for x in listed]


def check(found: Any, function: Function, x: Array) -> None:
    for got, want in zip(plain(found), plain(function(mx.np.array(x))), strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-6)


@each
def test_interpreted(function: Function) -> None:
    module = mx.trace(function, ARRAYS[0], dynamic_batch=8)
    for x in ARRAYS:
        check(interp.run(module, [x]), function, x)


@each
def test_compiled_for_any_batch(function: Function) -> None:
    exe = mx.compile(function, ARRAYS[0], dynamic_batch=8)
    for x in ARRAYS:
        check(exe(x), function, x)


def different(x: Any) -> Any:
    return mx.np.unique(mx.np.rint(x), True, True, True)


def different_rows(x: Any) -> Any:
    return mx.np.unique(mx.np.rint(x / 2), return_inverse=True, return_counts=True, axis=0)


def first_of_each(x: Any) -> Any:
    values, first = mx.np.unique(mx.np.rint(x[:, 0]), return_index=True)
    return x[first] + values.sum()


@pytest.mark.parametrize("function", [different, different_rows, first_of_each])
def test_unique(function: Function) -> None:
    odd = np.array([[np.nan, 1, np.nan, 1], [0.0, -0.0, 1, 1], [np.nan, 1, np.nan, 1]], np.float32)
    for x in (ARRAYS[0], odd, ARRAYS[0][:1]):
        check(interp.run(mx.trace(function, x), [x]), function, x)
        check(mx.compile(function, x)(x), function, x)


@each
def test_hybridized(function: Function) -> None:
    class Net(mx.gluon.HybridBlock):
        def forward(self, x: Any) -> Any:
            return function(x)

    net = Net()
    net.hybridize()
    for x in ARRAYS:
        check(net(mx.np.array(x)), function, x)


def test_hybridized_with_an_op_of_the_host() -> None:
    class Net(mx.gluon.HybridBlock):
        def forward(self, x: Any) -> Any:
            kept = x[x[:, 0] > 0]
            inverse = mx.np.linalg.inv(mx.np.matmul(x.T, x) + mx.np.eye(4))
            return mx.np.matmul(kept, inverse), kept

    net, x = Net(), mx.np.array(ARRAYS[0])
    expected = net(x)
    net.hybridize()
    for got, want in zip(net(x), expected, strict=True):
        np.testing.assert_allclose(got.asnumpy(), want.asnumpy(), rtol=1e-4, atol=1e-5)


def test_a_recorded_call_runs_eagerly() -> None:
    class Net(mx.gluon.HybridBlock):
        def forward(self, x: Any) -> Any:
            return (x[x > 0] ** 2).sum()

    net = Net()
    x: Any = mx.np.array(ARRAYS[0])
    x.attach_grad()
    net.hybridize()
    with pytest.warns(EagerWarning, match="no compiled gradient"), autograd.record():
        loss = net(x)
    loss.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), np.maximum(ARRAYS[0], 0) * 2, rtol=1e-6)


def test_outputs_name_the_symbol() -> None:
    exe = mx.compile(chosen_rows, ARRAYS[0], dynamic_batch=8)
    assert exe.outputs[0].shape == ("k", 4)
    assert exe.outputs[0].max_shape == (8, 4)
    assert exe.symbols == {"N": (1, 8)}


def test_a_loop_defines_no_sizes() -> None:
    def function(xs: Any) -> Any:
        def step(x: Any, total: Any) -> Any:
            return x, total + x[x > 0].sum()

        return mx.npx.foreach(step, xs, mx.np.zeros(()))[1]

    with pytest.raises(mx.ir.UnsupportedError, match="each iteration would have a size of its own"):
        mx.compile(function, ARRAYS[0])
