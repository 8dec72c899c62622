"""Counts of true and false predictions, by class."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.gluon.metric.base import Host, MetricError, host

_TINY = 1e-12
"""Instead of a denominator of zero."""


class Counts:
    """True and false positives and negatives of each class since the last reset.

    class_type: "binary" (one class), "multiclass" or "multilabel"; see `Fbeta`.
    """

    def __init__(self, class_type: str, threshold: Any) -> None:
        if class_type not in {"binary", "multiclass", "multilabel"}:
            raise MetricError(
                f"class_type={class_type!r} is none of 'binary', 'multiclass', 'multilabel'"
            )
        self.class_type, self.threshold = class_type, host(threshold)
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self.table: Host = np.zeros((4, 0))
        """Rows: true positives, false positives, false negatives, true negatives."""

    @property
    def total(self) -> int:
        """The number of instances."""
        return int(self.table[:, 0].sum()) if self.table.size else 0

    def update(self, label: Host, pred: Host) -> None:
        """Count labels and predictions."""
        kind = {"binary": self._binary, "multiclass": _multiclass, "multilabel": self._multilabel}
        wanted, given = kind[self.class_type](label.astype(np.int64), pred)
        if wanted.shape != given.shape:
            raise MetricError(f"labels {label.shape} do not suit predictions {pred.shape}")
        counts = [given & wanted, given & ~wanted, ~given & wanted, ~given & ~wanted]
        table = np.array([c.sum(axis=0) for c in counts], np.float64)
        if self.table.size and self.table.shape != table.shape:
            raise MetricError(f"{table.shape[1]} classes, but {self.table.shape[1]} before")
        self.table = self.table + table if self.table.size else table

    def fscore(self, beta: float, *, micro: bool) -> Host:
        """The F-score of each class, or (micro) one of all counts together."""
        tp, fp, fn, _ = self.table.sum(axis=1, keepdims=True) if micro else self.table
        precision, recall = tp / np.maximum(tp + fp, _TINY), tp / np.maximum(tp + fn, _TINY)
        weighted = np.maximum(beta**2 * precision + recall, _TINY)
        score: Host = (1 + beta**2) * precision * recall / weighted
        return score

    def _binary(self, label: Host, pred: Host) -> tuple[Host, Host]:
        if label.max(initial=0) > 1 or label.min(initial=0) < 0:
            raise MetricError("binary labels are 0 and 1", hint="give class_type='multiclass'")
        if pred.shape != label.shape and pred.shape[-1] > 2:
            raise MetricError(f"predictions {pred.shape} are not of two classes")
        if pred.shape != label.shape and pred.shape[-1] == 2:
            pred = pred.reshape(-1, 2)[:, 1]
        return label.reshape(-1, 1) == 1, pred.reshape(-1, 1) > self.threshold

    def _multilabel(self, label: Host, pred: Host) -> tuple[Host, Host]:
        if label.shape != pred.shape:
            raise MetricError(f"labels {label.shape} and predictions {pred.shape} differ in shape")
        classes = pred.shape[-1]
        if self.threshold.ndim and self.threshold.shape[-1] != classes:
            raise MetricError(f"{self.threshold.shape[-1]} thresholds for {classes} classes")
        above = pred > self.threshold
        return label.reshape(-1, classes) == 1, above.reshape(-1, classes)


def _multiclass(label: Host, pred: Host) -> tuple[Host, Host]:
    classes = np.arange(pred.shape[-1])
    if label.max(initial=0) >= len(classes):
        raise MetricError(f"the label {label.max()} is none of {len(classes)} predicted classes")
    best = pred.argmax(axis=-1)
    return label.reshape(-1, 1) == classes, best.reshape(-1, 1) == classes
