"""ViT-S/16 (Dosovitskiy et al., arXiv:2010.11929) and BERT base (Devlin et al., arXiv:1810.04805).

Attention and GELU are spelled out as exporters write them: one projection to queries, keys and
values, permuted and split; GELU by Erf. What recognizes them has to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from benchmark.networks.graph import Graph


@dataclass(frozen=True)
class Size:
    """Sizes of an encoder. tokens: the length of the sequence."""

    width: int
    heads: int
    layers: int
    tokens: int


VIT_S16 = Size(384, 6, 12, 197)
BERT_BASE = Size(768, 12, 12, 128)


class Encoder(Graph):
    """A graph of encoder layers over x[batch, tokens, width]."""

    def __init__(self, name: str, batch: int, size: Size) -> None:
        super().__init__(name)
        self.batch, self.size = batch, size

    def normalized(self, x: str) -> str:
        """Layer normalization over the width."""
        scale = self.uniform(0.5, 1.5, self.size.width)
        bias = self.normal(self.size.width, scale=0.1)
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)

    def attention(self, x: str, mask: str | None = None) -> str:
        """Self-attention. mask: added to the scores before their softmax."""
        batch, size = self.batch, self.size
        each = size.width // size.heads
        shape = self.integers(batch, size.tokens, 3, size.heads, each)
        qkv = self.op("Reshape", self.linear(x, size.width, 3 * size.width), shape)
        qkv = self.op("Transpose", qkv, perm=[2, 0, 3, 1, 4])
        parts = self.ops("Split", 3, qkv, self.integers(1, 1, 1), axis=0)
        q, k, v = (self.op("Squeeze", part, self.integers(0)) for part in parts)
        scores = self.op("MatMul", q, self.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = self.op("Mul", scores, self.scalar(each**-0.5))
        if mask is not None:
            scores = self.op("Add", scores, mask)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        mixed = self.op("Transpose", mixed, perm=[0, 2, 1, 3])
        joined = self.op("Reshape", mixed, self.integers(batch, size.tokens, size.width))
        return self.linear(joined, size.width, size.width)

    def feed_forward(self, x: str) -> str:
        """Two layers with GELU between."""
        width = self.size.width
        hidden = self.linear(x, width, 4 * width)
        erf = self.op("Erf", self.op("Div", hidden, self.scalar(float(np.sqrt(2)))))
        gelu = self.op("Mul", hidden, self.op("Add", erf, self.scalar(1)))
        return self.linear(self.op("Mul", gelu, self.scalar(0.5)), 4 * width, width)

    def first_token(self, x: str) -> str:
        """x[:, 0]."""
        return self.op("Gather", x, self.constant(np.array(0, np.int64)), axis=1)


def vit_s16(
    batch: int, size: Size = VIT_S16, patch: int = 16, classes: int = 1000
) -> onnx.ModelProto:
    """A vision transformer that normalizes before each part. patch: pixels of its side."""
    g, width = Encoder("vit_s16", batch, size), size.width
    side = round((size.tokens - 1) ** 0.5)
    image = g.input("image", (batch, 3, side * patch, side * patch))
    bound = (3 * patch * patch) ** -0.5
    weight, bias = g.uniform(-bound, bound, width, 3, patch, patch), g.uniform(-bound, bound, width)
    x = g.op("Conv", image, weight, bias, kernel_shape=[patch] * 2, strides=[patch] * 2)
    x = g.op("Transpose", g.op("Reshape", x, g.integers(batch, width, -1)), perm=[0, 2, 1])
    token = g.op("Expand", g.normal(1, 1, width, scale=0.02), g.integers(batch, 1, width))
    position = g.normal(1, size.tokens, width, scale=0.02)
    x = g.op("Add", g.op("Concat", token, x, axis=1), position)
    for _ in range(size.layers):
        x = g.op("Add", x, g.attention(g.normalized(x)))
        x = g.op("Add", x, g.feed_forward(g.normalized(x)))
    scores = g.classifier(g.first_token(g.normalized(x)), width, classes)
    return g.model(scores=(scores, (batch, classes)))


def bert_base(batch: int, size: Size = BERT_BASE, vocabulary: int = 30522) -> onnx.ModelProto:
    """BERT with its pooler: inputs ids, segments (0 or 1) and valid (1 for real tokens)."""
    g, width = Encoder("bert_base", batch, size), size.width
    shape = (batch, size.tokens)
    ids, segments, valid = (g.input(n, shape, TensorProto.INT64) for n in BERT_INPUTS)
    word = g.op("Gather", g.normal(vocabulary, width), ids)
    x = g.op("Add", word, g.op("Gather", g.normal(2, width), segments))
    x = g.normalized(g.op("Add", x, g.normal(1, size.tokens, width)))
    mask = _mask(g, valid)
    for _ in range(size.layers):
        x = g.normalized(g.op("Add", x, g.attention(x, mask)))
        x = g.normalized(g.op("Add", x, g.feed_forward(x)))
    pooled = g.op("Tanh", g.classifier(g.first_token(x), width, width))
    return g.model(hidden=(x, (batch, size.tokens, width)), pooled=(pooled, (batch, width)))


BERT_INPUTS = ("ids", "segments", "valid")


def _mask(g: Encoder, valid: str) -> str:
    """-10000 for tokens that are not valid, as [batch, 1, 1, tokens]."""
    spread = g.op("Unsqueeze", g.op("Unsqueeze", valid, g.integers(1)), g.integers(2))
    invalid = g.op("Sub", g.scalar(1), g.op("Cast", spread, to=TensorProto.FLOAT))
    return g.op("Mul", invalid, g.scalar(-10000))
