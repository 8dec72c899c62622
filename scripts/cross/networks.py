"""Small networks that together use most kernel families."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

import baryon as mx
from baryon.importers.onnx import import_onnx
from baryon.ir import Array, Module
from benchmark.networks.convolutional import mobilenet_v2, resnet50
from benchmark.networks.feeds import Port, feeds
from benchmark.networks.recurrent import lstm_lm
from benchmark.networks.transformer import Size, bert_base, vit_s16

Network = tuple[Module, list[Array]]
"""A module before any pass, and inputs for it."""

_INTEGERS = {"ids": 11, "segments": 2, "valid": 2}
_WRITERS = {
    "resnet": partial(resnet50, size=32, stages=((1, 8), (1, 8)), classes=5),
    "mobilenet": partial(mobilenet_v2, size=32, stages=((1, 8, 1, 1), (3, 8, 2, 2)), classes=5),
    "vit": partial(vit_s16, size=Size(16, 2, 1, 5), patch=4, classes=5),
    "bert": partial(bert_base, size=Size(16, 2, 1, 6), vocabulary=11),
    "lstm": partial(lstm_lm, tokens=4, width=8, vocabulary=11),
}


def imported(module: Module) -> Network:
    """A module with inputs that are the same in every run."""
    ports = [
        Port(v.name, tuple(int(str(d)) for d in v.type.shape), v.type.dtype.numpy.name)
        for v in module.main.inputs
    ]
    given = feeds(ports, _INTEGERS)
    return module, [given[port.name] for port in ports]


def mlp() -> Network:
    """Three dense layers, with activations that are arithmetic."""
    rng = np.random.default_rng(0)
    weights = [
        mx.np.array(rng.standard_normal(shape).astype(np.float32) / 8)
        for shape in ((64, 50), (50, 30), (30, 10))
    ]

    def net(x: mx.np.ndarray) -> mx.np.ndarray:
        x = mx.np.tanh(mx.np.dot(x, weights[0]))
        x = mx.npx.relu(mx.np.dot(x, weights[1]) + 0.25)
        return mx.npx.softmax(mx.np.dot(x, weights[2]))

    x = rng.standard_normal((7, 64)).astype(np.float32)
    return mx.trace(net, mx.np.array(x)), [x]


def _written(name: str) -> Network:
    return imported(import_onnx(_WRITERS[name](1)))


NETWORKS: dict[str, Callable[[], Network]] = {
    "mlp": mlp,
    **{name: partial(_written, name) for name in _WRITERS},
}
