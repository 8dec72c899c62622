"""Cells made of cells: stacks, and both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, cast

from baryon import np
from baryon.array import ndarray
from baryon.gluon.errors import BlockError, CallError, here
from baryon.gluon.rnn.base import (
    HybridRecurrentCell,
    RecurrentCell,
    StateInfo,
    States,
    states_of,
)
from baryon.gluon.rnn.sequences import Steps, backwards, formatted, masked, merged, steps_of


class SequentialRNNCell(RecurrentCell):
    """Cells stacked: each takes the output of the one before it."""

    def add(self, cell: RecurrentCell) -> None:
        """Put a cell on top."""
        self.register_child(cell)

    @property
    def cells(self) -> list[RecurrentCell]:
        """The cells from the first to the last."""
        return cast("list[RecurrentCell]", list(self._children.values()))

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """The states of all cells."""
        return states_of(self.cells, batch_size)

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., ndarray] | None = None, **kwargs: Any
    ) -> States:
        """The first states of all cells."""
        self.require_free()
        return [s for c in self.cells for s in c.begin_state(batch_size, func, **kwargs)]

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """One step of each cell."""
        after: States = []
        for cell, own in self._shared(states):
            if isinstance(cell, BidirectionalCell):
                _refuse_step()
            inputs, new = cell(inputs, own)
            after += new
        return inputs, after

    def unroll(
        self,
        length: int,
        inputs: Steps,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: ndarray | None = None,
    ) -> tuple[Steps, States]:
        """Unroll cell by cell; see `RecurrentCell.unroll`."""
        self.reset()
        states = self.first_states(begin_state, steps_of(length, inputs, layout)[0])
        after: States = []
        for cell, own in self._shared(states):
            inputs, new = cell.unroll(length, inputs, own, layout, None, valid_length)
            after += new
        return formatted(length, inputs, layout, merge_outputs), after

    def _shared(self, states: States) -> list[tuple[RecurrentCell, States]]:
        """The cells, each with its own states."""
        found, begin = [], 0
        for cell in self.cells:
            count = len(cell.state_info())
            found.append((cell, list(states[begin : begin + count])))
            begin += count
        if begin != len(states):
            raise CallError(f"{len(states)} states for cells that have {begin}", where=here())
        return found

    def __getitem__(self, i: int) -> RecurrentCell:
        return self.cells[i]

    def __len__(self) -> int:
        return len(self._children)


class HybridSequentialRNNCell(SequentialRNNCell, HybridRecurrentCell):
    """`SequentialRNNCell` of hybrid cells, which can be hybridized."""

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """One step of each cell."""
        return SequentialRNNCell.forward(self, inputs, states)


class BidirectionalCell(HybridRecurrentCell):
    """One cell along the sequence and one against it; outputs lie side by side.

    It has no single step: use `unroll`.
    """

    def __init__(self, l_cell: RecurrentCell, r_cell: RecurrentCell) -> None:
        if l_cell is r_cell:
            raise BlockError("both directions are the same cell", where=here(), hint="make two")
        super().__init__()
        self.l_cell, self.r_cell = l_cell, r_cell

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """The states of both cells."""
        return states_of([self.l_cell, self.r_cell], batch_size)

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., ndarray] | None = None, **kwargs: Any
    ) -> States:
        """The first states of both cells."""
        self.require_free()
        cells = (self.l_cell, self.r_cell)
        return [s for c in cells for s in c.begin_state(batch_size, func, **kwargs)]

    def forward(self, inputs: ndarray, states: States) -> NoReturn:
        """CallError: there is no single step."""
        _refuse_step()

    def unroll(
        self,
        length: int,
        inputs: Steps,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: ndarray | None = None,
    ) -> tuple[Steps, States]:
        """Unroll both; see `RecurrentCell.unroll`."""
        self.reset()
        steps = steps_of(length, inputs, layout)
        states = self.first_states(begin_state, steps[0])
        split = len(self.l_cell.state_info())
        along, l_states = self.l_cell.unroll(
            length, steps, states[:split], layout, None, valid_length
        )
        against, r_states = self.r_cell.unroll(
            length, backwards(steps, valid_length), states[split:], layout, None, valid_length
        )
        turned = backwards(steps_of(length, against, layout), valid_length)
        outputs: Steps = np.concatenate([merged(along, layout), merged(turned, layout)], axis=2)
        if valid_length is not None:
            outputs = masked(outputs, layout, valid_length)
        elif merge_outputs is None:
            merge_outputs = False
        return formatted(length, outputs, layout, merge_outputs), l_states + r_states

    def __repr__(self) -> str:
        return f"{type(self).__name__}(forward={self.l_cell}, backward={self.r_cell})"


def _refuse_step() -> NoReturn:
    raise CallError(
        "a BidirectionalCell has no single step", where=here(),
        hint="it needs the whole sequence: call unroll",
    )  # fmt: skip
