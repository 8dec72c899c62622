"""The transforms of Winograd's convolution F(m x m, 3 x 3), along one axis.

m neighbouring outputs of a filter with 3 taps are m + 2 products of transformed inputs and
transformed weights:  y = A^T ((G g) * (B^T d)).  The matrices come from polynomial interpolation at
m + 1 points and infinity (Toom and Cook; Winograd, "Arithmetic complexity of computations", 1980;
Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016). In two dimensions each
applies along both axes.

The points decide how errors grow. 0, 1, -1, 2, -2 are the usual ones of F(4 x 4); a and -a with
b and -b near a * b = 1 keep all matrices near 1: measured over 256 channels of normal inputs, the
largest error relative to the largest output falls from 1.0e-5 to 3e-6 (direct convolution: 3e-7,
F(2 x 2): 7e-7). 5/8 and 3/2 are such a pair whose matrix of the inputs is exact in float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.expr import Expr, bind, const, dtype_of
from baryon.codegen.maths.lanes import as_bits, is_float

TAPS = 3
"""Taps of the filter along an axis."""

WORD = 1 << 32

Matrix = NDArray[np.float64]

_FILTERS = 4096
"""Filters that are transformed at a time, in a cache."""


@dataclass(frozen=True)
class Transform:
    """F(m, 3) along one axis. pairs: the points are 0, and a and -a for each a in `pairs`.

    whole: whether all matrices are of whole numbers. Weights then lack the division by the points'
    distances, which outputs make up for: along each axis they come out `factor` times too large.
    """

    pairs: tuple[float, ...]
    whole: bool = False

    @property
    def outputs(self) -> int:
        """m, the outputs of a tile."""
        return self.positions - TAPS + 1

    @property
    def positions(self) -> int:
        """Inputs of a tile, and products: the points and infinity."""
        return 2 * len(self.pairs) + 2

    @cached_property
    def points(self) -> list[float]:
        """The finite points; a follows each -a."""
        return [0.0, *(sign * a for a in self.pairs for sign in (1.0, -1.0))]

    @cached_property
    def output(self) -> Matrix:
        """A^T (m, positions): powers of the points."""
        powers = np.vander(self.points, self.outputs, increasing=True).T
        return np.concatenate([powers, np.eye(self.outputs)[:, -1:]], axis=1)

    @cached_property
    def weight(self) -> Matrix:
        """G (positions, 3): powers of the points, divided by their distances from the others."""
        powers = np.vander(self.points, TAPS, increasing=True)
        divided = powers if self.whole else powers / self._distances[:, None]
        return np.concatenate([divided, np.eye(TAPS)[-1:]])

    @cached_property
    def factor(self) -> int:
        """How many times too large outputs are, along an axis."""
        return math.lcm(*map(int, abs(self._distances))) if self.whole else 1

    @cached_property
    def shares(self) -> list[float]:
        """What products are multiplied by, for 0, each pair of points, and infinity."""
        distances = self._distances[[0, *range(1, self.positions - 1, 2)]]
        return [*(self.factor / distances if self.whole else distances**0), float(self.factor)]

    @property
    def shift(self) -> int:
        """Bits that results in 32 bits lose to the factor of both axes."""
        return (self.factor**2 & -(self.factor**2)).bit_length() - 1

    @property
    def _distances(self) -> Matrix:
        return np.array([np.prod([a - b for b in self.points if b != a]) for a in self.points])

    @cached_property
    def input(self) -> Matrix:
        """B^T (positions, positions): coefficients of the products of (x - b) over the points b
        other than that of the row, all of them for infinity."""
        others = [[b for b in self.points if b != a] for a in self.points]
        rows = [np.pad(np.poly(roots)[::-1], (0, 1)) for roots in others]
        return np.array([*rows, np.poly(self.points)[::-1]])

    def of_weights(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Transformed weights (positions**2, ...) of weights (..., 3, 3), rounded once."""
        both = np.kron(self.weight, self.weight)
        flat = weights.reshape(-1, TAPS * TAPS)
        result = np.empty((len(both), len(flat)), np.int16 if self.whole else weights.dtype)
        for start in range(0, len(flat), _FILTERS):
            part = slice(start, start + _FILTERS)
            columns = np.ascontiguousarray(flat[part].T, np.float64)
            # not `@`: the threads of a BLAS get into each other's way where several pack weights
            result[:, part] = np.einsum("pk,kn->pn", both, columns)
        return result.reshape(-1, *weights.shape[:-2])

    def of_inputs(self, values: Sequence[Expr]) -> list[Expr]:
        """B^T times a column of vectors.

        The rows of a and -a are (x + a) q(x) and (x - a) q(x) with an odd q, so they share the sums
        over even and over odd powers.
        """
        first, *between, last = self.input
        results = [_dot(first, values)]
        for a, row in zip(self.pairs, between[::2], strict=True):
            even, odd = _dot(row, values, start=0), _dot(row / a, values, start=1)
            results += [bind(even + odd * _like(a, odd)), bind(even - odd * _like(a, odd))]
        return [*results, _dot(last, values)]

    def of_products(self, values: Sequence[Expr]) -> list[Expr]:
        """A^T times a column of vectors; powers of a and -a are equal or opposite."""
        first, *between, last = values
        pairs = list(zip(between[::2], between[1::2], strict=True))
        halves = [[bind(p + q) for p, q in pairs], [bind(p - q) for p, q in pairs]]
        begin, *shares, end = self.shares
        powers = [np.power(self.pairs, i) * shares for i in range(self.outputs)]
        results = [_dot(row, halves[i % 2]) for i, row in enumerate(powers)]
        results[0] = bind(_times(begin, first) + results[0])
        results[-1] = bind(results[-1] + _times(end, last))
        return results

    def finished(self, value: Expr) -> Expr:
        """An output without the factor of both axes; whole numbers from their last 32 bits.

        The odd part of the factor has an inverse modulo 2^32, the rest is a shift.
        """
        if not self.whole:
            return value
        odd = self.factor**2 >> self.shift
        value = bind(_times(float(pow(odd, -1, WORD)), value)) if odd > 1 else value
        signed = as_bits(value, "int32")
        return bind(signed >> const(self.shift, signed))


def _dot(row: Matrix, values: Sequence[Expr], start: int | None = None) -> Expr:
    """A sum of vectors with weights, those at even or odd places if `start` is 0 or 1."""
    chosen = slice(None) if start is None else slice(start, None, 2)
    terms = [(w, v) for w, v in zip(row[chosen], values[chosen], strict=True) if w != 0]
    terms.sort(key=lambda term: term[0] != 1)  # a sum that begins with one needs no product
    (weight, value), *rest = terms
    total = _times(weight, value)
    for weight, value in rest:
        total = total + _times(weight, value)
    return bind(total)


def _times(number: float, value: Expr) -> Expr:
    return value if number == 1 else value * _like(number, value)


def _like(number: float, value: Expr) -> Expr:
    """A constant of the value's type; of unsigned words the negative numbers modulo 2^32."""
    if is_float(value):
        return const(float(number), value)
    return const(int(number) % WORD if dtype_of(value).startswith("uint32") else int(number), value)


WINOGRAD: Mapping[int, Transform] = {
    t.outputs: t for t in (Transform((1.0,)), Transform((0.625, 1.5)))
}
"""By the outputs of a tile along each axis. F(6 x 6), with 1.3 times fewer products than F(4 x 4),
was at most a tenth faster, with errors up to 2e-5."""

OF_CODES: Mapping[int, Transform] = {
    t.outputs: t for t in (Transform((1.0,), whole=True), Transform((1.0, 2.0), whole=True))
}
"""The same of 8-bit codes. Transformed inputs are at most 10 * 10 * 255 and weights 7 * 7 * 128, so
that int16 holds them. Sums and outputs are right modulo 2^32."""
