"""Attention as users write it: MXNet's interleaved functions, batch_dot, training."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

import baryon as mx
from baryon import autograd, npx

np: Any = mx.np
RNG = numpy.random.default_rng(0)
OFF = "MXNET_DISABLE_ONEDNN_TRANSFORMER_OPT"


def f(*shape: int) -> Any:
    return np.array(RNG.normal(size=shape).astype(numpy.float32))


def self_attention(x: Any) -> Any:
    scores = npx.interleaved_matmul_selfatt_qk(x, heads=2)
    return npx.interleaved_matmul_selfatt_valatt(x, npx.softmax(scores), heads=2)


def masked(x: Any, taken: Any) -> Any:
    scores = npx.interleaved_matmul_selfatt_qk(x, heads=2)
    weights = npx.masked_softmax(scores, taken, temperature=1.5)
    return npx.interleaved_matmul_selfatt_valatt(x, weights, heads=2)


def cross(x: Any, memory: Any) -> Any:
    scores = npx.interleaved_matmul_encdec_qk(x, memory, heads=2)
    return npx.interleaved_matmul_encdec_valatt(memory, npx.softmax(scores), heads=2)


def by_batch_dot(query: Any, key: Any, value: Any) -> Any:
    """As Gluon-NLP computes it: (batch, length, units), scores as a stack over batch and heads."""

    def heads(x: Any) -> Any:
        apart = np.transpose(np.reshape(x, (-2, -2, 2, -1)), axes=(0, 2, 1, 3))
        return np.reshape(apart, (-5, -2, -2))

    weights = npx.softmax(npx.batch_dot(heads(query) / 2.0, heads(key), transpose_b=True))
    mixed = np.reshape(npx.batch_dot(weights, heads(value)), (-6, -1, 2, -2, -2))
    return np.reshape(np.transpose(mixed, axes=(0, 2, 1, 3)), (-2, -2, -5))


TAKEN = RNG.random((6, 9, 9)) < 0.6
TAKEN[0, 0] = False  # a row of which nothing is taken gives 0
FORMS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "self": (self_attention, (f(9, 3, 48),)),
    "masked": (masked, (f(9, 3, 48), np.array(TAKEN, dtype="bool"))),
    "cross": (cross, (f(9, 3, 16), f(20, 3, 32))),
    "batch_dot": (by_batch_dot, (f(3, 9, 16), f(3, 11, 16), f(3, 11, 16))),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_one_kernel_of_the_same_meaning(form: str) -> None:
    function, arrays = FORMS[form]
    given = [x.asnumpy() for x in arrays]
    executable = mx.compile(function, *arrays)
    assert len(executable.profile(*given)) == 1
    expected = function(*arrays).asnumpy()
    numpy.testing.assert_allclose(executable(*given)[0], expected, rtol=1e-5, atol=1e-6)


def test_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    x = f(9, 3, 48)
    apart = mx.compile(self_attention, x, patterns="-self-attention")
    assert len(apart.profile(x.asnumpy())) > 2
    monkeypatch.setenv(OFF, "1")
    off = mx.compile(self_attention, x)
    assert len(off.profile(x.asnumpy())) == len(apart.profile(x.asnumpy()))
    numpy.testing.assert_allclose(off(x.asnumpy())[0], self_attention(x).asnumpy(), 1e-5, 1e-6)


class Attention(mx.gluon.HybridBlock):
    """A projection and attention over it."""

    def __init__(self) -> None:
        super().__init__()
        self.project = mx.gluon.nn.Dense(24, in_units=8, flatten=False)

    def forward(self, x: Any) -> Any:
        return self_attention(self.project(x))


def test_gradients_are_those_of_eager_calls() -> None:
    net = Attention()
    net.initialize()
    x, gradients = f(5, 2, 8), []
    for hybrid in (False, True):
        net.hybridize(hybrid)
        with autograd.record():
            loss = (net(x) ** 2).sum()
        loss.backward()
        gradients.append(net.project.weight.grad().asnumpy())
    numpy.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-4, atol=1e-5)
