"""Recurrent cells and layers: compiled as eager, loops, dropout and errors.

Outputs and gradients are compared with MXNet's in tests/oracle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import autograd, gluon
from baryon.array import ndarray
from baryon.gluon import rnn
from baryon.gluon.errors import BlockError, CallError

T, N, C, H = 2, 2, 4, 5


def array(*shape: int, seed: int = 0) -> ndarray:
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return ndarray(values)


def ready(block: Any) -> Any:
    mx.random.seed(1)
    block.initialize(mx.init.Normal(0.5))
    return block


class Unrolled(gluon.HybridBlock):
    def __init__(self, cell: rnn.RecurrentCell, lengths: bool = False) -> None:
        super().__init__()
        self.cell, self.lengths = cell, lengths

    def forward(self, x: ndarray, valid: ndarray | None = None) -> Any:
        outputs, states = self.cell.unroll(T, x, merge_outputs=True, valid_length=valid)
        return outputs, states


def outputs_of(block: Any, *inputs: Any) -> list[np.ndarray[Any, Any]]:
    """Outputs, states and the gradient of the first input."""
    inputs[0].attach_grad()
    with autograd.record():
        outputs, states = block(*inputs)
        total = (outputs * outputs).sum()
        for state in states:
            total = total + state.sum()
    total.backward()
    return [x.asnumpy() for x in (outputs, *states, inputs[0].grad)]


def same(first: Any, second: Any) -> None:
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "lengths"),
    [
        (lambda: rnn.RNNCell(H), True),
        (lambda: rnn.LSTMCell(H), False),
        (lambda: rnn.GRUCell(H), False),
        (lambda: rnn.BidirectionalCell(rnn.RNNCell(H), rnn.RNNCell(H)), True),
        (lambda: rnn.ZoneoutCell(rnn.RNNCell(C)), False),
    ],
)
def test_hybridized_as_eager(build: Callable[[], Any], lengths: bool) -> None:
    block = ready(Unrolled(build()))
    inputs = [array(N, T, C), *([ndarray(np.array([2.0, 1.0], np.float32))] if lengths else [])]
    eager = outputs_of(block, *inputs)
    block.hybridize()
    same(outputs_of(block, *inputs), eager)


@pytest.mark.parametrize(
    ("layer", "cell", "mode"),
    [
        (lambda **k: rnn.RNN(H, activation="tanh", **k), rnn.RNNCell, "rnn_tanh"),
        (lambda **k: rnn.LSTM(H, **k), rnn.LSTMCell, "lstm"),
        (lambda **k: rnn.GRU(H, **k), rnn.GRUCell, "gru"),
    ],
)
@pytest.mark.parametrize("hybrid", [False, True])
def test_layer_as_cell(layer: Any, cell: Any, mode: str, hybrid: bool) -> None:
    whole = ready(layer(layout="NTC", input_size=C))
    step = ready(cell(H, input_size=C))
    parts = gluon.utils.split_rnn_params(whole.rnn_param.data(), mode, 1, C, H)
    for name, parameter in step.collect_params().items():
        parameter.set_data(parts[f"l0_{name}"])
    x = array(N, T, C)
    if hybrid:
        whole.hybridize()
    outputs, _ = step.unroll(T, x, merge_outputs=True)
    np.testing.assert_allclose(whole(x).asnumpy(), outputs.asnumpy(), rtol=1e-4, atol=1e-5)
    again, states = whole(x, whole.begin_state(N))
    np.testing.assert_allclose(again.asnumpy(), outputs.asnumpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(states[0].asnumpy()[0], outputs.asnumpy()[:, -1], rtol=1e-4)


def test_sequence_lengths_of_a_layer() -> None:
    layer = ready(rnn.LSTM(H, use_sequence_length=True, input_size=C))
    x, lengths = array(T, N, C), ndarray(np.array([1.0, 2.0], np.float32))
    outputs, states = layer(x, layer.begin_state(N), lengths)
    assert (outputs.asnumpy()[1, 0] == 0).all()
    np.testing.assert_allclose(states[0].asnumpy()[0, 0], outputs.asnumpy()[0, 0], rtol=1e-5)
    with pytest.raises(CallError, match="needs sequence_length"):
        layer(x)


def test_memory_is_clipped() -> None:
    layer = ready(rnn.LSTM(H, state_clip_min=-0.1, state_clip_max=0.2, input_size=C))
    _, states = layer(array(T, N, C), layer.begin_state(N))
    memory = states[1].asnumpy()
    assert memory.min() >= -0.1
    assert memory.max() <= np.float32(0.2)


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("lengths", [None, [1.0, 2.0]])
def test_dynamic_unroll_as_unroll(hybrid: bool, lengths: list[float] | None) -> None:
    cell = ready(rnn.LSTMCell(H, input_size=C))
    valid = None if lengths is None else ndarray(np.array(lengths, np.float32))

    class Loop(gluon.HybridBlock):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, x: ndarray, states: Any) -> Any:
            return rnn.dynamic_unroll(self.cell, x, states, layout="NTC", valid_length=valid)

    x, loop = array(N, T, C), Loop()
    if hybrid:
        loop.hybridize()
    begin = [array(N, H, seed=1), array(N, H, seed=2)]
    outputs, states = loop(x, begin)
    wanted, last = cell.unroll(T, x, begin, merge_outputs=True, valid_length=valid)
    same([outputs.asnumpy(), *(s.asnumpy() for s in states)],
         [wanted.asnumpy(), *(s.asnumpy() for s in last)])  # fmt: skip


def test_zoneout_keeps_what_was() -> None:
    cell = ready(rnn.ZoneoutCell(rnn.RNNCell(50, input_size=C), 0.5, 0.5))
    x, state = array(N, C), [array(N, 50, seed=3)]
    plain = cell.base_cell(x, state)[0].asnumpy()
    same([cell(x, state)[0].asnumpy()], [plain])
    cell.reset()
    with autograd.train_mode():
        output, (after,) = cell(x, state)
    kept = np.isclose(after.asnumpy(), state[0].asnumpy())
    np.testing.assert_allclose(after.asnumpy()[~kept], plain[~kept], rtol=1e-5)
    assert 0.2 < kept.mean() < 0.8
    assert 0.2 < (output.asnumpy() == 0).mean() < 0.8


@pytest.mark.parametrize("hybrid", [False, True])
def test_variational_dropout_has_one_mask(hybrid: bool) -> None:
    class Sum(rnn.HybridRecurrentCell):
        def state_info(self, batch_size: int = 0) -> Any:
            return [{"shape": (batch_size, 50), "__layout__": "NC"}]

        def forward(self, x: ndarray, states: Any) -> Any:
            return x + 0, states

    block = Unrolled(rnn.VariationalDropoutCell(Sum(), drop_inputs=0.5))
    if hybrid:
        block.hybridize()
    x = ndarray(np.ones((N, T, 50), np.float32))
    seen = []
    for _ in range(2):
        with autograd.train_mode():
            seen.append(block(x)[0].asnumpy())
        assert set(np.unique(seen[-1])) == {0.0, 2.0}
        assert (seen[-1] == seen[-1][:, :1]).all()
    assert (seen[0] != seen[1]).any()


def test_stack() -> None:
    stack = rnn.HybridSequentialRNNCell()
    stack.add(rnn.LSTMCell(H))
    stack.add(rnn.DropoutCell(0.5))
    stack.add(rnn.GRUCell(3))
    ready(stack)
    assert len(stack) == 3
    assert isinstance(stack[2], rnn.GRUCell)
    assert [s["shape"] for s in stack.state_info(N)] == [(N, H), (N, H), (N, 3)]
    x = array(N, C)
    eager = stack(x, stack.begin_state(N))
    stack.hybridize()
    compiled = stack(x, stack.begin_state(N))
    same([a.asnumpy() for a in (eager[0], *eager[1])],
         [a.asnumpy() for a in (compiled[0], *compiled[1])])  # fmt: skip


def test_half_precision() -> None:
    cell = ready(rnn.LSTMCell(H, input_size=C))
    cell.cast("float16")
    outputs, _ = cell.unroll(T, array(N, T, C).astype("float16"), merge_outputs=True)
    assert outputs.dtype == np.float16


def test_errors() -> None:
    with pytest.raises(CallError, match="part of a modifier"):
        cell = rnn.RNNCell(H)
        rnn.ResidualCell(cell)
        cell.begin_state(N)
    with pytest.raises(BlockError, match="already"):
        rnn.ResidualCell(cell)
    with pytest.raises(BlockError, match="inside"):
        rnn.ZoneoutCell(rnn.BidirectionalCell(rnn.RNNCell(H), rnn.RNNCell(H)))
    with pytest.raises(CallError, match="call unroll"):
        rnn.BidirectionalCell(rnn.RNNCell(H), rnn.RNNCell(H))(array(N, C), [])
    with pytest.raises(CallError, match="steps"):
        ready(rnn.RNNCell(H)).unroll(T + 1, array(N, T, C))
    with pytest.raises(BlockError, match="layout"):
        rnn.LSTM(H, layout="NCT")
    with pytest.raises(BlockError, match="not odd"):
        rnn.Conv1DRNNCell((C, 5), H, 3, 2)
    with pytest.raises(CallError, match="shapes"):
        ready(rnn.GRU(H, input_size=C))(array(T, N, C), array(1, N, H + 1))
