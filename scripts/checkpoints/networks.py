"""The networks, written for MXNet 1.9 and for 2.0; imported only where MXNet is."""

from __future__ import annotations

from typing import Any

import mxnet as mx
from mxnet import gluon
from mxnet.gluon import nn, rnn
from mxnet.gluon.model_zoo import vision

IS_TWO = mx.__version__.startswith("2")


def image(size: int) -> Any:
    """Makes a normalized image."""
    return lambda random: random.normal(0, 1, (1, 3, size, size)).astype("float32")


def words(count: int, length: int, batch: int = 2) -> Any:
    """Makes sentences as numbers of words, (length, batch)."""
    return lambda random: random.randint(0, count, (length, batch)).astype("float32")


def make(name: str) -> Any:
    """A network by name, and functions that make its inputs; "-small" behind it is for tests."""
    plain = name.removesuffix("-small")
    if plain in OTHERS:
        return OTHERS[plain](plain != name)
    return vision.get_model(name, classes=1000), [image(299 if name == "inceptionv3" else 224)]


class LanguageModel(gluon.HybridBlock):
    """Embedding, two LSTM layers and a classifier of each step; states come from outside."""

    def __init__(self, words: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 64)
        self.lstm = rnn.LSTM(hidden, 2, input_size=64)
        self.out = nn.Dense(words, flatten=False, in_units=hidden)

    if IS_TWO:

        def forward(self, x: Any, h: Any, c: Any) -> Any:
            """For MXNet 2."""
            y, (h, c) = self.lstm(self.embedding(x), [h, c])
            return self.out(y), h, c

    else:

        def hybrid_forward(self, F: Any, x: Any, h: Any, c: Any) -> Any:
            """For MXNet 1."""
            y, (h, c) = self.lstm(self.embedding(x), [h, c])
            return self.out(y), h, c


def lstm(small: bool) -> Any:
    """The language model on 12 words of 2 sentences."""
    count, hidden = (50, 16) if small else (1000, 96)
    state = [lambda random: random.normal(0, 1, (2, 2, hidden)).astype("float32")] * 2
    return LanguageModel(count, hidden), [words(count, 12), *state]


class EncoderLayer(gluon.HybridBlock):
    """Self-attention and a feed-forward part, each with a residual and a normalization."""

    def __init__(self, units: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.units = units
        self.qkv = nn.Dense(3 * units, flatten=False, in_units=units)
        self.out = nn.Dense(units, flatten=False, in_units=units)
        self.inner = nn.Dense(4 * units, flatten=False, in_units=units)
        self.outer = nn.Dense(units, flatten=False, in_units=4 * units)
        self.act = nn.GELU()
        self.drop = nn.Dropout(0.1)
        self.norm1 = nn.LayerNorm(in_channels=units)
        self.norm2 = nn.LayerNorm(in_channels=units)

    if IS_TWO:

        def forward(self, x: Any) -> Any:  # (batch, length, units)
            """For MXNet 2."""
            q, k, v = mx.np.split(self.qkv(x), 3, axis=-1)
            split = [mx.npx.reshape(y, (-2, -2, -6, self.heads, -1)).transpose((0, 2, 1, 3))
                     for y in (q, k, v)]  # fmt: skip
            scores = mx.np.matmul(split[0], mx.np.swapaxes(split[1], 2, 3)) / 4.0
            mixed = mx.np.matmul(mx.npx.softmax(scores, axis=-1), split[2])
            joined = mx.npx.reshape(mixed.transpose((0, 2, 1, 3)), (-2, -2, -5))
            x = self.norm1(x + self.drop(self.out(joined)))
            return self.norm2(x + self.outer(self.act(self.inner(x))))

    else:

        def hybrid_forward(self, F: Any, x: Any) -> Any:  # (length, batch, units)
            """For MXNet 1."""
            qkv = self.qkv(x)
            scores = F.contrib.interleaved_matmul_selfatt_qk(qkv, heads=self.heads)
            weights = F.softmax(scores, axis=-1)
            mixed = F.contrib.interleaved_matmul_selfatt_valatt(qkv, weights, heads=self.heads)
            x = self.norm1(x + self.drop(self.out(mixed)))
            return self.norm2(x + self.outer(self.act(self.inner(x))))


class Encoder(gluon.HybridBlock):
    """Embedding, positions, layers and a classifier of the first place."""

    def __init__(self, count: int, length: int, units: int, layers: int) -> None:
        super().__init__()
        self.length = length
        self.embedding = nn.Embedding(count, units)
        self.position = nn.Embedding(length, units)
        self.layers = nn.HybridSequential()
        for _ in range(layers):
            self.layers.add(EncoderLayer(units))
        self.pooled = nn.Dense(10, activation="tanh", in_units=units)

    if IS_TWO:

        def forward(self, x: Any) -> Any:  # (batch, length)
            """For MXNet 2."""
            places = mx.npx.arange_like(x, axis=1)
            y = self.layers(self.embedding(x) + mx.np.expand_dims(self.position(places), 0))
            return y, self.pooled(y[:, 0, :])

    else:

        def hybrid_forward(self, F: Any, x: Any) -> Any:  # (length, batch)
            """For MXNet 1."""
            places = F.contrib.arange_like(x, axis=0)
            summed = F.broadcast_add(self.embedding(x), F.expand_dims(self.position(places), 1))
            y = self.layers(summed)
            return y, self.pooled(F.squeeze(F.slice_axis(y, axis=0, begin=0, end=1), axis=0))


def transformer(small: bool) -> Any:
    """The encoder on 2 sentences of 24 words, or 6."""
    sizes = (50, 6, 16, 2) if small else (500, 24, 64, 3)
    turned = words(*sizes[:2])
    return Encoder(*sizes), [(lambda random: turned(random).T.copy()) if IS_TWO else turned]


class Detector(gluon.HybridBlock):
    """Anchors, classes and offsets on three scales of a small trunk; then the boxes."""

    def __init__(self, widths: tuple[int, ...], classes: int = 5) -> None:
        super().__init__()
        self.classes = classes
        self.sizes = [(0.1, 0.15), (0.3, 0.4), (0.6, 0.8)]
        self.ratios = (1.0, 2.0, 0.5)
        anchors = 4
        self.stages, self.class_heads, self.box_heads = (nn.HybridSequential() for _ in range(3))
        for channels in widths:
            stage = nn.HybridSequential()
            stage.add(
                nn.Conv2D(channels, 3, strides=2, padding=1), nn.BatchNorm(), nn.Activation("relu"),
                nn.MaxPool2D(2, 2),
            )  # fmt: skip
            self.stages.add(stage)
            self.class_heads.add(nn.Conv2D(anchors * (classes + 1), 3, padding=1))
            self.box_heads.add(nn.Conv2D(anchors * 4, 3, padding=1))

    if IS_TWO:

        def forward(self, x: Any) -> Any:
            """For MXNet 2."""
            found: tuple[list[Any], ...] = [], [], []
            for i in range(3):
                x = self.stages[i](x)
                parts = (
                    mx.npx.multibox_prior(x, sizes=self.sizes[i], ratios=self.ratios),
                    mx.npx.batch_flatten(self.class_heads[i](x).transpose((0, 2, 3, 1))),
                    mx.npx.batch_flatten(self.box_heads[i](x).transpose((0, 2, 3, 1))),
                )
                for rows, part in zip(found, parts, strict=True):
                    rows.append(part)
            anchors, classes, boxes = (mx.np.concatenate(rows, axis=1) for rows in found)
            scores = mx.npx.reshape(classes, (-2, -1, self.classes + 1)).transpose((0, 2, 1))
            return mx.npx.multibox_detection(
                mx.npx.softmax(scores, axis=1), boxes, anchors, nms_threshold=0.45, threshold=0.05
            )

    else:

        def hybrid_forward(self, F: Any, x: Any) -> Any:
            """For MXNet 1."""
            found: tuple[list[Any], ...] = [], [], []
            for i in range(3):
                x = self.stages[i](x)
                parts = (
                    F.contrib.MultiBoxPrior(x, sizes=self.sizes[i], ratios=self.ratios),
                    F.flatten(F.transpose(self.class_heads[i](x), axes=(0, 2, 3, 1))),
                    F.flatten(F.transpose(self.box_heads[i](x), axes=(0, 2, 3, 1))),
                )
                for rows, part in zip(found, parts, strict=True):
                    rows.append(part)
            anchors, classes, boxes = (F.concat(*rows, dim=1) for rows in found)
            scores = F.transpose(F.reshape(classes, (0, -1, self.classes + 1)), axes=(0, 2, 1))
            return F.contrib.MultiBoxDetection(
                F.softmax(scores, axis=1), boxes, anchors, nms_threshold=0.45, threshold=0.05
            )


def detector(small: bool) -> Any:
    """The detector on an image of 128 pixels, or 64."""
    return Detector((4, 4, 8) if small else (16, 32, 32)), [image(64 if small else 128)]


class Residual(gluon.HybridBlock):
    """A small residual network, which is exported in 8 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2D(8, 3, padding=1), nn.BatchNorm()
        self.conv2, self.norm2 = nn.Conv2D(8, 3, padding=1, use_bias=False), nn.BatchNorm()
        self.pool, self.conv3 = nn.MaxPool2D(2), nn.Conv2D(12, 1, activation="relu")
        self.mean, self.flat = nn.GlobalAvgPool2D(), nn.Flatten()
        self.hidden, self.out = nn.Dense(16, activation="relu"), nn.Dense(5)

    def _tail(self, x: Any) -> Any:
        y = self.flat(self.mean(self.conv3(self.pool(x))))
        return self.out(self.hidden(y))

    if IS_TWO:

        def forward(self, x: Any) -> Any:
            """For MXNet 2."""
            x = mx.npx.relu(self.norm1(self.conv1(x)))
            return self._tail(mx.npx.relu(x + self.norm2(self.conv2(x))))

    else:

        def hybrid_forward(self, F: Any, x: Any) -> Any:
            """For MXNet 1."""
            x = F.relu(self.norm1(self.conv1(x)))
            return self._tail(F.relu(F.elemwise_add(self.norm2(self.conv2(x)), x)))


def int8(small: bool) -> Any:
    """The residual network on images without negative numbers.

    The mean of 25 codes is never halfway between two, where MXNet's order of sums would decide.
    """
    return Residual(), [lambda random: random.uniform(0, 1, (2, 3, 10, 10)).astype("float32")]


OTHERS = {"lstm": lstm, "transformer": transformer, "detector": detector, "int8": int8}
