"""`Estimator`: training and evaluation with handlers of events."""

from baryon.gluon.contrib.estimator.batch_processor import BatchProcessor
from baryon.gluon.contrib.estimator.checkpoint import CheckpointHandler
from baryon.gluon.contrib.estimator.estimator import Estimator
from baryon.gluon.contrib.estimator.events import (
    BatchBegin,
    BatchEnd,
    EpochBegin,
    EpochEnd,
    TrainBegin,
    TrainEnd,
)
from baryon.gluon.contrib.estimator.handlers import (
    GradientUpdateHandler,
    MetricHandler,
    StoppingHandler,
    ValidationHandler,
)
from baryon.gluon.contrib.estimator.monitors import EarlyStoppingHandler, LoggingHandler

__all__ = [
    "BatchBegin", "BatchEnd", "BatchProcessor", "CheckpointHandler", "EarlyStoppingHandler",
    "EpochBegin", "EpochEnd", "Estimator", "GradientUpdateHandler", "LoggingHandler",
    "MetricHandler", "StoppingHandler", "TrainBegin", "TrainEnd", "ValidationHandler",
]  # fmt: skip
