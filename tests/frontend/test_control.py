"""foreach, while_loop and cond: at once, as ops with regions, unrolled, and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy
import pytest
from numpy.testing import assert_allclose

import baryon as mx
from baryon import autograd, interp
from baryon.array import TraceError
from baryon.array.random import uniform
from baryon.deferred import trace
from baryon.ir import BaryonError, IRTypeError, parse_module
from baryon.passes import run_pipeline

X = numpy.random.RandomState(0).randn(3, 2).astype(numpy.float32)
H = numpy.array([0.1, 0.2], numpy.float32)
W = mx.np.array([2.0, 3.0])


def scan(x: Any, h: Any) -> Any:
    """A state, nested outputs, an array from outside."""

    def body(d: Any, s: Any) -> Any:
        new = mx.np.tanh(d * W + s["h"])
        return [new * h, (new, d)], {"h": new}

    return mx.npx.foreach(body, x, {"h": h})


def several(x: Any, h: Any) -> Any:
    """Two arrays, two states, no output."""
    return mx.npx.foreach(lambda d, s: ([], [s[0] + d[0], s[1] * d[1]]), [x, x + 1], [h, h])[1]


def nothing(x: Any, h: Any) -> Any:
    return mx.npx.foreach(lambda d, s: (d * s, s + d), x[:0], h)


def powers(x: Any, h: Any) -> Any:
    """Stops after three of five iterations."""
    start = (mx.np.zeros(()), h)
    step: Any = lambda i, v: (v * x[0], (i + 1, v + v * x[1]))  # noqa: E731
    return mx.npx.while_loop(lambda i, v: i < 3, step, start, max_iterations=5)


def cut_off(x: Any, h: Any) -> Any:
    return mx.npx.while_loop(lambda v: v.sum() < 100, lambda v: ([v, v + h], v + 1), h, 3)


def never(x: Any, h: Any) -> Any:
    return mx.npx.while_loop(lambda v: v.sum() > 100, lambda v: (v, v * x[0]), h, 3)


def larger(x: Any, h: Any) -> Any:
    """A branch in a loop, and a nested loop."""

    def body(d: Any, s: Any) -> Any:
        inner, _ = mx.npx.foreach(lambda e, t: (e * t, t + e), mx.np.stack([d, s]), s)
        kept = mx.npx.cond(lambda v: v.sum() > 0, lambda v: v * h, lambda v: v - h, [d + s])
        return inner, kept

    return mx.npx.foreach(body, x, h)


PROGRAMS = (scan, several, nothing, powers, cut_off, never, larger)
each_program = pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        tree = [*tree.values()]
    if isinstance(tree, list | tuple):
        return [x for child in tree for x in leaves(child)]
    return [tree]


def close(found: Sequence[Any], expected: Any, rtol: float = 1e-5) -> None:
    for a, b in zip(found, leaves(expected), strict=True):
        assert a.dtype == b.dtype
        assert_allclose(a, b.asnumpy(), rtol=rtol, atol=1e-6)


def test_scan_means_the_loop() -> None:
    (scaled, (raw, slices)), state = scan(mx.np.array(X), mx.np.array(H))
    h, rows = H, []
    for row in X:
        h = numpy.tanh(row * numpy.array([2, 3], numpy.float32) + h)
        rows.append(h)
    assert_allclose(raw.asnumpy(), rows, rtol=1e-6)
    assert_allclose(scaled.asnumpy(), rows * H, rtol=1e-6)
    assert_allclose(slices.asnumpy(), X)
    assert_allclose(state["h"].asnumpy(), h, rtol=1e-6)


def test_while_loop_means_the_loop() -> None:
    out, (count, last) = powers(mx.np.array(X), mx.np.array(H))
    v, rows = H, numpy.zeros((5, 2), numpy.float32)
    for i in range(3):
        rows[i] = v * X[0]
        v = v + v * X[1]
    assert count.item() == 3
    assert_allclose(out.asnumpy(), rows, rtol=1e-6)
    assert_allclose(last.asnumpy(), v, rtol=1e-6)


@each_program
def test_traced_unrolled_and_compiled(f: Callable[..., Any]) -> None:
    args = [mx.np.array(X), mx.np.array(H)]
    expected = f(*args)
    module = trace(f, *args)
    text = str(module)
    assert "ir.foreach" in text or "ir.while_loop" in text
    assert str(parse_module(text)) == text
    close(interp.run(module, [X, H]), expected)
    run_pipeline(module, "unroll")
    close(interp.run(module, [X, H]), expected)
    if f is nothing:  # artifacts have no outputs without elements
        return
    found = mx.compile(f, *args)(X, H)
    close(found if isinstance(found, list | tuple) else [found], expected)


@each_program
def test_gradients_pass_loops(f: Callable[..., Any]) -> None:
    x, h = mx.np.array(X), mx.np.array(H)
    h.attach_grad()
    with autograd.record():
        loss = sum((y * y).sum() for y in leaves(f(x, h)))
    loss.backward()
    step, grads = 1e-3, []
    for i in range(2):
        moved = numpy.eye(2, dtype=numpy.float32)[i] * step
        up, down = (
            sum(float((y * y).sum().item()) for y in leaves(f(x, mx.np.array(H + s))))
            for s in (moved, -moved)
        )
        grads.append((up - down) / (2 * step))
    assert h.grad is not None
    assert_allclose(h.grad.asnumpy(), grads, rtol=2e-2, atol=2e-3)


def test_each_iteration_draws_its_own_numbers() -> None:
    def f(x: Any) -> Any:
        def inner(d: Any, s: Any) -> Any:
            return uniform((2,), "float32"), s

        return mx.npx.foreach(lambda d, s: (mx.npx.foreach(inner, x, s)[0], s), x, [])[0]

    module = trace(f, mx.np.array(X))
    key = numpy.asarray(7, numpy.uint64)
    (first,) = interp.run(module, [X, key])
    run_pipeline(module, "unroll")
    assert numpy.unique(first).size == first.size == 18
    numpy.testing.assert_array_equal(interp.run(module, [X, key])[0], first)


def test_a_condition_that_is_known_chooses_at_once() -> None:
    def f(x: Any) -> Any:
        return mx.npx.cond(mx.np.array(1), lambda a: a + 1, lambda a: a.no_such_thing, [x])

    assert "ir.cond" not in str(trace(f, mx.np.array(X)))


def in_trace(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: trace(f, x)


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: mx.npx.foreach(lambda d, s: (d, s), [x, x[:2]], []), "shapes"),
    (lambda x: mx.npx.foreach(lambda d, s: d, x, []), "must return"),
    (lambda x: mx.npx.foreach(lambda d, s: (d, [s, s]), x, x), "return as many"),
    (lambda x: mx.npx.while_loop(lambda v: v < 3, lambda v: (v, v), x, 3), "one element"),
    (lambda x: mx.npx.while_loop(lambda v: v.sum() < 3, lambda v: (v, v), x), "max_iterations"),
    (in_trace(lambda x: mx.npx.foreach(lambda d, s: (d, x), x, x[0])), "new states"),
    (in_trace(lambda x: mx.npx.cond(x.sum() > 1, lambda: x, lambda: x[0])), "other branch"),
    (in_trace(lambda x: mx.npx.cond(x.sum() > 1, lambda: x, lambda: [x, x])), "Number of outputs"),
])  # fmt: skip
def test_refusals(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(IRTypeError, match=message) as caught:
        call(mx.np.array(X))
    assert "test_control" in str(caught.value)


def test_state_cannot_be_assigned_in_a_body() -> None:
    mean = mx.np.zeros(2)

    def f(x: Any) -> Any:
        def body(d: Any, s: Any) -> Any:
            mx.array.assign_state(mean, d)
            return d, s

        return mx.npx.foreach(body, x, [])[0]

    with pytest.raises(TraceError, match="inside the body"):
        trace(f, mx.np.array(X))


def test_a_loop_along_a_symbolic_axis_cannot_be_unrolled() -> None:
    module = trace(lambda x: mx.npx.foreach(lambda d, s: (d, s + d), x, mx.np.zeros(2))[1],
                      mx.np.array(X), dynamic_batch=4)  # fmt: skip
    found: Any = interp.run(module, [X])[0]
    assert_allclose(found, X.sum(0), rtol=1e-6)
    with pytest.raises(BaryonError, match="symbolic axis"):
        run_pipeline(module, "unroll")
