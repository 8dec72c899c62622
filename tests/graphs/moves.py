"""Steps that move, join and fold elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.ir import Value, i64
from baryon.ops.shapes import write_shape
from graphs.growth import Graph, Skip, at_least, fixed, static, width


def reshape(g: Graph) -> Any:
    """Axes merged, split, or in another order of sizes."""
    x = g.pick(at_least(1), lambda v: fixed(v, *range(1, v.type.rank)))
    shape = list(x.type.shape)
    kind = g.choice(("merge", "split", "flat", "swap"))
    if kind == "merge" and len(shape) > 2:
        at = g.rng.randrange(1, len(shape) - 1)
        shape[at : at + 2] = [shape[at] * shape[at + 1]]
    elif kind == "split":
        at = g.rng.randrange(len(shape))
        parts = [d for d in (2, 3, 4, 5) if isinstance(shape[at], int) and int(shape[at]) % d == 0]  # type: ignore[arg-type]
        if not parts or len(shape) > 4:
            raise Skip
        part = g.choice(parts)
        shape[at : at + 1] = [part, int(shape[at]) // part]  # type: ignore[arg-type]
    elif kind == "swap" and len(shape) > 2:
        shape[-2:] = shape[:-3:-1]
    else:
        out: Value = g.o.np.reshape(x, newshape=(-1, *write_shape(shape[-1:])))
        return out
    return g.o.np.reshape(x, newshape=write_shape(shape))


def transpose(g: Graph) -> Any:
    """Axes in another order; at times and back."""
    x = g.pick(at_least(2))
    axes = list(range(x.type.rank))
    movable = axes if static(x) else axes[1:]
    axes[-len(movable) :] = g.rng.sample(movable, len(movable))
    y: Value = g.o.np.transpose(x, axes=tuple(axes))
    if g.chance(0.3):
        y = g.o.np.transpose(g.o.np.tanh(y), axes=tuple(np.argsort(axes).tolist()))
    return y


def concatenate(g: Graph) -> Any:
    """Values joined along an axis."""
    x = g.pick(at_least(1))
    axis = g.rng.randrange(x.type.rank)
    width(x, axis)  # kernels do not join along a symbolic axis
    fits = [v for v in g.pool if v.type.dtype is x.type.dtype and _agree(v, x, axis)]
    parts = [x, *(g.choice(fits) for _ in range(g.rng.randint(1, 3)))]
    g.rng.shuffle(parts)
    out: Value = g.o.np.concatenate(parts, axis=axis)
    return out


def _agree(a: Value, b: Value, axis: int) -> bool:
    return a.type.rank == b.type.rank and all(
        m == n or i == axis for i, (m, n) in enumerate(zip(a.type.shape, b.type.shape, strict=True))
    )


def stack(g: Graph) -> Any:
    """Values of one shape along a new axis."""
    x = g.pick(lambda v: v.type.rank < 4)
    others = [v for v in g.pool if v.type == x.type]
    out: Value = g.o.np.stack([x, g.choice(others)], axis=g.rng.randint(0, x.type.rank))
    return out


def split(g: Graph) -> Any:
    """Parts along an axis, one of which is worked on."""
    x = g.pick(at_least(1))
    axis = g.rng.randrange(x.type.rank)
    size = width(x, axis)
    if size < 2:
        raise Skip
    equal = [p for p in (2, 3, 4) if size % p == 0]
    cuts = tuple(sorted(g.rng.sample(range(1, size), min(2, size - 1))))
    parts = g.o.np.split(x, g.choice(equal) if equal and g.chance(0.6) else cuts, axis=axis)
    if g.chance(0.5):
        changed = [g.o.npx.relu(parts[0]), *parts[1:]]
        g.rng.shuffle(changed)
        return (g.o.np.concatenate(changed, axis=axis),)
    return parts


def cut(g: Graph) -> Any:
    """A slice, with steps and from behind too."""
    x = g.pick(at_least(1))
    begin, end, step = [], [], []
    for dim in x.type.shape:
        whole = not isinstance(dim, int) or dim < 2 or g.chance(0.4)
        first = 0 if whole else g.rng.randrange(int(dim) - 1)  # type: ignore[arg-type]
        begin.append(first)
        end.append(2**63 - 1 if whole else g.rng.randint(first + 1, int(dim)))  # type: ignore[arg-type]
        step.append(1 if whole else g.choice((1, 1, 2, 3)))
    steps = tuple(step) if g.chance(0.5) else ()
    out: Value = g.o.npx.slice(x, begin=tuple(begin), end=tuple(end), step=steps)
    return out


def pad(g: Graph) -> Any:
    """More elements around."""
    x = g.pick(at_least(1))
    mode = g.choice(("constant", "constant", "edge", "reflect"))
    widths = [g.rng.randint(0, 2) if isinstance(d, int) and d > 2 else 0
              for d in x.type.shape for _ in "ab"]  # fmt: skip
    out: Value = g.o.np.pad(x, pad_width=tuple(widths), mode=mode)
    return out


def axes_of_one(g: Graph) -> Any:
    """An axis put in or taken out, or elements repeated."""
    x = g.pick(lambda v: v.type.rank < 5)
    kind = g.choice(("in", "out", "repeat", "flip"))
    if kind == "in":
        return g.o.np.expand_dims(x, axis=g.rng.randint(0, x.type.rank))
    if kind == "flip" and x.type.rank:
        axis = g.rng.randrange(x.type.rank)
        width(x, axis)
        return g.o.np.flip(x, axis=(axis,))
    ones = [a for a, d in enumerate(x.type.shape) if d == 1]
    if not ones:
        raise Skip
    at = g.choice(ones)
    if kind == "out":
        return g.o.np.squeeze(x, axis=(at,))
    shape = [g.size(17) if a == at else d for a, d in enumerate(x.type.shape)]
    out: Value = g.o.np.broadcast_to(x, shape=write_shape(shape))
    return out


def gather(g: Graph) -> Any:
    """Elements at whole numbers: constants or arguments."""
    x = g.pick(at_least(1))
    axis = g.rng.randrange(x.type.rank)
    size = width(x, axis)
    shape = g.choice(((), (3,), (2, 2), (7,)))
    if g.chance(0.5):
        index = g.builder.constant(np.asarray(g.data.integers(0, size, shape)), "i")
    else:
        index = g.input(shape, i64, high=size)
    out: Value = g.o.np.take(x, index, axis=axis, mode=g.choice(("clip", "wrap", "raise")))
    return out


def one_hot(g: Graph) -> Any:
    """Numbers as vectors."""
    index = g.input((g.size(9),), i64, high=6)
    out: Value = g.o.npx.one_hot(index, depth=g.choice((5, 6, 8)))
    return out


FOLDS = ("sum", "mean", "mean", "max", "min", "var", "std", "prod")


def fold(g: Graph) -> Any:
    """A reduction over any axes."""
    x = g.pick(at_least(1))
    axes: tuple[int, ...] | None = tuple(a for a in range(x.type.rank) if g.chance(0.5))
    axes = g.choice(((-1,), axes, axes, None))
    if (axes is not None and (not axes or not fixed(x, *axes))) or (axes is None and not static(x)):
        raise Skip
    name = g.choice(FOLDS)
    if name == "std" and not g.varies(x, axes):
        name = "var"
    if name == "prod":
        x = g.o.np.add(g.o.np.multiply(g.o.np.tanh(x), 0.02), 1.0)
    out: Value = getattr(g.o.np, name)(x, axis=axes, keepdims=g.chance(0.5))
    if name == "sum":
        count = max(1.0, g.known(x).size / max(1, g.known(out).size))
        out = g.o.np.multiply(out, count**-0.5)
    return out


def running_sum(g: Graph) -> Any:
    """Sums up to each element."""
    x = g.pick(at_least(1), lambda v: fixed(v, -1))
    out: Value = g.o.np.multiply(g.o.np.cumsum(x, axis=-1), width(x) ** -0.5)
    return out


def position(g: Graph) -> Any:
    """Where the largest is, among arguments of the graph."""
    x = g.pick(at_least(1), lambda v: v.op is None and fixed(v, -1))
    out: Value = getattr(g.o.np, g.choice(("argmax", "argmin")))(x, axis=-1)
    return out


STEPS: Sequence[tuple[float, Any]] = (
    (1.2, reshape), (1.2, transpose), (1.5, concatenate), (0.4, stack), (1, split), (1, cut),
    (0.6, pad), (1, axes_of_one), (0.6, gather), (0.1, one_hot), (1.5, fold), (0.2, running_sum),
    (0.2, position),
)  # fmt: skip
