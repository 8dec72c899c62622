"""Recurrent cells and layers: outputs, last states and gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from oracle.cases import Case

T, N, C, H = 4, 3, 2, 5
LENGTHS = [4, 2, 3]
Build = Callable[[Any], Any]


def _array(mx: Any, seed: int, *shape: int) -> Any:
    array = mx.np.array(np.random.RandomState(seed).randn(*shape), dtype="float32")
    array.attach_grad()
    return array


def _set(mx: Any, block: Any) -> list[Any]:
    """Give all parameters numbers that depend on their order alone; the parameters."""
    found = sorted(block.collect_params().items())
    for i, (_, parameter) in enumerate(found):
        values = np.random.RandomState(10 + i).randn(*parameter.shape) * 0.5
        parameter.set_data(mx.np.array(values, dtype="float32"))
    return [parameter for _, parameter in found]


def _flat(x: Any) -> list[Any]:
    return [y for part in x for y in _flat(part)] if isinstance(x, list | tuple) else [x]


def _backward(mx: Any, compute: Callable[[], Any], variables: list[Any]) -> list[Any]:
    with mx.autograd.record():
        outputs = _flat(compute())
        total = sum((o * o).sum() * (i + 1) for i, o in enumerate(outputs))
    total.backward()
    grads = [(v.grad() if callable(v.grad) else v.grad).asnumpy() for v in variables]
    return [*outputs, np.concatenate([g.reshape(-1) for g in grads])]


def _step(build: Build, shape: tuple[int, ...] = (N, C)) -> Case:
    def case(mx: Any) -> list[Any]:
        cell = build(mx.gluon.rnn)
        cell.initialize()
        x = _array(mx, 1, *shape)
        states = [
            _array(mx, 2 + i, *info["shape"]) for i, info in enumerate(cell.state_info(shape[0]))
        ]
        parameters = _set(mx, cell)
        return _backward(mx, lambda: cell(x, states), [x, *states, *parameters])

    return case


def _unroll(build: Build, lengths: bool = False, layout: str = "NTC", merge: Any = True) -> Case:
    def case(mx: Any) -> list[Any]:
        cell = build(mx.gluon.rnn)
        cell.initialize()
        x = _array(mx, 1, *[{"N": N, "T": T, "C": C}[a] for a in layout])
        valid = mx.np.array(LENGTHS, dtype="float32") if lengths else None
        parameters = _set(mx, cell)
        return _backward(
            mx,
            lambda: cell.unroll(T, x, layout=layout, merge_outputs=merge, valid_length=valid),
            [x, *parameters],
        )

    return case


def _layer(
    name: str,
    layout: str = "TNC",
    given: bool = True,
    lengths: bool = False,
    gradient: bool = True,
    **kwargs: Any,
) -> Case:
    def case(mx: Any) -> list[Any]:
        if lengths:
            kwargs["use_sequence_length"] = True
        layer = getattr(mx.gluon.rnn, name)(H, layout=layout, **kwargs)
        layer.initialize()
        x = _array(mx, 1, *[{"N": N, "T": T, "C": C}[a] for a in layout])
        states = [_array(mx, 2 + i, *s["shape"]) for i, s in enumerate(layer.state_info(N))]
        valid = (mx.np.array(LENGTHS, dtype="float32"),) if lengths else ()
        arguments = (x, states, *valid) if given else (x,)
        layer(*arguments)
        parameters = _set(mx, layer)
        if not gradient:
            return _flat(layer(*arguments))
        return _backward(mx, lambda: layer(*arguments), [x, *parameters])

    return case


def _sequential(rnn: Any) -> Any:
    stack = rnn.SequentialRNNCell()
    stack.add(rnn.LSTMCell(H, input_size=C))
    stack.add(rnn.GRUCell(3, input_size=H))
    return stack


def _hybrid_sequential(rnn: Any) -> Any:
    stack = rnn.HybridSequentialRNNCell()
    stack.add(rnn.RNNCell(H, input_size=C))
    stack.add(rnn.LSTMCell(3, input_size=H))
    return stack


def _bidirectional(rnn: Any) -> Any:
    return rnn.BidirectionalCell(rnn.LSTMCell(H, input_size=C), rnn.GRUCell(3, input_size=C))


def _stacked_directions(rnn: Any) -> Any:
    stack = rnn.SequentialRNNCell()
    stack.add(_bidirectional(rnn))
    stack.add(rnn.RNNCell(3, input_size=H + 3))
    return stack


CASES: Mapping[str, Case] = {
    "rnn_cell": _step(lambda rnn: rnn.RNNCell(H, input_size=C)),
    "rnn_cell_relu": _step(lambda rnn: rnn.RNNCell(H, activation="relu", input_size=C)),
    "lstm_cell": _step(lambda rnn: rnn.LSTMCell(H, input_size=C)),
    "lstm_cell_softsign": _step(lambda rnn: rnn.LSTMCell(H, input_size=C, activation="softsign")),
    "gru_cell": _step(lambda rnn: rnn.GRUCell(H, input_size=C)),
    "lstmp_cell": _step(lambda rnn: rnn.LSTMPCell(H, 3, input_size=C)),
    "residual_cell": _step(lambda rnn: rnn.ResidualCell(rnn.RNNCell(C, input_size=C))),
    "sequential_cell": _step(_sequential),
    "conv1d_rnn": _step(lambda rnn: rnn.Conv1DRNNCell((C, 6), 3, 3, 3, i2h_pad=1), (N, C, 6)),
    "conv2d_lstm": _step(
        lambda rnn: rnn.Conv2DLSTMCell((C, 6, 5), 3, (3, 2), (3, 1), h2h_dilate=(2, 1)),
        (N, C, 6, 5),
    ),
    "conv2d_gru": _step(
        lambda rnn: rnn.Conv2DGRUCell((C, 4, 4), 3, 3, 3, i2h_pad=(1, 1), activation="relu"),
        (N, C, 4, 4),
    ),
    "conv3d_rnn": _step(lambda rnn: rnn.Conv3DRNNCell((C, 3, 4, 3), 2, 3, 1), (N, C, 3, 4, 3)),
    "unroll": _unroll(lambda rnn: rnn.LSTMCell(H, input_size=C)),
    "unroll_time_first": _unroll(lambda rnn: rnn.GRUCell(H, input_size=C), layout="TNC"),
    "unroll_list": _unroll(lambda rnn: rnn.RNNCell(H, input_size=C), merge=False),
    "unroll_lengths": _unroll(lambda rnn: rnn.LSTMCell(H, input_size=C), lengths=True),
    "unroll_lengths_none": _unroll(
        lambda rnn: rnn.RNNCell(H, input_size=C), lengths=True, merge=None
    ),
    "unroll_residual": _unroll(
        lambda rnn: rnn.ResidualCell(rnn.RNNCell(C, input_size=C)), lengths=True
    ),
    "unroll_sequential": _unroll(_sequential),
    "unroll_hybrid_sequential": _unroll(_hybrid_sequential, lengths=True),
    "unroll_bidirectional": _unroll(_bidirectional),
    "unroll_bidirectional_list": _unroll(_bidirectional, merge=None),
    "unroll_bidirectional_lengths": _unroll(_bidirectional, lengths=True),
    "unroll_stacked": _unroll(_stacked_directions),
    "rnn": _layer("RNN"),
    "rnn_tanh": _layer("RNN", activation="tanh", given=False),
    "lstm": _layer("LSTM"),
    "lstm_ntc": _layer("LSTM", layout="NTC", num_layers=2),
    "lstm_bidirectional": _layer("LSTM", bidirectional=True, num_layers=2),
    # MXNet has no gradient of it
    "lstm_projected": _layer("LSTM", projection_size=3, gradient=False),
    "gru": _layer("GRU", num_layers=2),
    "gru_bidirectional": _layer("GRU", bidirectional=True, layout="NTC"),
}
