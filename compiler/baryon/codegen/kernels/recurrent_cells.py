"""What recurrent layers compute for a hidden unit, behind the products of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from baryon.codegen.expr import Expr, Math, const
from baryon.codegen.expr import bind as named
from baryon.codegen.tvm import tirx
from baryon.ops.recurrent import ELMAN, GRU, LSTM


class Unit(Protocol):
    """Neighbouring hidden units of one sequence in one step."""

    def given(self, name: str, gate: int = 0) -> Expr:
        """Elements of an operand."""

    def old(self, name: str) -> Expr:
        """A state before this step."""

    def passed(self, name: str) -> Expr:
        """What an earlier phase of the step left."""

    def leave(self, name: str, value: Expr) -> None:
        """Leave something to later phases of the step."""

    def chosen(self, new: Expr, ended: Expr) -> Expr:
        """`ended` if the sequence has ended before this step."""

    def become(self, **states: Expr | Sequence[Expr]) -> None:
        """The states after this step; a state of several blocks as a list of them."""


Finish = Callable[[Unit, Sequence[Expr]], None]


@dataclass(frozen=True)
class Phase:
    """A product, and what is done with it.

    source: the state that it reads, or what an earlier phase left. gates: row blocks of the weight,
    each as many rows as there are units. finish: (unit, sums of each gate). depth: blocks of the
    source, each as long as there are units. transposed: the weight's transpose is multiplied.
    """

    source: str
    gates: tuple[int, ...]
    finish: Finish
    depth: int = 1
    transposed: bool = False


@dataclass(frozen=True)
class Cell:
    """states: kept from step to step, in the order of the op's results; how many blocks they have.

    The operands of these names are the first ones, else they are zero. passed: what one phase of a
    step leaves to the next.
    """

    states: Mapping[str, int]
    phases: tuple[Phase, ...]
    passed: tuple[str, ...] = ()


def _lstm(unit: Unit, sums: Sequence[Expr]) -> None:
    into, forget, new, out = (named(s + unit.given("x", g)) for g, s in enumerate(sums))
    kept = _sigmoid(forget) * unit.old("cell")
    cell = named(kept + _sigmoid(into) * Math.tanh(new))
    hidden = _sigmoid(out) * Math.tanh(cell)
    unit.become(hidden=_kept(unit, "hidden", hidden), cell=_kept(unit, "cell", cell))


def _kept(unit: Unit, name: str, new: Expr) -> Expr:
    """A new state, or the old one where the sequence has ended."""
    return unit.chosen(new, unit.old(name))


def _gru(unit: Unit, sums: Sequence[Expr]) -> None:
    reset, update = (_sigmoid(s + unit.given("x", g)) for g, s in enumerate(sums[:2]))
    back = reset * (sums[2] + unit.given("bias"))
    unit.become(hidden=_mixed(unit, update, unit.given("x", 2) + back))


def _gru_gates(unit: Unit, sums: Sequence[Expr]) -> None:
    reset, update = (_sigmoid(s + unit.given("x", g)) for g, s in enumerate(sums))
    unit.leave("reset_hidden", reset * unit.old("hidden"))
    unit.leave("update", update)


def _gru_state(unit: Unit, sums: Sequence[Expr]) -> None:
    total = unit.given("x", 2) + (sums[0] + unit.given("bias"))
    unit.become(hidden=_mixed(unit, unit.passed("update"), total))


def _mixed(unit: Unit, update: Expr, total: Expr) -> Expr:
    new = named(Math.tanh(named(total)))
    return _kept(unit, "hidden", new + update * (unit.old("hidden") - new))


def _elman(activation: Callable[[Expr], Expr]) -> Finish:
    def finish(unit: Unit, sums: Sequence[Expr]) -> None:
        new = activation(named(sums[0] + unit.given("x")))
        unit.become(hidden=_kept(unit, "hidden", new))

    return finish


def _relu(x: Expr) -> Expr:
    return Math.maximum(x, const(0, x))


def _sigmoid(x: Expr) -> Expr:
    return named(Math.sigmoid(named(x)))


def _lstm_cell(attrs: Mapping[str, Any]) -> Cell:
    return Cell({"hidden": 1, "cell": 1}, (Phase("hidden", (0, 1, 2, 3), _lstm),))


def _gru_cell(attrs: Mapping[str, Any]) -> Cell:
    if attrs["reset_after"]:
        return Cell({"hidden": 1}, (Phase("hidden", (0, 1, 2), _gru),))
    phases = (Phase("hidden", (0, 1), _gru_gates), Phase("reset_hidden", (2,), _gru_state))
    return Cell({"hidden": 1}, phases, passed=("reset_hidden", "update"))


def _elman_cell(attrs: Mapping[str, Any]) -> Cell:
    activation = Math.tanh if attrs["activation"] == "tanh" else _relu
    return Cell({"hidden": 1}, (Phase("hidden", (0,), _elman(activation)),))


def _lstm_back(unit: Unit, sums: Sequence[Expr]) -> None:
    into, forget, out = (_sigmoid(unit.given("sums", g)) for g in (0, 1, 3))
    new, before = named(Math.tanh(unit.given("sums", 2))), unit.given("before")
    seen = named(Math.tanh(named(forget * before + into * new)))
    hidden = _of_hidden(unit, sums[0])
    outer = named(unit.given("from_cell") + unit.old("cell"))
    cell = named(outer + hidden * out * _tanh_slope(seen))
    by_gate = [
        cell * new * _slope(into),
        cell * before * _slope(forget),
        cell * into * _tanh_slope(new),
        hidden * seen * _slope(out),
    ]
    zero = const(0, hidden)
    unit.become(
        gates=[unit.chosen(x, zero) for x in by_gate],
        cell=unit.chosen(cell * forget, outer),
        kept=unit.chosen(zero, hidden),
    )


def _gru_back(unit: Unit, sums: Sequence[Expr]) -> None:
    reset, update = (_sigmoid(unit.given("x", g) + unit.given("product", g)) for g in (0, 1))
    back, before = unit.given("product", 2), unit.given("before")
    new = named(Math.tanh(named(unit.given("x", 2) + reset * back)))
    hidden = _of_hidden(unit, sums[0])
    inner = named(hidden * (const(1, update) - update) * _tanh_slope(new))
    by_gate = [inner * back * _slope(reset), hidden * (before - new) * _slope(update),
               inner * reset]  # fmt: skip
    zero = const(0, hidden)
    unit.become(
        gates=[unit.chosen(x, zero) for x in by_gate],
        kept=unit.chosen(hidden * update, hidden),
        new=unit.chosen(inner, zero),
    )


def _elman_back(activation: str) -> Finish:
    def finish(unit: Unit, sums: Sequence[Expr]) -> None:
        state, total = unit.given("hidden"), _of_hidden(unit, sums[0])
        zero = const(0, total)
        is_tanh = activation == "tanh"
        new = total * _tanh_slope(state) if is_tanh else tirx.Select(state > zero, total, zero)
        unit.become(gates=unit.chosen(new, zero), kept=unit.chosen(zero, total))

    return finish


def _of_hidden(unit: Unit, product: Expr) -> Expr:
    """The gradient of the hidden state after this step."""
    return named(unit.given("from_hidden") + product + unit.old("kept"))


def _slope(gate: Expr) -> Expr:
    """The derivative of the sigmoid by its value."""
    return gate * (const(1, gate) - gate)


def _tanh_slope(value: Expr) -> Expr:
    return const(1, value) - value * value


def _back_cell(states: Mapping[str, int], finish: Finish) -> Cell:
    """Steps against the time: gradients of the gates times the weight."""
    return Cell(states, (Phase("gates", (0,), finish, states["gates"], transposed=True),))


def _elman_back_cell(attrs: Mapping[str, Any]) -> Cell:
    return _back_cell({"gates": 1, "kept": 1}, _elman_back(attrs["activation"]))


CELLS: Mapping[str, Callable[[Mapping[str, Any]], Cell]] = {
    LSTM: _lstm_cell,
    GRU: _gru_cell,
    ELMAN: _elman_cell,
    "ir.lstm_gradient": lambda _: _back_cell({"gates": 4, "cell": 1, "kept": 1}, _lstm_back),
    "ir.gru_gradient": lambda _: _back_cell({"gates": 3, "kept": 1, "new": 1}, _gru_back),
    "ir.elman_gradient": _elman_back_cell,
}
"""The cell of each op, by its attributes."""
