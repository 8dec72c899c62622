"""Steps that work element by element, and activations, also in their spelled-out forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from baryon.ir import Value, f64
from graphs.growth import Graph, Skip, is_real

SMOOTH = ("sigmoid", "silu", "softplus", "softsign", "erf", "elu", "gelu", "leaky_relu", "relu")


def spelled_gelu(g: Graph, x: Value) -> Any:
    """0.5 x (1 + erf(x / sqrt 2)), in several orders."""
    o = g.o.np
    inner = o.divide(x, math.sqrt(2)) if g.chance(0.5) else o.multiply(x, math.sqrt(0.5))
    share = o.add(g.o.npx.erf(inner), 1.0)
    if g.chance(0.5):
        return o.multiply(o.multiply(x, 0.5), share)
    return o.multiply(o.multiply(x, share), 0.5)


def spelled_tanh_gelu(g: Graph, x: Value) -> Any:
    """The approximation with tanh."""
    o = g.o.np
    cube = o.power(x, 3.0) if g.chance(0.5) else o.multiply(o.multiply(x, x), x)
    inner = o.multiply(o.add(x, o.multiply(cube, 0.044715)), math.sqrt(2 / math.pi))
    out: Value = o.multiply(o.multiply(x, 0.5), o.add(o.tanh(inner), 1.0))
    return out


def spelled_swish(g: Graph, x: Value) -> Any:
    """x sigmoid(x), by a name or by exp."""
    if g.chance(0.5):
        return g.o.np.multiply(g.o.npx.sigmoid(x), x)
    return g.o.np.divide(x, g.o.np.add(g.o.np.exp(g.o.np.negative(x)), 1.0))


def hard_swish(g: Graph, x: Value) -> Any:
    """x relu6(x + 3) / 6."""
    gate = g.o.np.clip(g.o.np.add(x, 3.0), a_min=0.0, a_max=6.0)
    out: Value = g.o.np.divide(g.o.np.multiply(x, gate), 6.0)
    return out


def hard_sigmoid(g: Graph, x: Value) -> Any:
    """0.2 x + 0.5 within 0 and 1."""
    out: Value = g.o.np.clip(g.o.np.add(g.o.np.multiply(x, 0.2), 0.5), a_min=0.0, a_max=1.0)
    return out


def mish(g: Graph, x: Value) -> Any:
    """x tanh(softplus(x))."""
    out: Value = g.o.np.multiply(x, g.o.np.tanh(g.o.npx.softplus(x)))
    return out


def relu_by_maximum(g: Graph, x: Value) -> Any:
    """maximum(x, 0), or where(x > 0, x, slope x)."""
    if g.chance(0.5):
        return g.o.np.maximum(x, 0.0)
    slope = g.choice((0.0, 0.1, 0.25))
    low = g.o.np.multiply(x, slope)
    out: Value = g.o.np.where(g.o.np.greater(x, 0.0), x, low)
    return out


def clipped(g: Graph, x: Value) -> Any:
    """clip with one bound or two."""
    low, high = g.choice(((0.0, 6.0), (-1.0, 1.0), (None, 0.5), (-0.25, None)))
    out: Value = g.o.np.clip(x, a_min=low, a_max=high)
    return out


SPELLED: Sequence[Callable[[Graph, Value], Any]] = (
    spelled_gelu, spelled_tanh_gelu, spelled_swish, hard_swish, hard_sigmoid, mish,
    relu_by_maximum, clipped,
)  # fmt: skip


def activation(g: Graph, x: Value) -> Any:
    """Any activation."""
    if g.chance(0.4):
        return g.choice(SPELLED)(g, x)
    if g.chance(0.1):
        return g.o.np.tanh(x)
    out: Value = getattr(g.o.npx, g.choice(SMOOTH))(x)
    return out


def activated(g: Graph) -> Any:
    """An activation of anything."""
    return activation(g, g.pick())


def _positive(g: Graph, x: Value) -> Any:
    """A value of 0.5 or more."""
    out: Value = g.o.np.add(g.o.np.square(x), g.choice((0.5, 1.0)))
    return out


UNARY: Sequence[Callable[[Graph, Value], Any]] = (
    lambda g, x: g.o.np.tanh(x),
    lambda g, x: g.o.np.sin(x),
    lambda g, x: g.o.np.cos(x),
    lambda g, x: g.o.np.arctan(x),
    lambda g, x: g.o.np.abs(x),
    lambda g, x: g.o.np.square(x),
    lambda g, x: g.o.np.negative(x),
    lambda g, x: g.o.np.exp(g.o.np.minimum(x, 1.5)),
    lambda g, x: g.o.np.expm1(g.o.np.clip(x, a_min=-3.0, a_max=1.0)),
    lambda g, x: g.o.np.log(_positive(g, x)),
    lambda g, x: g.o.np.log1p(g.o.np.abs(x)),
    lambda g, x: g.o.np.sqrt(_positive(g, x)),
    lambda g, x: g.o.npx.rsqrt(_positive(g, x)),
    lambda g, x: g.o.np.reciprocal(_positive(g, x)),
    lambda g, x: g.o.np.cbrt(_positive(g, x)),
    lambda g, x: g.o.np.power(_positive(g, x), g.choice((0.5, 2.0, -0.5, 1.7, 3.0))),
    lambda g, x: g.o.np.power(x, g.choice((2.0, 3.0, 1.0))),
    lambda g, x: g.o.npx.cast(x, dtype=x.type.dtype),
    lambda g, x: g.o.npx.smooth_l1(x),
)


def unary(g: Graph) -> Any:
    """One or some functions in a row."""
    x = g.pick()
    for _ in range(g.rng.randint(1, 3)):
        x = g.choice(UNARY)(g, x)
        if float(np.abs(g.known(x)).max(initial=0)) > 20:
            break
    return x


def binary(g: Graph) -> Any:
    """Two values of the graph that broadcast."""
    x = g.pick()
    y = g.pick(lambda v: broadcasts(g, x, v))
    name = g.choice(
        ("add", "add", "subtract", "multiply", "multiply", "maximum", "minimum", "divide")
    )
    if name == "divide":
        y = _positive(g, y)
    if name == "subtract" and x is y:
        raise Skip  # what is left is rounding
    pair = (x, y) if g.chance(0.5) or name == "divide" else (y, x)
    out: Value = getattr(g.o.np, name)(*pair)
    return out


def broadcasts(g: Graph, x: Value, y: Value) -> bool:
    """Whether two shapes broadcast, to a size that is not too large."""
    a, b = x.type.shape[::-1], y.type.shape[::-1]
    if not all(m == n or 1 in (m, n) for m, n in zip(a, b, strict=False)):
        return False
    return np.broadcast(np.empty(g.shape(x)), np.empty(g.shape(y))).size <= 20_000


def scaled(g: Graph) -> Any:
    """A chain with constants: numbers, vectors, other shapes that broadcast."""
    x = g.pick()
    for _ in range(g.rng.randint(1, 4)):
        other = g.number() if g.chance(0.5) else partner(g, x)
        name = g.choice(("add", "multiply", "subtract", "maximum", "minimum"))
        pair = (x, other) if g.chance(0.7) else (other, x)
        x = getattr(g.o.np, name)(*pair)
    return x


def partner(g: Graph, x: Value) -> Any:
    """A constant whose shape broadcasts with a value's."""
    shape = [d if isinstance(d, int) and g.chance(0.5) else 1 for d in x.type.shape]
    return g.constant(*shape[g.rng.randint(0, len(shape)) :])


def chosen(g: Graph) -> Any:
    """where by a comparison of exact values: arguments, or elements far from the threshold."""
    x = g.pick()
    threshold = g.choice((0.0, 0.5, -0.3))
    if not g.away_from(x, threshold):
        raise Skip
    name = g.choice(("greater", "less", "greater_equal", "less_equal"))
    condition = getattr(g.o.np, name)(x, threshold)
    if g.chance(0.2):
        condition = g.o.np.logical_not(condition)
    other = g.number() if g.chance(0.4) else g.pick(lambda v: broadcasts(g, x, v))
    out: Value = g.o.np.where(condition, x, other)
    return out


def counted(g: Graph) -> Any:
    """A comparison as numbers."""
    x = g.pick()
    if not g.away_from(x, 0.25):
        raise Skip
    out: Value = g.o.npx.cast(g.o.np.greater(x, 0.25), dtype=x.type.dtype)
    return out


def widely(g: Graph) -> Any:
    """A part computed in double precision."""
    x = g.pick()
    wide = g.o.np.multiply(g.o.npx.cast(x, dtype=f64), g.choice((0.3, 1.5)))
    out: Value = g.o.npx.cast(g.o.np.tanh(wide), dtype=x.type.dtype)
    return out


def twice(g: Graph) -> Any:
    """One value computed twice, for which one op is enough."""
    x = g.pick(is_real)
    function = g.choice(UNARY[:7])
    a, b = function(g, x), function(g, x)
    return a, g.o.np.add(b, 0.5)


STEPS: Sequence[tuple[float, Any]] = (
    (2, activated), (2, unary), (3, binary), (2, scaled), (0.7, chosen), (0.3, counted),
    (0.2, widely), (0.4, twice),
)  # fmt: skip
