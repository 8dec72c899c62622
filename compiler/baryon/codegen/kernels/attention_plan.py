"""How attention is cut into panels of queries, blocks of keys, tiles and tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.targets import Target, Tile
from baryon.ir import Dim, DType, Op, Sym, UnsupportedError, f32
from baryon.ops import TABLE
from baryon.ops.attention import HeadLayout, head_layouts

TASKS = 4
"""Attention is cut into so many tasks for each thread, where it has enough heads and queries."""


@dataclass(frozen=True)
class Plan:
    """One problem, and how it is computed. Sizes count elements.

    layouts: of query, key and value. size, value_size: elements of a head. tile: keys (or elements
    of a value) by vectors of queries. lanes: queries per vector. tasks: wanted at least. cache:
    bytes for the scores of a block of keys.
    """

    layouts: tuple[HeadLayout, HeadLayout, HeadLayout]
    batch: Dim
    heads: int
    queries: int
    keys: int
    size: int
    value_size: int
    dtype: DType
    tile: Tile
    lanes: int
    tasks: int
    cache: int

    @staticmethod
    def of(op: Op, target: Target) -> Plan:
        """The plan of an op for a target; UnsupportedError for a symbolic length."""
        attrs = TABLE[op.name].normalize(op.attrs)
        layouts = head_layouts(attrs, op.operands[0].type)
        logical = zip(layouts, op.operands, strict=False)
        q, k, v = (layout.logical(x.type.shape) for layout, x in logical)
        heads, queries, size, keys, value_size = (
            _static(op, d) for d in (q[1], q[2], q[3], k[2], v[3])
        )
        dtype = op.result.type.dtype
        dtype = f32 if dtype.bits == 16 else dtype
        lanes = min(target.lanes(dtype.itemsize), max(queries, 1))
        bare = Plan(layouts, q[0], heads, queries, keys, size, value_size, dtype, Tile(1, 1), lanes,
                    TASKS * max(target.threads), target.cache_bytes[0] * 5 // 8)  # fmt: skip
        fitting = (replace(bare, tile=tile) for tile in target.tiles)
        return min(fitting, key=lambda plan: plan.cycles)

    @property
    def key_heads(self) -> int:
        """Heads of keys and values."""
        return self.layouts[1].count

    @cached_property
    def width(self) -> int:
        """Queries of a panel."""
        return min(self.tile.vectors * self.lanes, self.queries)

    @cached_property
    def starts(self) -> list[int]:
        """First query of each vector of a panel; the last two may overlap."""
        count = ceil_div(self.width, self.lanes)
        return [min(j * self.lanes, self.width - self.lanes) for j in range(count)]

    @property
    def row(self) -> int:
        """Elements of a panel at one depth."""
        return len(self.starts) * self.lanes

    @property
    def panels(self) -> int:
        """Panels of all queries; the last one may overlap the one before."""
        return ceil_div(self.queries, self.width)

    @cached_property
    def per_task(self) -> int:
        """Panels of a task, for one head of one image."""
        images = self.batch.factor if isinstance(self.batch, Sym) else self.batch
        return ceil_div(self.panels, ceil_div(self.tasks, max(images * self.heads, 1)))

    @cached_property
    def block(self) -> int:
        """Keys whose scores are held at a time: even shares, so that the last is not small."""
        most = max(self.cache // (self.row * self.dtype.itemsize), self.tile.rows)
        return ceil_div(self.keys, ceil_div(self.keys, most))

    @property
    def blocks(self) -> int:
        """Blocks of keys."""
        return ceil_div(self.keys, self.block)

    @property
    def cycles(self) -> float:
        """Estimated time of one head: both products over all panels."""
        rows, vectors = self.tile.rows, len(self.starts)
        scores = _tile_cycles(self.keys, rows, vectors) * self.size
        sums = _tile_cycles(self.value_size, rows, vectors) * self.keys
        return self.panels * (scores + sums)

    @property
    def flops(self) -> int:
        """Operations of both products, for one row of a symbolic batch."""
        images = self.batch.factor if isinstance(self.batch, Sym) else self.batch
        pairs = images * self.heads * self.queries * self.keys
        return 2 * pairs * (self.size + self.value_size)

    def __str__(self) -> str:
        return f"{self.tile.rows}x{self.tile.vectors} tile, {self.block} keys"


def _tile_cycles(lines: int, rows: int, vectors: int) -> float:
    """Cycles of one depth step of all tiles over some lines.

    Two products a cycle, in chains of four cycles; loads cost less, as they overlap.
    """

    def step(height: int) -> float:
        return max(height * vectors / 2, 4) + (height + vectors) / 8

    whole, rest = divmod(lines, rows)
    return whole * step(rows) + (step(rest) if rest else 0)


def _static(op: Op, dim: Any) -> int:
    if isinstance(dim, Sym):
        raise UnsupportedError(
            f"attention over the symbolic length {dim} has no kernel", where=str(op.loc)
        )
    return int(dim)
