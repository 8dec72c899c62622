"""Image classifiers by convolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from exported.networks.base import Input, Network


def _conv(inside: int, outside: int, size: int = 3, *, act: Any = nn.ReLU, **how: int) -> nn.Module:
    layers = [
        nn.Conv2d(inside, outside, size, padding=size // 2, bias=False, **how),
        nn.BatchNorm2d(outside),
    ]
    return nn.Sequential(*layers, *([act()] if act else []))


def _head(channels: int, classes: int = 5) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class Bottleneck(nn.Module):
    """He et al., 2015."""

    def __init__(self, inside: int, middle: int, outside: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(inside, middle, 1),
            _conv(middle, middle, stride=stride),
            _conv(middle, outside, 1, act=None),
        )
        same = inside == outside and stride == 1
        self.skip = nn.Identity() if same else _conv(inside, outside, 1, act=None, stride=stride)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.body(x) + self.skip(x))


def _resnet() -> nn.Module:
    return nn.Sequential(
        _conv(3, 8, 7, stride=2),
        nn.MaxPool2d(3, 2, 1),
        Bottleneck(8, 4, 16, 1),
        Bottleneck(16, 4, 16, 1),
        Bottleneck(16, 8, 24, 2),
        _head(24),
    )


class InvertedResidual(nn.Module):
    """MobileNetV2's block, Sandler et al., 2018."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        wide = 3 * inside
        self.body = nn.Sequential(
            _conv(inside, wide, 1, act=nn.ReLU6),
            _conv(wide, wide, act=nn.ReLU6, groups=wide, stride=stride),
            _conv(wide, outside, 1, act=None),
        )
        self.residual = inside == outside and stride == 1

    def forward(self, x: Any) -> Any:
        return x + self.body(x) if self.residual else self.body(x)


def _mobilenet() -> nn.Module:
    return nn.Sequential(
        _conv(3, 8, act=nn.Hardswish, stride=2),
        InvertedResidual(8, 8, 1),
        InvertedResidual(8, 12, 2),
        InvertedResidual(12, 12, 1),
        _conv(12, 24, 1, act=nn.Hardswish),
        _head(24),
    )


class DenseLayer(nn.Module):
    """Huang et al., 2016: what came before, and some channels more."""

    def __init__(self, inside: int, growth: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inside)
        self.conv = nn.Conv2d(inside, growth, 3, padding=1, bias=False)

    def forward(self, x: Any) -> Any:
        return torch.cat([x, self.conv(torch.relu(self.norm(x)))], 1)


def _densenet() -> nn.Module:
    return nn.Sequential(
        _conv(3, 8, 3, stride=2),
        *(DenseLayer(8 + 4 * n, 4) for n in range(3)),
        nn.BatchNorm2d(20),
        nn.ReLU(),
        nn.Conv2d(20, 10, 1, bias=False),
        nn.AvgPool2d(2, 2),
        *(DenseLayer(10 + 4 * n, 4) for n in range(2)),
        _head(18),
    )


class SqueezeExcite(nn.Module):
    """Hu et al., 2017: channels are scaled by a function of their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Any) -> Any:
        mean = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.up(nn.functional.silu(self.down(mean))))


class MBConv(nn.Module):
    """EfficientNet's block, Tan and Le, 2019."""

    def __init__(self, inside: int, outside: int, size: int, stride: int) -> None:
        super().__init__()
        wide = 2 * inside
        self.body = nn.Sequential(
            _conv(inside, wide, 1, act=nn.SiLU),
            _conv(wide, wide, size, act=nn.SiLU, groups=wide, stride=stride),
            SqueezeExcite(wide),
            _conv(wide, outside, 1, act=None),
        )
        self.residual = inside == outside and stride == 1

    def forward(self, x: Any) -> Any:
        return x + self.body(x) if self.residual else self.body(x)


def _efficientnet() -> nn.Module:
    return nn.Sequential(
        _conv(3, 8, act=nn.SiLU, stride=2),
        MBConv(8, 8, 3, 1),
        MBConv(8, 12, 5, 2),
        _conv(12, 24, 1, act=nn.SiLU),
        _head(24),
    )


def _shuffle(x: Any, groups: int) -> Any:
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


class ShuffleUnit(nn.Module):
    """ShuffleNetV2's unit, Ma et al., 2018: half of the channels pass, then all are mixed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.body = nn.Sequential(
            _conv(half, half, 1), _conv(half, half, act=None, groups=half), _conv(half, half, 1)
        )

    def forward(self, x: Any) -> Any:
        kept, changed = x.chunk(2, dim=1)
        return _shuffle(torch.cat([kept, self.body(changed)], 1), 2)


def _shufflenet() -> nn.Module:
    return nn.Sequential(
        _conv(3, 8, stride=2), ShuffleUnit(8), ShuffleUnit(8), _conv(8, 16, 1), _head(16)
    )


_IMAGE = (Input("image", (3, 32, 32)),)

NETWORKS = tuple(
    Network(name, "convolutional", make, _IMAGE, ("scores",))
    for name, make in (
        ("resnet", _resnet),
        ("mobilenet", _mobilenet),
        ("densenet", _densenet),
        ("efficientnet", _efficientnet),
        ("shufflenet", _shufflenet),
    )
)
