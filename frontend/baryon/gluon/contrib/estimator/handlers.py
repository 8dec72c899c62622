"""Handlers that make up training: stopping, metrics, validation, updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from baryon.gluon import metric as metrics_module
from baryon.gluon.contrib.estimator.events import (
    BatchEnd,
    EpochBegin,
    EpochEnd,
    TrainBegin,
)


def as_list(x: Any) -> list[Any]:
    """None as [], one thing as a list of it."""
    if x is None:
        return []
    return [*x] if isinstance(x, list | tuple) else [x]


class Periods:
    """Counts epochs and batches, and knows when a period of either is over."""

    def __init__(self, epoch_period: int | None, batch_period: int | None) -> None:
        self.epoch_period, self.batch_period = epoch_period, batch_period
        self.current_epoch = self.current_batch = 0

    def next_batch(self) -> bool:
        """Count a batch; whether a period ends with it."""
        self.current_batch += 1
        return bool(self.batch_period) and self.current_batch % self.batch_period == 0  # type: ignore[operator]

    def next_epoch(self) -> bool:
        """Count an epoch; whether a period ends with it."""
        self.current_epoch += 1
        return bool(self.epoch_period) and self.current_epoch % self.epoch_period == 0  # type: ignore[operator]


class StoppingHandler(TrainBegin, BatchEnd, EpochEnd):
    """Stops after `max_epoch` epochs or `max_batch` batches."""

    def __init__(self, max_epoch: int | None = None, max_batch: int | None = None) -> None:
        self.max_epoch, self.max_batch = max_epoch, max_batch
        self._counts = Periods(None, None)

    def train_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Start counting, and take over what `fit` was asked for."""
        self.max_epoch, self.max_batch = estimator.max_epoch, estimator.max_batch
        self._counts = Periods(None, None)

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the batches are enough."""
        self._counts.next_batch()
        return self._counts.current_batch == self.max_batch

    def epoch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the epochs are enough."""
        self._counts.next_epoch()
        return self._counts.current_epoch == self.max_epoch


class MetricHandler(EpochBegin, BatchEnd):
    """Updates metrics with every batch, and starts them over with every epoch."""

    def __init__(self, metrics: Any, priority: float = -1000) -> None:
        self.metrics, self.priority = as_list(metrics), priority

    def epoch_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Start over."""
        for metric in self.metrics:
            metric.reset()

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Update."""
        for metric in self.metrics:
            if isinstance(metric, metrics_module.Loss):
                metric.update(0, kwargs["loss"])
            else:
                metric.update(kwargs["label"], kwargs["pred"])


class ValidationHandler(TrainBegin, BatchEnd, EpochEnd):
    """Calls `eval_fn(val_data=...)` every `epoch_period` epochs or `batch_period` batches."""

    def __init__(self, val_data: Any, eval_fn: Callable[..., Any], epoch_period: int | None = 1,
                 batch_period: int | None = None, priority: float = -1000,
                 event_handlers: Sequence[Any] | None = None) -> None:  # fmt: skip
        self.val_data, self.eval_fn, self.priority = val_data, eval_fn, priority
        self.epoch_period, self.batch_period = epoch_period, batch_period
        self.event_handlers = event_handlers
        self._counts = Periods(epoch_period, batch_period)

    def train_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Start counting."""
        self._counts = Periods(self.epoch_period, self.batch_period)

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Validate if it is time."""
        if self._counts.next_batch():
            self._validate(estimator)

    def epoch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Validate if it is time."""
        if self._counts.next_epoch():
            self._validate(estimator)

    def _validate(self, estimator: Any) -> None:
        self.eval_fn(
            val_data=self.val_data,
            batch_axis=estimator.batch_axis,
            event_handlers=self.event_handlers,
        )


class GradientUpdateHandler(BatchEnd):
    """Lets the trainer update the parameters after every batch, before the other handlers."""

    def __init__(self, priority: float = -2000) -> None:
        self.priority = priority

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Update, with the number of samples of the batch."""
        losses = as_list(kwargs["loss"])
        estimator.trainer.step(sum(loss.shape[0] if loss.shape else 1 for loss in losses))
