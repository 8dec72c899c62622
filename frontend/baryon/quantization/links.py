"""Where a factor for each channel of an activation can be moved: out of what makes it, into what
reads it, so that the network computes what it did.

x -> contraction, where x = relu(a * y + b), say: with x divided by s, channel by channel, and the
contraction's weight multiplied by it, only constants change. SmoothQuant and cross-layer
equalization choose such factors, each in its own way. They are powers of two here, so that the
float network keeps its bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from baryon.ir import Array, Builder, Module, Op, Value
from baryon.ops import lookup
from baryon.quantization.running import copied, values_by_name
from baryon.rewrite import payload

_SCALING = frozenset({"npx.relu", "npx.leaky_relu", "npx.pooling"})
"""Ops f of one operand for which f(x / s) = f(x) / s, channel by channel, for positive s."""

_READERS = frozenset({"npx.convolution", "npx.fully_connected"})
_MOST = 2.0**24

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Link:
    """An activation whose channels can be scaled.

    value: its name. axis: of its channels. readers: what contracts over them, by their results.
    absorbers: (result of an op, number of its operand), constants to be divided.
    weight_reach: for each channel the largest absolute weight that it meets.
    maker_reach: of the constants that make it; None where they do not bound it.
    """

    value: str
    axis: int
    channels: int
    readers: tuple[str, ...]
    absorbers: tuple[tuple[str, int], ...]
    weight_reach: FloatArray = field(repr=False)
    maker_reach: FloatArray | None = field(repr=False, default=None)


def links(module: Module) -> list[Link]:
    """All of them, in program order."""
    body = module.main.body
    results = [v for op in body.ops for v in op.results]
    return [link for value in results if (link := _link(module, value)) is not None]


def _link(module: Module, value: Value) -> Link | None:
    readers = [*value.users]
    if not readers or value in module.main.outputs:
        return None
    reach = [_meets(module, op, value) for op in readers]
    known = [r for r in reach if r is not None]
    if len(known) < len(reach) or len({len(r) for r in known}) > 1:
        return None
    axis, channels = _axis(readers[0], value), len(known[0])
    found = _absorbers(module, value, axis, channels)
    if not found:
        return None
    return Link(
        value.name, axis, channels, tuple(op.results[0].name for op in readers),
        tuple((op.results[0].name, i) for op, i in found),
        np.max(known, axis=0), _made(module, found, channels),
    )  # fmt: skip


def _axis(reader: Op, value: Value) -> int:
    """The axis of an activation that a reader contracts over."""
    flat = reader.name == "npx.fully_connected" and not reader.attrs.get("flatten", True)
    return value.type.rank - 1 if flat else 1


def _meets(module: Module, op: Op, value: Value) -> FloatArray | None:
    """The largest weight for each channel that an op reads; None where that cannot be said."""
    weight = payload(module, op.operands[1]) if op.name in _READERS else None
    if weight is None or op.operands[0] is not value or value in op.operands[1:]:
        return None
    size = np.abs(_by_channel(weight, op).astype(np.float64))
    if op.name == "npx.convolution":
        if op.attrs.get("layout") not in (None, "NCHW", "NCW"):
            return None
        return _largest(size)
    spatial = value.type.shape[2:] if op.attrs.get("flatten", True) else ()
    is_flat = all(d == 1 for d in spatial)
    return _largest(size) if is_flat else None


def _largest(size: FloatArray) -> FloatArray:
    """Along all axes but the first."""
    found: FloatArray = size.reshape(len(size), -1).max(axis=1)
    return found


def _by_channel(weight: Array, op: Op) -> Array:
    """A weight with the axis of its inputs first: (channels, ...)."""
    groups = int(str(op.attrs.get("num_group", 1)))
    if groups == 1:
        return np.moveaxis(weight, 1, 0)
    split = weight.reshape(groups, len(weight) // groups, *weight.shape[1:])
    return np.swapaxes(split, 1, 2).reshape(-1, split.shape[1], *split.shape[3:])


def _absorbers(module: Module, value: Value, axis: int, channels: int) -> list[tuple[Op, int]]:
    """Constants to divide by the factors; none where something on the way cannot follow."""
    found: list[tuple[Op, int]] = []
    for op in _makers(value):
        if op.name in _SCALING and len(op.operands) == 1:
            if op.name == "npx.pooling" and op.attrs.get("pool_type", "max") not in ("max", "avg"):
                return []
            continue
        places = _places(module, op, axis, channels)
        if places is None:
            return []
        found += [(op, i) for i in places]
        if op.name != "np.add":
            return found
    return []


def _makers(value: Value) -> Iterator[Op]:
    """The ops that make a value, the last one first, while only one of them reads each value."""
    op = value.op
    while op is not None and op.operands:
        yield op
        data = next((v for v in op.operands if not v.is_constant), None)
        if data is None or len(data.users) > 1:
            return
        op = data.op


def _places(module: Module, op: Op, axis: int, channels: int) -> list[int] | None:
    """The operands of an op that take factors: None where it has none that could."""
    arrays = [payload(module, v) for v in op.operands]
    constant = [i for i, a in enumerate(arrays) if a is not None]
    if op.name in ("np.add", "np.multiply"):
        rank = op.results[0].type.rank
        fits = len(constant) == 1 and _is_per_channel(arrays[constant[0]], axis, rank, channels)
        return constant if fits else None
    outputs = 1 if op.name == "npx.convolution" else op.results[0].type.rank - 1
    is_whole = constant == [*range(1, len(op.operands))] and axis == outputs
    return constant if op.name in (*_READERS, "npx.layer_norm") and is_whole else None


def _is_per_channel(array: Array | None, axis: int, rank: int, channels: int) -> bool:
    """Whether an array that broadcasts has one element, or one for each channel."""
    assert array is not None
    padded = (1,) * (rank - array.ndim) + array.shape
    return padded[axis] in (1, channels) and prod(padded) in (1, channels)


def _made(module: Module, found: Sequence[tuple[Op, int]], channels: int) -> FloatArray | None:
    """The largest weight that makes each channel, where a contraction makes it."""
    op, _ = found[-1]
    weight = payload(module, op.operands[1]) if op.name in _READERS else None
    if weight is None or len(weight) != channels:
        return None
    return _largest(np.abs(weight.astype(np.float64)))


def scaled(module: Module, factors: Mapping[str, FloatArray]) -> Module:
    """A module in which activations are divided by factors, and what reads them makes up for it."""
    new = copied(module)
    by_name = {link.value: link for link in links(new)}
    for name, factor in factors.items():
        _apply(new, by_name[name], factor)
    return new


def powers(factor: FloatArray) -> FloatArray:
    """The nearest powers of two, which multiply without rounding."""
    clipped = np.clip(factor, 1 / _MOST, _MOST)
    return np.asarray(2.0 ** np.round(np.log2(clipped)))


def _apply(module: Module, link: Link, factor: FloatArray) -> None:
    values = values_by_name(module)
    for name, place in link.absorbers:
        op = values[name].op
        assert op is not None
        array = payload(module, op.operands[place])
        assert array is not None
        _set(module, op, place, _divided(array, op, link, factor))
    for name in link.readers:
        op = values[name].op
        assert op is not None
        weight = payload(module, op.operands[1])
        assert weight is not None
        _set(module, op, 1, _multiplied(weight, op, factor))


def _divided(array: Array, op: Op, link: Link, factor: FloatArray) -> Array:
    """A constant that makes the activation."""
    if op.name in ("np.add", "np.multiply"):
        after = op.results[0].type.rank - link.axis - 1
        shaped = factor.reshape(-1, *(1,) * after)
    else:  # weights and biases have the channels first, a norm's have only these
        shaped = factor.reshape(-1, *(1,) * (array.ndim - 1))
    return np.asarray(array.astype(np.float64) / shaped, array.dtype)


def _multiplied(weight: Array, op: Op, factor: FloatArray) -> Array:
    """A weight that reads the activation."""
    groups = int(str(op.attrs.get("num_group", 1)))
    inputs = factor.reshape(groups, -1)
    outputs = np.repeat(inputs, len(weight) // groups, axis=0)
    shaped = outputs.reshape(*outputs.shape, *(1,) * (weight.ndim - 2))
    return np.asarray(weight.astype(np.float64) * shaped, weight.dtype)


def _set(module: Module, op: Op, place: int, array: Array) -> None:
    """Let one op read another constant in the place of an operand."""
    old, region = op.operands[place], module.main.body
    builder = Builder(module, region, lookup, region.ops.index(op))
    new = builder.constant(array, old.name)
    new.name = f"{old.name}/{op.results[0].name}"
    op.operands = [new if i == place else v for i, v in enumerate(op.operands)]
