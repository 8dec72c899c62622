"""ResNet, version 1 (He et al., arXiv:1512.03385) and version 2 (arXiv:1603.05027)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baryon.gluon import nn
from baryon.gluon.block import HybridBlock
from baryon.gluon.model_zoo.vision.base import Classifier, Root, loaded, relu, sequential
from baryon.gluon.model_zoo.vision.resnet_blocks import (
    BasicBlockV1,
    BasicBlockV2,
    BottleneckV1,
    BottleneckV2,
    Residual,
    conv3x3,
)

_BASIC, _WIDE = (64, 64, 128, 256, 512), (64, 256, 512, 1024, 2048)
SPEC: Mapping[int, tuple[Sequence[int], Sequence[int]]] = {
    18: ((2, 2, 2, 2), _BASIC),
    34: ((3, 4, 6, 3), _BASIC),
    50: ((3, 4, 6, 3), _WIDE),
    101: ((3, 4, 23, 3), _WIDE),
    152: ((3, 8, 36, 3), _WIDE),
}
"""Blocks in each stage, and channels of the stem and of each stage, by the number of layers."""

_BLOCKS: Mapping[int, tuple[Residual, Residual]] = {
    1: (BasicBlockV1, BottleneckV1),
    2: (BasicBlockV2, BottleneckV2),
}


def _stem(channels: int, thumbnail: bool) -> list[HybridBlock]:
    if thumbnail:
        return [conv3x3(channels, 1, 0)]
    conv = nn.Conv2D(channels, 7, 2, 3, use_bias=False)
    return [conv, nn.BatchNorm(), relu(), nn.MaxPool2D(3, 2, 1)]


def _stages(block: Residual, layers: Sequence[int], channels: Sequence[int]) -> list[HybridBlock]:
    if len(channels) != len(layers) + 1:
        raise ValueError(f"{len(layers)} stages need {len(layers) + 1} numbers of channels")
    return [
        _stage(block, count, channels[i], channels[i + 1], 1 if i == 0 else 2)
        for i, count in enumerate(layers)
    ]


def _stage(block: Residual, count: int, before: int, channels: int, stride: int) -> HybridBlock:
    first = block(channels, stride, channels != before, in_channels=before)
    rest = (block(channels, 1, False, in_channels=channels) for _ in range(count - 1))
    return sequential(first, *rest)


class ResNetV1(Classifier):
    """Residual stages; `thumbnail=True` has a 3 x 3 stem for small images such as CIFAR's."""

    def __init__(self, block: Residual, layers: Sequence[int], channels: Sequence[int],
                 classes: int = 1000, thumbnail: bool = False) -> None:  # fmt: skip
        super().__init__()
        stages = _stages(block, layers, channels)
        self.features = sequential(*_stem(channels[0], thumbnail), *stages, nn.GlobalAvgPool2D())
        self.output = nn.Dense(classes, in_units=channels[-1])


class ResNetV2(Classifier):
    """As `ResNetV1`, with normalization of the input and activations before convolutions."""

    def __init__(self, block: Residual, layers: Sequence[int], channels: Sequence[int],
                 classes: int = 1000, thumbnail: bool = False) -> None:  # fmt: skip
        super().__init__()
        stages = _stages(block, layers, channels)
        self.features = sequential(
            nn.BatchNorm(scale=False, center=False), *_stem(channels[0], thumbnail), *stages,
            nn.BatchNorm(), relu(), nn.GlobalAvgPool2D(), nn.Flatten(),
        )  # fmt: skip
        self.output = nn.Dense(classes, in_units=channels[-1])


def get_resnet(version: int, num_layers: int, pretrained: bool = False, device: Any = None,
               root: Root = None, **kwargs: Any) -> ResNetV1 | ResNetV2:  # fmt: skip
    """ResNet of version 1 or 2 with 18, 34, 50, 101 or 152 layers."""
    if num_layers not in SPEC:
        raise ValueError(f"ResNet with {num_layers} layers; there are {sorted(SPEC)}")
    if version not in _BLOCKS:
        raise ValueError(f"ResNet version {version}; there are 1 and 2")
    layers, channels = SPEC[num_layers]
    block = _BLOCKS[version][channels is _WIDE]
    kind = ResNetV1 if version == 1 else ResNetV2
    net = kind(block, layers, channels, **kwargs)
    return loaded(net, f"resnet{num_layers}_v{version}", pretrained, device, root)


def resnet18_v1(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 1 with 18 layers."""
    return get_resnet(1, 18, **kwargs)


def resnet34_v1(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 1 with 34 layers."""
    return get_resnet(1, 34, **kwargs)


def resnet50_v1(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 1 with 50 layers."""
    return get_resnet(1, 50, **kwargs)


def resnet101_v1(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 1 with 101 layers."""
    return get_resnet(1, 101, **kwargs)


def resnet152_v1(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 1 with 152 layers."""
    return get_resnet(1, 152, **kwargs)


def resnet18_v2(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 2 with 18 layers."""
    return get_resnet(2, 18, **kwargs)


def resnet34_v2(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 2 with 34 layers."""
    return get_resnet(2, 34, **kwargs)


def resnet50_v2(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 2 with 50 layers."""
    return get_resnet(2, 50, **kwargs)


def resnet101_v2(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 2 with 101 layers."""
    return get_resnet(2, 101, **kwargs)


def resnet152_v2(**kwargs: Any) -> ResNetV1 | ResNetV2:
    """ResNet version 2 with 152 layers."""
    return get_resnet(2, 152, **kwargs)
