"""The events of training: a handler derives from those that it wants to hear of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


class TrainBegin:
    """Hears when training begins."""

    def train_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        """Called once, before the first epoch."""


class TrainEnd:
    """Hears when training ends."""

    def train_end(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        """Called once, after the last epoch."""


class EpochBegin:
    """Hears when an epoch begins."""

    def epoch_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        """Called before the first batch."""


class EpochEnd:
    """Hears when an epoch ends; a true result of `epoch_end` stops training."""

    def epoch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        """Called after the last batch."""


class BatchBegin:
    """Hears when a batch begins."""

    def batch_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        """Called with batch=... before it is computed."""


class BatchEnd:
    """Hears when a batch ends; a true result of `batch_end` stops training."""

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        """Called with batch=..., pred=..., label=... and loss=... after the gradients are there."""


EVENTS = (TrainBegin, TrainEnd, EpochBegin, EpochEnd, BatchBegin, BatchEnd)
_KINDS = {
    "train_begin": TrainBegin,
    "train_end": TrainEnd,
    "epoch_begin": EpochBegin,
    "epoch_end": EpochEnd,
    "batch_begin": BatchBegin,
    "batch_end": BatchEnd,
}


def by_priority(handlers: Iterable[Any]) -> list[Any]:
    """The handlers in the order in which they hear of events: low `priority` first."""
    return sorted(handlers, key=lambda h: getattr(h, "priority", 0))


def tell(handlers: Sequence[Any], event: str, estimator: Any, **details: Any) -> bool:
    """Tell handlers of an event; whether one of them asked to stop."""
    listening = [h for h in handlers if isinstance(h, _KINDS[event])]
    answers = [getattr(h, event)(estimator, **details) for h in listening]  # all of them hear it
    return any(answers)
