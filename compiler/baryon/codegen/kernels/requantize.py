"""From sums of codes to codes: what is fused behind a contraction of quantized factors.

In real numbers a sum is  sums * (sx sw[o]) + bias[o], then come element-wise ops, then codes are
made by a product with the reciprocal r of their scale. Where all ops between are *linear* (sums,
ReLU, other codes' values), r is multiplied into the numbers that they begin with, when compiling:
values are then steps of the result from the start,

    rint(sums * (sx sw[o] r) + (bias[o] r) + (q - z) * (s r))

The numbers are constants that the kernel reads, so that layers of equal shape share their kernel;
zero points are read alike, but that 0 is known when the kernel is written. All of it is float32, in
one order on every target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from baryon.codegen.expr import Expr, Math, bind, lanes_of
from baryon.codegen.group import Group, apply
from baryon.codegen.kernel import Derived, Memory
from baryon.codegen.kernels.quantized import QuantizedFactors
from baryon.codegen.kernels.spec import SUM_BITS, ImplicitGemm
from baryon.codegen.maths import codes
from baryon.codegen.pointwise import Frame
from baryon.codegen.tvm import tirx
from baryon.ir import Array, Attr, Op, Quant, TensorType, Value, f32, i32
from baryon.ops import TABLE
from baryon.ops.quantize import DEQUANTIZE, QUANTIZE

SMALL = 2.0**30
"""Steps that are known to be smaller need no care as they become int32."""
LANES = 16
"""Every number is repeated so often: as many as vectors of any target have lanes."""
SUMS = ("np.add", "np.subtract")
SCALED = (*SUMS, "npx.relu")
"""Ops that may compute in steps of any size."""
FACTOR, ZERO, LOW, HIGH, PAIRS = range(5)
"""Numbers of an op: what it multiplies by; its zero point; the codes' limits without it; the zero
point again, as pairs of int16."""


@dataclass(frozen=True)
class Scaling:
    """The numbers of a group's epilogue. Which there are follows from its ops, not from scales."""

    group: Group
    factors: QuantizedFactors

    @cached_property
    def ops(self) -> Sequence[Op]:
        """The ops behind the anchor that make or read codes, with one scale."""
        body = list(self.group.body)
        after = body[body.index(self.group.main) + 1 :]
        return [op for op in after if op.name in (QUANTIZE, DEQUANTIZE)]

    @cached_property
    def bias(self) -> Value | None:
        """The region argument with the anchor's bias, if it is known when compiling."""
        operands = self.group.main.operands
        found = self.group.source(operands[2]) if len(operands) > 2 else None
        return found if found is not None and self.group.payload(found) is not None else None

    @cached_property
    def steps(self) -> Mapping[Op, Op]:
        """By op (the anchor or a dequantize) the quantize in whose steps it gives its result."""
        found: dict[Op, Op] = {}
        for op in self.ops:
            sources = self._sources(op.operands[0]) if op.name == QUANTIZE else None
            found |= dict.fromkeys(sources or (), op)
        return found

    def _sources(self, value: Value) -> list[Op] | None:
        """Where a linear value begins; None for another."""
        op = value.op
        if op is None or value.type.dtype != f32 or sum(value.users.values()) != 1:
            return None
        if op is self.group.main:
            fixed = len(op.operands) < 3 or self.bias is not None
            return [op] if fixed else None
        if op.name == DEQUANTIZE:
            return [op]
        if op.name not in SCALED or any(v.type.shape != value.type.shape for v in op.operands):
            return None
        parts = [self._sources(v) for v in op.operands]
        return None if None in parts else [source for part in parts for source in part or ()]

    def reciprocal(self, op: Op) -> np.float32:
        """What the result of an op is multiplied by, beyond its meaning."""
        into = self.steps.get(op)
        return np.float32(1) / np.float32(quant_of(into).scale[0]) if into else np.float32(1)

    def are_small(self, op: Op) -> bool:
        """Whether the steps that a quantize rounds are below `SMALL`, whatever codes are read."""
        sources = [source for source, into in self.steps.items() if into is op]
        with np.errstate(all="ignore"):
            return bool(sources) and bool(sum(map(self._magnitude, sources)) < SMALL)

    def _magnitude(self, op: Op) -> float:
        """Of what a linear value begins with, at most."""
        if op is not self.group.main:
            low, high = op.operands[0].type.dtype.limits
            return abs(float(quant_of(op).scale[0] * self.reciprocal(op))) * (high - low)
        bias = float(np.abs(self.biases).max()) if self.bias is not None else 0.0
        return float(np.abs(self.scales).max()) * 2.0**SUM_BITS + bias

    @cached_property
    def scales(self) -> Array:
        """A step of the sums, by output."""
        result: Array = np.multiply(self.factors.scales, self.reciprocal(self.group.main))
        return result

    @cached_property
    def biases(self) -> Array:
        """The bias, by output."""
        assert self.bias is not None
        payload = self.group.payload(self.bias)
        assert payload is not None
        real = np.broadcast_to(payload.reshape(-1).astype(np.float32), self.scales.shape)
        result: Array = real * self.reciprocal(self.group.main)
        return result

    @cached_property
    def numbers(self) -> Array:
        """The numbers of `ops`: [op, number, lane]."""
        result = np.zeros((len(self.ops), 5, LANES), np.float32)
        for op, row in zip(self.ops, result, strict=True):
            quant = quant_of(op)
            scale, zero = np.float32(quant.scale[0]), quant.zero[0]
            makes = op.name == QUANTIZE
            row[FACTOR] = np.float32(1) / scale if makes else scale * self.reciprocal(op)
            low, high = (op.result if makes else op.operands[0]).type.dtype.limits
            row[LOW], row[HIGH], row[ZERO] = low - zero, high - zero, zero
            row[PAIRS] = np.full(2 * LANES, zero, np.int16).view(np.float32)
        return result


def quant_of(op: Op) -> Quant:
    """The numbers of an op that makes or reads codes."""
    attrs: Mapping[str, Any] = TABLE[op.name].normalize(op.attrs)
    return Quant.of(attrs["scale"], attrs["zero"], attrs["axis"])


def _scaling(group: Group) -> Scaling:
    factors = QuantizedFactors.of(group)
    assert factors is not None, "such a kernel is shared by groups of quantized factors alone"
    return Scaling(group, factors)


def known_attributes(group: Group, factors: QuantizedFactors) -> dict[Op, dict[str, Attr]]:
    """By op that makes or reads codes those of its attributes that its kernel is written for.

    The others are numbers in memory. Zero points of the factors meet the products.
    """
    found: dict[Op, dict[str, Attr]] = {}
    scaling = Scaling(group, factors)
    for op in scaling.ops:
        known = {"zero": bool(quant_of(op).zero[0]), "are_small": scaling.are_small(op)}
        found[op] = op.attrs | {"scale": ()} | known
    bits = factors.sum_bits(group)
    for factor in (v.op for v in group.main.operands[:2]):
        assert factor is not None
        found[factor] = factor.attrs | {"scale": (), "axis": None, "sum_bits": bits}
    return found


def _offsets(group: Group, spec: ImplicitGemm) -> Array:
    factors = _scaling(group).factors
    payload = group.payload(factors.weight.value)
    assert payload is not None
    found = factors.offsets(payload, spec)
    assert found is not None
    return found


class Requantization:
    """The numbers of a kernel's epilogue as its parameters, and the arithmetic with them.

    `packs` go to the frame, which `bind` is then told; ops compute by `apply`.
    """

    def __init__(self, group: Group, factors: QuantizedFactors) -> None:
        self.scaling = Scaling(group, factors)
        self.outputs = factors.weight.value.type.static_shape[0]
        self.bias: Memory | None = None
        self.made: dict[Value, Expr] = {}

    @property
    def packs(self) -> dict[Value, tuple[Derived, TensorType]]:
        """The bias, in steps of what the kernel makes."""
        bias = self.scaling.bias
        made = Derived(lambda group: _scaling(group).biases)
        return {} if bias is None else {bias: (made, TensorType((self.outputs,), f32))}

    def bind(self, frame: Frame, spec: ImplicitGemm | None = None) -> None:
        """Declare the other parameters. spec: whose sums may hold too much."""
        self.frame, builder = frame, frame.builder
        frame.apply = self.apply
        vector = TensorType((self.outputs,), f32)
        self.scales = builder.param(Derived(lambda group: _scaling(group).scales), vector)
        self.offsets: Memory | None = None
        if spec is not None and spec.depths == 4 and spec.zero_code:
            made = Derived(partial(_offsets, spec=spec))
            self.offsets = builder.param(made, TensorType((self.outputs,), i32))
        if self.scaling.ops:
            shape = TensorType(self.scaling.numbers.shape, f32)
            self.numbers = builder.param(Derived(lambda group: _scaling(group).numbers), shape)
        if self.scaling.bias is not None:
            self.bias = frame.inputs[self.scaling.bias]

    def real(self, sums: Expr, channel: Expr, lanes: int) -> Expr:
        """Sums of neighbouring outputs as real numbers, or as steps; with a constant bias."""
        if self.offsets is not None:
            sums = sums - self.offsets.load(channel, lanes)
        value = Math.cast(sums, f32) * self.scales.load(channel, lanes)
        return value + self.bias.load(channel, lanes) if self.bias is not None else value

    def apply(self, op: Op, operands: Sequence[Expr]) -> Expr:
        """The expression of an element-wise op."""
        if op not in self.scaling.ops:
            return apply(op, operands)
        make = self._codes if op.name == QUANTIZE else self._steps
        return make(op, operands[0])

    def _codes(self, op: Op, value: Expr) -> Expr:
        lanes = lanes_of(value)
        linear = op in self.scaling.steps.values()
        steps = value if linear else bind(Math.cast(value, f32) * self._number(op, FACTOR, lanes))
        self.made[op.result] = steps
        zero, dtype = self._zero(op, lanes), op.result.type.dtype
        return Math.codes(steps, zero, dtype, self.scaling.are_small(op))

    def _steps(self, op: Op, read: Expr) -> Expr:
        """What codes mean. Those that were made just now need not become codes."""
        lanes = lanes_of(read)
        number = partial(self._number, op, lanes=lanes)
        made = self.made.get(op.operands[0])
        if made is not None:
            value = bind(Math.select(made > number(LOW), made, number(LOW)))  # NaN is not
            value = Math.rint(bind(Math.select(value < number(HIGH), value, number(HIGH))))
        else:
            value = Math.cast(read, f32)
            value = value - number(ZERO) if quant_of(op).zero[0] else value
        return bind(value) * number(FACTOR)

    def _number(self, op: Op, which: int, lanes: int) -> Expr:
        return self.numbers.load(self._at(op, which), lanes)

    def _at(self, op: Op, which: int) -> int:
        return (self.scaling.ops.index(op) * 5 + which) * LANES

    def _zero(self, op: Op, lanes: int) -> Expr | int:
        if quant_of(op).zero[0] == 0:
            return 0
        if lanes in codes.LANES:
            pairs = self.numbers.load(self._at(op, PAIRS), lanes // 2)
            return tirx.reinterpret(f"int16x{lanes}", pairs)
        return Math.cast(self._number(op, ZERO, lanes), i32)
