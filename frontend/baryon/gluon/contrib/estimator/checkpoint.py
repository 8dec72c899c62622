"""Saving the state of training, and going on from it."""

from __future__ import annotations

import math
import os
import re
from collections import deque
from pathlib import Path
from typing import Any

from baryon.gluon.contrib.estimator.events import BatchEnd, EpochEnd, TrainBegin
from baryon.gluon.contrib.estimator.handlers import Periods
from baryon.gluon.contrib.estimator.monitors import better


class CheckpointHandler(TrainBegin, BatchEnd, EpochEnd):
    """Saves parameters and the trainer's states as `<model_prefix>-epoch<e>batch<b>.params`, ...

    save_best: also `<model_prefix>-best.params` when the metric `monitor` gets better (mode as in
    `EarlyStoppingHandler`). epoch_period, batch_period: how often. max_checkpoints: older ones are
    deleted. resume_from_checkpoint: go on from the newest one in `model_dir`.
    """

    def __init__(self, model_dir: str | os.PathLike[str], model_prefix: str = "model",
                 monitor: Any = None, verbose: int = 0, save_best: bool = False,
                 mode: str = "auto", epoch_period: int | None = 1,
                 batch_period: int | None = None, max_checkpoints: int = 5,
                 resume_from_checkpoint: bool = False) -> None:  # fmt: skip
        if save_best and monitor is None:
            raise ValueError("save_best=True needs monitor, the metric that says what is best")
        self.model_dir, self.model_prefix, self.monitor = Path(model_dir), model_prefix, monitor
        self.verbose, self.save_best, self.max_checkpoints = verbose, save_best, max_checkpoints
        self.resume_from_checkpoint = resume_from_checkpoint
        self._sign = 1 if save_best and better(mode, monitor) else -1
        self._counts = Periods(epoch_period, batch_period)
        self.best, self._saved = -self._sign * math.inf, deque[str]()

    def train_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Start counting, and load the newest checkpoint if that is asked for."""
        counts = self._counts
        self._counts = Periods(counts.epoch_period, counts.batch_period)
        self._saved.clear()
        self.model_dir.mkdir(parents=True, exist_ok=True)
        if self.resume_from_checkpoint:
            self._resume(estimator)

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Save if it is time."""
        if self._counts.next_batch():
            self._save(estimator)

    def epoch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        """Save if it is time, and the best."""
        if self._counts.next_epoch():
            self._save(estimator)

    def _save(self, estimator: Any) -> None:
        counts = self._counts
        name = f"{self.model_prefix}-epoch{counts.current_epoch}batch{counts.current_batch}"
        self._write(estimator, name)
        self._saved.append(name)
        if self.save_best:
            self._save_best(estimator)
        while len(self._saved) > self.max_checkpoints:
            self._delete(self._saved.popleft())

    def _write(self, estimator: Any, name: str) -> None:
        estimator.net.save_parameters(str(self.model_dir / f"{name}.params"))
        estimator.trainer.save_states(str(self.model_dir / f"{name}.states"))
        if self.verbose > 0:
            estimator.logger.info(f"saved {self.model_dir / name}.params and .states")

    def _save_best(self, estimator: Any) -> None:
        value = float(self.monitor.get()[1])
        if self._sign * (value - self.best) > 0:
            self.best = value
            self._write(estimator, f"{self.model_prefix}-best")

    def _delete(self, name: str) -> None:
        for suffix in (".params", ".states"):
            (self.model_dir / f"{name}{suffix}").unlink(missing_ok=True)

    def _resume(self, estimator: Any) -> None:
        found = sorted(self._checkpoints())
        if not found:
            estimator.logger.info(f"no checkpoint of {self.model_prefix} in {self.model_dir}")
            return
        epoch, batch, path = found[-1]
        self._counts.current_epoch, self._counts.current_batch = epoch, batch
        estimator.net.load_parameters(str(path), device=estimator.device)
        estimator.trainer.load_states(str(path.with_suffix(".states")))
        if estimator.max_epoch:
            estimator.max_epoch = max(estimator.max_epoch - epoch, 0)
        if estimator.max_batch:
            estimator.max_batch = max(estimator.max_batch - batch, 0)
        estimator.logger.info(f"goes on from {path.name}, after epoch {epoch} and batch {batch}")

    def _checkpoints(self) -> list[tuple[int, int, Path]]:
        pattern = re.compile(re.escape(self.model_prefix) + r"-epoch(\d+)batch(\d+)\.params")
        matches = ((pattern.fullmatch(p.name), p) for p in self.model_dir.iterdir())
        return [(int(m[1]), int(m[2]), p) for m, p in matches if m]
