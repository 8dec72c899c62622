"""The time steps of one recurrent layer in one direction, behind the projection of its input.

Everything that does not depend on the state is computed before, for all steps at once: `x`
(T, N, gates * H) holds what the input and the biases add to each gate. The ops add the product of
the state with `weight` (gates * H, H) and give the states after every step. `reverse` starts at the
last element of the time axis; results stay in the order of time. Where `length` (N,) is given, a
sequence does not change its state at places from its length on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from baryon.ir import TensorType
from baryon.ops.attributes import Param
from baryon.ops.decompose import gradient_of
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, rounded, sigmoid
from baryon.ops.opdef import OpDef, Sample, kernel
from baryon.ops.recurrent_gradient import elman_rule, gru_rule, lstm_rule
from baryon.ops.shapes import fail, need_float, need_shape, static_dim, write_shape

LSTM: Final = "npx.lstm"
GRU: Final = "npx.gru"
ELMAN: Final = "npx.elman"

GATES = {LSTM: 4, GRU: 3, ELMAN: 1}
"""How many vectors of the hidden size a step computes."""

ACTIVATIONS = ("tanh", "relu")

_REVERSE = Param("reverse", "bool", False, "walk from the last element of the time axis")
_SHARED_DOC = (
    "weight (gates * H, H) multiplies the hidden state, hidden (N, H) is the first one, and x "
    "(T, N, gates * H) what the gates get besides. The results are states after each step, "
    "(T, N, H), at the place of the element that the step read. From length (N,), whole numbers, "
    "on a state stays as it is. All but length have one floating dtype, which is the result's; "
    "IRTypeError otherwise and for shapes that do not fit."
)


def _infer(
    op: str, x: TensorType, weight: TensorType, states: dict[str, TensorType],
    length: TensorType | None,
) -> TensorType:  # fmt: skip
    need_float(op, x=x, weight=weight, **states)
    if weight.rank != 2 or x.rank != 3:
        fail(op, f"x {x} must be (time, batch, gates * H), weight {weight} (gates * H, H)")
    size = static_dim(op, weight.shape[1], "the hidden size")
    static_dim(op, x.shape[0], "the time axis")
    rows = GATES[op] * size
    need_shape(op, "weight", weight, (rows, size), f"{GATES[op]} gates")
    need_shape(op, "x", x, (x.shape[0], x.shape[1], rows), f"{GATES[op]} gates")
    for name, state in states.items():
        need_shape(op, name, state, (x.shape[1], size), "batch, hidden size")
    need_shape(op, "length", length, (x.shape[1],), "batch")
    if length is not None and length.dtype.kind not in ("int", "uint"):
        fail(op, f"length must hold whole numbers, not {length.dtype}", "use npx.cast")
    return x.with_shape((x.shape[0], x.shape[1], size))


def _walk(
    x: Arr, states: Sequence[Arr], length: Arr | None, reverse: bool,
    step: Callable[[Arr, Sequence[Arr]], Sequence[Arr]],
) -> tuple[Arr, ...]:  # fmt: skip
    """The states after each step."""
    size = states[0].shape[-1]
    out = [np.empty((*x.shape[:2], size), x.dtype) for _ in states]
    for t in range(len(x))[:: -1 if reverse else 1]:
        new = step(x[t], states)
        if length is not None:
            new = [np.where((t < length)[:, None], a, b) for a, b in zip(new, states, strict=True)]
        states = [a.astype(x.dtype, copy=False) for a in new]
        for all_steps, state in zip(out, states, strict=True):
            all_steps[t] = state
    return tuple(out)


@dataclass(frozen=True)
class _Unrolled:
    """The steps in calls of other ops."""

    o: Recorder
    x: Any
    length: Any
    reverse: bool

    def walk(self, states: Values, step: Callable[[Any, Values], Values]) -> Values:
        """The states after each step."""
        time, batch, rows = self.x.type.shape
        found: list[Values] = []
        order = range(time)[:: -1 if self.reverse else 1]
        for t in order:
            part = self.o.npx.slice(self.x, begin=(t,), end=(t + 1,))
            new = step(self.o.np.reshape(part, newshape=write_shape((batch, rows))), states)
            states = [self._kept(t, a, b) for a, b in zip(new, states, strict=True)]
            found.append(states)
        in_time = found[:: -1 if self.reverse else 1]
        return [self.o.np.stack(column, axis=0) for column in zip(*in_time, strict=True)]

    def _kept(self, t: int, new: Any, old: Any) -> Any:
        if self.length is None:
            return new
        inside = self.o.np.greater(self.length, np.asarray(t, self.length.type.dtype.numpy))
        return self.o.np.where(self.o.np.expand_dims(inside, axis=(1,)), new, old)

    def product(self, state: Any, weight: Any) -> Any:
        """What a state adds to gates."""
        return self.o.npx.fully_connected(state, weight, num_hidden=weight.type.shape[0])

    def parts(self, x: Any, count: int, axis: int = -1) -> Any:
        """Equal parts along an axis."""
        return self.o.np.split(x, indices_or_sections=count, axis=axis)


# LSTM ---------------------------------------------------------------------------------------------


def _lstm_infer(
    x: TensorType, weight: TensorType, hidden: TensorType, cell: TensorType,
    length: TensorType | None, reverse: bool,
) -> Sequence[TensorType]:  # fmt: skip
    states = {"hidden": hidden, "cell": cell}
    return [_infer(LSTM, x, weight, states, length)] * 2


def _lstm_ref(
    x: Arr, weight: Arr, hidden: Arr, cell: Arr, length: Arr | None, reverse: bool
) -> Any:
    def step(given: Arr, states: Sequence[Arr]) -> Sequence[Arr]:
        into, forget, new, out = np.split(given + states[0] @ weight.T, 4, axis=-1)
        kept = sigmoid(forget) * states[1] + sigmoid(into) * np.tanh(new)
        return sigmoid(out) * np.tanh(kept), kept

    return _walk(x, (hidden, cell), length, reverse, step)


def _lstm_steps(o: Recorder, x: Values, attrs: Attrs) -> Values:
    loop = _Unrolled(o, x[0], x[4] if len(x) > 4 else None, attrs["reverse"])

    def step(given: Any, states: Values) -> Values:
        hidden, cell = states
        into, forget, new, out = loop.parts(o.np.add(given, loop.product(hidden, x[1])), 4)
        added = o.np.multiply(o.npx.sigmoid(into), o.np.tanh(new))
        kept = o.np.add(o.np.multiply(o.npx.sigmoid(forget), cell), added)
        return o.np.multiply(o.npx.sigmoid(out), o.np.tanh(kept)), kept

    return loop.walk((x[2], x[3]), step)


lstm = OpDef(
    name=LSTM,
    doc="Long short-term memory: hidden states and cell states after each step.\n\n"
    "Gates are input, forget, new and output; cell (N, H) is the first cell state. " + _SHARED_DOC,
    operands=("x", "weight", "hidden", "cell", "length?"),
    params=(_REVERSE,),
    infer=_lstm_infer,
    reference=rounded(_lstm_ref),
    gradient=lstm_rule,
    expansion=_lstm_steps,
    lowering=kernel("recurrent"),
    samples=(
        Sample(((3, 2, 12), (12, 3), (2, 3), (2, 3))),
        Sample(((2, 1, 36), (36, 9), (1, 9), (1, 9)), {"reverse": True}),
        Sample(((3, 3, 4), (4, 1), (3, 1), (3, 1), (3,)), dtypes=(*["f32"] * 4, "i32"), high=4),
        Sample(((1, 2, 8), (8, 2), (2, 2), (2, 2)), dtypes=("f16",)),
        Sample(((2, 1, 4), (4, 1), (1, 1), (1, 1)), dtypes=("f64",)),
    ),
    source="Hochreiter and Schmidhuber 1997; MXNet 2 npx.rnn; ONNX LSTM",
)


# GRU ----------------------------------------------------------------------------------------------


def _gru_infer(
    x: TensorType, weight: TensorType, bias: TensorType, hidden: TensorType,
    length: TensorType | None, reset_after: bool, reverse: bool,
) -> TensorType:  # fmt: skip
    result = _infer(GRU, x, weight, {"hidden": hidden}, length)
    need_float(GRU, x=x, bias=bias)
    need_shape(GRU, "bias", bias, (weight.shape[1],), "hidden size")
    return result


def _gru_ref(
    x: Arr, weight: Arr, bias: Arr, hidden: Arr, length: Arr | None, reset_after: bool,
    reverse: bool,
) -> Any:  # fmt: skip
    size = weight.shape[1]

    def step(given: Arr, states: Sequence[Arr]) -> Sequence[Arr]:
        (old,) = states
        gates = sigmoid(given[:, : 2 * size] + old @ weight[: 2 * size].T)
        reset, update = np.split(gates, 2, axis=-1)
        inner = weight[2 * size :].T
        back = reset * (old @ inner + bias) if reset_after else (reset * old) @ inner + bias
        new = np.tanh(given[:, 2 * size :] + back)
        return (new + update * (old - new),)

    return _walk(x, (hidden,), length, reverse, step)


def _gru_steps(o: Recorder, x: Values, attrs: Attrs) -> Values:
    loop = _Unrolled(o, x[0], x[4] if len(x) > 4 else None, attrs["reverse"])
    outer = loop.parts(x[1], 3, axis=0)

    def new_gate(given: Any, old: Any, reset: Any) -> Any:
        fed_back = old if attrs["reset_after"] else o.np.multiply(reset, old)
        total = o.np.add(loop.product(fed_back, outer[2]), x[2])
        back = o.np.multiply(reset, total) if attrs["reset_after"] else total
        return o.np.tanh(o.np.add(given, back))

    def step(given: Any, states: Values) -> Values:
        (old,), (of_reset, of_update, of_new) = states, loop.parts(given, 3)
        reset, update = (
            o.npx.sigmoid(o.np.add(a, loop.product(old, w)))
            for a, w in zip((of_reset, of_update), outer, strict=False)
        )
        new = new_gate(of_new, old, reset)
        return (o.np.add(new, o.np.multiply(update, o.np.subtract(old, new))),)

    return loop.walk((x[3],), step)


def _gru_gradient(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    """A reset before the product is differentiated step by step: it has no kernel of its own."""
    rule = gru_rule if attrs["reset_after"] else gradient_of(_gru_steps)
    return rule(o, x, y, g, attrs)


gru = OpDef(
    name=GRU,
    doc="The gated recurrent unit: hidden states after each step.\n\n"
    "Gates are reset, update and new; bias (H,) is added to the product for the new gate. "
    + _SHARED_DOC,
    operands=("x", "weight", "bias", "hidden", "length?"),
    params=(
        Param(
            "reset_after",
            "bool",
            True,
            "whether the reset gate scales the product and its bias "
            "for the new gate, or the state that enters it",
        ),
        _REVERSE,
    ),
    infer=_gru_infer,
    reference=rounded(_gru_ref),
    gradient=_gru_gradient,
    expansion=_gru_steps,
    lowering=kernel("recurrent"),
    samples=(
        Sample(((3, 2, 9), (9, 3), (3,), (2, 3))),
        Sample(((2, 1, 6), (6, 2), (2,), (1, 2)), {"reverse": True}),
        Sample(((2, 1, 27), (27, 9), (9,), (1, 9)), {"reverse": True, "reset_after": False}),
        Sample(((3, 3, 3), (3, 1), (1,), (3, 1), (3,)), dtypes=(*["f32"] * 4, "i64"), high=4),
        Sample(((2, 1, 6), (6, 2), (2,), (1, 2)), {"reset_after": False}, dtypes=("f64",)),
    ),
    source="arXiv:1406.1078; MXNet 2 npx.rnn; ONNX GRU",
)


# Elman's network ----------------------------------------------------------------------------------


def _elman_infer(
    x: TensorType, weight: TensorType, hidden: TensorType, length: TensorType | None,
    activation: str, reverse: bool,
) -> TensorType:  # fmt: skip
    return _infer(ELMAN, x, weight, {"hidden": hidden}, length)


def _elman_ref(
    x: Arr, weight: Arr, hidden: Arr, length: Arr | None, activation: str, reverse: bool
) -> Any:
    def step(given: Arr, states: Sequence[Arr]) -> Sequence[Arr]:
        total = given + states[0] @ weight.T
        return (np.tanh(total) if activation == "tanh" else np.maximum(total, 0),)

    return _walk(x, (hidden,), length, reverse, step)


def _elman_steps(o: Recorder, x: Values, attrs: Attrs) -> Values:
    loop = _Unrolled(o, x[0], x[3] if len(x) > 3 else None, attrs["reverse"])
    activate = o.np.tanh if attrs["activation"] == "tanh" else o.npx.relu

    def step(given: Any, states: Values) -> Values:
        return (activate(o.np.add(given, loop.product(states[0], x[1]))),)

    return loop.walk((x[2],), step)


elman = OpDef(
    name=ELMAN,
    doc="Elman's network: hidden states after each step.\n\n" + _SHARED_DOC,
    operands=("x", "weight", "hidden", "length?"),
    params=(
        Param("activation", "str", "tanh", "what makes the state of a sum", choices=ACTIVATIONS),
        _REVERSE,
    ),
    infer=_elman_infer,
    reference=rounded(_elman_ref),
    gradient=elman_rule,
    expansion=_elman_steps,
    lowering=kernel("recurrent"),
    samples=(
        Sample(((3, 2, 3), (3, 3), (2, 3))),
        Sample(((2, 1, 9), (9, 9), (1, 9)), {"reverse": True, "activation": "relu"}),
        Sample(((3, 3, 1), (1, 1), (3, 1), (3,)), dtypes=(*["f32"] * 3, "u8"), high=4),
    ),
    source="Elman 1990; MXNet 2 npx.rnn; ONNX RNN",
)

OPS = (lstm, gru, elman)
