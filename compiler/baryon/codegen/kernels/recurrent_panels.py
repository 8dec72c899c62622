"""Weights of recurrent layers in panels: [panel][depth][gate][vector][lane].

A panel holds all gates of its hidden units. The last one is moved back to end with the units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm.script.ir_builder import tirx as T

from baryon.codegen.expr import Expr, Math, transpose
from baryon.codegen.kernel import Memory
from baryon.codegen.kernels.cost import LATENCY, LOAD_CYCLES, STREAM_CYCLES
from baryon.codegen.kernels.microkernel import bind
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.targets import Target, Tile
from baryon.ir import Array, DType


@dataclass(frozen=True)
class Panels:
    """The panels of one product.

    units: H. depth: elements that each sum multiplies. gates: row blocks of the weight (rows of
    `units` sums each). tile: sequences by vectors, all gates counted. start: the first element.
    """

    units: int
    depth: int
    gates: tuple[int, ...]
    lanes: int
    tile: Tile
    start: int

    @property
    def vectors(self) -> int:
        """Vectors of hidden units."""
        return self.tile.vectors // len(self.gates)

    @property
    def width(self) -> int:
        """Hidden units of a panel."""
        return self.vectors * self.lanes

    @property
    def row(self) -> int:
        """Elements of one depth step."""
        return len(self.gates) * self.width

    @property
    def count(self) -> int:
        """Panels."""
        return ceil_div(self.units, self.width)

    @property
    def size(self) -> int:
        """Elements of all panels."""
        return self.count * self.depth * self.row

    @staticmethod
    def pack_all(panels: Sequence[Panels], weight: Array, dtype: DType) -> Array:
        """Constant weights (gates * H, depth) in the panels of all products."""
        dense = weight.astype(dtype.numpy)
        return np.concatenate([p._pack(dense).reshape(-1) for p in panels])

    def _pack(self, weight: Any) -> Any:
        starts = np.minimum(np.arange(self.count) * self.width, self.units - self.width)
        units = starts[:, None] + np.arange(self.width)
        rows = np.array(self.gates)[:, None] * self.units + units[:, None, :]  # panel, gate, unit
        return weight[rows].transpose(0, 3, 1, 2)

    def emit(self, weight: Memory, packed: Memory) -> None:
        """The loops that fill the panels from weights (gates * H, depth) that arrive at run time.

        Call it before the steps: all threads read this one copy.
        """
        side = self.lanes if self._is_square else 1
        with T.parallel(self.count) as panel:
            last = self.units - self.width
            unit = panel * self.width
            unit = bind(unit if self.units % self.width == 0 else T.min(unit, last))
            to = bind(self.start + panel * (self.depth * self.row))
            with T.serial(0, ceil_div(self.depth, side)) as v:
                k = bind(T.min(v * side, self.depth - side))
                for at, first in self._vectors(unit):
                    for i, vector in enumerate(self._columns(weight, first, k, side)):
                        value = Math.cast(vector, packed.dtype)
                        packed.store(value, to + (k + i) * self.row + at, self.lanes)

    @property
    def _is_square(self) -> bool:
        return self.depth >= self.lanes > 1 and self.lanes & (self.lanes - 1) == 0

    def _vectors(self, unit: Expr) -> Iterator[tuple[int, Expr]]:
        """Where each vector of a row stands, and its first row of the weight."""
        for g, gate in enumerate(self.gates):
            for v in range(self.vectors):
                at = g * self.width + v * self.lanes
                yield at, bind(unit + (gate * self.units + v * self.lanes))

    def _columns(self, weight: Memory, first: Expr, k: Expr, side: int) -> list[Expr]:
        """Elements of neighbouring rows, for one depth or for as many as there are lanes."""
        start = bind(first * self.depth + k)
        if side == 1:
            return [weight.load(start, self.lanes, self.depth)]
        return transpose([weight.load(start + i * self.depth, side) for i in range(side)])


def tile_for(target: Target, batch: int, gates: int, vectors: int) -> Tile:
    """The register tile for a batch, by an estimate of the cycles for each depth step and vector.

    gates: sums of each hidden unit. vectors: the most vectors of hidden units in a panel.
    """
    fitting = [
        Tile(rows, gates * v)
        for v in range(1, vectors + 1)
        for rows in range(1, batch + 1)
        if rows * gates * v + min(rows, gates * v) + 1 <= target.registers
    ]
    return min(fitting or [Tile(1, gates)], key=lambda tile: _cycles(tile, batch) / tile.vectors)


def _cycles(tile: Tile, batch: int) -> float:
    whole, rest = divmod(batch, tile.rows)
    return whole * _step(tile.rows, tile.vectors) + (_step(rest, tile.vectors) if rest else 0)


def _step(rows: int, vectors: int) -> float:
    """One depth step of a tile: products, the sums' latency, loads, weights from beyond level 1."""
    products, loads = rows * vectors / 2, (rows + vectors) * LOAD_CYCLES
    return max(products, LATENCY, loads, vectors * STREAM_CYCLES)
