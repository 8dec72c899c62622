"""Gradients of recurrent layers: back through time, one kernel for all steps.

The sums that enter the gates are computed again by one product of all steps with the states before
them, which are known. What is left step by step is the gradient of the state: that of the gates of
the step after it times the recurrent weight. These ops give the gradients of the sums; those of
weights and biases are products and sums over all steps. They walk against the time of the layer:
`reverse` says how they walk themselves. `kept` is the part of a state's gradient that passes a step
by: all of it behind the end of a sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from baryon.ir import TensorType
from baryon.ops.attributes import Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, rounded, sigmoid
from baryon.ops.opdef import OpDef, Sample, absent, kernel
from baryon.ops.shapes import need_float, need_shape

_REVERSE = Param("reverse", "bool", True, "walk from the last element of the time axis")
_SOURCE = "Werbos 1990: Backpropagation through time"
_NO_GRADIENT = absent("gradients of gradients of recurrent layers are not supported")


def _infer(
    op: str, gates: int, weight: TensorType, wide: dict[str, TensorType],
    states: dict[str, TensorType], length: TensorType | None,
) -> tuple[TensorType, TensorType]:  # fmt: skip
    """The types of a gradient of the sums, and of a state, after each step."""
    need_float(op, weight=weight, **wide, **states)
    state = next(iter(states.values()))
    time, batch, size = state.shape
    assert isinstance(size, int)
    need_shape(op, "weight", weight, (gates * size, size), f"{gates} gates")
    for name, x in wide.items():
        need_shape(op, name, x, (time, batch, gates * size), f"{gates} gates")
    for name, x in states.items():
        need_shape(op, name, x, (time, batch, size), "time, batch, hidden size")
    need_shape(op, "length", length, (batch,), "batch")
    return state.with_shape((time, batch, gates * size)), state.with_shape(state.shape)


def _walk(
    time: int, reverse: bool, states: Sequence[Arr],
    step: Callable[[int, Sequence[Arr]], Sequence[Arr]],
) -> tuple[Arr, ...]:  # fmt: skip
    """The states after each step, at the step's place."""
    out = [np.empty((time, *state.shape), state.dtype) for state in states]
    for t in range(time)[:: -1 if reverse else 1]:
        states = step(t, states)
        for all_steps, state in zip(out, states, strict=True):
            all_steps[t] = state
    return tuple(out)


def _zeros(like: Arr, *blocks: int) -> list[Arr]:
    return [np.zeros((like.shape[1], n * like.shape[2]), like.dtype) for n in blocks]


def _chosen(t: int, length: Arr | None, new: Arr, ended: Arr | float) -> Any:
    """`ended` in the rows of sequences that have ended."""
    return new if length is None else np.where((t < length)[:, None], new, ended)


def _slope(gate: Arr) -> Arr:
    """The derivative of the sigmoid by its value."""
    slope: Arr = gate * (1 - gate)
    return slope


# LSTM ---------------------------------------------------------------------------------------------


def _lstm_infer(
    sums: TensorType, weight: TensorType, before: TensorType, from_hidden: TensorType,
    from_cell: TensorType, length: TensorType | None, reverse: bool,
) -> Sequence[TensorType]:  # fmt: skip
    states = {"before": before, "from_hidden": from_hidden, "from_cell": from_cell}
    gates, state = _infer("ir.lstm_gradient", 4, weight, {"sums": sums}, states, length)
    return gates, state, state


def _lstm_ref(
    sums: Arr, weight: Arr, before: Arr, from_hidden: Arr, from_cell: Arr, length: Arr | None,
    reverse: bool,
) -> Any:  # fmt: skip
    def step(t: int, states: Sequence[Arr]) -> Sequence[Arr]:
        into, forget, new, out = np.split(sums[t], 4, axis=-1)
        into, forget, out = sigmoid(into), sigmoid(forget), sigmoid(out)
        new = np.tanh(new)
        seen = np.tanh(forget * before[t] + into * new)
        hidden = from_hidden[t] + states[0] @ weight + states[2]
        outer = from_cell[t] + states[1]
        cell = outer + hidden * out * (1 - seen * seen)
        parts = (cell * new * _slope(into), cell * before[t] * _slope(forget),
                 cell * into * (1 - new * new), hidden * seen * _slope(out))  # fmt: skip
        gates = _chosen(t, length, np.concatenate(parts, axis=-1), 0)
        kept = np.zeros_like(hidden)
        return gates, _chosen(t, length, cell * forget, outer), _chosen(t, length, kept, hidden)

    return _walk(len(sums), reverse, _zeros(before, 4, 1, 1), step)


lstm_gradient = OpDef(
    name="ir.lstm_gradient",
    doc="Gradients of npx.lstm by its sums and by the cell state before each step; `kept`.\n\n"
    "sums (T, N, 4 * H) enter the gates, before (T, N, H) are the cell states before each step, "
    "from_hidden and from_cell the gradients of the states after it.",
    operands=("sums", "weight", "before", "from_hidden", "from_cell", "length?"),
    params=(_REVERSE,),
    infer=_lstm_infer,
    reference=rounded(_lstm_ref),
    gradient=_NO_GRADIENT,
    lowering=kernel("recurrent"),
    samples=(
        Sample(((3, 2, 12), (12, 3), *((3, 2, 3),) * 3)),
        Sample(((2, 3, 36), (36, 9), *((2, 3, 9),) * 3), {"reverse": False}),
        Sample(((3, 3, 4), (4, 1), *((3, 3, 1),) * 3, (3,)), dtypes=(*["f32"] * 5, "i32"), high=4),
    ),
    source=_SOURCE,
)


# GRU ----------------------------------------------------------------------------------------------


def _gru_infer(
    x: TensorType, weight: TensorType, product: TensorType, before: TensorType,
    from_hidden: TensorType, length: TensorType | None, reverse: bool,
) -> Sequence[TensorType]:  # fmt: skip
    states = {"before": before, "from_hidden": from_hidden}
    wide = {"x": x, "product": product}
    sums, state = _infer("ir.gru_gradient", 3, weight, wide, states, length)
    return sums, state, state


def _gru_ref(
    x: Arr, weight: Arr, product: Arr, before: Arr, from_hidden: Arr, length: Arr | None,
    reverse: bool,
) -> Any:  # fmt: skip
    size = before.shape[-1]

    def step(t: int, states: Sequence[Arr]) -> Sequence[Arr]:
        gates = sigmoid((x[t] + product[t])[:, : 2 * size])
        reset, update = np.split(gates, 2, axis=-1)
        back = product[t][:, 2 * size :]
        new = np.tanh(x[t][:, 2 * size :] + reset * back)
        hidden = from_hidden[t] + states[0] @ weight + states[1]
        inner = hidden * (1 - update) * (1 - new * new)
        parts = (inner * back * _slope(reset), hidden * (before[t] - new) * _slope(update),
                 inner * reset)  # fmt: skip
        gates = _chosen(t, length, np.concatenate(parts, axis=-1), 0)
        kept = _chosen(t, length, hidden * update, hidden)
        return gates, kept, _chosen(t, length, inner, 0)

    return _walk(len(x), reverse, _zeros(before, 3, 1, 1), step)


gru_gradient = OpDef(
    name="ir.gru_gradient",
    doc="Gradients of npx.gru (reset_after) by the product with the state; `kept`; and by what x "
    "gives to the new gate.\n\n"
    "product (T, N, 3 * H) is that with the states before each step, before (T, N, H), and its "
    "bias; from_hidden are the gradients of the states after each step.",
    operands=("x", "weight", "product", "before", "from_hidden", "length?"),
    params=(_REVERSE,),
    infer=_gru_infer,
    reference=rounded(_gru_ref),
    gradient=_NO_GRADIENT,
    lowering=kernel("recurrent"),
    samples=(
        Sample(((3, 2, 9), (9, 3), (3, 2, 9), *((3, 2, 3),) * 2)),
        Sample(((2, 3, 27), (27, 9), (2, 3, 27), *((2, 3, 9),) * 2), {"reverse": False}),
        Sample(
            ((3, 3, 3), (3, 1), (3, 3, 3), *((3, 3, 1),) * 2, (3,)),
            dtypes=(*["f32"] * 5, "i32"),
            high=4,
        ),
    ),
    source=_SOURCE,
)


# Elman's network ----------------------------------------------------------------------------------


def _elman_infer(
    hidden: TensorType, weight: TensorType, from_hidden: TensorType, length: TensorType | None,
    activation: str, reverse: bool,
) -> Sequence[TensorType]:  # fmt: skip
    states = {"hidden": hidden, "from_hidden": from_hidden}
    return _infer("ir.elman_gradient", 1, weight, {}, states, length)


def _elman_ref(
    hidden: Arr, weight: Arr, from_hidden: Arr, length: Arr | None, activation: str, reverse: bool
) -> Any:
    def step(t: int, states: Sequence[Arr]) -> Sequence[Arr]:
        slope = 1 - hidden[t] ** 2 if activation == "tanh" else hidden[t] > 0
        total = from_hidden[t] + states[0] @ weight + states[1]
        kept = _chosen(t, length, np.zeros_like(total), total)
        return _chosen(t, length, total * slope, 0), kept

    return _walk(len(hidden), reverse, _zeros(hidden, 1, 1), step)


elman_gradient = OpDef(
    name="ir.elman_gradient",
    doc="The gradient of npx.elman by its sums; `kept`.\n\n"
    "hidden (T, N, H) are the states after each step, from_hidden their gradients.",
    operands=("hidden", "weight", "from_hidden", "length?"),
    params=(
        Param("activation", "str", "tanh", "what makes the state of a sum",
              choices=("tanh", "relu")),
        _REVERSE,
    ),
    infer=_elman_infer,
    reference=rounded(_elman_ref),
    gradient=_NO_GRADIENT,
    lowering=kernel("recurrent"),
    samples=(
        Sample(((3, 2, 3), (3, 3), (3, 2, 3))),
        Sample(((2, 1, 9), (9, 9), (2, 1, 9)), {"reverse": False, "activation": "relu"}),
        Sample(((3, 3, 1), (1, 1), (3, 3, 1), (3,)), dtypes=(*["f32"] * 3, "i32"), high=4),
    ),
    source=_SOURCE,
)  # fmt: skip


# Rules --------------------------------------------------------------------------------------------


def _earlier(o: Recorder, states: Any, first: Any, reverse: bool) -> Any:
    """The states before each step."""
    start, time = o.np.expand_dims(first, axis=(0,)), states.type.shape[0]
    if reverse:
        return o.np.concatenate([o.npx.slice(states, (1,), (time,)), start], axis=0)
    return o.np.concatenate([start, o.npx.slice(states, (0,), (time - 1,))], axis=0)


def _first(o: Recorder, states: Any, reverse: bool) -> Any:
    """What belongs to the step that the layer makes first."""
    at = states.type.shape[0] - 1 if reverse else 0
    return o.np.squeeze(o.npx.slice(states, (at,), (at + 1,)), axis=(0,))


def _product(o: Recorder, before: Any, weight: Any, bias: Any = None) -> Any:
    rows = weight.type.shape[0]
    return o.npx.fully_connected(before, weight, bias, num_hidden=rows, flatten=False)


def _of_weight(o: Recorder, sums: Any, before: Any) -> Any:
    """The gradient of the weight: sums over time and batch of outer products."""
    flat = [o.np.reshape(x, newshape=(-1, x.type.shape[2])) for x in (sums, before)]
    return o.np.matmul(o.np.transpose(flat[0], axes=(1, 0)), flat[1])


def _of_first(o: Recorder, sums: Any, weight: Any, kept: Any, reverse: bool) -> Any:
    """The gradient of the first hidden state."""
    multiplied = o.np.matmul(_first(o, sums, reverse), weight)
    return o.np.add(multiplied, _first(o, kept, reverse))


def lstm_rule(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    """The gradient of npx.lstm."""
    given, weight, hidden, cell, *length = x
    reverse = attrs["reverse"]
    before = _earlier(o, y[0], hidden, reverse)
    sums = o.np.add(given, _product(o, before, weight))
    cells = _earlier(o, y[1], cell, reverse)
    found, of_cell, kept = o.ir.lstm_gradient(
        sums, weight, cells, g[0], g[1], *length, reverse=not reverse
    )
    of_weight, of_hidden = _of_weight(o, found, before), _of_first(o, found, weight, kept, reverse)
    return [found, of_weight, of_hidden, _first(o, of_cell, reverse), *[None for _ in length]]


def gru_rule(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    """The gradient of npx.gru with reset_after."""
    given, weight, bias, hidden, *length = x
    reverse, size = attrs["reverse"], weight.type.shape[1]
    assert isinstance(size, int)
    before = _earlier(o, y[0], hidden, reverse)
    product = _product(o, before, weight, o.np.pad(bias, pad_width=(2 * size, 0)))
    found, kept, of_new = o.ir.gru_gradient(
        given, weight, product, before, g[0], *length, reverse=not reverse
    )
    gates, last = o.np.split(found, indices_or_sections=(2 * size,), axis=2)
    of_x, of_bias = o.np.concatenate([gates, of_new], axis=2), o.np.sum(last, axis=(0, 1))
    of_weight, of_hidden = _of_weight(o, found, before), _of_first(o, found, weight, kept, reverse)
    return [of_x, of_weight, of_bias, of_hidden, *[None for _ in length]]


def elman_rule(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    """The gradient of npx.elman."""
    _, weight, hidden, *length = x
    reverse, activation = attrs["reverse"], attrs["activation"]
    before = _earlier(o, y[0], hidden, reverse)
    found, kept = o.ir.elman_gradient(
        y[0], weight, g[0], *length, activation=activation, reverse=not reverse
    )
    of_weight, of_hidden = _of_weight(o, found, before), _of_first(o, found, weight, kept, reverse)
    return [found, of_weight, of_hidden, *[None for _ in length]]


OPS = (lstm_gradient, gru_gradient, elman_gradient)
