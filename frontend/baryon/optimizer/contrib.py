"""`mx.optimizer.contrib`: optimizers that are not of the core set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.optimizer.base import Optimizer, OptimizerError, Pace, State


class GroupAdaGrad(Optimizer):
    """AdaGrad with one history per row of a matrix: for embeddings; no weight decay."""

    elementwise = False

    def __init__(
        self,
        learning_rate: float | None = 0.01,
        epsilon: float = 1e-6,
        use_fused_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, use_fused_step=use_fused_step, **kwargs)
        self.epsilon = epsilon

    def create_state(self, index: Any, weight: ndarray) -> State:
        """The history of each row: (rows, 1)."""
        if weight.ndim != 2:
            raise OptimizerError(
                f"parameter {index!r} has the shape {weight.shape}: GroupAdaGrad needs matrices"
            )
        if self._get_wd(index):
            raise OptimizerError("GroupAdaGrad has no weight decay", hint="give wd=0")
        return ndarray(np.zeros((len(weight), 1), np.float32))

    def rule(self, pace: Pace, w: Any, g: Any, *states: Any) -> Sequence[Any]:
        """`h += mean(g^2, row); w -= lr g / (sqrt(h) + epsilon)`."""
        g = self.prepared(g)
        h = states[0] + np.square(g).mean(axis=1, keepdims=True)
        return w - pace.lr * g / (np.sqrt(h) + self.epsilon), h
