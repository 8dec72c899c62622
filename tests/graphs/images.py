"""Steps on (N, C, ...) images: convolution, pooling, normalization, and blocks of networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon.ir import Value
from graphs.elementwise import activation
from graphs.growth import Graph, Skip, rank, width

WINDOWS = ((1, 1), (1, 1), (3, 3), (3, 3), (3, 3), (5, 5), (2, 2), (1, 3), (7, 1), (4, 3))


def image(g: Graph) -> Any:
    """A value to convolve."""
    return g.pick(rank(4))


def window(g: Graph, x: Value) -> dict[str, Any]:
    """kernel, stride, dilate and pad that fit the image."""
    kernel = g.choice(WINDOWS)
    dilate = (1, 1) if g.chance(0.8) else g.choice(((2, 2), (1, 2), (3, 1)))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilate, strict=True)]
    pads = [(r // 2,) * 2 if g.chance(0.7) else (g.rng.randint(0, 2), g.rng.randint(0, 2))
            for r in reach]  # fmt: skip
    for size, r, pad in zip(g.shape(x)[2:], reach, pads, strict=True):
        if size + sum(pad) < r:
            raise Skip
    made = {"kernel": kernel, "dilate": dilate, "pad": tuple(p[i] for i in (0, 1) for p in pads)}
    return made | {"stride": g.choice(((1, 1), (1, 1), (1, 1), (2, 2), (2, 1), (3, 2)))}


def convolved(g: Graph, x: Value, filters: int = 0, group: int = 0, **given: Any) -> Any:
    """A convolution with weights that keep the magnitude. given: in place of a random window."""
    channels = width(x, 1)
    divisors = [d for d in (1, 2, 3, 4, 8, channels) if channels % d == 0]
    group = group or (1 if g.chance(0.6) else g.choice(divisors))
    per_group = max(1, (filters or g.size(64)) // group)
    attrs = given or window(g, x)
    taps = channels // group * attrs["kernel"][0] * attrs["kernel"][1]
    weight = g.constant(group * per_group, channels // group, *attrs["kernel"],
                        scale=1.4 * taps**-0.5)  # fmt: skip
    bias = g.constant(group * per_group) if g.chance(0.5) else None
    out: Value = g.o.npx.convolution(x, weight, bias, num_group=group, **attrs)
    return out


def convolution(g: Graph) -> Any:
    """Any convolution."""
    return convolved(g, image(g))


def depthwise(g: Graph) -> Any:
    """One filter, or two, for each channel."""
    x = image(g)
    channels = width(x, 1)
    return convolved(g, x, channels * g.choice((1, 1, 2)), channels)


def block(g: Graph) -> Any:
    """Convolution, normalization, residual sum and activation, in parts that a network has."""
    x = image(g)
    plain: dict[str, Any] = (
        {"kernel": (3, 3), "pad": (1, 1)} if g.chance(0.7) else {"kernel": (1, 1)}
    )
    y = convolved(g, x, width(x, 1), **plain) if g.chance(0.5) else convolved(g, x)
    if g.chance(0.7):
        y = normalized(g, y)
    if g.chance(0.4):
        others = [v for v in g.pool if v.type == y.type]
        y = g.o.np.add(y, g.choice(others)) if others else y
    return activation(g, y) if g.chance(0.8) else y


def normalized(g: Graph, x: Value) -> Any:
    """Batch normalization in its inference form."""
    axis = 1 if x.type.rank > 1 else -1
    c = width(x, axis)
    vectors = g.constant(c), g.constant(c), g.constant(c), g.positive(c)
    out: Value = g.o.npx.batch_norm(
        x, *vectors, fix_gamma=g.chance(0.3), axis=axis, eps=g.choice((1e-3, 1e-5, 0.1))
    )
    return out


def batch_norm(g: Graph) -> Any:
    """Batch normalization of anything."""
    return normalized(g, g.pick(rank(2, 3, 4)))


def deconvolution(g: Graph) -> Any:
    """A transposed convolution."""
    x = image(g)
    channels, group = width(x, 1), 1
    if channels % 2 == 0 and g.chance(0.3):
        group = 2
    kernel, stride = g.choice(((2, 2), (3, 3), (4, 4))), g.choice(((1, 1), (2, 2), (2, 1)))
    filters = g.size(33)
    weight = g.constant(channels, filters, *kernel,
                        scale=1.4 * (channels / group * kernel[0]) ** -0.5)  # fmt: skip
    pad = g.choice(((0, 0), (1, 1), (0, 1)))
    out: Value = g.o.npx.deconvolution(
        x, weight, kernel=kernel, stride=stride, pad=pad, num_group=group
    )
    if not all(g.shape(out)):
        raise Skip
    return out


def pooled(g: Graph, x: Value) -> Any:
    """Any pooling."""
    if g.chance(0.2):
        kind = g.choice(("avg", "max"))
        out: Value = g.o.npx.pooling(x, global_pool=True, pool_type=kind)
        return out
    kernel = g.choice(((2, 2), (3, 3), (3, 2), (1, 1), (5, 5)))
    pad = tuple(g.rng.randint(0, k // 2) for k in kernel)
    sizes = zip(g.shape(x)[2:], kernel, pad, strict=True)
    if any(size + 2 * p < k for size, k, p in sizes):
        raise Skip
    return g.o.npx.pooling(
        x, kernel=kernel, stride=g.choice(((1, 1), (2, 2), (3, 2))), pad=pad,
        pool_type=g.choice(("max", "max", "avg", "avg", "sum")), count_include_pad=g.chance(0.5),
        pooling_convention=g.choice(("valid", "valid", "full", "same")),
    )  # fmt: skip


def pooling(g: Graph) -> Any:
    """A pooling."""
    return pooled(g, image(g))


def local_response(g: Graph) -> Any:
    """LRN across channels."""
    out: Value = g.o.npx.lrn(image(g), nsize=g.choice((3, 5)), alpha=g.choice((1e-4, 0.1)))
    return out


def gate(g: Graph) -> Any:
    """Squeeze and excite."""
    x = image(g)
    pooled = g.o.npx.pooling(x, global_pool=True, pool_type="avg")
    if g.chance(0.6):
        pooled = g.o.npx.relu(convolved(g, pooled, kernel=(1, 1), group=1))
        pooled = convolved(g, pooled, width(x, 1), kernel=(1, 1), group=1)
    out: Value = g.o.np.multiply(x, g.o.npx.sigmoid(pooled))
    return out


def branches(g: Graph) -> Any:
    """Branches of one image, joined: inception, fire, dense blocks."""
    x = image(g)
    parts = [branch(g, x) for _ in range(g.rng.randint(1, 3))]
    if g.chance(0.5):
        parts.append(x)
    g.rng.shuffle(parts)
    out: Value = g.o.np.concatenate(parts, axis=1)
    return activation(g, out) if g.chance(0.3) else out


def branch(g: Graph, x: Value) -> Any:
    """Of the image's height and width."""
    kind = g.choice(("point", "window", "pool", "deep"))
    if kind == "pool":
        made: Value = g.o.npx.pooling(x, kernel=(3, 3), pad=(1, 1), pool_type="max")
        return made
    y = convolved(g, x, g.size(24), kernel=(1, 1), group=1)
    if kind == "deep":
        y = g.o.npx.relu(y)
    if kind != "point":
        y = convolved(g, y, g.size(24), kernel=(3, 3), pad=(1, 1))
    return activation(g, y) if g.chance(0.6) else y


def shuffle(g: Graph) -> Any:
    """Channels dealt out over groups."""
    x = image(g)
    channels, rows, columns = (width(x, axis) for axis in (1, 2, 3))
    groups = g.choice([d for d in (1, 2, 3, 4) if channels % d == 0])
    split = g.o.np.reshape(x, newshape=(-1, groups, channels // groups, rows, columns))
    dealt = g.o.np.transpose(split, axes=(0, 2, 1, 3, 4))
    out: Value = g.o.np.reshape(dealt, newshape=(-1, channels, rows, columns))
    return out


def spelled_group_norm(g: Graph) -> Any:
    """Group (or instance) normalization over reshaped groups."""
    x = image(g)
    channels, rows, columns = (width(x, axis) for axis in (1, 2, 3))
    groups = g.choice([d for d in (1, 2, 4, channels) if channels % d == 0])
    y = g.o.np.reshape(x, newshape=(-2, groups, -1))
    if not g.varies(y, -1):
        raise Skip
    centred = g.o.np.subtract(y, g.o.np.mean(y, axis=(2,), keepdims=True))
    spread = g.o.np.add(g.o.np.var(y, axis=(2,), keepdims=True), 1e-5)
    y = g.o.np.divide(centred, g.o.np.sqrt(spread))
    y = g.o.np.reshape(y, newshape=(-1, channels, rows, columns))
    y = g.o.np.multiply(y, g.constant(1, channels, 1, 1))
    out: Value = g.o.np.add(y, g.constant(1, channels, 1, 1))
    return out


def per_channel(g: Graph) -> Any:
    """A chain of products and sums with vectors of the channels."""
    x = image(g)
    c = width(x, 1)
    for _ in range(g.rng.randint(1, 3)):
        vector = g.constant(*g.choice(((c, 1, 1), (1, c, 1, 1), ())))
        x = getattr(g.o.np, g.choice(("add", "multiply", "subtract", "maximum")))(x, vector)
    return x


def line(g: Graph) -> Any:
    """A convolution or pooling over one axis."""
    x = g.pick(rank(3))
    channels, length = width(x, 1), g.shape(x)[2]
    k = g.choice((1, 3, 5))
    if length + 2 < k:
        raise Skip
    if g.chance(0.3):
        out: Value = g.o.npx.pooling(x, kernel=(k,), stride=(2,), pad=(k // 2,), pool_type="max")
        return out
    weight = g.constant(g.size(33), channels, k, scale=1.4 * (channels * k) ** -0.5)
    return g.o.npx.convolution(x, weight, kernel=(k,), pad=(1,), stride=(g.choice((1, 2)),))


STEPS: Sequence[tuple[float, Any]] = (
    (4, block), (3, convolution), (2, depthwise), (1, batch_norm), (0.7, deconvolution),
    (2, pooling), (0.3, local_response), (1, gate), (1.5, branches), (0.7, shuffle),
    (0.7, spelled_group_norm), (1.5, per_channel), (1, line),
)  # fmt: skip
