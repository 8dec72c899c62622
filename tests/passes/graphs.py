"""Random small networks: convolutions, pooling, element-wise ops, concatenations, views."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from baryon.ir import Builder, Func, Module, Region, Sym, TensorType, Value, f32
from baryon.ops import TABLE, lookup, recording

Draw = st.DrawFn
UNARY = ("relu", "sigmoid", "silu", "softsign")
BINARY = ("add", "multiply", "subtract", "maximum")


@dataclass
class Network:
    """A network being drawn; `images` are its 4-D values."""

    draw: Draw
    builder: Builder
    rng: np.random.Generator
    images: list[Value] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.o = recording(TABLE, self.builder)

    def constant(self, *shape: int) -> Value:
        array = self.rng.uniform(0.5, 1.5, shape) * self.rng.choice([-1, 1], shape)
        return self.builder.constant(array.astype(np.float32))

    def image(self) -> Value:
        return self.draw(st.sampled_from(self.images))

    def step(self) -> None:
        kind = self.draw(st.sampled_from(sorted(STEPS)))
        value = STEPS[kind](self, self.image())
        if value is not None:
            self.images.append(value)


def channels(value: Value) -> int:
    count = value.type.shape[1]
    assert isinstance(count, int)
    return count


def convolution(net: Network, x: Value) -> Value:
    size = net.draw(st.sampled_from([1, 3]))
    out = net.draw(st.sampled_from([2, 3, 4]))
    weight = net.constant(out, channels(x), size, size)
    pad = (size // 2,) * 2
    made: Value = net.o.npx.convolution(x, weight, kernel=(size, size), pad=pad)
    return made


def depthwise(net: Network, x: Value) -> Value:
    count = channels(x)
    weight = net.constant(count, 1, 3, 3)
    made: Value = net.o.npx.convolution(
        x, weight, kernel=(3, 3), pad=(1, 1), num_group=count, bias=net.constant(count)
    )
    return made


def pooling(net: Network, x: Value) -> Value:
    kind = net.draw(st.sampled_from(["max", "avg"]))
    made: Value = net.o.npx.pooling(x, kernel=(3, 3), pad=(1, 1), pool_type=kind)
    return made


def unary(net: Network, x: Value) -> Value:
    made: Value = getattr(net.o.npx, net.draw(st.sampled_from(UNARY)))(x)
    return made


def residual(net: Network, x: Value) -> Value | None:
    other = net.image()
    if other.type != x.type:
        return None
    made: Value = getattr(net.o.np, net.draw(st.sampled_from(BINARY)))(x, other)
    return made


def per_channel(net: Network, x: Value) -> Value:
    shape = net.draw(st.sampled_from([(channels(x), 1, 1), (1, channels(x), 1, 1), ()]))
    made: Value = getattr(net.o.np, net.draw(st.sampled_from(BINARY)))(x, net.constant(*shape))
    return made


def batch_norm(net: Network, x: Value) -> Value:
    gamma, beta, mean = (net.constant(channels(x)) for _ in range(3))
    variance = net.builder.constant(net.rng.uniform(0.5, 2, channels(x)).astype(np.float32))
    made: Value = net.o.npx.batch_norm(x, gamma, beta, mean, variance, fix_gamma=False)
    return made


def concatenate(net: Network, x: Value) -> Value | None:
    others = [net.image() for _ in range(net.draw(st.integers(1, 2)))]
    if any(v.type.shape[2:] != x.type.shape[2:] for v in others):
        return None
    made: Value = net.o.np.concatenate([x, *others], axis=1)
    return made


def gate(net: Network, x: Value) -> Value:
    """Squeeze and excite: x * sigmoid(pooled x)."""
    pooled = net.o.npx.pooling(x, global_pool=True, pool_type="avg")
    made: Value = net.o.np.multiply(x, net.o.npx.sigmoid(pooled))
    return made


def reshaped(net: Network, x: Value) -> Value:
    flat = net.o.np.reshape(x, newshape=(-2, channels(x), -1))
    made: Value = net.o.np.reshape(net.o.np.tanh(flat), newshape=("N", *x.type.shape[1:]))
    return made


STEPS = {
    f.__name__: f
    for f in (
        convolution, depthwise, pooling, unary, residual, per_channel, batch_norm, concatenate,
        gate, reshaped,
    )
}  # fmt: skip


def head(net: Network, x: Value) -> Value:
    pooled = net.o.np.mean(x, axis=(2, 3))
    weight = net.constant(channels(x), 3)
    made: Value = net.o.npx.softmax(net.o.np.matmul(pooled, weight), axis=-1)
    return made


@st.composite
def networks(draw: Draw) -> Module:
    """A module with one or two images as inputs and some of its values as outputs."""
    module = Module(symbols={"N": (1, 4)})
    sizes = draw(st.lists(st.sampled_from([1, 3, 4]), min_size=1, max_size=2))
    region = Region([TensorType((Sym("N"), c, 4, 4), f32) for c in sizes], ["a", "b"][: len(sizes)])
    net = Network(draw, Builder(module, region, lookup), np.random.default_rng(0), [*region.args])
    for _ in range(draw(st.integers(1, 10))):
        net.step()
    results = [net.images[-1], draw(st.sampled_from(net.images))]
    if draw(st.booleans()):
        results.append(head(net, net.images[-1]))
    net.builder.ret(results)
    module.funcs["main"] = Func("main", region, [f"y{n}" for n in range(len(results))])
    return module
