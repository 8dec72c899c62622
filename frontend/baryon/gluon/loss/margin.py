"""Losses of margins and of distances between embeddings."""

from __future__ import annotations

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.loss.base import Loss, LossError, like
from baryon.gluon.loss.classification import KLDivLoss, _of_score


class HingeLoss(Loss):
    """`max(0, margin - pred label)` of labels -1 and 1."""

    def __init__(self, margin: float = 1, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)
        self._margin = margin

    def forward(
        self, pred: ndarray, label: ndarray, sample_weight: ndarray | None = None
    ) -> ndarray:
        """See the class."""
        return self.per_sample(self._short(pred, label), sample_weight)

    def _short(self, pred: ndarray, label: ndarray) -> ndarray:
        return npx.relu(self._margin - pred * like(label, pred))


class SquaredHingeLoss(HingeLoss):
    """The square of `HingeLoss`."""

    def forward(
        self, pred: ndarray, label: ndarray, sample_weight: ndarray | None = None
    ) -> ndarray:
        """See the class."""
        return self.per_sample(np.square(self._short(pred, label)), sample_weight)


class LogisticLoss(Loss):
    """`log(1 + exp(-pred label))` of labels -1 and 1 ("signed"), or 0 and 1 ("binary")."""

    def __init__(
        self, weight: float | None = None, batch_axis: int = 0, label_format: str = "signed"
    ) -> None:
        super().__init__(weight, batch_axis)
        if label_format not in {"signed", "binary"}:
            raise LossError(f"label_format={label_format!r} is neither 'signed' nor 'binary'")
        self._label_format = label_format

    def forward(
        self, pred: ndarray, label: ndarray, sample_weight: ndarray | None = None
    ) -> ndarray:
        """See the class."""
        label = like(label, pred)
        if self._label_format == "signed":
            label = (label + 1.0) / 2.0
        return self.per_sample(_of_score(pred, label, None), sample_weight)


class TripletLoss(Loss):
    """How much nearer than `margin` a negative is than a positive, in squared distance."""

    def __init__(self, margin: float = 1, weight: float | None = None, batch_axis: int = 0) -> None:
        super().__init__(weight, batch_axis)
        self._margin = margin

    def forward(
        self,
        pred: ndarray,
        positive: ndarray,
        negative: ndarray,
        sample_weight: ndarray | None = None,
    ) -> ndarray:
        """See the class; sample_weight is (N,)."""
        closer = np.square(like(positive, pred) - pred) - np.square(like(negative, pred) - pred)
        total = np.sum(closer, axis=self._others(closer))
        return self.weighted(npx.relu(total + self._margin), sample_weight)


class CosineEmbeddingLoss(Loss):
    """`1 - cos` of pairs labelled 1, `max(0, cos - margin)` of pairs labelled -1.

    Vectors lie along the last axis.
    """

    def __init__(self, weight: float | None = None, batch_axis: int = 0, margin: float = 0) -> None:
        super().__init__(weight, batch_axis)
        self._margin = margin

    def forward(
        self,
        input1: ndarray,
        input2: ndarray,
        label: ndarray,
        sample_weight: ndarray | None = None,
    ) -> ndarray:
        """See the class."""
        cosine = _cosine(like(input1, input2), input2).reshape(-1, 1)
        apart = np.clip(cosine - self._margin, 0, 1 - self._margin)
        loss = np.where(like(label, cosine) == 1, 1 - cosine, apart)
        return self.per_sample(loss, sample_weight)


def _cosine(x: ndarray, y: ndarray) -> ndarray:
    squares = [np.sum(np.square(v), axis=-1) for v in (x, y)]
    lengths = np.sqrt(squares[0]) * np.sqrt(squares[1])
    return np.sum(x * y, axis=-1) / np.maximum(lengths, 1e-12)


class SDMLLoss(Loss):
    """Smoothed deep metric learning (Bonadiman et al. 2019) of pairs: (N, D) and (N, D).

    Row i of one belongs to row i of the other; all other rows are negatives, which share
    `smoothing_parameter` of the probability.
    """

    def __init__(
        self, smoothing_parameter: float = 0.3, weight: float | None = 1.0, batch_axis: int = 0
    ) -> None:
        super().__init__(weight, batch_axis)
        self.kl_loss = KLDivLoss(from_logits=True)
        self.smoothing_parameter = smoothing_parameter

    def forward(self, x1: ndarray, x2: ndarray) -> ndarray:
        """See the class."""
        apart = np.expand_dims(x1, 1) - np.expand_dims(x2, 0)
        scores = npx.log_softmax(-np.sum(np.square(apart), axis=2), axis=1)
        return self.kl_loss(scores, self._labels(len(x1)))  # type: ignore[no-any-return]

    def _labels(self, n: int) -> ndarray:
        own = np.eye(n)
        rest = self.smoothing_parameter / (n - 1)
        labels: ndarray = own * (1 - self.smoothing_parameter - rest) + rest
        return labels
