"""Small networks with random weights, and data for them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import baryon as mx
from baryon import gluon
from baryon.gluon import nn, rnn
from baryon.ir import Array
from baryon.quantization import quantize_net as quantize_any

quantize_net = partial(quantize_any, refuse_slower=False)
"""Small layers may well be faster in float32 on some machines; tests do not ask which."""


class Residual(gluon.HybridBlock):
    """Two convolutions around which the input goes; `before`: normalization first (version 2)."""

    def __init__(self, channels: int, *, before: bool) -> None:
        super().__init__()
        self.before = before
        self.conv1, self.conv2 = (nn.Conv2D(channels, 3, padding=1) for _ in range(2))
        self.norm1, self.norm2 = nn.BatchNorm(), nn.BatchNorm()

    def forward(self, x: Any) -> Any:
        if self.before:
            y = self.conv1(mx.npx.relu(self.norm1(x)))
            return x + self.conv2(mx.npx.relu(self.norm2(y)))
        y = mx.npx.relu(self.norm1(self.conv1(x)))
        return mx.npx.relu(x + self.norm2(self.conv2(y)))


class Collapsing(gluon.HybridBlock):
    """Falls apart where its middle value has one scale for all.

    One channel of it is 300 times as large as the others, and the next layer weighs it as much
    less: rounding in steps of the large one leaves nothing of the others.
    """

    def __init__(self, channels: int = 8, size: float = 300.0) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2D(channels, 3), nn.Dense(10)
        self.blocks = nn.HybridSequential()
        for _ in range(5):
            self.blocks.add(nn.Conv2D(channels, 3, padding=1, activation="relu"))
        self.middle = nn.Conv2D(channels, 1, activation="relu")
        scales = np.ones((channels, 1, 1), np.float32)
        scales[0] = size
        self.scales = gluon.Constant(scales)
        self.inverse = gluon.Constant((1 / scales[None]).astype(np.float32)[:, :, 0, 0])

    def forward(self, x: Any) -> Any:
        y = self.middle(self.blocks(mx.npx.relu(self.first(x))))
        y = mx.npx.pooling(y * self.scales.data(), kernel=(2, 2), stride=(2, 2), pool_type="max")
        y = mx.np.max(y, axis=(2, 3)) * self.inverse.data()
        return self.last(y)


class Winograd(gluon.HybridBlock):
    """Two convolutions that Winograd's algorithm computes in float32, and one of single pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2D(64, 3, padding=1) for _ in range(2))
        self.last = nn.Conv2D(64, 1)

    def forward(self, x: Any) -> Any:
        return self.last(mx.npx.relu(self.second(mx.npx.relu(self.first(x)))))


class Attention(gluon.HybridBlock):
    """A transformer's layer."""

    def __init__(self, units: int, heads: int) -> None:
        super().__init__()
        self.units, self.heads = units, heads
        self.qkv, self.out = nn.Dense(3 * units, flatten=False), nn.Dense(units, flatten=False)
        self.wide = nn.Dense(4 * units, flatten=False)
        self.narrow = nn.Dense(units, flatten=False)
        self.norm1, self.norm2 = nn.LayerNorm(), nn.LayerNorm()

    def forward(self, x: Any) -> Any:
        x = x + self.out(self.attend(self.qkv(self.norm1(x))))
        return x + self.narrow(mx.npx.gelu(self.wide(self.norm2(x))))

    def attend(self, x: Any) -> Any:
        q, k, v = (self.split(part) for part in mx.np.split(x, 3, axis=-1))
        scores = mx.np.matmul(q, mx.np.swapaxes(k, -1, -2)) / (self.units // self.heads) ** 0.5
        mixed = mx.np.matmul(mx.npx.softmax(scores, axis=-1), v)
        return mx.np.reshape(mx.np.transpose(mixed, (0, 2, 1, 3)), (-1, x.shape[1], self.units))

    def split(self, x: Any) -> Any:
        y = mx.np.reshape(x, (-1, x.shape[1], self.heads, self.units // self.heads))
        return mx.np.transpose(y, (0, 2, 1, 3))


class Recurrent(gluon.HybridBlock):
    """An LSTM over embedded words."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.lstm = rnn.LSTM(24, layout="NTC", input_size=16)
        self.last = nn.Dense(10)

    def forward(self, x: Any) -> Any:
        return self.last(self.lstm(self.embedding(x))[:, -1])


def sequential(*layers: Any) -> nn.HybridSequential:
    net = nn.HybridSequential()
    net.add(*layers)
    return net


def residual(*, before: bool) -> nn.HybridSequential:
    return sequential(
        nn.Conv2D(12, 3, activation="relu"), Residual(12, before=before),
        Residual(12, before=before), nn.MaxPool2D(), nn.GlobalAvgPool2D(), nn.Dense(10),
    )  # fmt: skip


def depthwise() -> nn.HybridSequential:
    return sequential(
        nn.Conv2D(16, 3, strides=2, use_bias=False), nn.BatchNorm(), nn.Activation("relu"),
        nn.Conv2D(16, 3, padding=1, groups=16, use_bias=False), nn.BatchNorm(),
        nn.Activation("relu"), nn.Conv2D(24, 1), nn.GlobalAvgPool2D(), nn.Dense(10),
    )  # fmt: skip


def transformer() -> nn.HybridSequential:
    return sequential(nn.Dense(32, flatten=False), Attention(32, 4), Attention(32, 4), nn.Dense(10))


NETWORKS = {
    "mlp": lambda: sequential(nn.Dense(32, activation="relu"), nn.Dense(10)),
    "residual v1": lambda: residual(before=False),
    "residual v2": lambda: residual(before=True),
    "depthwise": depthwise,
    "transformer": transformer,
    "recurrent": Recurrent,
}
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(96, 3, 12, 12)).astype(np.float32)
SEQUENCES = RNG.normal(size=(96, 7, 9)).astype(np.float32)
WORDS = RNG.integers(0, 50, (96, 11)).astype(np.int32)


def made(name: str) -> tuple[Any, Array]:
    """An initialized network, and data for it."""
    return initialized(NETWORKS[name]()), {"transformer": SEQUENCES, "recurrent": WORDS}.get(
        name, IMAGES
    )


def initialized(net: Any, seed: int = 0) -> Any:
    mx.random.seed(seed)
    net.initialize(mx.init.Xavier(magnitude=4))
    return net


def outputs(net: Any, x: Array) -> Array:
    """What a network gives, by op-by-op evaluation."""
    return np.asarray(net(mx.np.array(x)).asnumpy())
