"""Cells that change what another cell does, and dropout between cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from baryon import np, npx
from baryon.array import ndarray, recorder
from baryon.gluon.errors import BlockError, here
from baryon.gluon.rnn.base import HybridRecurrentCell, RecurrentCell, StateInfo, States
from baryon.gluon.rnn.containers import BidirectionalCell
from baryon.gluon.rnn.sequences import (
    Steps,
    formatted,
    masked,
    merged,
    steps_of,
    time_axis,
)


class DropoutCell(HybridRecurrentCell):
    """Dropout of the input, without a state: to stack between cells.

    axes: along which elements share their fate.
    """

    def __init__(self, rate: float, axes: Sequence[int] = ()) -> None:
        super().__init__()
        if not isinstance(rate, int | float):
            raise BlockError(f"rate={rate!r} is not a number", where=here())
        self._rate, self._axes = rate, tuple(axes)

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """No states."""
        return []

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """The input with elements dropped."""
        return _dropped(inputs, self._rate, self._axes), states

    def unroll(
        self,
        length: int,
        inputs: Steps,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: ndarray | None = None,
    ) -> tuple[Steps, States]:
        """All steps at once if they come as one array."""
        self.reset()
        sequence = formatted(length, inputs, layout, merge_outputs)
        if isinstance(sequence, ndarray):
            return _dropped(sequence, self._rate, self._axes), begin_state or []
        return super().unroll(length, sequence, begin_state, layout, merge_outputs, valid_length)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rate={self._rate}, axes={self._axes})"


class ModifierCell(HybridRecurrentCell):
    """The base of cells that wrap another, whose parameters and states they share.

    The base cell belongs to one modifier: it refuses `begin_state` and `unroll` of its own.
    """

    def __init__(self, base_cell: RecurrentCell) -> None:
        if base_cell._modified:
            raise BlockError(f"{base_cell} is part of a modifier cell already", where=here())
        super().__init__()
        base_cell._modified = True
        self.base_cell = base_cell

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """The states of the base cell."""
        return self.base_cell.state_info(batch_size)

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., ndarray] | None = None, **kwargs: Any
    ) -> States:
        """The first states of the base cell."""
        self.require_free()
        with self.released():
            return self.base_cell.begin_state(batch_size, func, **kwargs)

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let the base cell be called inside the block."""
        self.base_cell._modified = False
        try:
            yield
        finally:
            self.base_cell._modified = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_cell})"


class ZoneoutCell(ModifierCell):
    """Keeps elements of outputs and states as they were, with these probabilities, in training.

    Krueger et al. 2016. Before the first step the output was zero.
    """

    keeps_state = True

    def __init__(
        self, base_cell: RecurrentCell, zoneout_outputs: float = 0.0, zoneout_states: float = 0.0
    ) -> None:
        _refuse_bidirectional(base_cell, "ZoneoutCell")
        super().__init__(base_cell)
        self.zoneout_outputs, self.zoneout_states = zoneout_outputs, zoneout_states

    def reset(self) -> None:
        """Forget the previous output."""
        super().reset()
        self._previous: ndarray | None = None

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """A step of the base cell, part of which is undone."""
        output, after = self.base_cell(inputs, states)
        before = self._previous
        if before is None or not _is_current(before):
            before = np.zeros_like(output)
        output = _zoned(output, before, self.zoneout_outputs)
        self._previous = output
        return output, [
            _zoned(new, old, self.zoneout_states) for new, old in zip(after, states, strict=True)
        ]

    def __repr__(self) -> str:
        rates = f"p_out={self.zoneout_outputs}, p_state={self.zoneout_states}"
        return f"{type(self).__name__}({rates}, {self.base_cell})"


class ResidualCell(ModifierCell):
    """Adds the input to the output of a cell of the same size (Wu et al. 2016)."""

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """A step of the base cell, plus the input."""
        output, after = self.base_cell(inputs, states)
        return output + inputs, after

    def unroll(
        self,
        length: int,
        inputs: Steps,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: ndarray | None = None,
    ) -> tuple[Steps, States]:
        """Unroll the base cell, and add the (valid) inputs."""
        self.reset()
        with self.released():
            outputs, states = self.base_cell.unroll(
                length, inputs, begin_state, layout, merge_outputs, valid_length
            )
        if valid_length is not None:
            inputs = masked(inputs, layout, valid_length)
        if isinstance(outputs, ndarray):
            return outputs + merged(inputs, layout), states
        pairs = zip(outputs, steps_of(length, inputs, layout), strict=True)
        return [output + step for output, step in pairs], states


class VariationalDropoutCell(ModifierCell):
    """Dropout with the same mask at every step (Gal and Ghahramani 2015).

    Of inputs, of the first state, of outputs; `reset` makes new masks.
    """

    keeps_state = True

    def __init__(
        self,
        base_cell: RecurrentCell,
        drop_inputs: float = 0.0,
        drop_states: float = 0.0,
        drop_outputs: float = 0.0,
    ) -> None:
        if drop_states:
            _refuse_bidirectional(base_cell, "VariationalDropoutCell with drop_states")
        super().__init__(base_cell)
        self.drop_inputs, self.drop_states = drop_inputs, drop_states
        self.drop_outputs = drop_outputs

    def reset(self) -> None:
        """Forget the masks."""
        super().reset()
        self._masks: dict[str, ndarray] = {}

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """A step of the base cell."""
        first = self._masked("states", states[0], self.drop_states) if states else None
        kept = [first, *states[1:]] if first is not None else states
        inputs = self._masked("inputs", inputs, self.drop_inputs)
        output, after = self.base_cell(inputs, kept)
        return self._masked("outputs", output, self.drop_outputs), after

    def _masked(self, name: str, x: ndarray, rate: float) -> ndarray:
        if not rate:
            return x
        mask = self._masks.get(name)
        if mask is None or not _is_current(mask):
            mask = self._masks[name] = npx.dropout(np.ones_like(x), p=rate)
        return x * mask

    def unroll(
        self,
        length: int,
        inputs: Steps,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: ndarray | None = None,
    ) -> tuple[Steps, States]:
        """Unroll with one mask for all steps; see `RecurrentCell.unroll`."""
        if self.drop_states:
            return super().unroll(length, inputs, begin_state, layout, merge_outputs, valid_length)
        self.reset()
        axis = time_axis(layout)
        sequence = _dropped(merged(inputs, layout), self.drop_inputs, (axis,))
        with self.released():
            outputs, states = self.base_cell.unroll(
                length, sequence, begin_state, layout, True, valid_length
            )
        dropped = _dropped(merged(outputs, layout), self.drop_outputs, (axis,))
        return formatted(length, dropped, layout, merge_outputs), states

    def __repr__(self) -> str:
        rates = f"p_out = {self.drop_outputs}, p_state = {self.drop_states}"
        return f"{type(self).__name__}({rates})"


def _dropped(x: ndarray, rate: float, axes: tuple[int, ...]) -> ndarray:
    return npx.dropout(x, p=rate, axes=axes or None) if rate else x


def _zoned(new: ndarray, old: ndarray, rate: float) -> ndarray:
    if not rate:
        return new
    kept: ndarray = np.where(npx.dropout(np.ones_like(new), p=rate) > 0, new, old)
    return kept


def _is_current(x: ndarray) -> bool:
    """Whether an array was not left here by an earlier trace."""
    return not x.is_traced or x._owner is recorder()


def _refuse_bidirectional(cell: RecurrentCell, name: str) -> None:
    parts = [cell, *cell._children.values()]
    if any(isinstance(part, BidirectionalCell) for part in parts):
        raise BlockError(
            f"{name} steps through its base cell, which a BidirectionalCell does not allow",
            where=here(), hint="put it around the cells inside",
        )  # fmt: skip
