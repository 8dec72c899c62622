"""How a product of run-time values is cut into tiles, panels and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

from baryon.codegen.kernels.cost import ranked
from baryon.codegen.kernels.product import Product
from baryon.codegen.kernels.spec import ImplicitGemm, ceil_div
from baryon.codegen.targets import Target, Tile
from baryon.ir import Sym

TASKS = 8
"""Products are cut into so many tasks, where they are large enough."""

BLOCK = 8
"""Tiles of rows that use a packed panel at least, when rows are cut into tasks."""


@dataclass(frozen=True)
class Plan:
    """How a product is computed. lanes: columns per vector. rows: of one problem, or None."""

    product: Product
    tile: Tile
    lanes: int
    cache: int

    @property
    def name(self) -> str:
        """The tile, in one line."""
        return f"matmul tile={self.tile.rows}x{self.tile.vectors}x{self.lanes}"

    @staticmethod
    def of(product: Product, target: Target) -> Plan:
        """The plan that the cost model likes best."""
        return next(iter(Plan.options(product, target)))

    @staticmethod
    def options(product: Product, target: Target) -> dict[Plan, float]:
        """Plans with their efficiency, best first; narrow products are computed transposed."""
        lanes = target.lanes(product.dtype.itemsize)
        height = product.height
        single = len(product.left.lines) == 1 and isinstance(height, int)
        if single and product.width < min(lanes, int(str(height))):
            product = product.turned()
        product = product.merged()
        height = product.height
        rows = height.factor if isinstance(height, Sym) else height
        many = isinstance(height, int) or rows >= BLOCK
        spec = ImplicitGemm(
            max(product.depth, 1),
            max(product.width, 1),
            batch=1 if many else None,
            size=(1, max(rows, 1) if many else 1),
        )
        lanes = min(lanes, max(product.width, 1))
        found: dict[Plan, float] = {}
        for schedule, efficiency in ranked(spec, target):
            plan = Plan(product, schedule.tile, lanes, target.cache_bytes[1])
            found.setdefault(plan, efficiency)
        return found

    @cached_property
    def image(self) -> str | None:
        """The symbol that counts problems of `rows` rows each, where rows are symbolic."""
        height = self.product.height
        is_image = isinstance(height, Sym) and height.factor >= BLOCK
        return height.name if isinstance(height, Sym) and is_image else None

    @cached_property
    def rows(self) -> int | None:
        """Rows of one problem; None if they are known only at run time."""
        height = self.product.height
        if isinstance(height, int):
            return height
        return height.factor if self.image else None

    @cached_property
    def width(self) -> int:
        """Columns of a panel."""
        return min(self.tile.vectors * self.lanes, self.product.width)

    @cached_property
    def starts(self) -> list[int]:
        """First column of each vector of a panel; the last two may overlap."""
        count = ceil_div(self.width, self.lanes)
        return [min(j * self.lanes, self.width - self.lanes) for j in range(count)]

    @property
    def panels(self) -> int:
        """Panels of all columns."""
        return ceil_div(self.product.width, self.width)

    @cached_property
    def problems(self) -> int:
        """Independent products, one of a symbolic number."""
        return prod(d.factor if isinstance(d, Sym) else d for d in self.product.batch_sizes)

    @cached_property
    def parts(self) -> int:
        """Runs of panels that tasks share."""
        return min(self.panels, ceil_div(TASKS, self.problems))

    @cached_property
    def block(self) -> int:
        """Rows that one task computes, or that are staged together."""
        if self.rows is None:
            return BLOCK * self.tile.rows
        tiles = ceil_div(self.rows, self.tile.rows)
        cached = ceil_div(4 * self.rows * self.product.depth, self.cache // 2)
        wanted = max(ceil_div(TASKS, self.problems * self.parts), cached)
        blocks = max(1, min(wanted, tiles // BLOCK))
        return min(ceil_div(tiles, blocks) * self.tile.rows, self.rows)

    @property
    def reuses(self) -> bool:
        """Whether a panel serves enough rows to be worth packing."""
        return self.block > 2 * self.tile.rows
