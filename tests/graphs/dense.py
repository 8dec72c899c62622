"""Steps on vectors, matrices and sequences: products, normalization, softmax, attention, cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.ir import Value, i32, i64
from graphs.elementwise import activation
from graphs.growth import Graph, Skip, at_least, fixed, rank, static, width


def projected(g: Graph, x: Value, size: int = 0) -> Any:
    """The last axis through a layer, in one of the ways to write it."""
    inner, size = width(x), size or g.size()
    scale = 1.4 * inner**-0.5
    if g.chance(0.5):
        weight = g.constant(size, inner, scale=scale)
        bias = g.constant(size) if g.chance(0.6) else None
        out: Value = g.o.npx.fully_connected(x, weight, bias, flatten=False)
        return out
    if g.chance(0.3):
        weight = g.o.np.transpose(g.constant(size, inner, scale=scale))
    else:
        weight = g.constant(inner, size, scale=scale)
    out = g.o.np.matmul(x, weight)
    return g.o.np.add(out, g.constant(size)) if g.chance(0.6) else out


def dense(g: Graph) -> Any:
    """A layer with what follows it."""
    x = g.pick(at_least(2), lambda v: fixed(v, -1))
    y = projected(g, x)
    if g.chance(0.6):
        y = activation(g, y)
    if y.type == x.type and g.chance(0.5):
        y = g.o.np.add(x, y)
    return y


def flattened(g: Graph) -> Any:
    """A layer over all features of each example."""
    x = g.pick(at_least(3), lambda v: fixed(v, *range(1, v.type.rank)))
    features = int(np.prod(g.shape(x)[1:]))
    if features > 2_000:
        raise Skip
    size = g.size(33)
    weight = g.constant(size, features, scale=1.4 * features**-0.5)
    out: Value = g.o.npx.fully_connected(x, weight, g.constant(size), num_hidden=size)
    return out


def product(g: Graph) -> Any:
    """Two values of the graph as matrices."""
    a = g.pick(at_least(2), lambda v: fixed(v, -1))
    inner = width(a)
    b = g.pick(at_least(2), lambda v: inner in v.type.shape[-2:] and fixed(v, -1, -2))
    if b.type.shape[-2] != inner:
        b = swapped(g, b)
    out: Value = g.o.np.multiply(g.o.np.matmul(a, b), inner**-0.5)
    return out


def swapped(g: Graph, x: Value) -> Any:
    """The last two axes exchanged."""
    front = tuple(range(x.type.rank - 2))
    out: Value = g.o.np.transpose(x, axes=(*front, x.type.rank - 1, x.type.rank - 2))
    return out


def batch_dot(g: Graph) -> Any:
    """Stacks of matrices, either transposed."""
    a = g.pick(rank(3), static)
    batch, m, k = g.shape(a)
    first, second = g.chance(0.5), g.chance(0.5)
    if first:
        m, k = k, m
    n = g.size(33)
    b = g.constant(batch, *((n, k) if second else (k, n)), scale=k**-0.5)
    out: Value = g.o.npx.batch_dot(a, b, transpose_a=first, transpose_b=second)
    return out


def vector_product(g: Graph) -> Any:
    """A matrix or a stack of them times a vector."""
    x = g.pick(at_least(1), lambda v: fixed(v, -1))
    k = width(x)
    out: Value = g.o.np.matmul(x, g.constant(k, scale=k**-0.5))
    return out


def layer_norm(g: Graph) -> Any:
    """Layer normalization by its op or spelled out."""
    x = g.pick(at_least(2), lambda v: fixed(v, -1) and g.varies(v, -1))
    c = width(x)
    gamma, beta, eps = g.constant(c), g.constant(c), g.choice((1e-5, 1e-12, 1e-3))
    if g.chance(0.4):
        out: Value = g.o.npx.layer_norm(x, gamma, beta, eps=eps)
        return out
    o = g.o.np
    mean = o.mean(x, axis=(-1,), keepdims=True)
    centred = o.subtract(x, mean)
    squares = o.power(centred, 2.0) if g.chance(0.5) else o.multiply(centred, centred)
    spread = o.add(o.mean(squares, axis=(-1,), keepdims=True), eps)
    if g.chance(0.5):
        y = o.divide(centred, o.sqrt(spread))
    else:
        y = o.multiply(centred, g.o.npx.rsqrt(spread))
    return o.add(o.multiply(y, gamma), beta)


def rms_norm(g: Graph) -> Any:
    """x over the root of its mean square, times a vector."""
    x = g.pick(at_least(2), lambda v: fixed(v, -1))
    mean = g.o.np.mean(g.o.np.square(x), axis=(-1,), keepdims=True)
    root = g.o.npx.rsqrt(g.o.np.add(mean, g.choice((1e-3, 0.1))))
    out: Value = g.o.np.multiply(g.o.np.multiply(x, root), g.constant(width(x)))
    return out


def softmax(g: Graph) -> Any:
    """Softmax or its logarithm along any axis."""
    x = g.pick(at_least(1))
    axis = g.rng.randrange(x.type.rank)
    if not fixed(x, axis) or g.chance(0.6):
        axis = -1
    width(x, axis)
    name = g.choice(("softmax", "softmax", "log_softmax"))
    out: Value = getattr(g.o.npx, name)(x, axis=axis, temperature=g.choice((None, None, 0.5, 2.0)))
    return out


def spelled_softmax(g: Graph) -> Any:
    """exp(x - max) over its sum."""
    x = g.pick(at_least(1), lambda v: fixed(v, -1))
    o = g.o.np
    e = o.exp(o.subtract(x, o.max(x, axis=(-1,), keepdims=True)))
    out: Value = o.divide(e, o.sum(e, axis=(-1,), keepdims=True))
    return out


def attention(g: Graph) -> Any:
    """Heads of queries, keys and values of one sequence or two."""
    x = g.pick(rank(3), lambda v: fixed(v, 1, 2))
    other = x if g.chance(0.7) else g.pick(
        rank(3), lambda v: v.type.shape[0] == x.type.shape[0] and fixed(v, 1, 2)
    )  # fmt: skip
    heads, size = g.choice((1, 2, 3)), g.choice((1, 4, 8, 16))
    q, k, v = (heads_of(g, projected(g, s, heads * size), heads, size) for s in (x, other, other))
    scores = g.o.np.matmul(q, swapped(g, k))
    scores = g.o.np.multiply(scores, size**-0.5)
    if g.chance(0.4):
        scores = g.o.np.add(scores, mask(g, width(x, 1), width(other, 1)))
    mixed = g.o.np.matmul(g.o.npx.softmax(scores, axis=-1), v)
    joined = g.o.np.transpose(mixed, axes=(0, 2, 1, 3))
    y: Value = g.o.np.reshape(joined, newshape=(-2, -2, heads * size))
    return projected(g, y, width(x)) if g.chance(0.5) else y


def heads_of(g: Graph, x: Value, heads: int, size: int) -> Any:
    """(N, T, heads * size) as (N, heads, T, size)."""
    split = g.o.np.reshape(x, newshape=(-2, -2, heads, size))
    out: Value = g.o.np.transpose(split, axes=(0, 2, 1, 3))
    return out


def mask(g: Graph, rows: int, columns: int) -> Any:
    """Zeros and large negative numbers; no row is without a zero."""
    hidden = np.triu(np.ones((rows, columns)), 1) * (np.arange(columns) > 0)
    return g.builder.constant((hidden * -1e4).astype(np.float32), "mask")


def embedding(g: Graph) -> Any:
    """Rows of a table by index, and those of positions."""
    words, size = g.choice((5, 17, 33)), g.size(65)
    batch = g.batch()
    length = g.size(17)
    index = g.input((batch, length), g.choice((i32, i64)), high=words)
    out: Value = g.o.np.take(g.constant(words, size), index, axis=0)
    return g.o.np.add(out, g.constant(length, size)) if g.chance(0.5) else out


def cell(g: Graph) -> Any:
    """A step of an LSTM: four gates of one product each, or of a split."""
    x = g.pick(rank(2), lambda v: fixed(v, 1))
    size = g.size(33)
    state = projected(g, x, size)
    sums = g.o.np.add(projected(g, x, 4 * size), projected(g, state, 4 * size))
    i, f, c, o = g.o.np.split(sums, 4, axis=1)
    s = g.o.npx.sigmoid
    new = g.o.np.add(g.o.np.multiply(s(f), state), g.o.np.multiply(s(i), g.o.np.tanh(c)))
    return new, g.o.np.multiply(s(o), g.o.np.tanh(new))


STEPS: Sequence[tuple[float, Any]] = (
    (3, dense), (1, flattened), (1.5, product), (1, batch_dot), (0.7, vector_product),
    (2, layer_norm), (1, rms_norm), (1.5, softmax), (0.7, spelled_softmax), (1.5, attention),
    (1, embedding), (0.7, cell),
)  # fmt: skip
