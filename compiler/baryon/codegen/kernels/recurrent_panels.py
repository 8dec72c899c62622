"""Weights of recurrent layers in panels: [panel][part][depth][vector][lane].

A panel holds the sums of all gates of its hidden units; a part of it is what a register tile adds
up at a time. The last panel is moved back to end with the units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.codegen.expr import Expr, Math, transpose
from baryon.codegen.kernel import Memory
from baryon.codegen.kernels.cost import LATENCY, LOAD_CYCLES, STREAM_CYCLES
from baryon.codegen.kernels.microkernel import bind
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.targets import Target, Tile
from baryon.codegen.tvm import T
from baryon.ir import Array, DType

MOST_VECTORS = 8
"""Vectors of a panel at most: more would leave few panels for threads to share."""


@dataclass(frozen=True)
class Panels:
    """The panels of one product.

    units: H. depth: elements that each sum multiplies. gates: row blocks of the weight (`units`
    sums each). transposed: sums run along the weight's columns. vectors: of hidden units in a
    panel. tile: sequences by vectors of one part. start: the first element.
    """

    units: int
    depth: int
    gates: tuple[int, ...]
    transposed: bool
    lanes: int
    vectors: int
    tile: Tile
    start: int

    @property
    def width(self) -> int:
        """Hidden units of a panel."""
        return self.vectors * self.lanes

    @property
    def columns(self) -> int:
        """Sums of a panel for each sequence."""
        return len(self.gates) * self.width

    @property
    def row(self) -> int:
        """Elements of one depth step of a part."""
        return self.tile.vectors * self.lanes

    @property
    def parts(self) -> int:
        """Parts of a panel."""
        return self.columns // self.row

    @property
    def count(self) -> int:
        """Panels."""
        return ceil_div(self.units, self.width)

    @property
    def size(self) -> int:
        """Elements of all panels."""
        return self.count * self.depth * self.columns

    @staticmethod
    def pack_all(panels: Sequence[Panels], weight: Array, dtype: DType) -> Array:
        """Constant weights in the panels of all products."""
        dense = weight.astype(dtype.numpy)
        return np.concatenate([p._pack(dense).reshape(-1) for p in panels])

    def _pack(self, weight: Any) -> Any:
        starts = np.minimum(np.arange(self.count) * self.width, self.units - self.width)
        units = starts[:, None] + np.arange(self.width)
        rows = np.array(self.gates)[:, None] * self.units + units[:, None, :]  # panel, gate, unit
        picked = (weight.T if self.transposed else weight)[rows]
        parts = picked.reshape(self.count, self.parts, self.row, self.depth)
        return parts.transpose(0, 1, 3, 2)

    def emit(self, weight: Memory, packed: Memory) -> None:
        """The loops that fill the panels from weights that arrive at run time.

        Call it before the steps: all threads read this one copy.
        """
        side = self.lanes if self._is_square else 1
        with T.parallel(self.count) as panel:
            first = panel * self.width
            last = self.units - self.width
            unit = bind(first if self.units % self.width == 0 else T.min(first, last))
            to = bind(self.start + panel * (self.depth * self.columns))
            with T.serial(0, ceil_div(self.depth, side)) as v:
                k = bind(T.min(v * side, self.depth - side))
                for at, line in self._vectors(unit):
                    for i, vector in enumerate(self._loaded(weight, line, k, side)):
                        value = Math.cast(vector, packed.dtype)
                        packed.store(value, to + (k + i) * self.row + at, self.lanes)

    @property
    def _is_square(self) -> bool:
        is_power = self.lanes & (self.lanes - 1) == 0
        return not self.transposed and self.depth >= self.lanes > 1 and is_power

    def _vectors(self, unit: Expr) -> Iterator[tuple[int, Expr]]:
        """Where each vector of a panel stands, and the number of its first sum."""
        for j in range(len(self.gates) * self.vectors):
            part, within = divmod(j, self.tile.vectors)
            gate, v = divmod(j, self.vectors)
            at = part * self.depth * self.row + within * self.lanes
            yield at, bind(unit + (self.gates[gate] * self.units + v * self.lanes))

    def _loaded(self, weight: Memory, line: Expr, k: Expr, side: int) -> list[Expr]:
        """Weights of neighbouring sums, for one depth or for as many as there are lanes."""
        if self.transposed:
            return [weight.load(bind(k * self.units + line), self.lanes)]
        start = bind(line * self.depth + k)
        if side == 1:
            return [weight.load(start, self.lanes, self.depth)]
        return transpose([weight.load(start + i * self.depth, side) for i in range(side)])


def shape_for(target: Target, batch: int, gates: int, most: int) -> tuple[int, Tile]:
    """Vectors of hidden units in a panel, and the register tile of its parts.

    By an estimate of the cycles of one depth step. most: whole vectors of hidden units there are.
    """
    found = {
        (v, Tile(rows, width)): ceil_div(most, v)
        * (gates * v // width)
        * _cycles(rows, width, batch)
        for v in range(1, max(min(most, MOST_VECTORS // gates), 1) + 1)
        for width in range(1, gates * v + 1)
        for rows in range(1, batch + 1)
        if gates * v % width == 0 and rows * width + min(rows, width) + 1 <= target.registers
    }
    return min(found, key=lambda shape: found[shape])


def _cycles(rows: int, width: int, batch: int) -> float:
    """One depth step of all tiles of a part."""
    whole, rest = divmod(batch, rows)
    return whole * _step(rows, width) + (_step(rest, width) if rest else 0)


def _step(rows: int, width: int) -> float:
    """One depth step of a tile: products, the sums' latency, loads, weights from beyond level 1."""
    products, loads = rows * width / 2, (rows + width) * LOAD_CYCLES
    return max(products, LATENCY, loads, width * STREAM_CYCLES)
