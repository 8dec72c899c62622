"""Small networks as a user writes them: plain functions over mx.np and mx.npx, weights captured."""

from __future__ import annotations

from collections.abc import Callable

import numpy

import baryon as mx
from baryon.array import ndarray

Net = Callable[[ndarray], ndarray]


class Weights:
    """Random weights, the same for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = numpy.random.default_rng(seed)

    def __call__(self, *shape: int) -> ndarray:
        fan_in = int(numpy.prod(shape[1:])) or 1
        return mx.np.array(self._rng.normal(0, fan_in**-0.5, shape))

    def positive(self, *shape: int) -> ndarray:
        return mx.np.array(self._rng.uniform(0.5, 1.5, shape))


def mlp(features: int = 20, hidden: int = 16, classes: int = 5) -> Net:
    new = Weights()
    w1, b1, w2, b2 = new(hidden, features), new(hidden), new(classes, hidden), new(classes)

    def f(x: ndarray) -> ndarray:
        h = mx.npx.relu(mx.npx.fully_connected(x, w1, b1, num_hidden=hidden, no_bias=False))
        return mx.npx.softmax(mx.np.dot(h, w2.T) + b2)

    return f


def lenet(classes: int = 10) -> Net:
    new = Weights()
    conv1, bias1 = new(6, 1, 5, 5), new(6)
    conv2, bias2 = new(16, 6, 5, 5), new(16)
    fc1, fc2 = new(32, 16 * 4 * 4), new(classes, 32)

    def f(x: ndarray) -> ndarray:
        x = mx.npx.convolution(x, conv1, bias1, kernel=(5, 5), num_filter=6)
        x = mx.npx.pooling(mx.np.tanh(x), kernel=(2, 2), stride=(2, 2), pool_type="max")
        x = mx.npx.convolution(x, conv2, bias2, kernel=(5, 5), num_filter=16)
        x = mx.npx.pooling(mx.np.tanh(x), kernel=(2, 2), stride=(2, 2), pool_type="avg")
        x = x.reshape(-2, -1)
        x = mx.npx.activation(mx.npx.fully_connected(x, fc1), "sigmoid")
        return mx.npx.log_softmax(mx.npx.fully_connected(x, fc2), axis=-1)

    return f


def _batch_norm(new: Weights, channels: int) -> Net:
    gamma, beta = new.positive(channels), new(channels)
    mean, var = new(channels), new.positive(channels)
    return lambda x: mx.npx.batch_norm(x, gamma, beta, mean, var, fix_gamma=False)


def _conv(new: Weights, inputs: int, outputs: int, size: int, stride: int) -> Net:
    weight = new(outputs, inputs, size, size)
    return lambda x: mx.npx.convolution(
        x, weight, kernel=(size, size), stride=(stride, stride), pad=(size // 2, size // 2),
        num_filter=outputs, no_bias=True,
    )  # fmt: skip


def _block(new: Weights, inputs: int, outputs: int, stride: int) -> Net:
    first, norm1 = _conv(new, inputs, outputs, 3, stride), _batch_norm(new, outputs)
    second, norm2 = _conv(new, outputs, outputs, 3, 1), _batch_norm(new, outputs)
    shortcut = _conv(new, inputs, outputs, 1, stride) if inputs != outputs else None

    def f(x: ndarray) -> ndarray:
        y = norm2(second(mx.npx.relu(norm1(first(x)))))
        return mx.npx.relu(y + (shortcut(x) if shortcut else x))

    return f


def resnet(classes: int = 10) -> Net:
    new = Weights()
    stem, norm = _conv(new, 3, 8, 3, 1), _batch_norm(new, 8)
    blocks = [_block(new, 8, 8, 1), _block(new, 8, 16, 2), _block(new, 16, 32, 2)]
    head = new(classes, 32)

    def f(x: ndarray) -> ndarray:
        x = mx.npx.relu(norm(stem(x)))
        for block in blocks:
            x = block(x)
        x = mx.npx.pooling(x, global_pool=True, pool_type="avg")
        return mx.npx.softmax(mx.npx.fully_connected(x, head))

    return f
