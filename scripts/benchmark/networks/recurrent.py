"""A language model of two LSTM layers, of the kind of Zaremba et al. (arXiv:1409.2329)."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from benchmark.networks.graph import Graph


def lstm_lm(
    batch: int, tokens: int = 35, width: int = 512, vocabulary: int = 10000
) -> onnx.ModelProto:
    """Scores of the next word after each of `tokens` words. Input: ids[batch, tokens]."""
    g = Graph("lstm_lm")
    ids = g.input("ids", (batch, tokens), TensorProto.INT64)
    x = g.op("Gather", g.normal(vocabulary, width), ids)
    x = g.op("Transpose", x, perm=[1, 0, 2])  # ONNX's LSTM takes time first
    for _ in range(2):
        x = _layer(g, x, batch, width)
    x = g.op("Transpose", x, perm=[1, 0, 2])
    scores = g.linear(x, width, vocabulary)
    return g.model(scores=(scores, (batch, tokens, vocabulary)))


def _layer(g: Graph, x: str, batch: int, width: int) -> str:
    """One direction with zero state at the start, as an exporter writes it."""
    bound = width**-0.5
    w, r = (g.uniform(-bound, bound, 1, 4 * width, width) for _ in range(2))
    bias = g.uniform(-bound, bound, 1, 8 * width)
    h, c = (_zeros(g, batch, width) for _ in range(2))
    y, _, _ = g.ops("LSTM", 3, x, w, r, bias, "", h, c, hidden_size=width)
    return g.op("Squeeze", y, g.integers(1))


def _zeros(g: Graph, batch: int, width: int) -> str:
    start = g.constant(np.zeros((1, 1, width), np.float32))
    return g.op("Expand", start, g.integers(1, batch, width))
