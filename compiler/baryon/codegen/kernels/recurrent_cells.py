"""What recurrent layers compute for a hidden unit, behind the products of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from baryon.codegen.expr import Expr, Math, const
from baryon.codegen.expr import bind as named
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

    def become(self, **states: Expr) -> None:
        """The states after this step, in the order of the op's results."""


Finish = Callable[[Unit, Sequence[Expr]], None]


@dataclass(frozen=True)
class Phase:
    """A product, and what is done with it.

    source: the state that it reads, or what an earlier phase left. gates: row blocks of the weight,
    each as many rows as there are units. finish: (unit, sums of each gate). depth: elements of the
    source for each unit.
    """

    source: str
    gates: tuple[int, ...]
    finish: Finish
    depth: int = 1


@dataclass(frozen=True)
class Cell:
    """states: kept from step to step; the operands of these names are the first ones.

    passed: what one phase of a step leaves to the next.
    """

    states: tuple[str, ...]
    phases: tuple[Phase, ...]
    passed: tuple[str, ...] = ()


def _lstm(unit: Unit, sums: Sequence[Expr]) -> None:
    into, forget, new, out = (named(s + unit.given("x", g)) for g, s in enumerate(sums))
    kept = _sigmoid(forget) * unit.old("cell")
    cell = named(kept + _sigmoid(into) * Math.tanh(new))
    unit.become(hidden=_sigmoid(out) * Math.tanh(cell), cell=cell)


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
    return new + update * (unit.old("hidden") - new)


def _elman(activation: Callable[[Expr], Expr]) -> Finish:
    def finish(unit: Unit, sums: Sequence[Expr]) -> None:
        unit.become(hidden=activation(named(sums[0] + unit.given("x"))))

    return finish


def _relu(x: Expr) -> Expr:
    return Math.maximum(x, const(0, x))


def _sigmoid(x: Expr) -> Expr:
    return named(Math.sigmoid(named(x)))


def _lstm_cell(attrs: Mapping[str, Any]) -> Cell:
    return Cell(("hidden", "cell"), (Phase("hidden", (0, 1, 2, 3), _lstm),))


def _gru_cell(attrs: Mapping[str, Any]) -> Cell:
    if attrs["reset_after"]:
        return Cell(("hidden",), (Phase("hidden", (0, 1, 2), _gru),))
    phases = (Phase("hidden", (0, 1), _gru_gates), Phase("reset_hidden", (2,), _gru_state))
    return Cell(("hidden",), phases, passed=("reset_hidden", "update"))


def _elman_cell(attrs: Mapping[str, Any]) -> Cell:
    activation = Math.tanh if attrs["activation"] == "tanh" else _relu
    return Cell(("hidden",), (Phase("hidden", (0,), _elman(activation)),))


CELLS: Mapping[str, Callable[[Mapping[str, Any]], Cell]] = {
    LSTM: _lstm_cell,
    GRU: _gru_cell,
    ELMAN: _elman_cell,
}
"""The cell of each op, by its attributes."""
