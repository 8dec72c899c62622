"""Handlers that watch training: logs, and stopping when nothing gets better."""

from __future__ import annotations

import math
import time
from typing import Any

from baryon.gluon.contrib.estimator.events import (
    BatchBegin,
    BatchEnd,
    EpochBegin,
    EpochEnd,
    TrainBegin,
    TrainEnd,
)
from baryon.gluon.contrib.estimator.handlers import as_list


def better(mode: str, monitor: Any) -> bool:
    """Whether higher values of the monitor are better; "auto" decides by its name."""
    if mode not in {"auto", "min", "max"}:
        raise ValueError(f"mode={mode!r} is not auto, min or max")
    name = monitor.get()[0]
    return mode == "max" or (mode == "auto" and ("acc" in name or "f1" in name.lower()))


class LoggingHandler(TrainBegin, TrainEnd, EpochBegin, EpochEnd, BatchBegin, BatchEnd):
    """Logs times and metrics at the end of each epoch, or every `log_interval` batches too."""

    def __init__(
        self, log_interval: int | str = "epoch", metrics: Any = None, priority: float = math.inf
    ) -> None:
        if log_interval != "epoch" and not isinstance(log_interval, int):
            raise ValueError(f"log_interval={log_interval!r} is not 'epoch' or a number of batches")
        self.log_interval, self.metrics, self.priority = log_interval, as_list(metrics), priority
        self.batch_index = self.current_epoch = self.processed_samples = 0
        self._train_start = self._epoch_start = self._interval = 0.0

    def train_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Log the optimizer and what is asked for."""
        self._train_start, self.current_epoch = time.perf_counter(), 0
        optimizer = type(estimator.trainer.optimizer).__name__
        rate = estimator.trainer.learning_rate
        text = f"Training begin: using optimizer {optimizer} with current learning rate {rate:.4f}"
        estimator.logger.info(text)
        count, unit = estimator.max_epoch, "epochs"
        if not count:
            count, unit = estimator.max_batch, "batches"
        estimator.logger.info(f"Train for {count} {unit}.")

    def train_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Log the time of the whole training."""
        seconds = time.perf_counter() - self._train_start
        text = f"Train finished using total {seconds:.0f}s with {self.current_epoch} epochs."
        estimator.logger.info(f"{text} {self._values()}")

    def epoch_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Log that an epoch begins."""
        self._epoch_start = self._interval = time.perf_counter()
        self.batch_index = self.processed_samples = 0
        if any("training" in m.name for m in self.metrics):
            rate = estimator.trainer.learning_rate
            text = f"[Epoch {self.current_epoch}] Begin, current learning rate: {rate:.4f}"
            estimator.logger.info(text)
        else:
            estimator.logger.info("Validation Begin")

    def epoch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Log the time and the metrics of the epoch."""
        seconds = time.perf_counter() - self._epoch_start
        text = f"[Epoch {self.current_epoch}] Finished in {seconds:.3f}s, {self._values()}"
        estimator.logger.info(text)
        self.current_epoch += 1

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Log the metrics if it is time."""
        self.batch_index += 1
        self.processed_samples += len(kwargs["batch"][0])
        if self.log_interval == "epoch" or self.batch_index % int(self.log_interval):
            return
        now = time.perf_counter()
        place = f"[Epoch {self.current_epoch}][Batch {self.batch_index}]"
        spent = f"[Samples {self.processed_samples}] time/interval: {now - self._interval:.3f}s"
        estimator.logger.info(f"{place}{spent} {self._values()}")
        self._interval = now

    def _values(self) -> str:
        pairs = (m.get() for m in self.metrics)
        return ", ".join(f"{name}: {value:.4f}" for name, value in pairs)


class EarlyStoppingHandler(TrainBegin, EpochEnd, TrainEnd):
    """Stops when the metric `monitor` has not got better for `patience` epochs.

    min_delta: what counts as better. mode: "min", "max", or "auto", by the metric's name.
    baseline: what the metric must reach to begin with.
    """

    def __init__(self, monitor: Any, min_delta: float = 0, patience: int = 0, mode: str = "auto",
                 baseline: float | None = None) -> None:  # fmt: skip
        self.monitor, self.patience, self.baseline = monitor, patience, baseline
        self.min_delta = abs(min_delta)
        self._sign = 1 if better(mode, monitor) else -1
        self._start()

    def _start(self) -> None:
        self.wait = self.current_epoch = 0
        self.stopped_epoch, self.stop_training = None, False
        start = -self._sign * math.inf if self.baseline is None else self.baseline
        self.best: float = start

    def train_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Start over."""
        self._start()

    def epoch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether it is time to stop."""
        value = float(self.monitor.get()[1])
        if self._sign * (value - self.best) > self.min_delta:
            self.best, self.wait = value, 0
        else:
            self.wait += 1
        if self.wait > 0 and self.wait >= self.patience:
            self.stopped_epoch, self.stop_training = self.current_epoch, True  # type: ignore[assignment]
        self.current_epoch += 1
        return self.stop_training

    def train_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Log the epoch that was the last."""
        if self.stopped_epoch is not None:
            name = self.monitor.get()[0]
            text = f"[Epoch {self.stopped_epoch}] Early stopping: {name} does not get better"
            estimator.logger.info(text)
