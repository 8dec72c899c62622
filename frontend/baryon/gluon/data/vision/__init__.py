"""`gluon.data.vision`: image datasets and transforms."""

from baryon.gluon.data.vision import transforms
from baryon.gluon.data.vision.datasets import CIFAR10, CIFAR100, MNIST, FashionMNIST
from baryon.gluon.data.vision.files import DatasetError
from baryon.gluon.data.vision.image_datasets import (
    ImageFolderDataset,
    ImageListDataset,
    ImageRecordDataset,
)

__all__ = [
    "CIFAR10", "CIFAR100", "MNIST", "DatasetError", "FashionMNIST", "ImageFolderDataset",
    "ImageListDataset", "ImageRecordDataset", "transforms",
]  # fmt: skip
