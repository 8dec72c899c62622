"""Recurrent layers: LSTM, GRU and RNN where the standard's say it, else a Scan of their steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import Op, Value, f64, i64
from baryon.ops import TABLE
from baryon.ops.indexing import slice_spans

_TO_STANDARD = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""For each of the standard's gates, which of ours it is."""


def _ordered(o: Writer, x: Tensor, node: str) -> Tensor:
    """Weights (gates * H, ...) or biases with the gates in the standard's order."""
    gates = _TO_STANDARD[node]
    if len(gates) == 1:
        return x
    size = int(x.type.shape[0]) // len(gates)  # type: ignore[arg-type]
    rows = np.arange(size * len(gates)).reshape(len(gates), size)[[*gates]].reshape(-1)
    return o.typed(o.onnx.Gather(x, o.ints(*rows), axis=0), x.type.shape)


def _projection(o: Writer, call: Call) -> tuple[Tensor, Tensor, Tensor | None]:
    """The layer's input, the weight that projects it, and its bias.

    Where the operand is not a projection that the module computes, the weight is an identity.
    """
    made = None if call.op is None else call.op.operands[0].op
    if made is not None and made.name == "npx.fully_connected" and not made.attrs.get("flatten"):
        x, weight, *bias = (o.values[v] for v in made.operands)
        if x.rank == 3:
            return x, weight, next(iter(bias), None)
    given = call.operands[0]
    rows = int(given.type.shape[2])  # type: ignore[arg-type]
    return given, o.constant(np.eye(rows, dtype=given.dtype.numpy)), None


def _layer(
    o: Writer, call: Call, node: str, weight: Tensor, states: Sequence[Tensor],
    back: Tensor | None, **attrs: Any,
) -> list[Tensor]:  # fmt: skip
    """The node's results Y (T, N, H), Y_h (1, N, H) and, of an LSTM, Y_c."""
    x, projection, bias = _projection(o, call)
    size = int(weight.type.shape[1])  # type: ignore[arg-type]
    first = o.ints(0)

    def own(t: Tensor) -> Tensor:
        return o.onnx.Unsqueeze(_ordered(o, t, node), first)

    rows = int(weight.type.shape[0])  # type: ignore[arg-type]
    none = o.typed(o.constant(np.zeros(rows, weight.dtype.numpy)), (rows,))
    bias = none if bias is None else bias
    biases = o.onnx.Concat(
        _ordered(o, bias, node), _ordered(o, none if back is None else back, node), axis=0
    )
    given = [o.onnx.Unsqueeze(s, first) for s in states]
    made = o.results(
        node, 1 + len(states), x, own(projection), own(weight),
        o.onnx.Unsqueeze(biases, first), None, *given, hidden_size=size,
        direction="reverse" if call["reverse"] else "forward", **attrs,
    )  # fmt: skip
    return [o.onnx.Squeeze(made[0], o.ints(1)), *made[1:]]


def _last_slices(call: Call, value: Value) -> list[Op] | None:
    """The ops that read a state, if all of them take its last step and nothing else."""
    time = value.type.shape[0]
    assert isinstance(time, int)
    last = 0 if call["reverse"] else time - 1
    if all(_takes(op, value, last) for op in value.users):
        return [*value.users]
    return None


def _takes(op: Op, value: Value, place: int) -> bool:
    """Whether an op is the slice of one place along the first axis."""
    if op.name != "npx.slice":
        return False
    attrs = TABLE[op.name].normalize(op.attrs)
    begin, end, step = (attrs[name] for name in ("begin", "end", "step"))
    spans = slice_spans(value.type.shape, begin, end, step)  # type: ignore[arg-type]
    whole = [(0, 1, d) for d in value.type.shape[1:]]
    return spans == [(place, 1, 1), *whole]


def _lstm(
    o: Writer, call: Call, x: Tensor, weight: Tensor, hidden: Tensor, cell: Tensor,
    length: Tensor | None,
) -> Any:  # fmt: skip
    readers = None if call.op is None else _last_slices(call, call.op.results[1])
    if readers is None or length is not None or x.dtype == f64:
        return _scanned(
            o, call, x, (hidden, cell), length, lambda i, g, s: _lstm_step(i, g, s, weight)
        )
    y, _, last = _layer(o, call, "LSTM", weight, (hidden, cell), None)
    for op in readers:
        o.values[op.result] = Tensor.of(last.name, op.result.type)
    return y, Tensor("", last.dtype)  # nobody else reads the cell states


def _gru(
    o: Writer, call: Call, x: Tensor, weight: Tensor, bias: Tensor, hidden: Tensor,
    length: Tensor | None,
) -> Any:  # fmt: skip
    if length is not None or x.dtype == f64:
        return _scanned(
            o, call, x, (hidden,), length,
            lambda i, g, s: _gru_step(i, g, s, weight, bias, call["reset_after"]),
        )  # fmt: skip
    rows = int(weight.type.shape[0])  # type: ignore[arg-type]
    gates = o.constant(np.zeros(rows - int(bias.type.shape[0]), bias.dtype.numpy))  # type: ignore[arg-type]
    back = o.typed(o.onnx.Concat(gates, bias, axis=0), (rows,))
    after = int(call["reset_after"])
    return _layer(o, call, "GRU", weight, (hidden,), back, linear_before_reset=after)[0]


def _elman(
    o: Writer, call: Call, x: Tensor, weight: Tensor, hidden: Tensor, length: Tensor | None
) -> Any:
    if length is not None or x.dtype == f64:
        name = call["activation"]
        return _scanned(
            o, call, x, (hidden,), length, lambda i, g, s: _elman_step(i, g, s, weight, name)
        )
    activations = [call["activation"].capitalize()]
    return _layer(o, call, "RNN", weight, (hidden,), None, activations=activations)[0]


def _scanned(
    o: Writer, call: Call, x: Tensor, states: Sequence[Tensor], length: Tensor | None, step: Any
) -> Any:
    """The steps as a Scan: for states behind the end of a sequence, and all cell states."""
    time = int(x.type.shape[0])  # type: ignore[arg-type]
    inner = o.inner()
    olds = [Tensor(o.file.unique(f"{o.label}/state"), s.dtype, s.shape) for s in states]
    given = Tensor(o.file.unique(f"{o.label}/given"), x.dtype, x.type.shape[1:])
    number = Tensor(o.file.unique(f"{o.label}/step"), i64, ())
    news = step(inner, given, olds)
    if length is not None:
        inside = inner.onnx.Unsqueeze(
            inner.onnx.Less(number, inner.cast(length, i64)), inner.ints(-1)
        )
        news = [inner.onnx.Where(inside, a, b) for a, b in zip(news, olds, strict=True)]
    news = [inner.typed(a, b.type.shape) for a, b in zip(news, olds, strict=True)]
    graph = inner.graph([*olds, given, number], inner.own([*news, *news]))
    backward = int(call["reverse"])
    steps = o.constant(np.arange(time, dtype=np.int64))
    made = o.with_graphs(
        "Scan", [*states, x, steps], [s.dtype for s in (*states, *states)], body=graph,
        num_scan_inputs=2, scan_input_directions=[backward] * 2,
        scan_output_directions=[backward] * len(states),
    )  # fmt: skip
    return made[len(states) :]


def _product(o: Writer, state: Tensor, weight: Tensor) -> Any:
    return o.onnx.Gemm(state, weight, transB=1)


def _parts(o: Writer, x: Tensor, count: int) -> Any:
    size = int(x.type.shape[-1]) // count  # type: ignore[arg-type]
    return o.results("Split", count, x, o.ints(*[size] * count), axis=-1)


def _lstm_step(o: Writer, given: Tensor, states: Sequence[Tensor], weight: Tensor) -> Any:
    total = o.typed(o.onnx.Add(given, _product(o, states[0], weight)), given.type.shape)
    into, forget, new, out = _parts(o, total, 4)
    kept = o.onnx.Add(
        o.onnx.Mul(o.onnx.Sigmoid(forget), states[1]),
        o.onnx.Mul(o.onnx.Sigmoid(into), o.onnx.Tanh(new)),
    )
    return [o.onnx.Mul(o.onnx.Sigmoid(out), o.onnx.Tanh(kept)), kept]


def _gru_step(
    o: Writer, given: Tensor, states: Sequence[Tensor], weight: Tensor, bias: Tensor, after: bool
) -> Any:
    (old,) = states
    size = int(old.type.shape[-1])  # type: ignore[arg-type]
    weights = o.results("Split", 2, weight, o.ints(2 * size, size), axis=0)
    gates_in, new_in = o.results("Split", 2, given, o.ints(2 * size, size), axis=-1)
    shape = (*old.type.shape[:-1], 2 * size)
    gates = o.onnx.Sigmoid(o.onnx.Add(gates_in, _product(o, old, weights[0])))
    reset, update = _parts(o, o.typed(gates, shape), 2)
    if after:
        back = o.onnx.Mul(reset, o.onnx.Add(_product(o, old, weights[1]), bias))
    else:
        back = o.onnx.Add(_product(o, o.onnx.Mul(reset, old), weights[1]), bias)
    new = o.onnx.Tanh(o.onnx.Add(new_in, back))
    return [o.onnx.Add(new, o.onnx.Mul(update, o.onnx.Sub(old, new)))]


def _elman_step(
    o: Writer, given: Tensor, states: Sequence[Tensor], weight: Tensor, activation: str
) -> Any:
    total = o.onnx.Add(given, _product(o, states[0], weight))
    return [o.onnx.Tanh(total) if activation == "tanh" else o.onnx.Relu(total)]


OPS: tuple[Form | NoForm, ...] = (
    Form("npx.lstm", _lstm),
    Form("npx.gru", _gru),
    Form("npx.elman", _elman),
)
