"""VGG networks (Simonyan and Zisserman, arXiv:1409.1556)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baryon.gluon import nn
from baryon.gluon.block import HybridBlock
from baryon.gluon.model_zoo.vision.base import Classifier, Root, loaded, relu, sequential
from baryon.initializer import Xavier

LAYERS: Mapping[int, Sequence[int]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Convolutions in each of the five stages, by the number of layers."""

FILTERS = (64, 128, 256, 512, 512)


class VGG(Classifier):
    """Stages of 3 x 3 convolutions that end in 2 x 2 pooling, and three dense layers."""

    def __init__(
        self,
        layers: Sequence[int],
        filters: Sequence[int],
        classes: int = 1000,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if len(layers) != len(filters):
            raise ValueError(f"{len(layers)} numbers of layers, {len(filters)} of filters")
        stages = [_stage(n, f, batch_norm) for n, f in zip(layers, filters, strict=True)]
        self.features = sequential(*(b for stage in stages for b in stage), *_dense(), *_dense())
        self.output = nn.Dense(classes, weight_initializer="normal", bias_initializer="zeros")


def _stage(layers: int, filters: int, batch_norm: bool) -> list[HybridBlock]:
    blocks: list[HybridBlock] = []
    for _ in range(layers):
        start = Xavier(rnd_type="gaussian", factor_type="out", magnitude=2)
        blocks.append(nn.Conv2D(filters, 3, padding=1, weight_initializer=start))
        blocks += [nn.BatchNorm()] if batch_norm else []
        blocks.append(relu())
    return [*blocks, nn.MaxPool2D(strides=2)]


def _dense() -> list[HybridBlock]:
    dense = nn.Dense(4096, activation="relu", weight_initializer="normal")
    return [dense, nn.Dropout(0.5)]


def get_vgg(num_layers: int, pretrained: bool = False, device: Any = None, root: Root = None,
            **kwargs: Any) -> VGG:  # fmt: skip
    """VGG with 11, 13, 16 or 19 layers; `batch_norm=True` normalizes each convolution."""
    if num_layers not in LAYERS:
        raise ValueError(f"VGG with {num_layers} layers; there are {sorted(LAYERS)}")
    net = VGG(LAYERS[num_layers], FILTERS, **kwargs)
    suffix = "_bn" if kwargs.get("batch_norm") else ""
    return loaded(net, f"vgg{num_layers}{suffix}", pretrained, device, root)


def vgg11(**kwargs: Any) -> VGG:
    """VGG with 11 layers."""
    return get_vgg(11, **kwargs)


def vgg13(**kwargs: Any) -> VGG:
    """VGG with 13 layers."""
    return get_vgg(13, **kwargs)


def vgg16(**kwargs: Any) -> VGG:
    """VGG with 16 layers."""
    return get_vgg(16, **kwargs)


def vgg19(**kwargs: Any) -> VGG:
    """VGG with 19 layers."""
    return get_vgg(19, **kwargs)


def vgg11_bn(**kwargs: Any) -> VGG:
    """VGG with 11 layers and batch normalization."""
    return get_vgg(11, **{**kwargs, "batch_norm": True})


def vgg13_bn(**kwargs: Any) -> VGG:
    """VGG with 13 layers and batch normalization."""
    return get_vgg(13, **{**kwargs, "batch_norm": True})


def vgg16_bn(**kwargs: Any) -> VGG:
    """VGG with 16 layers and batch normalization."""
    return get_vgg(16, **{**kwargs, "batch_norm": True})


def vgg19_bn(**kwargs: Any) -> VGG:
    """VGG with 19 layers and batch normalization."""
    return get_vgg(19, **{**kwargs, "batch_norm": True})
