"""SqueezeNet (Iandola et al., arXiv:1602.07360)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baryon.gluon import nn
from baryon.gluon.block import HybridBlock
from baryon.gluon.model_zoo.vision.base import (
    Classifier,
    Root,
    loaded,
    relu,
    sequential,
    side_by_side,
)

_POOL = 0
STAGES: Mapping[str, tuple[tuple[int, int], Sequence[int]]] = {
    "1.0": ((96, 7), (_POOL, 16, 16, 32, _POOL, 32, 48, 48, 64, _POOL, 64)),
    "1.1": ((64, 3), (_POOL, 16, 16, _POOL, 32, 32, _POOL, 48, 48, 64, 64)),
}
"""Channels and kernel of the first convolution, then squeeze channels of the fire modules."""


class SqueezeNet(Classifier):
    """Fire modules instead of plain convolutions; version "1.0" or "1.1", images of 224 x 224."""

    def __init__(self, version: str, classes: int = 1000) -> None:
        super().__init__()
        if version not in STAGES:
            raise ValueError(f"SqueezeNet {version!r}; there are versions {sorted(STAGES)}")
        (channels, kernel), stages = STAGES[version]
        self.features = sequential(
            nn.Conv2D(channels, kernel, 2), relu(), *map(_stage, stages), nn.Dropout(0.5)
        )
        self.output = sequential(
            nn.Conv2D(classes, 1), relu(), nn.AvgPool2D(13), nn.Flatten()
        )  # fmt: skip


def _stage(squeeze: int) -> HybridBlock:
    if squeeze == _POOL:
        return nn.MaxPool2D(3, 2, ceil_mode=True)
    expand = side_by_side(_conv(4 * squeeze, 1, 0), _conv(4 * squeeze, 3, 1))
    return sequential(_conv(squeeze, 1, 0), expand)


def _conv(channels: int, kernel: int, pad: int) -> HybridBlock:
    return sequential(nn.Conv2D(channels, kernel, padding=pad), relu())


def get_squeezenet(version: str, pretrained: bool = False, device: Any = None, root: Root = None,
                   **kwargs: Any) -> SqueezeNet:  # fmt: skip
    """SqueezeNet, version "1.0" or "1.1"."""
    return loaded(SqueezeNet(version, **kwargs), f"squeezenet{version}", pretrained, device, root)


def squeezenet1_0(**kwargs: Any) -> SqueezeNet:
    """SqueezeNet 1.0."""
    return get_squeezenet("1.0", **kwargs)


def squeezenet1_1(**kwargs: Any) -> SqueezeNet:
    """SqueezeNet 1.1: as accurate as 1.0 for less than half the work."""
    return get_squeezenet("1.1", **kwargs)
