"""An optimizer with the states of the parameters that it updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon.array import ndarray
from baryon.optimizer import states as archive
from baryon.optimizer.base import Optimizer


class Updater:
    """Called with index, gradient and weight (or lists of them), it updates the weights.

    The state of a parameter is made when its index comes first.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.states: dict[Any, Any] = {}
        self.aggregate_updates = optimizer.aggregate_num > 1

    def __call__(
        self,
        index: Any,
        grad: ndarray | Sequence[ndarray],
        weight: ndarray | Sequence[ndarray],
    ) -> None:
        """Update in place."""
        indices, grads, weights = _listed(index), _listed(grad), _listed(weight)
        for i, w in zip(indices, weights, strict=True):
            if i not in self.states:
                self.states[i] = self.optimizer.create_state_multi_precision(i, w)
        states = [self.states[i] for i in indices]
        self.optimizer.update_multi_precision(indices, weights, grads, states)

    def get_states(self, dump_optimizer: bool = False) -> bytes:
        """The states as bytes and, if asked for, the optimizer's numbers and counts."""
        return archive.dump(self.states, self.optimizer if dump_optimizer else None)

    def set_states(self, states: bytes) -> None:
        """Take over what `get_states` gave; StatesError if it is something else."""
        found, numbers = archive.load(states)
        if numbers is not None:
            archive.restore(self.optimizer, numbers)
        self.states = found


def _listed(x: Any) -> list[Any]:
    return list(x) if isinstance(x, list | tuple) else [x]


def get_updater(optimizer: Optimizer) -> Updater:
    """An updater without states."""
    return Updater(optimizer)
