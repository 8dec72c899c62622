"""The residual blocks of both versions of ResNet (arXiv:1512.03385, arXiv:1603.05027)."""

from __future__ import annotations

from baryon import npx
from baryon.array import ndarray
from baryon.gluon import nn
from baryon.gluon.block import HybridBlock
from baryon.gluon.model_zoo.vision.base import conv_bn, relu, sequential


def conv3x3(channels: int, stride: int, in_channels: int) -> nn.Conv2D:
    """A 3 x 3 convolution that keeps the size divided by the stride."""
    return nn.Conv2D(channels, 3, stride, 1, use_bias=False, in_channels=in_channels)


class _V1(HybridBlock):
    """The activation comes last: relu(shortcut(x) + body(x))."""

    body: nn.HybridSequential
    downsample: nn.HybridSequential | None

    def forward(self, x: ndarray) -> ndarray:
        """Transform (N, in_channels, H, W) to (N, channels, H/stride, W/stride)."""
        residual: ndarray = x if self.downsample is None else self.downsample(x)
        return npx.activation(residual + self.body(x), act_type="relu")


class BasicBlockV1(_V1):
    """Two 3 x 3 convolutions; `downsample` makes the shortcut a convolution."""

    def __init__(
        self, channels: int, stride: int, downsample: bool = False, in_channels: int = 0
    ) -> None:
        super().__init__()
        self.body = sequential(
            conv3x3(channels, stride, in_channels), nn.BatchNorm(), relu(),
            conv3x3(channels, 1, channels), nn.BatchNorm(),
        )  # fmt: skip
        self.downsample = _shortcut(channels, stride) if downsample else None


class BottleneckV1(_V1):
    """1 x 1, 3 x 3 and 1 x 1 convolutions, with a quarter of the channels inside.

    The stride is that of the first convolution; the 1 x 1 convolutions have biases.
    """

    def __init__(
        self, channels: int, stride: int, downsample: bool = False, in_channels: int = 0
    ) -> None:
        super().__init__()
        self.body = sequential(
            nn.Conv2D(channels // 4, 1, stride), nn.BatchNorm(), relu(),
            conv3x3(channels // 4, 1, channels // 4), nn.BatchNorm(), relu(),
            nn.Conv2D(channels, 1), nn.BatchNorm(),
        )  # fmt: skip
        self.downsample = _shortcut(channels, stride) if downsample else None


def _shortcut(channels: int, stride: int) -> nn.HybridSequential:
    return sequential(*conv_bn(channels, 1, stride))


class BasicBlockV2(HybridBlock):
    """Normalization and activation come first; two 3 x 3 convolutions."""

    def __init__(
        self, channels: int, stride: int, downsample: bool = False, in_channels: int = 0
    ) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm()
        self.conv1 = conv3x3(channels, stride, in_channels)
        self.bn2 = nn.BatchNorm()
        self.conv2 = conv3x3(channels, 1, channels)
        self.downsample = _projection(channels, stride, in_channels) if downsample else None

    def forward(self, x: ndarray) -> ndarray:
        """Transform (N, in_channels, H, W) to (N, channels, H/stride, W/stride)."""
        active = _active(self.bn1, x)
        residual: ndarray = x if self.downsample is None else self.downsample(active)
        out: ndarray = self.conv2(_active(self.bn2, self.conv1(active)))
        return out + residual


class BottleneckV2(HybridBlock):
    """Normalization and activation come first; 1 x 1, 3 x 3 (with the stride), 1 x 1."""

    def __init__(
        self, channels: int, stride: int, downsample: bool = False, in_channels: int = 0
    ) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm()
        self.conv1 = nn.Conv2D(channels // 4, 1, use_bias=False)
        self.bn2 = nn.BatchNorm()
        self.conv2 = conv3x3(channels // 4, stride, channels // 4)
        self.bn3 = nn.BatchNorm()
        self.conv3 = nn.Conv2D(channels, 1, use_bias=False)
        self.downsample = _projection(channels, stride, in_channels) if downsample else None

    def forward(self, x: ndarray) -> ndarray:
        """Transform (N, in_channels, H, W) to (N, channels, H/stride, W/stride)."""
        active = _active(self.bn1, x)
        residual: ndarray = x if self.downsample is None else self.downsample(active)
        inner = _active(self.bn3, self.conv2(_active(self.bn2, self.conv1(active))))
        out: ndarray = self.conv3(inner)
        return out + residual


def _projection(channels: int, stride: int, in_channels: int) -> nn.Conv2D:
    return nn.Conv2D(channels, 1, stride, use_bias=False, in_channels=in_channels)


def _active(norm: HybridBlock, x: ndarray) -> ndarray:
    return npx.activation(norm(x), act_type="relu")


Residual = type[BasicBlockV1 | BottleneckV1 | BasicBlockV2 | BottleneckV2]
