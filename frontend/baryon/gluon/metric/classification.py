"""Metrics of predicted classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.gluon.metric.base import EvalMetric, Host, MetricError, PairMetric, pairs, same_size
from baryon.gluon.metric.counts import Counts

Names = list[str] | None


class Accuracy(PairMetric):
    """The share of predictions that equal the label.

    Predictions are classes, of the shape of the labels, or scores with the classes along `axis`.
    """

    def __init__(
        self,
        axis: int = 1,
        name: str = "accuracy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(name, output_names, label_names, axis=axis)
        self.axis = axis

    def measure(self, label: Host, pred: Host) -> tuple[float, int]:
        """See the class."""
        classes = pred if pred.shape == label.shape else _best(pred, self.axis)
        label, classes = same_size(label, classes)
        return float((label == classes).sum()), label.size


class TopKAccuracy(PairMetric):
    """The share of labels among the `top_k` > 1 highest scores: (instances, classes)."""

    def __init__(
        self,
        top_k: int = 1,
        name: str = "top_k_accuracy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        if top_k <= 1:
            raise MetricError(f"top_k={top_k} is not above 1", hint="use Accuracy for the best one")
        super().__init__(f"{name}_{top_k}", output_names, label_names, top_k=top_k)
        self.top_k = top_k

    def measure(self, label: Host, pred: Host) -> tuple[float, int]:
        """See the class."""
        if pred.ndim != 2 or len(pred) != label.size:
            raise MetricError(
                f"predictions {pred.shape} for labels {label.shape} are not 2-D scores"
            )
        best = np.argsort(pred, axis=1)[:, -self.top_k :]
        hits = best == label.reshape(-1, 1).astype(np.int64)
        return float(hits.sum()), len(pred)


class BinaryAccuracy(PairMetric):
    """The share of predictions on the label's side (0 or 1) of the threshold."""

    def __init__(
        self,
        name: str = "binary_accuracy",
        output_names: Names = None,
        label_names: Names = None,
        threshold: Any = 0.5,
    ) -> None:
        super().__init__(name, output_names, label_names, threshold=threshold)
        self.threshold = threshold

    def measure(self, label: Host, pred: Host) -> tuple[float, int]:
        """See the class."""
        label, above = same_size(label, pred > np.asarray(self.threshold))
        return float((label == above).sum()), label.size


class _FromCounts(EvalMetric):
    """A metric of the counts of true and false predictions since the last reset."""

    def __init__(
        self, name: str, output_names: Names, label_names: Names, counts: Counts, **kwargs: Any
    ) -> None:
        self.metrics = counts
        super().__init__(name, output_names, label_names, **kwargs)

    def reset(self) -> None:
        """Forget all batches."""
        super().reset()
        self.metrics.reset()

    def update(self, labels: Any, preds: Any) -> None:
        """Count a batch."""
        for label, pred in pairs(labels, preds):
            self.metrics.update(label, pred)
        self.num_inst = self.metrics.total
        self.sum_metric = self.value() * self.num_inst

    def value(self) -> Any:
        """The metric of the counts."""
        raise NotImplementedError


class Fbeta(_FromCounts):
    """The weighted harmonic mean of precision and recall, which counts `beta` times as much.

    class_type: "binary" (labels 0 and 1; predictions: probabilities, or scores of both classes),
    "multiclass" (labels: classes; predictions: scores, classes last) or "multilabel" (labels: 0 or
    1 per class, predictions: probabilities). threshold: of a positive prediction. average: "micro"
    (of the counts of all classes), "macro" (mean over classes) or None (one per class).
    """

    def __init__(
        self,
        name: str = "fbeta",
        output_names: Names = None,
        label_names: Names = None,
        class_type: str = "binary",
        beta: float = 1,
        threshold: Any = 0.5,
        average: str | None = "micro",
    ) -> None:
        if average not in {"micro", "macro", None}:
            raise MetricError(f"average={average!r} is none of 'micro', 'macro', None")
        self.average, self.beta = average, beta
        super().__init__(
            name, output_names, label_names, Counts(class_type, threshold), class_type=class_type,
            beta=beta, threshold=threshold, average=average,
        )  # fmt: skip

    def value(self) -> Any:
        """See the class."""
        scores = self.metrics.fscore(self.beta, micro=self.average == "micro")
        return scores if self.average is None else scores.mean()


class F1(Fbeta):
    """The harmonic mean of precision and recall: `Fbeta` with beta 1."""

    def __init__(
        self,
        name: str = "f1",
        output_names: Names = None,
        label_names: Names = None,
        class_type: str = "binary",
        threshold: Any = 0.5,
        average: str | None = "micro",
    ) -> None:
        super().__init__(name, output_names, label_names, class_type, 1, threshold, average)


class MCC(_FromCounts):
    """Matthews' correlation of two classes: 1 right, 0 by chance, -1 wrong."""

    def __init__(
        self, name: str = "mcc", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names, Counts("binary", 0.5))

    def value(self) -> float:
        """See the class; empty sums do not count in the denominator."""
        tp, fp, fn, tn = (float(x.sum()) for x in self.metrics.table)
        sums = [s for s in (tp + fp, tp + fn, tn + fp, tn + fn) if s]
        return float((tp * tn - fp * fn) / np.sqrt(np.prod(sums)))


class PCC(EvalMetric):
    """Matthews' correlation of any number of classes (Pearson's of discrete variables).

    Predictions are classes, or scores with the classes along axis 1.
    """

    def __init__(
        self, name: str = "pcc", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def reset(self) -> None:
        """Forget all batches."""
        super().reset()
        self.confusion = np.zeros((2, 2))

    def update(self, labels: Any, preds: Any) -> None:
        """Count a batch."""
        for label, pred in pairs(labels, preds):
            classes = pred if pred.shape == label.shape else _best(pred, 1)
            self._count(*same_size(label, classes))
        self.num_inst += 1
        self.sum_metric = _correlation(self.confusion) * self.num_inst

    def _count(self, label: Host, pred: Host) -> None:
        known = max(label.max(initial=0), pred.max(initial=0)) + 1
        self.confusion = np.pad(self.confusion, (0, max(int(known) - len(self.confusion), 0)))
        np.add.at(self.confusion, (pred, label), 1)


def _correlation(confusion: Host) -> float:
    n, predicted, labelled = confusion.sum(), confusion.sum(axis=1), confusion.sum(axis=0)
    spread = (predicted * (n - predicted)).sum() * (labelled * (n - labelled)).sum()
    if spread == 0:
        return float("nan")
    return float((np.trace(confusion) * n - (predicted * labelled).sum()) / np.sqrt(spread))


def _best(pred: Host, axis: int) -> Host:
    if not -pred.ndim <= axis < pred.ndim:
        raise MetricError(f"predictions {pred.shape} have no axis {axis} of classes")
    best: Host = pred.argmax(axis=axis)
    return best
