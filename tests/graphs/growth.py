"""A graph that grows by random steps and knows its values in float64 while it does.

Knowing them keeps the graph well conditioned: what grows is scaled down, and an op whose result
jumps (a comparison, argmax) or divides reads only values on which it is stable.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from baryon.ir import (
    CONSTANT,
    RETURN,
    Array,
    Attr,
    Builder,
    Dim,
    Module,
    Op,
    Region,
    Sym,
    TensorType,
    Value,
    f32,
)  # fmt: skip
from baryon.ops import TABLE, lookup, recording
from baryon.ops.numerics import Arr

SIZES = (1, 2, 3, 4, 5, 7, 8, 8, 9, 12, 15, 16, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 70)
"""Around multiples of vector lengths and register tiles, and what is far from them."""
MOST_ELEMENTS = 24_000
LARGEST = 6.0
"""Larger values are scaled down: then errors stay as large as their share of a result."""

T = TypeVar("T")


class Skip(Exception):  # noqa: N818
    """A step found nothing that it can use."""


class KnowingBuilder(Builder):
    """Computes every op in float64 when it is inserted. known: the values; sizes: of symbols."""

    def __init__(self, module: Module, region: Region, sizes: dict[str, int]) -> None:
        super().__init__(module, region, lookup)
        self.known: dict[Value, Array] = {}
        self.sizes = sizes

    def insert(self, op: Op) -> Op:
        """Insert an op and compute it."""
        if op.name == CONSTANT:
            self.known[op.result] = widened(self.module.constants[str(op.attrs["name"])])
        elif op.name != RETURN:
            arrays = [self.known[v] for v in op.operands]
            attrs: dict[str, Attr] = TABLE[op.name].bind_symbols(op.attrs, self.sizes)
            self.known.update(zip(op.results, TABLE[op.name].evaluate(arrays, attrs), strict=True))
        return super().insert(op)


def widened(array: Array) -> Arr:
    """Floating elements as float64."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array


class Graph:
    """What steps work on.

    rng decides the structure, data fills arrays; o records ops; pool holds the values that steps
    may read. inputs: the arrays of the arguments, in order. trained: the share of parameters that
    are arguments and not constants.
    """

    def __init__(self, seed: int, trained: float = 0.1) -> None:
        self.trained = trained
        self.rng = random.Random(seed)
        self.data = np.random.default_rng(seed)
        self.module = Module()
        self.sizes: dict[str, int] = {}
        self.region = Region()
        self.builder = KnowingBuilder(self.module, self.region, self.sizes)
        self.o: Any = recording(TABLE, self.builder)
        self.pool: list[Value] = []
        self.inputs: list[Array] = []

    # what structure is made of

    def choice(self, items: Sequence[T]) -> T:
        """One of some things."""
        return self.rng.choice(items)

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.rng.random() < share

    def size(self, most: int = 70) -> int:
        """A size of an axis."""
        return self.choice([s for s in SIZES if s <= most])

    def batch(self, share: float = 0.3) -> Dim:
        """A batch: a number, or in a share of cases the symbol."""
        symbolic = self.chance(share) and self.trained < 1
        return self._symbol() if symbolic else self.choice((1, 1, 2, 3))

    def _symbol(self) -> Sym:
        if "N" not in self.sizes:
            self.sizes["N"] = self.choice((1, 2, 3, 5))
            self.module.symbols["N"] = (1, 8)
        return Sym("N")

    # values from outside

    def input(self, shape: Sequence[Dim], dtype: Any = f32, high: int = 5) -> Value:
        """A new argument. high: whole numbers are below it."""
        type = TensorType(tuple(shape), dtype)
        value = Value(type, self.region, f"x{len(self.inputs)}")
        self.region.args.append(value)
        self.inputs.append(self.array(type.bound(self.sizes), dtype.numpy, high))
        self.builder.known[value] = widened(self.inputs[-1])
        return value

    def array(self, shape: Sequence[int], dtype: Any = np.float32, high: int = 5) -> Arr:
        """Numbers of magnitude about 1, away from 0; or whole ones."""
        if np.dtype(dtype).kind in "iub":
            return np.asarray(self.data.integers(0, high, shape)).astype(dtype)
        signs = self.data.choice([-1.0, 1.0], shape)
        return np.asarray(self.data.uniform(0.05, 1.5, shape) * signs).astype(dtype)

    def constant(self, *shape: int, scale: float = 1.0) -> Value:
        """Parameters: constants or arguments, at times all of one value."""
        if self.trained < 1 and self.chance(0.06):
            return self.builder.constant(np.full(shape, scale * 0.5, np.float32), "w")
        array = (self.array(shape) * scale).astype(np.float32)
        if not self.chance(self.trained):
            return self.builder.constant(array, "w")
        value = self.input(shape)
        self.inputs[-1] = array
        self.builder.known[value] = widened(array)
        return value

    def positive(self, *shape: int) -> Value:
        """A constant of positive numbers."""
        return self.builder.constant(self.data.uniform(0.4, 1.6, shape).astype(np.float32), "p")

    def number(self) -> float:
        """A Python number as users write it into their programs."""
        return self.choice((0.5, 2.0, -1.0, 1.0, 0.25, 3, 1, 0.1, -0.7))

    # values of the graph

    def pick(self, *wants: Callable[[Value], bool]) -> Value:
        """A floating value that fits; recent ones more often. Raises Skip if there is none."""
        fit = [v for v in self.pool if is_real(v) and all(want(v) for want in wants)]
        if not fit:
            raise Skip
        return fit[-1] if self.chance(0.6) else self.choice(fit)

    def known(self, value: Value) -> Arr:
        """The value in float64."""
        return self.builder.known[value]

    def shape(self, value: Value) -> tuple[int, ...]:
        """The shape with symbols bound."""
        return value.type.bound(self.sizes)

    def varies(self, value: Value, axes: int | tuple[int, ...] | None, least: float = 0.05) -> bool:
        """Whether elements differ along axes by enough to be divided by their deviation."""
        x = self.known(value)
        return bool(x.size) and float(np.std(x, axis=axes).min()) >= least

    def away_from(self, value: Value, point: float, distance: float = 1e-3) -> bool:
        """Whether no element is so close to a point that rounding decides on which side it is."""
        gap = np.abs(self.known(value) - point)
        return not ((gap > 0) & (gap < distance)).any()

    def keep(self, values: Iterable[Value]) -> None:
        """Add results of a step to the pool, scaled down where they are large.

        A symbolic axis must be the outermost in memory.
        """
        for value in values:
            x = self.known(value)
            if (
                not fixed(value, *range(1, value.type.rank))
                or x.size > MOST_ELEMENTS
                or not np.isfinite(x).all()
            ):
                continue
            most = float(np.abs(x).max(initial=0)) if is_real(value) else 0
            if most > LARGEST:
                self.pool.append(self.o.np.multiply(value, 0.5 ** math.ceil(math.log2(most))))
            else:
                self.pool.append(value)


def is_real(value: Value) -> bool:
    """A value of float32."""
    return value.type.dtype is f32


def rank(*ranks: int) -> Callable[[Value], bool]:
    """Wants a value of one of these ranks."""
    return lambda v: v.type.rank in ranks


def at_least(least: int) -> Callable[[Value], bool]:
    """Wants a value of this rank or more."""
    return lambda v: v.type.rank >= least


def static(value: Value) -> bool:
    """Whether no axis is symbolic."""
    return value.type.is_static


def fixed(value: Value, *axes: int) -> bool:
    """Whether axes have sizes that are numbers."""
    shape = value.type.shape
    return all(isinstance(shape[a], int) for a in axes)


def width(value: Value, axis: int = -1) -> int:
    """The size of an axis that must be a number. Raises Skip if it is a symbol."""
    size = value.type.shape[axis]
    if not isinstance(size, int):
        raise Skip
    return size
