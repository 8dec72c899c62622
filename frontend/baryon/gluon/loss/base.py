"""What losses have in common: weights, and the mean over each sample."""

from __future__ import annotations

from baryon import np
from baryon.array import ndarray
from baryon.gluon.block import HybridBlock
from baryon.ir import BaryonError, caller_loc


class LossError(BaryonError, ValueError):
    """Arguments from which no loss can be made."""


class Loss(HybridBlock):
    """The base of losses: `loss(pred, label, sample_weight=None)` is one number per sample.

    weight: a factor of the loss. batch_axis: the axis of the samples. Labels need the elements of
    the predictions, not their shape; sample_weight must broadcast to the predictions.
    """

    def __init__(self, weight: float | None, batch_axis: int) -> None:
        super().__init__()
        if weight is not None and not isinstance(weight, int | float):
            raise LossError(
                f"weight={weight!r} is not a number",
                where=str(caller_loc("baryon")),
                hint="weights of samples are an argument of the call: sample_weight",
            )
        self._weight, self._batch_axis = weight, batch_axis

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch_axis={self._batch_axis}, w={self._weight})"

    def weighted(self, loss: ndarray, sample_weight: ndarray | None, factor: float = 1) -> ndarray:
        """The loss times the sample weights and the weight (times a factor)."""
        if sample_weight is not None:
            loss = loss * sample_weight
        scale = factor if self._weight is None else self._weight * factor
        return loss if scale == 1 else loss * scale

    def per_sample(
        self, loss: ndarray, sample_weight: ndarray | None, factor: float = 1
    ) -> ndarray:
        """The weighted loss, averaged over all axes but that of the samples."""
        mean: ndarray = np.mean(self.weighted(loss, sample_weight, factor), axis=self._others(loss))
        return mean

    def _others(self, loss: ndarray) -> tuple[int, ...]:
        own = self._batch_axis % loss.ndim
        return tuple(axis for axis in range(loss.ndim) if axis != own)


def like(x: ndarray, other: ndarray) -> ndarray:
    """x in the shape of another array, whose number of elements it must have."""
    return x if x.shape == other.shape else x.reshape(other.shape)
