"""Losses of predicted classes, probabilities and sequences of classes."""

from __future__ import annotations

from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.loss.base import Loss, LossError, like

_TINY = 1e-12
"""Keeps logarithms of probabilities finite."""


class SigmoidBinaryCrossEntropyLoss(Loss):
    """Cross-entropy of independent yes-no labels in [0, 1] and scores.

    from_sigmoid: predictions are probabilities.
    """

    def __init__(
        self, from_sigmoid: bool = False, weight: float | None = None, batch_axis: int = 0
    ) -> None:
        super().__init__(weight, batch_axis)
        self._from_sigmoid = from_sigmoid

    def forward(
        self,
        pred: ndarray,
        label: ndarray,
        sample_weight: ndarray | None = None,
        pos_weight: ndarray | None = None,
    ) -> ndarray:
        """See the class; pos_weight: factors of the positive labels' loss, per class."""
        compute = _of_probability if self._from_sigmoid else _of_score
        return self.per_sample(compute(pred, like(label, pred), pos_weight), sample_weight)


def _of_probability(p: ndarray, label: ndarray, pos_weight: ndarray | None) -> ndarray:
    positive = np.log(p + _TINY) * label
    if pos_weight is not None:
        positive = positive * pos_weight
    return -(positive + np.log(1.0 - p + _TINY) * (1.0 - label))


def _of_score(x: ndarray, label: ndarray, pos_weight: ndarray | None) -> ndarray:
    soft = npx.activation(-np.abs(x), act_type="softrelu")
    if pos_weight is None:
        return npx.relu(x) - x * label + soft
    return x - x * label + (1 + (pos_weight - 1) * label) * (soft + npx.relu(-x))


SigmoidBCELoss = SigmoidBinaryCrossEntropyLoss


class SoftmaxCrossEntropyLoss(Loss):
    """Cross-entropy of a class and the softmax of scores along `axis`.

    sparse_label: labels are numbers of classes, without that axis; else probabilities. from_logits:
    predictions are logarithms of probabilities.
    """

    def __init__(
        self,
        axis: int = -1,
        sparse_label: bool = True,
        from_logits: bool = False,
        weight: float | None = None,
        batch_axis: int = 0,
    ) -> None:
        super().__init__(weight, batch_axis)
        self._axis, self._sparse_label, self._from_logits = axis, sparse_label, from_logits

    def forward(
        self, pred: ndarray, label: ndarray, sample_weight: ndarray | None = None
    ) -> ndarray:
        """See the class."""
        if not self._from_logits:
            pred = npx.log_softmax(pred, axis=self._axis)
        if self._sparse_label:
            likelihood = npx.pick(pred, label, axis=self._axis, keepdims=True)
        else:
            likelihood = (pred * like(label, pred)).sum(axis=self._axis, keepdims=True)
        return self.per_sample(-likelihood, sample_weight)


SoftmaxCELoss = SoftmaxCrossEntropyLoss


class KLDivLoss(Loss):
    """The divergence of predicted distributions, as logarithms, from those of the labels.

    Without from_logits, the log-softmax of the predictions along `axis` is taken first.
    """

    def __init__(
        self,
        from_logits: bool = True,
        axis: int = -1,
        weight: float | None = None,
        batch_axis: int = 0,
    ) -> None:
        super().__init__(weight, batch_axis)
        self._from_logits, self._axis = from_logits, axis

    def forward(
        self, pred: ndarray, label: ndarray, sample_weight: ndarray | None = None
    ) -> ndarray:
        """See the class."""
        if not self._from_logits:
            pred = npx.log_softmax(pred, axis=self._axis)
        return self.per_sample(label * (np.log(label + _TINY) - pred), sample_weight)


class CTCLoss(Loss):
    """Connectionist temporal classification (Graves et al. 2006); the last class is blank.

    layout: of the scores, "NTC" or "TNC". label_layout: of the labels, "NT" or "TN"; labels after
    the last are -1, or label_lengths are given.
    """

    def __init__(
        self, layout: str = "NTC", label_layout: str = "NT", weight: float | None = None
    ) -> None:
        if layout not in {"NTC", "TNC"} or label_layout not in {"NT", "TN"}:
            raise LossError(
                f"layout={layout!r}, label_layout={label_layout!r}: expected NTC or TNC, NT or TN"
            )
        super().__init__(weight, label_layout.index("N"))
        self._layout, self._label_layout = layout, label_layout

    def forward(
        self,
        pred: ndarray,
        label: ndarray,
        pred_lengths: ndarray | None = None,
        label_lengths: ndarray | None = None,
        sample_weight: ndarray | None = None,
    ) -> ndarray:
        """See the class; lengths are (N,)."""
        if self._layout == "NTC":
            pred = np.swapaxes(pred, 0, 1)
        if self._label_layout == "TN":
            label = np.swapaxes(label, 0, 1)
        loss: Any = npx.ctc_loss(
            pred, label, pred_lengths, label_lengths, use_data_lengths=pred_lengths is not None,
            use_label_lengths=label_lengths is not None, blank_label="last",
        )  # fmt: skip
        return self.weighted(loss, sample_weight)
