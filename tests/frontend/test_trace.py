"""Tracing: what is recorded, from where, and what a traced array refuses."""

# ruff: noqa: PLW0108 - the lambdas give the lines that errors must name

from __future__ import annotations

import asyncio
import inspect
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy
import pytest

import baryon as mx
from baryon.array import TraceError, ndarray
from baryon.interp import run
from baryon.ir import BaryonError, Module, Sym
from frontend import networks

HERE = "test_trace.py"


def inputs(*shape: int) -> ndarray:
    return mx.np.array(numpy.random.default_rng(1).normal(size=shape))


def names(module: Module) -> list[str]:
    return [op.name for op in module.main.body.ops]


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (networks.mlp(), (3, 20)),
        (networks.lenet(), (2, 1, 28, 28)),
        (networks.resnet(), (2, 3, 16, 16)),
    ],
    ids=["mlp", "lenet", "resnet"],
)
def test_networks_traced_and_interpreted_equal_eager(
    net: networks.Net, shape: tuple[int, ...]
) -> None:
    x = inputs(*shape)
    want = net(x).asnumpy()
    (fixed,) = run(mx.trace(net, x), [x.asnumpy()])
    numpy.testing.assert_array_equal(fixed, want)
    module = mx.trace(net, x, dynamic_batch=8)
    assert module.main.outputs[0].type.shape[0] == Sym("N")
    (one,) = run(module, [x.asnumpy()[:1]])
    numpy.testing.assert_allclose(numpy.asarray(one, float), want[:1], rtol=1e-5, atol=1e-7)


def test_weights_become_constants_once() -> None:
    w, plain = inputs(3, 3), numpy.ones((3, 3), numpy.float32)
    module = mx.trace(lambda x: (x @ w + plain) @ w + plain * 2 + 1 + 1, inputs(3, 3))
    assert len(module.constants) == 4  # w, plain, plain * 2 computed by NumPy, 1
    plain[:] = 0
    assert numpy.array_equal(module.constants["c_1"], numpy.ones((3, 3)))


def test_eager_results_are_constants() -> None:
    w = inputs(3, 2)
    module = mx.trace(lambda x: x @ mx.np.transpose(w) * mx.np.sum(w), inputs(2, 2))
    assert names(module) == ["ir.constant", "np.matmul", "ir.constant", "np.multiply", "ir.return"]


def test_locations_are_the_users_lines() -> None:
    def f(x: ndarray) -> ndarray:
        y = mx.npx.leaky_relu(x, act_type="selu")
        return y[:, 0]

    line = inspect.getsourcelines(f)[1]
    module = mx.trace(f, inputs(2, 3))
    locs = {op.name: op.loc for op in module.main.body.ops}
    assert locs["npx.elu"].source.endswith(HERE)
    assert (locs["npx.elu"].line, locs["npx.slice"].line) == (line + 1, line + 2)


def test_inputs_and_outputs_are_named_and_flattened() -> None:
    def f(x: ndarray, pair: Any, *more: ndarray) -> Any:
        first, (second, power) = pair
        return {"a": x + first, "b": [second**power, (more[0], 3.0)]}

    x = inputs(2)
    module = mx.trace(f, x, (x, (x, 2)), x)
    assert [v.name for v in module.main.inputs] == ["x", "pair.0", "pair.1.0", "more.0"]
    assert module.main.output_names == ["a", "b.0", "b.1.0", "b.1.1"]
    assert mx.trace(lambda x: x, x).main.output_names == ["output"]
    assert mx.trace(lambda x: (x, x), x).main.output_names == ["output.0", "output.1"]
    renamed = mx.trace(lambda x: (x, x), x, output_names=["p", "q"])
    assert renamed.main.output_names == ["p", "q"]
    with pytest.raises(BaryonError, match="1 names for 2 outputs"):
        mx.trace(lambda x: (x, x), x, output_names=["p"])


def test_examples_are_anything_with_shape_and_dtype() -> None:
    class Spec:
        shape, dtype = (2, 3), "int8"

    module = mx.trace(lambda a, b: a + b, Spec(), numpy.zeros(3, numpy.float16))
    assert [str(v.type) for v in module.main.inputs] == ["i8[2,3]", "f16[3]"]


def test_dynamic_axes() -> None:
    x = inputs(4, 3)

    def f(a: ndarray, b: ndarray) -> ndarray:
        return mx.np.concatenate([a, b], axis=1) + mx.np.zeros((a.shape[0], 1))

    module = mx.trace(
        f, x, x, dynamic_axes={0: {0: "batch"}, "b": {0: "batch"}}, symbols={"batch": (2, 6)}
    )
    assert module.symbols == {"batch": (2, 6)}
    assert str(module.main.outputs[0].type) == "f32[batch,6]"
    assert run(module, [x.asnumpy()[:3]] * 2)[0].shape == (3, 6)
    assert mx.trace(f, x, x, dynamic_axes={"a": {0: "N"}, 1: {0: "N"}}).symbols == {"N": (1, 16)}
    with pytest.raises(BaryonError, match=r"dynamic_axes names \['c'\]"):
        mx.trace(f, x, x, dynamic_axes={"c": {0: "N"}})
    with pytest.raises(BaryonError, match="dynamic axis 2"):
        mx.trace(f, x, x, dynamic_axes={0: {2: "N"}})


def test_symbols_can_be_multiplied_and_divided() -> None:
    def f(x: ndarray) -> ndarray:
        rows = x.reshape(x.shape[0] * x.shape[1], -1)
        return rows.reshape((rows.shape[0] // 3, 3, x.size // (x.shape[0] * 3)))

    module = mx.trace(f, inputs(2, 3, 4), dynamic_batch=8)
    assert str(module.main.outputs[0].type) == "f32[N,3,4]"
    with pytest.raises(BaryonError, match=r"N // 2 is not a dimension"):
        mx.trace(lambda x: x.reshape(x.shape[0] // 2, -1), inputs(2), dynamic_batch=8)


def test_out_inside_a_trace() -> None:
    def f(x: ndarray) -> ndarray:
        y = x + 1
        mx.np.exp(y, out=y)
        return y

    assert names(mx.trace(f, inputs(2))) == ["ir.constant", "np.add", "np.exp", "ir.return"]


ASKS: dict[str, Callable[[ndarray], Any]] = {
    "truth value": lambda x: 1 if x.sum() > 0 else 0,
    "truth value ": lambda x: x > 0 and x < 1,
    r"item\(\)": lambda x: x.item(),
    r"tolist\(\)": lambda x: x.tolist(),
    r"asnumpy\(\)": lambda x: x.asnumpy(),
    r"float\(\)": lambda x: float(x),
    r"int\(\)": lambda x: int(x),
    "index": lambda x: [1, 2][x],
    "NumPy array": lambda x: numpy.asarray(x),
    r"np.partition\(\)": lambda x: numpy.partition(x, 0),
    "DLPack": lambda x: numpy.from_dlpack(x),
    "iteration over axis 0": lambda x: [*x],
    r"len\(\) over axis 0": lambda x: len(x),
    "assignment": lambda x: x.__setitem__(0, 1),
    "index 0 on axis 0": lambda x: x[0],
    "returned None": lambda x: None,
}


@pytest.mark.parametrize("text", ASKS)
def test_asking_for_elements(text: str) -> None:
    with pytest.raises(BaryonError, match=text.strip()) as caught:
        mx.trace(ASKS[text], inputs(2, 2), dynamic_batch=4)
    assert caught.value.hint
    if text != "returned None":
        line = inspect.getsourcelines(ASKS[text])[1]
        assert re.search(rf"{HERE}:{line}\b", str(caught.value))


def test_static_axes_can_be_walked() -> None:
    module = mx.trace(lambda x: sum((row * len(x) for row in x), mx.np.zeros(3)), inputs(2, 3))
    assert names(module).count("npx.slice") == 2


def test_nested_traces_are_independent() -> None:
    inner: list[Module] = []

    def g(z: ndarray) -> ndarray:
        return mx.np.exp(z)

    def f(x: ndarray) -> ndarray:
        y = x * 2
        inner.append(mx.trace(g, y))
        return y + 1

    outer = mx.trace(f, inputs(3))
    assert names(inner[0]) == ["np.exp", "ir.return"]
    assert names(outer) == ["ir.constant", "np.multiply", "ir.constant", "np.add", "ir.return"]


def test_arrays_do_not_leave_their_trace() -> None:
    kept: list[ndarray] = []

    def f(x: ndarray) -> ndarray:
        kept.append(x + 1)
        return x

    mx.trace(f, inputs(2))
    with pytest.raises(TraceError, match=rf"outside the trace.*{HERE}"):
        kept[0] + 1
    with pytest.raises(TraceError, match="outside the trace"):
        mx.trace(lambda x: x + kept[0], inputs(2))
    outside = mx.np.zeros(2)
    with pytest.raises(TraceError, match="from outside the trace"):
        mx.trace(lambda x: mx.np.add(x, x, out=outside), inputs(2))


def _chain(length: int) -> Callable[[ndarray], ndarray]:
    def f(x: ndarray) -> ndarray:
        for _ in range(length):
            x = mx.np.tanh(x)
        return x

    return f


def test_threads_do_not_see_each_other() -> None:
    found: dict[int, list[str]] = {}

    def work(n: int) -> None:
        found[n] = names(mx.trace(_chain(50 * n), inputs(2)))

    def f(x: ndarray) -> ndarray:
        workers = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
        for worker in workers:
            worker.start()
        y = _chain(20)(x)
        for worker in workers:
            worker.join()
        return y

    assert len(names(mx.trace(f, inputs(2)))) == 21
    assert {n: len(ops) for n, ops in found.items()} == {n: 50 * n + 1 for n in range(1, 5)}


def test_tasks_do_not_see_each_other() -> None:
    async def trace_slowly(n: int) -> int:
        await asyncio.sleep(0)
        module = await asyncio.to_thread(mx.trace, _chain(n), inputs(2))
        return len(names(module))

    async def main() -> list[int]:
        return await asyncio.gather(*(trace_slowly(n) for n in (3, 5, 8)))

    assert asyncio.run(main()) == [4, 6, 9]


def test_a_failed_trace_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        mx.trace(lambda x: 1 // 0, inputs(2))
    assert (inputs(2) + 1).shape == (2,)
