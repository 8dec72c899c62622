"""AlexNet in its one-tower form (Krizhevsky, arXiv:1404.5997)."""

from __future__ import annotations

from typing import Any

from baryon.gluon import nn
from baryon.gluon.model_zoo.vision.base import Classifier, Root, loaded, sequential


def _conv(channels: int, kernel: int, stride: int, pad: int) -> nn.Conv2D:
    return nn.Conv2D(channels, kernel, stride, pad, activation="relu")


class AlexNet(Classifier):
    """Five convolutions and three dense layers; images of at least 63 x 63."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = sequential(
            _conv(64, 11, 4, 2), nn.MaxPool2D(3, 2),
            _conv(192, 5, 1, 2), nn.MaxPool2D(3, 2),
            _conv(384, 3, 1, 1), _conv(256, 3, 1, 1), _conv(256, 3, 1, 1), nn.MaxPool2D(3, 2),
            nn.Flatten(),
            nn.Dense(4096, activation="relu"), nn.Dropout(0.5),
            nn.Dense(4096, activation="relu"), nn.Dropout(0.5),
        )  # fmt: skip
        self.output = nn.Dense(classes)


def alexnet(
    pretrained: bool = False, device: Any = None, root: Root = None, **kwargs: Any
) -> AlexNet:
    """AlexNet; `pretrained` loads parameters from `root` (see `model_store`)."""
    return loaded(AlexNet(**kwargs), "alexnet", pretrained, device, root)
