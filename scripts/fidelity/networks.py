"""The networks: the architectures that are asked about, narrow enough to train in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import baryon as mx
from baryon import gluon, np, npx
from baryon.gluon import nn, rnn
from baryon.gluon.model_zoo.vision.base import conv_bn, relu, sequential
from baryon.gluon.model_zoo.vision.mobilenet import RELU6, LinearBottleneck
from baryon.gluon.model_zoo.vision.resnet import ResNetV1, ResNetV2
from baryon.gluon.model_zoo.vision.resnet_blocks import BasicBlockV1, BasicBlockV2

BLOCKS = (2, 2, 2, 2)
"""Of ResNet-18, in each stage; each stage has twice the channels of the one before."""


def mlp(classes: int) -> gluon.HybridBlock:
    """Two hidden layers on all pixels."""
    net = nn.HybridSequential()
    net.add(nn.Dense(128, activation="relu"), nn.Dense(64, activation="relu"), nn.Dense(classes))
    return net


def lenet(classes: int) -> gluon.HybridBlock:
    """LeCun's network."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(12, kernel_size=5, padding=2, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(24, kernel_size=5, activation="relu"),
        nn.MaxPool2D(2),
        nn.Dense(120, activation="relu"),
        nn.Dense(84, activation="relu"),
        nn.Dense(classes),
    )
    return net


def resnet_v1(classes: int, width: int = 12, blocks: Sequence[int] = BLOCKS) -> ResNetV1:
    """ResNet-18 for small images: its blocks, with width, 2, 4 and 8 times width channels.

    blocks: in each stage.
    """
    return ResNetV1(BasicBlockV1, blocks, _channels(width, blocks), classes, thumbnail=True)


def resnet_v2(classes: int, width: int = 12, blocks: Sequence[int] = BLOCKS) -> ResNetV2:
    """As `resnet_v1`, with normalization and activation before each convolution."""
    return ResNetV2(BasicBlockV2, blocks, _channels(width, blocks), classes, thumbnail=True)


def _channels(width: int, blocks: Sequence[int]) -> list[int]:
    """Of the stem and of each stage."""
    return [width, *(width << stage for stage in range(len(blocks)))]


MOBILE = ((1, 8, 1, 1), (4, 12, 2, 2), (4, 16, 2, 2), (4, 32, 2, 2))
"""Expansion, channels, blocks and first stride of each stage, as in the paper's table."""


def mobilenet_v2(classes: int) -> gluon.HybridBlock:
    """Inverted residuals with depthwise convolutions."""
    channels = 12
    blocks = conv_bn(channels, 3, 1, 1, activation=RELU6())
    for expansion, width, count, first in MOBILE:
        for i in range(count):
            blocks.append(LinearBottleneck(channels, width, expansion, 1 if i else first))
            channels = width
    blocks += conv_bn(96, 1, activation=RELU6())
    return sequential(*blocks, nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(classes))


class RowLSTM(gluon.HybridBlock):
    """An LSTM that reads an image row by row."""

    def __init__(self, classes: int, units: int = 64) -> None:
        super().__init__()
        self.lstm = rnn.LSTM(units, layout="NTC")
        self.head = nn.Dense(classes)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, C, H, W) to (N, classes)."""
        rows = x.transpose(0, 2, 1, 3).reshape(-2, -2, -5)
        scores: np.ndarray = self.head(self.lstm(rows)[:, -1])
        return scores


def lstm(classes: int) -> gluon.HybridBlock:
    """An LSTM over the rows of an image."""
    return RowLSTM(classes)


class Encoder(gluon.HybridBlock):
    """Self-attention with several heads, then a feed-forward layer; both add to their input."""

    def __init__(self, units: int, heads: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, (units // heads) ** -0.5
        self.qkv, self.out = nn.Dense(3 * units, flatten=False), nn.Dense(units, flatten=False)
        self.norm1, self.norm2 = nn.LayerNorm(), nn.LayerNorm()
        self.ffn = nn.HybridSequential()
        self.ffn.add(nn.Dense(4 * units, flatten=False), nn.GELU(), nn.Dense(units, flatten=False))
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, T, units) to the same shape."""
        n, t, units = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(n, t, 3, self.heads, units // self.heads)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)
        weights = npx.softmax(np.matmul(q, k.swapaxes(2, 3)) * self.scale)
        mixed = np.matmul(weights, v).transpose(0, 2, 1, 3).reshape(n, t, units)
        x = x + self.dropout(self.out(mixed))
        fed: np.ndarray = self.dropout(self.ffn(self.norm2(x)))
        return x + fed


class Transformer(gluon.HybridBlock):
    """Tokens of patches with a few pixels around each, two encoder layers, and their mean.

    The convolutions before the patches are what lets so small a network learn from a few thousand
    images (Xiao et al., arXiv:2106.14881).
    """

    def __init__(self, classes: int, tokens: int, units: int, patch: int) -> None:
        super().__init__()
        fine = conv_bn(16, 3, 1, 1, activation=relu())
        halves = conv_bn(32, 3, 2, 1, activation=relu()) if patch > 2 else []
        size = patch // 2 if halves else patch
        self.embed = sequential(*fine, *halves, nn.Conv2D(units, size, size))
        self.position = gluon.Parameter(
            "position", shape=(1, tokens, units), init=mx.init.Normal(0.02)
        )
        self.encoders = nn.HybridSequential()
        self.encoders.add(Encoder(units, 4), Encoder(units, 4))
        self.norm, self.head = nn.LayerNorm(), nn.Dense(classes)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, C, H, W) to (N, classes)."""
        tokens = self.embed(x).reshape(-2, -2, -5).transpose(0, 2, 1)
        x = self.encoders(tokens + self.position.data())
        scores: np.ndarray = self.head(self.norm(x).mean(axis=1))
        return scores


def transformer(classes: int, size: int) -> gluon.HybridBlock:
    """A small ViT for images of size x size pixels: 16 to 36 tokens."""
    patch = max(2, size // 6)
    return Transformer(classes, (size // patch) ** 2, 64, patch)
