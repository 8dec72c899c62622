"""`Estimator`: fits a network to data, with handlers for everything around."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from baryon.gluon import metric as metrics
from baryon.gluon.block import Block
from baryon.gluon.contrib.estimator.batch_processor import BatchProcessor
from baryon.gluon.contrib.estimator.events import EVENTS, by_priority, tell
from baryon.gluon.contrib.estimator.handlers import (
    GradientUpdateHandler,
    MetricHandler,
    StoppingHandler,
    ValidationHandler,
    as_list,
)
from baryon.gluon.contrib.estimator.monitors import LoggingHandler
from baryon.gluon.loss import SigmoidBinaryCrossEntropyLoss, SoftmaxCrossEntropyLoss
from baryon.gluon.trainer import Trainer

Handlers = Sequence[Any] | None


class Estimator:
    """Trains `net` to minimize `loss`.

    train_metrics, val_metrics: metrics, or a list; by default one that suits the loss, and the
    loss itself. initializer: for parameters that are not initialized. trainer: SGD with learning
    rate 0.001 if None, with a warning. val_net, val_loss: for evaluation, if others.
    batch_processor: what is done with a batch.
    """

    def __init__(self, net: Block, loss: Any, train_metrics: Any = None, val_metrics: Any = None,
                 initializer: Any = None, trainer: Trainer | None = None, device: Any = None,
                 val_net: Block | None = None, val_loss: Any = None,
                 batch_processor: BatchProcessor | None = None) -> None:  # fmt: skip
        self.net, self.loss, self.device = net, loss, device
        self.val_net, self.val_loss = val_net or net, val_loss or loss
        self.batch_processor = batch_processor or BatchProcessor()
        self.logger = logging.getLogger("baryon.estimator")
        self.logger.setLevel(logging.INFO)
        self._train_metrics = as_list(train_metrics) or _suggested(loss)
        self._val_metrics = as_list(val_metrics) or copy.deepcopy(self._train_metrics)
        _prefix(self._train_metrics, "training")
        _prefix(self._val_metrics, "validation")
        self._initialize(initializer)
        self.trainer = trainer or self._default_trainer()
        self.max_epoch: int | None = None
        self.max_batch: int | None = None
        self.batch_axis = 0

    def _initialize(self, initializer: Any) -> None:
        missing = [p for p in self.net.collect_params().values()
                   if not (p.is_initialized or p.is_pending)]  # fmt: skip
        for p in missing:
            p.initialize(init=p.init, default_init=initializer or "uniform", device=self.device)

    def _default_trainer(self) -> Trainer:
        warnings.warn("no trainer was given: SGD with learning rate 0.001 is used", stacklevel=3)
        return Trainer(self.net.collect_params(), "sgd", {"learning_rate": 0.001})

    @property
    def train_metrics(self) -> list[Any]:
        """The metrics of training."""
        return self._train_metrics

    @property
    def val_metrics(self) -> list[Any]:
        """The metrics of validation."""
        return self._val_metrics

    def fit(self, train_data: Any, val_data: Any = None, epochs: int | None = None,
            event_handlers: Any = None, batches: int | None = None,
            batch_axis: int = 0) -> None:  # fmt: skip
        """Train for `epochs` passes over the data, or for `batches` batches.

        event_handlers: added to those for stopping, updates, metrics, validation and logs, or in
        place of those of the same class.
        """
        if (epochs is None) == (batches is None):
            raise ValueError("fit() needs either epochs or batches, and not both")
        self.max_epoch, self.max_batch, self.batch_axis = epochs, batches, batch_axis
        handlers = by_priority(self._training_handlers(val_data, _checked(event_handlers)))
        tell(handlers, "train_begin", self)
        while not self._epoch(train_data, handlers):
            pass
        tell(handlers, "train_end", self)

    def _epoch(self, data: Any, handlers: Sequence[Any]) -> bool:
        if 0 in {self.max_epoch, self.max_batch}:  # a checkpoint had all of them
            return True
        tell(handlers, "epoch_begin", self)
        stop = False
        for batch in data:
            tell(handlers, "batch_begin", self, batch=batch)
            stop = self._told(batch, self.batch_processor.fit_batch, self.batch_axis, handlers)
            if stop:
                break
        return tell(handlers, "epoch_end", self) or stop

    def _told(self, batch: Any, process: Callable[..., Any], axis: int,
              handlers: Sequence[Any]) -> bool:  # fmt: skip
        _, label, pred, loss = process(self, batch, axis)
        return tell(handlers, "batch_end", self, batch=batch, pred=pred, label=label, loss=loss)

    def evaluate(self, val_data: Any, batch_axis: int = 0, event_handlers: Any = None) -> None:
        """Compute the metrics of validation over data; they are in `val_metrics`."""
        given = _checked(event_handlers)
        defaults = [MetricHandler(self._val_metrics), LoggingHandler(metrics=self._val_metrics)]
        handlers = by_priority(_merged(given, defaults))
        tell(handlers, "epoch_begin", self)
        for batch in val_data:
            tell(handlers, "batch_begin", self, batch=batch)
            self._told(batch, self.batch_processor.evaluate_batch, batch_axis, handlers)
        tell(handlers, "epoch_end", self)

    def _training_handlers(self, val_data: Any, given: list[Any]) -> list[Any]:
        defaults: list[Any] = [
            StoppingHandler(self.max_epoch, self.max_batch), GradientUpdateHandler(),
            MetricHandler(self._train_metrics), LoggingHandler(metrics=self._train_metrics),
        ]  # fmt: skip
        if val_data is not None:
            defaults.append(ValidationHandler(val_data, self.evaluate))
        return _merged(given, defaults)


def _merged(given: list[Any], defaults: list[Any]) -> list[Any]:
    kinds = tuple(type(h) for h in given)
    return [*given, *(h for h in defaults if not any(issubclass(k, type(h)) for k in kinds))]


def _checked(handlers: Any) -> list[Any]:
    found = as_list(handlers)
    for handler in found:
        if not isinstance(handler, EVENTS):
            names = ", ".join(e.__name__ for e in EVENTS)
            raise TypeError(f"{handler!r} hears of no event: derive it from {names}")
    return found


def _suggested(loss: Any) -> list[Any]:
    found: list[Any] = [metrics.Loss(type(loss).__name__.lower())]
    if isinstance(loss, SoftmaxCrossEntropyLoss):
        found.insert(0, metrics.Accuracy())
    if isinstance(loss, SigmoidBinaryCrossEntropyLoss):
        found.insert(0, metrics.BinaryAccuracy())
    return found


def _prefix(found: Sequence[Any], word: str) -> None:
    for metric in found:
        if not isinstance(metric, metrics.EvalMetric):
            raise TypeError(f"{metric!r} is not a gluon.metric.EvalMetric")
        if word not in metric.name:
            metric.name = f"{word} {metric.name}"
