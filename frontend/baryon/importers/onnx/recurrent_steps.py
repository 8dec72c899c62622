"""Recurrent layers that no kernel is made for: their steps written out, op by op.

That is those with peepholes, coupled gates, clipped sums, or activations other than the usual ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baryon.importers.onnx.node import Node, Operand
from baryon.ops import Calls

MOST_STEPS = 512
"""Steps that are written out; each is some ten ops."""

Function = Callable[[Calls[Operand], Any], Any]
"""An activation of an operand."""

_PLAIN: Mapping[str, str] = {
    "relu": "npx.relu", "tanh": "np.tanh", "sigmoid": "npx.sigmoid", "softsign": "npx.softsign",
    "softplus": "npx.softplus",
}  # fmt: skip
"""Activations without parameters."""

_SCALED: Mapping[str, tuple[tuple[float, ...], Callable[..., Any]]] = {
    "affine": ((1.0, 0.0), lambda o, x, a, b: o.np.add(o.np.multiply(x, a), b)),
    "leakyrelu": ((0.01,), lambda o, x, a: o.npx.leaky_relu(x, slope=a)),
    "thresholdedrelu": ((1.0,), lambda o, x, a: o.np.where(o.np.greater(x, a), x, 0.0)),
    "scaledtanh": ((1.0, 1.0), lambda o, x, a, b: o.np.multiply(o.np.tanh(o.np.multiply(x, b)), a)),
    "hardsigmoid": (
        (0.2, 0.5), lambda o, x, a, b: o.np.clip(o.np.add(o.np.multiply(x, a), b), 0.0, 1.0)
    ),
    "elu": ((1.0,), lambda o, x, a: o.npx.elu(x, slope=a)),
}  # fmt: skip
"""Activations with alpha, and some with beta: the standard's defaults, and what they compute."""


@dataclass(frozen=True)
class Nonlinear:
    """The activations of a node's directions by name, their parameters, and the bound of sums."""

    names: tuple[tuple[str, ...], ...]
    functions: tuple[tuple[Function, ...], ...]
    clip: float

    def is_one_of(self, sets: Sequence[tuple[str, ...]]) -> bool:
        """Whether all directions have the same of these sets, and nothing else is special."""
        return not self.clip and any(all(n == s for n in self.names) for s in sets)

    def of(self, side: int, number: int, o: Calls[Operand], x: Any) -> Any:
        """The activation of a gate, whose sum is bounded before; an LSTM's cell, 2, is no sum."""
        is_sum = number < 2
        bounded = o.np.clip(x, -self.clip, self.clip) if self.clip and is_sum else x
        return self.functions[side][number](o, bounded)


def read_nonlinear(node: Node, usual: tuple[str, ...], sides: int) -> Nonlinear:
    """The attributes of a recurrent node that say what it does between its products."""
    given = tuple(name.lower() for name in node.attr("activations", usual * sides))
    given = given * sides if len(given) == len(usual) else given
    alphas: list[float] = [*node.attr("activation_alpha", ())]
    betas: list[float] = [*node.attr("activation_beta", ())]
    if len(given) != sides * len(usual) or not {*given} <= {*_PLAIN, *_SCALED}:
        known = ", ".join([*_PLAIN, *_SCALED])
        raise node.unsupported(f"activations {', '.join(given)}", f"known are: {known}")
    functions = [_function(name, alphas, betas) for name in given]
    starts = range(0, len(given), len(usual))
    return Nonlinear(
        tuple(given[i : i + len(usual)] for i in starts),
        tuple(tuple(functions[i : i + len(usual)]) for i in starts),
        float(node.attr("clip", 0.0)),
    )


def _function(name: str, alphas: list[float], betas: list[float]) -> Function:
    """An activation, which takes its parameters from the front of the lists."""
    if name in _PLAIN:
        space, plain = _PLAIN[name].split(".")
        return lambda o, x: getattr(getattr(o, space), plain)(x)
    defaults, function = _SCALED[name]
    lists = zip((alphas, betas), defaults, strict=False)
    given = [float(values.pop(0)) if values else default for values, default in lists]
    return lambda o, x: function(o, x, *given)


@dataclass(frozen=True)
class Cell:
    """One step: `step(x, states)` gives new states. x: the input's part of the gates, (N, G * H).

    gate: (number, x) -> the activation of a sum.
    """

    o: Calls[Operand]
    gate: Callable[[int, Any], Any]
    feedback: Operand
    count: int

    def summed(self, x: Any, hidden: Any) -> list[Any]:
        """The sums of the gates, (N, H) each."""
        return self.split(self.o.np.add(x, self.product(hidden, self.feedback)))

    def product(self, hidden: Any, weight: Any) -> Any:
        """The feedback's part of the gates."""
        return self.o.np.matmul(hidden, self.o.np.transpose(weight, axes=(1, 0)))

    def split(self, x: Any, axis: int = -1) -> list[Any]:
        """The parts of the gates."""
        if self.count == 1:
            return [x]
        return [*self.o.np.split(x, indices_or_sections=self.count, axis=axis)]


def elman_step(cell: Cell, x: Any, states: Sequence[Any]) -> list[Any]:
    """H' = f(x + H R)."""
    return [cell.gate(0, cell.summed(x, states[0])[0])]


def lstm_step(peepholes: Sequence[Any] | None, *, coupled: bool) -> Callable[..., list[Any]]:
    """The step of an LSTM with the gates i, o, f, c.

    peepholes: for i, o and f what the cell adds to the gate. coupled: the forget gate is 1 - i.
    """

    def step(cell: Cell, x: Any, states: Sequence[Any]) -> list[Any]:
        o, (hidden, memory) = cell.o, states
        i, out, f, c = cell.summed(x, hidden)
        seen = _peeping(o, peepholes)
        enter = cell.gate(0, seen(i, 0, memory))
        keep = o.np.subtract(1.0, enter) if coupled else cell.gate(0, seen(f, 2, memory))
        new = o.np.add(o.np.multiply(keep, memory), o.np.multiply(enter, cell.gate(1, c)))
        leave = cell.gate(0, seen(out, 1, new))
        return [o.np.multiply(leave, cell.gate(2, new)), new]

    return step


def _peeping(o: Calls[Operand], peepholes: Sequence[Any] | None) -> Callable[..., Any]:
    def seen(gate: Any, number: int, memory: Any) -> Any:
        if peepholes is None:
            return gate
        return o.np.add(gate, o.np.multiply(memory, peepholes[number]))

    return seen


def gru_step(bias: Any, *, after: bool) -> Callable[..., list[Any]]:
    """The step of a GRU with the gates z, r, h.

    bias: (H) that the feedback of h has. after: the reset gate multiplies the product, not its
    factor.
    """

    def step(cell: Cell, x: Any, states: Sequence[Any]) -> list[Any]:
        o, hidden = cell.o, states[0]
        update, reset, new = cell.split(x)
        *weights, last = cell.split(cell.feedback, axis=0)
        z, r = (
            cell.gate(0, o.np.add(part, cell.product(hidden, weight)))
            for part, weight in zip((update, reset), weights, strict=True)
        )
        if after:
            back = o.np.multiply(r, o.np.add(cell.product(hidden, last), bias))
        else:
            back = o.np.add(cell.product(o.np.multiply(r, hidden), last), bias)
        h = cell.gate(1, o.np.add(new, back))
        return [o.np.add(o.np.multiply(o.np.subtract(1.0, z), h), o.np.multiply(z, hidden))]

    return step
