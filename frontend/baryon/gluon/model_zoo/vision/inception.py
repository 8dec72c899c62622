"""Inception v3 (Szegedy et al., arXiv:1512.00567)."""

from __future__ import annotations

from typing import Any, NamedTuple

from baryon.gluon import nn
from baryon.gluon.block import HybridBlock
from baryon.gluon.model_zoo.vision.base import (
    Classifier,
    Root,
    conv_bn,
    loaded,
    relu,
    sequential,
    side_by_side,
)


class _Conv(NamedTuple):
    """A convolution, batch normalization and rectifier."""

    channels: int
    kernel: int | tuple[int, int] = 1
    stride: int = 1
    pad: int | tuple[int, int] = 0


def _wide(channels: int, size: int) -> _Conv:
    return _Conv(channels, (1, size), 1, (0, size // 2))


def _tall(channels: int, size: int) -> _Conv:
    return _Conv(channels, (size, 1), 1, (size // 2, 0))


def _layer(spec: _Conv) -> HybridBlock:
    return sequential(*conv_bn(*spec, epsilon=0.001, activation=relu()))


def _branch(*specs: _Conv) -> HybridBlock:
    return sequential(*map(_layer, specs))


def _pooled(channels: int) -> HybridBlock:
    return sequential(nn.AvgPool2D(3, 1, 1), _layer(_Conv(channels)))


def _max() -> HybridBlock:
    return sequential(nn.MaxPool2D(3, 2))


def _a(pooled: int) -> HybridBlock:
    return side_by_side(
        _branch(_Conv(64)),
        _branch(_Conv(48), _Conv(64, 5, 1, 2)),
        _branch(_Conv(64), _Conv(96, 3, 1, 1), _Conv(96, 3, 1, 1)),
        _pooled(pooled),
    )


def _b() -> HybridBlock:
    deep = _branch(_Conv(64), _Conv(96, 3, 1, 1), _Conv(96, 3, 2))
    return side_by_side(_branch(_Conv(384, 3, 2)), deep, _max())


def _c(n: int) -> HybridBlock:
    return side_by_side(
        _branch(_Conv(192)),
        _branch(_Conv(n), _wide(n, 7), _tall(192, 7)),
        _branch(_Conv(n), _tall(n, 7), _wide(n, 7), _tall(n, 7), _wide(192, 7)),
        _pooled(192),
    )


def _d() -> HybridBlock:
    deep = _branch(_Conv(192), _wide(192, 7), _tall(192, 7), _Conv(192, 3, 2))
    return side_by_side(_branch(_Conv(192), _Conv(320, 3, 2)), deep, _max())


def _e() -> HybridBlock:
    return side_by_side(
        _branch(_Conv(320)),
        sequential(_branch(_Conv(384)), _split()),
        sequential(_branch(_Conv(448), _Conv(384, 3, 1, 1)), _split()),
        _pooled(192),
    )


def _split() -> HybridBlock:
    return side_by_side(_branch(_wide(384, 3)), _branch(_tall(384, 3)))


class Inception3(Classifier):
    """Inception v3; images of 299 x 299."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = sequential(
            _layer(_Conv(32, 3, 2)), _layer(_Conv(32, 3)), _layer(_Conv(64, 3, 1, 1)),
            nn.MaxPool2D(3, 2),
            _layer(_Conv(80)), _layer(_Conv(192, 3)), nn.MaxPool2D(3, 2),
            _a(32), _a(64), _a(64), _b(), _c(128), _c(160), _c(160), _c(192), _d(), _e(), _e(),
            nn.AvgPool2D(8), nn.Dropout(0.5),
        )  # fmt: skip
        self.output = nn.Dense(classes)


def inception_v3(
    pretrained: bool = False, device: Any = None, root: Root = None, **kwargs: Any
) -> Inception3:
    """Inception v3."""
    return loaded(Inception3(**kwargs), "inceptionv3", pretrained, device, root)
