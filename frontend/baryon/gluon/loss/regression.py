"""Losses of predicted numbers and counts."""

from __future__ import annotations

import math

from baryon import np
from baryon.array import ndarray
from baryon.gluon.loss.base import Loss, like


class L2Loss(Loss):
    """`weight / 2 (label - pred)^2`."""

    def __init__(self, weight: float | None = 1.0, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)

    def forward(
        self, pred: ndarray, label: ndarray, sample_weight: ndarray | None = None
    ) -> ndarray:
        """See the class."""
        return self.per_sample(np.square(like(label, pred) - pred), sample_weight, 0.5)


class L1Loss(Loss):
    """`|label - pred|`."""

    def __init__(self, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)

    def forward(
        self, pred: ndarray, label: ndarray, sample_weight: ndarray | None = None
    ) -> ndarray:
        """See the class."""
        return self.per_sample(np.abs(like(label, pred) - pred), sample_weight)


class HuberLoss(Loss):
    """Half the square up to a distance of `rho`, scaled by 1 / rho; the distance beyond."""

    def __init__(self, rho: float = 1, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)
        self._rho = rho

    def forward(
        self, pred: ndarray, label: ndarray, sample_weight: ndarray | None = None
    ) -> ndarray:
        """See the class."""
        distance = np.abs(like(label, pred) - pred)
        near = np.square(distance) * (0.5 / self._rho)
        loss = np.where(distance > self._rho, distance - 0.5 * self._rho, near)
        return self.per_sample(loss, sample_weight)


class PoissonNLLLoss(Loss):
    """The negative log-likelihood of counts by a Poisson distribution.

    from_logits: predictions are logarithms of its mean. compute_full: add Stirling's approximation
    of log(target!) for targets above 1.
    """

    def __init__(
        self,
        weight: float | None = None,
        from_logits: bool = True,
        batch_axis: int = 0,
        compute_full: bool = False,
    ) -> None:
        super().__init__(weight, batch_axis)
        self._from_logits, self._compute_full = from_logits, compute_full

    def forward(
        self,
        pred: ndarray,
        target: ndarray,
        sample_weight: ndarray | None = None,
        epsilon: float = 1e-8,
    ) -> ndarray:
        """See the class; epsilon keeps log(pred) finite. The mean is over each sample."""
        target = like(target, pred)
        if self._from_logits:
            loss = np.exp(pred) - target * pred
        else:
            loss = pred - target * np.log(pred + epsilon)
        if self._compute_full:
            loss = loss + _stirling(target)
        return self.per_sample(loss, sample_weight)


def _stirling(target: ndarray) -> ndarray:
    above = target > 1
    safe = np.where(above, target, np.ones_like(target))  # no logarithm of zero
    factorial = safe * np.log(safe) - safe + 0.5 * np.log(2 * math.pi * safe)
    log_factorial: ndarray = np.where(above, factorial, np.zeros_like(factorial))
    return log_factorial
