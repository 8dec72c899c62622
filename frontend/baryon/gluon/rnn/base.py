"""What recurrent cells have in common: states, and unrolling over a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.block import Block, HybridBlock
from baryon.gluon.errors import CallError, here
from baryon.gluon.rnn.sequences import Steps, formatted, last_states, masked, steps_of

States = list[ndarray]
StateInfo = list[dict[str, Any]]


class RecurrentCell(Block):
    """One step of a recurrent network: `output, states = cell(input, states)`.

    Inputs are (N, C); states are a list of arrays, as many as `state_info` tells.
    """

    keeps_state = False
    """Whether a step changes the cell itself (a mask, the previous output)."""

    def __init__(self) -> None:
        super().__init__()
        self._modified = False
        self.reset()

    def reset(self) -> None:
        """Forget what belongs to a sequence; call it before a new one is stepped through."""
        for cell in self._children.values():
            if isinstance(cell, RecurrentCell):
                cell.reset()

    def state_info(self, batch_size: int = 0) -> StateInfo:
        """Shape and layout of each state."""
        raise NotImplementedError(f"{type(self).__name__} does not override state_info")

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., ndarray] | None = None, **kwargs: Any
    ) -> States:
        """The first states: zeros, or what `func(shape=..., **kwargs)` makes.

        Raises CallError if a modifier, such as ZoneoutCell, holds the cell: call that one.
        """
        self.require_free()
        make = np.zeros if func is None else func
        return [make(shape=info["shape"], **kwargs) for info in self.state_info(batch_size)]

    def require_free(self) -> None:
        """CallError if a modifier cell, such as ZoneoutCell, holds this one."""
        if self._modified:
            raise CallError(
                f"{type(self).__name__} is part of a modifier cell", where=here(),
                hint="call begin_state and unroll of the modifier cell",
            )  # fmt: skip

    def first_states(self, begin_state: States | None, step: ndarray, axis: int = 0) -> States:
        """The given first states, or zeros for the batch and dtype of a step."""
        if begin_state is not None:
            return begin_state
        dtype = step.dtype if step.type.dtype.is_float else "float32"
        return self.begin_state(batch_size=step.shape[axis], dtype=dtype)  # type: ignore[arg-type]

    def unroll(
        self,
        length: int,
        inputs: Steps,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: ndarray | None = None,
    ) -> tuple[Steps, States]:
        """Outputs of all steps, and the last states.

        inputs: an array of this layout, or a list of `length` arrays (N, C). merge_outputs: one
        array (True) or a list (False); None: a list, but an array with `valid_length`. valid_length
        (N,): outputs after it are zero, states are those after the last valid step.
        """
        self.reset()
        steps = steps_of(length, inputs, layout)
        states = self.first_states(begin_state, steps[0])
        outputs, all_states = [], []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
            all_states.append(states)
        if valid_length is None:
            return formatted(length, outputs, layout, merge_outputs), states
        shown = masked(outputs, layout, valid_length)
        return (
            formatted(length, shown, layout, merge_outputs), last_states(all_states, valid_length)
        )  # fmt: skip


class HybridRecurrentCell(RecurrentCell, HybridBlock):
    """A recurrent cell that can be hybridized: override `forward(inputs, states)`."""

    def hybridize(self, active: bool = True, **kwargs: Any) -> None:  # type: ignore[override]
        """Compile the step; of cells that change with a step, only the cells inside."""
        if not changes_with_steps(self):
            super().hybridize(active, **kwargs)
            return
        for child in self._children.values():
            child.hybridize(active, **kwargs)

    def forward(self, inputs: ndarray, states: States) -> tuple[ndarray, States]:
        """One step; override it."""
        raise NotImplementedError(f"{type(self).__name__} does not override forward")


def changes_with_steps(cell: Block) -> bool:
    """Whether a cell, or one inside it, changes with a step."""
    own = isinstance(cell, RecurrentCell) and cell.keeps_state
    return own or any(map(changes_with_steps, cell._children.values()))


def states_of(cells: Sequence[RecurrentCell], batch_size: int) -> StateInfo:
    """The states of several cells, one after the other."""
    return [info for cell in cells for info in cell.state_info(batch_size)]


def activated(x: ndarray, activation: Any) -> ndarray:
    """An activation by name, or any function or block."""
    result: ndarray
    if isinstance(activation, str):
        result = npx.activation(x, act_type=activation)
    else:
        result = activation(x)
    return result
