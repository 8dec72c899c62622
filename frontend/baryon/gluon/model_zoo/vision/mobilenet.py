"""MobileNet (Howard et al., arXiv:1704.04861) and MobileNetV2 (arXiv:1801.04381)."""

from __future__ import annotations

from typing import Any

from baryon import np
from baryon.array import ndarray
from baryon.gluon import nn
from baryon.gluon.block import HybridBlock
from baryon.gluon.model_zoo.vision.base import (
    Classifier,
    Root,
    conv_bn,
    loaded,
    relu,
    sequential,
)

_V1 = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2),
       (1024, 1)]  # fmt: skip
"""Output channels and stride of each separable convolution."""

_V2 = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
       (6, 320, 1, 1)]  # fmt: skip
"""Expansion, output channels, blocks and first stride of each stage (table 2 of the paper)."""


class RELU6(HybridBlock):
    """A rectifier with an upper limit of 6."""

    def forward(self, x: ndarray) -> ndarray:
        """Limit every element to [0, 6]."""
        return np.clip(x, 0, 6)


class MobileNet(Classifier):
    """Depthwise separable convolutions; `multiplier` scales all channels."""

    def __init__(self, multiplier: float = 1.0, classes: int = 1000) -> None:
        super().__init__()
        channels = int(32 * multiplier)
        blocks = conv_bn(channels, 3, 2, 1, activation=relu())
        for width, stride in _V1:
            blocks += conv_bn(channels, 3, stride, 1, groups=channels, activation=relu())
            channels = int(width * multiplier)
            blocks += conv_bn(channels, 1, activation=relu())
        self.features = sequential(*blocks, nn.GlobalAvgPool2D(), nn.Flatten())
        self.output = nn.Dense(classes)


class LinearBottleneck(HybridBlock):
    """Widen by `t`, filter each channel, narrow to `channels` without an activation.

    The input is added where it has the shape of the output.
    """

    def __init__(self, in_channels: int, channels: int, t: int, stride: int) -> None:
        super().__init__()
        self.use_shortcut = stride == 1 and in_channels == channels
        wide = in_channels * t
        self.out = sequential(
            *conv_bn(wide, 1, activation=RELU6()),
            *conv_bn(wide, 3, stride, 1, groups=wide, activation=RELU6()),
            *conv_bn(channels, 1),
        )

    def forward(self, x: ndarray) -> ndarray:
        """Transform (N, in_channels, H, W) to (N, channels, H/stride, W/stride)."""
        out: ndarray = self.out(x)
        return out + x if self.use_shortcut else out


class MobileNetV2(Classifier):
    """Inverted residuals with linear bottlenecks; `multiplier` scales the channels."""

    def __init__(self, multiplier: float = 1.0, classes: int = 1000) -> None:
        super().__init__()
        channels = int(32 * multiplier)
        blocks = conv_bn(channels, 3, 2, 1, activation=RELU6())
        for t, width, count, first_stride in _V2:
            for i in range(count):
                scaled = int(width * multiplier)
                blocks.append(LinearBottleneck(channels, scaled, t, 1 if i else first_stride))
                channels = scaled
        last = int(1280 * multiplier) if multiplier > 1 else 1280
        blocks += conv_bn(last, 1, activation=RELU6())
        self.features = sequential(*blocks, nn.GlobalAvgPool2D())
        self.output = sequential(nn.Conv2D(classes, 1, use_bias=False), nn.Flatten())


def get_mobilenet(multiplier: float, pretrained: bool = False, device: Any = None,
                  root: Root = None, **kwargs: Any) -> MobileNet:  # fmt: skip
    """MobileNet; parameters are published for 1.0, 0.75, 0.5 and 0.25."""
    name = f"mobilenet{_text(multiplier)}"
    return loaded(MobileNet(multiplier, **kwargs), name, pretrained, device, root)


def get_mobilenet_v2(multiplier: float, pretrained: bool = False, device: Any = None,
                     root: Root = None, **kwargs: Any) -> MobileNetV2:  # fmt: skip
    """MobileNetV2; parameters are published for 1.0, 0.75, 0.5 and 0.25."""
    name = f"mobilenetv2_{_text(multiplier)}"
    return loaded(MobileNetV2(multiplier, **kwargs), name, pretrained, device, root)


def _text(multiplier: float) -> str:
    return str(float(multiplier))


def mobilenet1_0(**kwargs: Any) -> MobileNet:
    """MobileNet with all channels."""
    return get_mobilenet(1.0, **kwargs)


def mobilenet0_75(**kwargs: Any) -> MobileNet:
    """MobileNet with 3/4 of the channels."""
    return get_mobilenet(0.75, **kwargs)


def mobilenet0_5(**kwargs: Any) -> MobileNet:
    """MobileNet with half of the channels."""
    return get_mobilenet(0.5, **kwargs)


def mobilenet0_25(**kwargs: Any) -> MobileNet:
    """MobileNet with a quarter of the channels."""
    return get_mobilenet(0.25, **kwargs)


def mobilenet_v2_1_0(**kwargs: Any) -> MobileNetV2:
    """MobileNetV2 with all channels."""
    return get_mobilenet_v2(1.0, **kwargs)


def mobilenet_v2_0_75(**kwargs: Any) -> MobileNetV2:
    """MobileNetV2 with 3/4 of the channels."""
    return get_mobilenet_v2(0.75, **kwargs)


def mobilenet_v2_0_5(**kwargs: Any) -> MobileNetV2:
    """MobileNetV2 with half of the channels."""
    return get_mobilenet_v2(0.5, **kwargs)


def mobilenet_v2_0_25(**kwargs: Any) -> MobileNetV2:
    """MobileNetV2 with a quarter of the channels."""
    return get_mobilenet_v2(0.25, **kwargs)
