"""Gradients of eager programs: against closed forms, finite differences and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import autograd
from baryon.array import GradientError, TraceError
from baryon.np import ndarray

RNG = np.random.default_rng(0)


def leaf(*shape: int, dtype: str = "float64") -> ndarray:
    x: ndarray = mx.np.array(RNG.uniform(0.5, 1.5, shape), dtype=dtype)
    x.attach_grad()
    return x


def test_chain_and_branches() -> None:
    x, w = leaf(3, 4), leaf(4)
    with autograd.record():
        h = mx.np.tanh(x * w)
        y = (h * h + h).sum()
    y.backward()
    t = np.tanh(x.asnumpy() * w.asnumpy())
    outer = (2 * t + 1) * (1 - t * t)
    assert x.grad is not None
    assert w.grad is not None
    np.testing.assert_allclose(x.grad.asnumpy(), outer * w.asnumpy())
    np.testing.assert_allclose(w.grad.asnumpy(), (outer * x.asnumpy()).sum(0))


def test_grad_reqs() -> None:
    x = leaf(2)
    for req, expected in (("write", 3.0), ("add", 6.0)):
        x.attach_grad(req)
        for _ in range(2):
            with autograd.record():
                y = 3 * x
            y.backward()
        assert x.grad is not None
        assert x.grad.tolist() == [expected] * 2
    x.attach_grad("null")
    assert x.grad is None
    with pytest.raises(ValueError, match="grad_req is 'sum'"):
        x.attach_grad("sum")


def test_head_gradients() -> None:
    x = leaf(2, 2)
    with autograd.record():
        y, z = x * 2, x * 3
    autograd.backward([y, z], [mx.np.ones((2, 2)) * 10, None])
    assert x.grad is not None
    assert x.grad.tolist() == [[23.0] * 2] * 2
    with autograd.record():
        y = x * 2
    with pytest.raises(GradientError, match="the shape"):
        y.backward(mx.np.ones(3))


def test_grad_leaves_buffers_alone_and_reaches_inner_values() -> None:
    x = leaf(3)
    with autograd.record():
        y = x * x
        z = (y * y).sum()
    dy, dx = autograd.grad(z, [y, x], retain_graph=True)
    np.testing.assert_allclose(dy.asnumpy(), 2 * x.asnumpy() ** 2)
    np.testing.assert_allclose(dx.asnumpy(), 4 * x.asnumpy() ** 3)
    assert x.grad is not None
    assert not x.grad.asnumpy().any()


@pytest.mark.parametrize("order", [2, 3])
def test_higher_order(order: int) -> None:
    x = leaf(4)
    with autograd.record():
        y = mx.np.exp(x) * x
        for _ in range(order):
            y = autograd.grad(y, x, create_graph=True)
    e = np.exp(x.asnumpy())
    np.testing.assert_allclose(y.asnumpy(), e * (x.asnumpy() + order), rtol=1e-6)


def test_scopes() -> None:
    assert not autograd.is_recording()
    with autograd.record():
        assert autograd.is_recording()
        assert autograd.is_training()
        with autograd.predict_mode():
            assert autograd.is_recording()
            assert not autograd.is_training()
        with autograd.pause():
            assert not autograd.is_recording()
            assert not autograd.is_training()
    with autograd.record(train_mode=False):
        assert not autograd.is_training()
    assert autograd.set_recording(True) is False
    assert autograd.set_recording(False) is True


def test_pause_and_detach_cut_the_tape() -> None:
    x = leaf(2)
    with autograd.record():
        with autograd.pause():
            c = x * 5
        y = (x * c + x.detach() * x).sum()
    y.backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.asnumpy(), 6 * x.asnumpy())


def test_mark_variables() -> None:
    x, g = mx.np.ones(3), mx.np.zeros(3)
    autograd.mark_variables([x], [g])
    with autograd.record():
        y = x * 4
    y.backward()
    assert g.tolist() == [4.0] * 3


class Clamp(autograd.Function):
    """max(x, 0) whose gradient is scaled by ten."""

    def forward(self, x: ndarray) -> ndarray:
        self.save_for_backward(x)
        return mx.np.maximum(x, 0)

    def backward(self, dy: ndarray) -> Any:
        (x,) = self.saved_tensors
        return dy * (x > 0) * 10


def test_function() -> None:
    x = mx.np.array([-1.0, 2.0])
    x.attach_grad()
    clamp = Clamp()
    with autograd.record():
        y = (clamp(x) * 3).sum()
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 30.0]
    with pytest.raises(GradientError, match="called before"):
        clamp(x)
    with pytest.raises(GradientError, match="runs eagerly only"):
        mx.trace(Clamp(), x)


def here() -> str:
    return "test_autograd.py"


def test_writes_are_refused_while_recording() -> None:
    x = leaf(3)
    with autograd.record():
        y = x * 2
        for write in ("x[0] = 1", "y += 1", "y[:] = x"):
            with pytest.raises(GradientError, match="no gradient can pass it") as error:
                exec(write, {"x": x, "y": y})
            assert "compute a new array" in str(error.value)
        scratch = mx.np.zeros(3)
        scratch[1] = 4  # nothing that the tape follows
    y.backward()


def test_writes_after_recording_are_found() -> None:
    x = leaf(3)
    with autograd.record():
        y = mx.np.exp(x * x)
    x[0] = 7
    with pytest.raises(GradientError, match=r"np.multiply was assigned in place") as error:
        y.backward()
    assert here() in str(error.value)


def test_errors() -> None:
    x = leaf(3)
    with pytest.raises(GradientError, match="no op with a gradient was recorded"):
        (x * 2).backward()
    with autograd.record():
        y = x * 2
    y.backward()
    with pytest.raises(GradientError, match=r"retain_graph=True"):
        y.backward()
    with autograd.record():
        y = x * 2
    with pytest.raises(GradientError, match="do not depend on variable 0"):
        autograd.grad(y, [leaf(2)])
    with pytest.raises(GradientError, match="int64 has no gradient"):
        mx.np.arange(3, dtype="int64").attach_grad()


def test_retained_tape_runs_again() -> None:
    x = leaf(2)
    with autograd.record():
        y = (x**3).sum()
    for _ in range(2):
        y.backward(retain_graph=True)
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.asnumpy(), 3 * x.asnumpy() ** 2)


def train_step(f: Any, x: ndarray, w: ndarray) -> tuple[Any, Any]:
    with autograd.record():
        y = f(x)
    y.backward(mx.np.ones_like(y))
    assert w.grad is not None
    return y.asnumpy(), w.grad.asnumpy()


class TestCached:
    """Functions as machine code, with and without gradients."""

    def test_forward_and_backward_agree_with_eager(self) -> None:
        x, w = mx.np.array(RNG.random((5, 4))), mx.np.array(RNG.random((4, 3)))
        x.attach_grad()
        w.attach_grad()

        def f(x: ndarray) -> ndarray:
            return mx.npx.softmax(mx.np.tanh(mx.np.dot(x, w))) * 2

        cached = mx.deferred.Cached(f, lambda: [w])
        np.testing.assert_allclose(cached(x).asnumpy(), f(x).asnumpy(), rtol=1e-5, atol=1e-6)
        for _ in range(2):
            eager, compiled = train_step(f, x, w), train_step(cached, x, w)
            for a, b in zip(eager, compiled, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
            w[:] = w * 0.5  # the program reads the new elements

    def test_nested_arguments_and_results(self) -> None:
        def f(pair: tuple[ndarray, ndarray], scale: int) -> dict[str, Any]:
            return {"sum": pair[0] + pair[1], "both": [pair[0] * scale, pair[1]]}

        cached = mx.deferred.Cached(f, list)
        a, b = mx.np.ones(2), mx.np.ones(2) * 2
        for scale in (3, 4):
            found = cached((a, b), scale)
            assert found["sum"].tolist() == [3.0, 3.0]
            assert found["both"][0].tolist() == [scale] * 2
            assert found["both"][1].tolist() == [2.0, 2.0]

    def test_state(self) -> None:
        total = mx.np.zeros(2)

        def f(x: ndarray) -> ndarray:
            mx.array.assign_state(total, total + x)
            return total * 10

        cached = mx.deferred.Cached(f, lambda: [total])
        for i in (1, 2):
            assert cached(mx.np.ones(2)).tolist() == [10.0 * i] * 2
            assert total.tolist() == [float(i)] * 2

    def test_random_numbers_follow_the_seed(self) -> None:
        def f(x: ndarray) -> ndarray:
            return x * mx.array.random.uniform((100,))

        cached = mx.deferred.Cached(f, list)
        x, drawn = mx.np.ones(100), []
        for seed in (1, 1, 2):
            mx.array.random.seed(seed)
            drawn.append([cached(x).tolist() for _ in range(2)])
        assert drawn[0] == drawn[1] != drawn[2]
        assert drawn[0][0] != drawn[0][1]

    def test_gradient_of_gradient(self) -> None:
        x = leaf(3)
        cached = mx.deferred.Cached(lambda v: v**3, list)
        with autograd.record():
            y = autograd.grad(cached(x), x, create_graph=True)
        y.backward()
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.asnumpy(), 6 * x.asnumpy())

    def test_branching_on_data_says_where(self) -> None:
        cached = mx.deferred.Cached(lambda x: x if x.sum() > 0 else -x, list)
        with pytest.raises(TraceError, match="truth value") as error:
            cached(mx.np.ones(2))
        assert here() in str(error.value)

    def test_second_backward_with_a_retained_tape(self) -> None:
        x = leaf(3, dtype="float32")
        cached = mx.deferred.Cached(lambda v: mx.np.exp(v) * v, list)
        with autograd.record():
            y = cached(x)
        found = []
        for _ in range(2):
            y.backward(retain_graph=True)
            assert x.grad is not None
            found.append(x.grad.tolist())
        assert found[0] == found[1]

    def test_ops_of_the_host_run_between_compiled_parts(self) -> None:
        x = leaf(3, 3)
        x[:] = x + 3 * mx.np.eye(3)

        def f(v: ndarray) -> ndarray:
            return mx.np.exp(mx.np.linalg.inv(v * 2)) + mx.np.tanh(v)

        cached = mx.deferred.Cached(f, list)
        np.testing.assert_allclose(cached(x).asnumpy(), f(x).asnumpy(), rtol=1e-10)
        eager, compiled = train_step(f, x, x), train_step(cached, x, x)
        np.testing.assert_allclose(compiled[1], eager[1], rtol=1e-9)

    def test_writes_into_constants_are_seen(self) -> None:
        scale, shift = mx.np.ones(2), mx.np.zeros(2)
        cached = mx.deferred.Cached(lambda x: x * scale + (shift - 1), list)
        assert cached(mx.np.ones(2)).tolist() == [0.0, 0.0]
        scale[:] = 5
        assert cached(mx.np.ones(2)).tolist() == [4.0, 4.0]
        shift += 10
        assert cached(mx.np.ones(2)).tolist() == [14.0, 14.0]
