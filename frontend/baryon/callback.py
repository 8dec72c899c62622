"""`mx.callback`: what loops of training call after each batch or epoch.

A batch's callback takes an object with `epoch`, `nbatch` and `eval_metric`.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable
from typing import Any

from baryon.array.missing import missing_name

_EXPORT = "symbols and their arguments are not apart here: use net.export or net.save_parameters"
ABSENT = {"do_checkpoint": _EXPORT, "save_checkpoint": _EXPORT, "module_checkpoint": _EXPORT}
"""Names of MXNet that are left out, with the reason."""


class Speedometer:
    """Logs samples per second and the metric every `frequent` batches.

    auto_reset: start the metric over each time.
    """

    def __init__(self, batch_size: int, frequent: int = 50, auto_reset: bool = True) -> None:
        self.batch_size, self.frequent, self.auto_reset = batch_size, frequent, auto_reset
        self.last_count, self._start = 0, 0.0
        self._begun = False

    def __call__(self, param: Any) -> None:
        """After a batch."""
        count, self.last_count = param.nbatch, param.nbatch
        if not self._begun or (count < self.frequent and count == 0):
            self._begun, self._start = True, time.perf_counter()
            return
        if count % self.frequent:
            return
        seconds = time.perf_counter() - self._start
        speed = self.frequent * self.batch_size / seconds if seconds else math.inf
        text = f"Epoch[{param.epoch}] Batch [{count}]\tSpeed: {speed:.2f} samples/sec"
        logging.info(text + _metrics(param.eval_metric, self.auto_reset))
        self._start = time.perf_counter()


def _metrics(metric: Any, reset: bool) -> str:
    if metric is None:
        return ""
    pairs = metric.get_name_value()
    if reset:
        metric.reset()
    return "".join(f"\t{name}={value:f}" for name, value in pairs)


class ProgressBar:
    """Shows a bar of `length` characters that is full after `total` batches."""

    def __init__(self, total: int, length: int = 80) -> None:
        self.total, self.length = total, length

    def __call__(self, param: Any) -> None:
        """After a batch."""
        share = param.nbatch / self.total
        filled = round(self.length * share)
        bar = "=" * filled + "-" * (self.length - filled)
        sys.stdout.write(f"[{bar}] {math.ceil(100 * share)}%\r")


class LogValidationMetricsCallback:
    """Logs the metrics of an evaluation."""

    def __call__(self, param: Any) -> None:
        """After an evaluation."""
        if param.eval_metric is None:
            return
        for name, value in param.eval_metric.get_name_value():
            logging.info(f"Epoch[{param.epoch}] Validation-{name}={value:f}")


def log_train_metric(period: int, auto_reset: bool = False) -> Callable[[Any], None]:
    """A callback that logs the metric every `period` batches."""

    def log(param: Any) -> None:
        if param.nbatch % period or param.eval_metric is None:
            return
        for name, value in param.eval_metric.get_name_value():
            logging.info(f"Iter[{param.epoch}] Batch[{param.nbatch}] Train-{name}={value:f}")
        if auto_reset:
            param.eval_metric.reset()

    return log


__getattr__ = missing_name(__name__, (), absent=ABSENT)
