"""`gluon.data`: datasets, samplers and data loaders."""

from baryon.gluon.data import batchify, vision
from baryon.gluon.data.dataloader import DataLoader
from baryon.gluon.data.dataset import ArrayDataset, Dataset, RecordFileDataset, SimpleDataset
from baryon.gluon.data.sampler import (
    BatchSampler,
    FilterSampler,
    IntervalSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
)
from baryon.gluon.data.workers import WorkerError

__all__ = [
    "ArrayDataset", "BatchSampler", "DataLoader", "Dataset", "FilterSampler", "IntervalSampler",
    "RandomSampler", "RecordFileDataset", "Sampler", "SequentialSampler", "SimpleDataset",
    "WorkerError", "batchify", "vision",
]  # fmt: skip
