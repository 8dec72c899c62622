"""DenseNet (Huang et al., arXiv:1608.06993)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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

SPEC: Mapping[int, tuple[int, int, Sequence[int]]] = {
    121: (64, 32, (6, 12, 24, 16)),
    161: (96, 48, (6, 12, 36, 24)),
    169: (64, 32, (6, 12, 32, 32)),
    201: (64, 32, (6, 12, 48, 32)),
}
"""First channels, growth of channels for each layer, layers in each dense block."""


class DenseNet(Classifier):
    """Dense blocks joined by transitions that halve channels and size; images of 224 x 224."""

    def __init__(self, num_init_features: int, growth_rate: int, block_config: Sequence[int],
                 bn_size: int = 4, dropout: float = 0, classes: int = 1000) -> None:  # fmt: skip
        super().__init__()
        blocks = [*conv_bn(num_init_features, 7, 2, 3, activation=relu()), nn.MaxPool2D(3, 2, 1)]
        channels = num_init_features
        for i, layers in enumerate(block_config):
            if i:
                channels //= 2
                blocks.append(_transition(channels))
            dense = (_dense_layer(growth_rate, bn_size, dropout) for _ in range(layers))
            blocks.append(sequential(*dense))
            channels += layers * growth_rate
        tail = (nn.BatchNorm(), relu(), nn.AvgPool2D(7), nn.Flatten())
        self.features = sequential(*blocks, *tail)
        self.output = nn.Dense(classes)


def _dense_layer(growth: int, bn_size: int, dropout: float) -> HybridBlock:
    body = [
        nn.BatchNorm(), relu(), nn.Conv2D(bn_size * growth, 1, use_bias=False),
        nn.BatchNorm(), relu(), nn.Conv2D(growth, 3, padding=1, use_bias=False),
    ]  # fmt: skip
    return side_by_side(
        nn.Identity(), sequential(*body, *([nn.Dropout(dropout)] if dropout else []))
    )


def _transition(channels: int) -> HybridBlock:
    conv = nn.Conv2D(channels, 1, use_bias=False)
    return sequential(nn.BatchNorm(), relu(), conv, nn.AvgPool2D(2, 2))


def get_densenet(num_layers: int, pretrained: bool = False, device: Any = None, root: Root = None,
                 **kwargs: Any) -> DenseNet:  # fmt: skip
    """DenseNet with 121, 161, 169 or 201 layers."""
    if num_layers not in SPEC:
        raise ValueError(f"DenseNet with {num_layers} layers; there are {sorted(SPEC)}")
    net = DenseNet(*SPEC[num_layers], **kwargs)
    return loaded(net, f"densenet{num_layers}", pretrained, device, root)


def densenet121(**kwargs: Any) -> DenseNet:
    """DenseNet with 121 layers."""
    return get_densenet(121, **kwargs)


def densenet161(**kwargs: Any) -> DenseNet:
    """DenseNet with 161 layers."""
    return get_densenet(161, **kwargs)


def densenet169(**kwargs: Any) -> DenseNet:
    """DenseNet with 169 layers."""
    return get_densenet(169, **kwargs)


def densenet201(**kwargs: Any) -> DenseNet:
    """DenseNet with 201 layers."""
    return get_densenet(201, **kwargs)
