"""ResNet-50 (He et al., 2016, arXiv:1512.03385) and MobileNetV2 (arXiv:1801.04381).

Batch normalization stands apart with statistics that are not trivial, so that folding it into the
weights is work. Convolutions keep the variance of what they read (He et al., 2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from benchmark.networks.graph import Graph

RESNET50 = ((3, 64), (4, 128), (6, 256), (3, 512))
"""Blocks and inner channels of each stage; the stage's result has four times the channels."""
MOBILENET_V2 = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip
"""Expansion, channels, blocks and stride of each stage."""


class Images(Graph):
    """A graph of convolutions."""

    def convolution(
        self, x: str, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> str:
        """A convolution without bias that keeps height and width (divided by the stride)."""
        shape = (outputs, inputs // groups, kernel, kernel)
        weight = self.normal(*shape, scale=float(np.sqrt(2 / np.prod(shape[1:]))))
        pads, size = [(kernel - 1) // 2] * 4, [kernel, kernel]
        return self.op(
            "Conv", x, weight, kernel_shape=size, strides=[stride] * 2, pads=pads, group=groups
        )

    def normalized(self, x: str, channels: int) -> str:
        """Batch normalization."""
        return self.op(
            "BatchNormalization", x, self.uniform(0.5, 1.0, channels),
            self.normal(channels, scale=0.1), self.normal(channels, scale=0.1),
            self.uniform(0.5, 1.5, channels), epsilon=1e-5,
        )  # fmt: skip

    def relu6(self, x: str) -> str:
        """Between 0 and 6."""
        return self.op("Clip", x, self.scalar(0), self.scalar(6))

    def head(self, x: str, channels: int, classes: int) -> str:
        """The class scores of the mean over all pixels."""
        mean = self.op("Flatten", self.op("GlobalAveragePool", x), axis=1)
        return self.classifier(mean, channels, classes)


def resnet50(
    batch: int,
    size: int = 224,
    stages: Sequence[tuple[int, int]] = RESNET50,
    classes: int = 1000,
) -> onnx.ModelProto:
    """ResNet-50 with the stride in the 3x3 convolution. size: height and width of the images."""
    g = Images("resnet50")
    x = g.convolution(g.input("image", (batch, 3, size, size)), 3, 64, 7, 2)
    x = g.op("Relu", g.normalized(x, 64))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for number, (blocks, inner) in enumerate(stages):
        for block in range(blocks):
            stride = 2 if number and not block else 1
            x = _bottleneck(g, x, channels, inner, stride)
            channels = 4 * inner
    return g.model(scores=(g.head(x, channels, classes), (batch, classes)))


def _bottleneck(g: Images, x: str, channels: int, inner: int, stride: int) -> str:
    y = g.op("Relu", g.normalized(g.convolution(x, channels, inner, 1), inner))
    y = g.op("Relu", g.normalized(g.convolution(y, inner, inner, 3, stride), inner))
    y = g.normalized(g.convolution(y, inner, 4 * inner, 1), 4 * inner)
    if stride != 1 or channels != 4 * inner:
        x = g.normalized(g.convolution(x, channels, 4 * inner, 1, stride), 4 * inner)
    return g.op("Relu", g.op("Add", y, x))


def mobilenet_v2(
    batch: int,
    size: int = 224,
    stages: Sequence[tuple[int, int, int, int]] = MOBILENET_V2,
    classes: int = 1000,
) -> onnx.ModelProto:
    """MobileNetV2 of width 1. size: height and width of the images."""
    g = Images("mobilenet_v2")
    x = g.convolution(g.input("image", (batch, 3, size, size)), 3, 32, 3, 2)
    x, channels = g.relu6(g.normalized(x, 32)), 32
    for expansion, outputs, blocks, stride in stages:
        for block in range(blocks):
            x = _inverted_residual(g, x, channels, outputs, expansion, 1 if block else stride)
            channels = outputs
    x = g.relu6(g.normalized(g.convolution(x, channels, 1280, 1), 1280))
    return g.model(scores=(g.head(x, 1280, classes), (batch, classes)))


def _inverted_residual(
    g: Images, x: str, inputs: int, outputs: int, expansion: int, stride: int
) -> str:
    y, inner = x, inputs * expansion
    if expansion != 1:
        y = g.relu6(g.normalized(g.convolution(y, inputs, inner, 1), inner))
    y = g.relu6(g.normalized(g.convolution(y, inner, inner, 3, stride, groups=inner), inner))
    y = g.normalized(g.convolution(y, inner, outputs, 1), outputs)
    return g.op("Add", x, y) if stride == 1 and inputs == outputs else y
