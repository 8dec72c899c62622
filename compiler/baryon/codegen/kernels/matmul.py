"""Matrix products of values that are computed at run time, as in attention.

The register tile is that of implicit GEMM. The right factor is packed at run time, one panel of
columns at a time into scratch memory, unless too few rows use the panel; the left one is read
where it lies, whichever way round, unless a prologue or a conversion has to run first. As in
implicit GEMM the last tile and panel are moved back to end where the product ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

from baryon.codegen.expr import Expr, Math, lane_const, transpose, tvm_name
from baryon.codegen.expr import bind as named
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.candidate import Candidate
from baryon.codegen.kernels.matmul_plan import Plan
from baryon.codegen.kernels.microkernel import Loop, Multiply, bind
from baryon.codegen.kernels.product import Axes, Product, Side, product_of
from baryon.codegen.kernels.spec import ceil_div
from baryon.codegen.pointwise import Domain, Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import Sym, UnsupportedError
from baryon.ir.memory import strides


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a product with element-wise neighbours; no operand needs to be constant."""
    return build_as(group, Plan.of(_product(group), target))


def candidates(group: Group, target: Target) -> list[Candidate]:
    """The same with other register tiles; none for what is no product."""
    product = product_of(group.main)
    plans = Plan.options(product, target).items() if product else ()
    return [Candidate(p.name, e, partial(build_as, group, p)) for p, e in plans]


def _product(group: Group) -> Product:
    product = product_of(group.main)
    if product is None:
        raise UnsupportedError(f"{group.main.name} is not a product", where=str(group.main.loc))
    return product


def build_as(group: Group, plan: Plan) -> Kernel:
    """The kernel with the tiles of a plan."""
    product = _product(group)
    builder = KernelBuilder()
    with builder.function():
        if 0 not in product.result.type.shape:
            _Emitter(plan, Frame(builder, group)).emit()
        else:
            Frame(builder, group)
            T.evaluate(0)
    shape = [d.factor if isinstance(d, Sym) else d for d in product.result.type.shape]
    return builder.finish(flops=2 * prod(shape) * product.depth, plan=plan.name)


class _Reader:
    """Reads vectors of one factor, after its prologue, in the element type of the sums."""

    def __init__(self, frame: Frame, side: Side, plan: Plan) -> None:
        self.frame, self.side, self.dtype = frame, side, plan.product.dtype
        self.lanes = plan.lanes
        value = side.value
        self.memory = frame.inputs.get(value)
        self.is_plain = self.memory is not None and value.type.dtype == self.dtype
        steps = strides(value.type)
        self.line_step, self.depth_step = _step(steps, side.lines), _step(steps, side.depth)
        batch = [(a,) for a in side.batch]
        self.by_line = Domain(frame, value.type.shape, [*batch, side.depth, side.lines])
        self.by_depth = Domain(frame, value.type.shape, [*batch, side.lines, side.depth])
        if len(side.depth) > 1 and not self.is_plain:
            raise UnsupportedError("a product flattens nothing that a prologue computes")

    def offset(self, batch: Sequence[Expr], line: Expr, depth: Expr) -> Expr:
        """Where an element of a plain factor lies."""
        place = self.by_depth.place([*self.side.batch_index(batch), line, depth])
        assert self.memory is not None
        return place.address(self.memory)[0]

    def lines(self, batch: Sequence[Expr], line: Expr, depth: Expr, lanes: int) -> Expr:
        """Elements of neighbouring lines at one depth."""
        return self._read(self.by_line, [*self.side.batch_index(batch), depth, line], lanes)

    def depths(self, batch: Sequence[Expr], line: Expr, depth: Expr, lanes: int) -> Expr:
        """Elements of one line at neighbouring depths."""
        return self._read(self.by_depth, [*self.side.batch_index(batch), line, depth], lanes)

    def _read(self, domain: Domain, indices: Sequence[Expr], lanes: int) -> Expr:
        return Math.cast(domain.place(indices, lanes).value(self.side.value), self.dtype)


class _Emitter:
    def __init__(self, plan: Plan, frame: Frame) -> None:
        self.plan, self.product, self.frame = plan, plan.product, frame
        self.left = _Reader(frame, self.product.left, plan)
        self.right = _Reader(frame, self.product.right, plan)
        batch = [(a,) for a in self.product.batch]
        loops: list[Axes] = [*batch, self.product.rows, self.product.columns]
        self.domain = Domain(frame, self.product.result.type.shape, loops)
        in_place = self.right.is_plain and self.right.line_step == 1
        self.packs = plan.reuses or not in_place or plan.width % plan.lanes > 0

    def emit(self) -> None:
        """Tasks over problems, runs of panels, and blocks of rows."""
        plan = self.plan
        symbol = [Sym(plan.image)] if plan.image else []
        blocks = ceil_div(plan.rows, plan.block) if plan.rows else 1
        per_part = ceil_div(plan.panels, plan.parts)
        counts = [*symbol, *self.product.batch_sizes, ceil_div(plan.panels, per_part), blocks]
        work = plan.block * per_part * plan.width * self.product.depth // 8
        with self.frame.builder.tasks(counts, work) as [*outer, part, block]:
            image, batch = (outer[0], outer[1:]) if symbol else (0, outer)
            first = bind(part * per_part)
            exact = plan.panels % per_part == 0
            panels = per_part if exact else tirx.min(plan.panels - first, per_part)
            if plan.rows is not None:
                start = _back(block, plan.block, plan.rows)
                rows = _Rows(image * plan.rows + start, plan.block, None)
                self._block(batch, rows, first, panels)
                return
            height = self.frame.builder.symbols.dim(self.product.height)
            with T.serial(0, (height + (plan.block - 1)) // plan.block) as i:
                start = bind(i * plan.block)
                rows = _Rows(start, tirx.min(height - start, plan.block), height - 1)
                self._block(batch, rows, first, panels)

    def _block(self, batch: Sequence[Expr], rows: _Rows, first: Expr, panels: Expr) -> None:
        """Some panels of a block of rows."""
        staged = None if self.left.is_plain else self._stage(batch, rows)
        with grid([panels]) as [i]:
            column = bind(_back(first + i, self.plan.width, self.product.width))
            panel = self._pack(batch, column) if self.packs else None
            with grid([rows.tiles(self.plan.tile.rows)]) as [t]:
                tile = rows.tile(t, self.plan.tile.rows)
                self._tile(batch, rows, tile, column, staged, panel)

    def _stage(self, batch: Sequence[Expr], rows: _Rows) -> Memory:
        """The rows of a block, one after the other, in scratch memory."""
        depth, lanes = self.product.depth, min(self.plan.lanes, max(self.product.depth, 1))
        strip = Memory.local(self.plan.block * max(depth, 1), self.product.dtype)
        with T.serial(0, rows.count) as i, T.serial(0, ceil_div(depth, lanes)) as v:
            k = bind(_back(v, lanes, depth))
            value = self.left.depths(batch, rows.start + i, k, lanes)
            strip.store(value, i * depth + k, lanes)
        return strip

    def _pack(self, batch: Sequence[Expr], column: Expr) -> Memory:
        """A panel of columns as [depth, vector, lane] in scratch memory."""
        plan, depth = self.plan, self.product.depth
        lanes, row = plan.lanes, len(plan.starts) * plan.lanes
        strip = Memory.local(max(depth, 1) * row, self.product.dtype)
        square = self.right.line_step != 1 and depth >= lanes > 1 and lanes & (lanes - 1) == 0
        side = lanes if square else 1
        with T.serial(0, ceil_div(depth, side)) as v:
            k = bind(_back(v, side, depth))
            for j, start in enumerate(plan.starts):
                for i, vector in enumerate(self._vectors(batch, column + start, k, square)):
                    strip.store(vector, (k + i) * row + j * lanes, lanes)
        return strip

    def _vectors(self, batch: Sequence[Expr], column: Expr, k: Expr, square: bool) -> list[Expr]:
        """The lanes of neighbouring columns, for one depth or for as many as there are lanes."""
        lanes = self.plan.lanes
        if not square:
            return [self.right.lines(batch, column, k, lanes)]
        rows = [self.right.depths(batch, column + i, k, lanes) for i in range(lanes)]
        return transpose(rows)

    def _tile(
        self,
        batch: Sequence[Expr],
        rows: _Rows,
        tile: list[Expr],
        column: Expr,
        staged: Memory | None,
        panel: Memory | None,
    ) -> None:
        """One register tile: all sums of its rows in a panel, the epilogue and the stores."""
        plan, depth = self.plan, self.product.depth
        source, step = (staged, 1) if staged else (self.left.memory, self.left.depth_step)
        if staged:
            inputs = [bind((m - rows.start) * depth) for m in tile]
        else:
            inputs = [bind(self.left.offset(batch, m, 0)) for m in tile]
        weights, width = panel or self.right.memory, len(plan.starts) * plan.lanes
        if not panel:
            width = self.right.depth_step
        at = 0 if panel else bind(self.right.offset(batch, column, 0))
        sums = self._sums(source, weights, Loop(depth, step), width, inputs, at)
        for m, line in zip(tile, sums, strict=True):
            for start, value in zip(plan.starts, line, strict=True):
                self._store(value, [*batch, m, column + start])

    def _sums(
        self, source: Any, weights: Any, loop: Loop, width: int, rows: list[Expr], panel: Expr
    ) -> list[list[Expr]]:
        plan, dtype = self.plan, self.product.dtype
        if loop.extent == 0:
            return [[lane_const(0, dtype, plan.lanes) for _ in plan.starts] for _ in rows]
        multiply = Multiply(
            source, weights, [loop], width, plan.lanes, len(plan.starts), tvm_name(dtype)
        )
        return multiply.emit(rows, panel)

    def _store(self, value: Expr, indices: Sequence[Expr]) -> None:
        place, product = self.domain.place(indices, self.plan.lanes), self.product
        if product.bias is not None:
            value = value + Math.cast(place.value(product.bias), product.dtype)
        place.known[product.result] = named(Math.cast(value, product.result.type.dtype))
        place.store()


@dataclass(frozen=True)
class _Rows:
    """Rows from `start` on. last: of the whole product, where `count` is known only at run time."""

    start: Expr
    count: Expr
    last: Expr | None

    def tiles(self, height: int) -> Expr:
        """Tiles of the given height that cover the rows."""
        return (self.count + (height - 1)) // height

    def tile(self, index: Expr, height: int) -> list[Expr]:
        """The rows of a tile."""
        if self.last is None:
            first = bind(self.start + _back(index, height, self.count))
            return [first + i for i in range(height)]
        first = bind(self.start + index * height)
        return [bind(tirx.min(first + i, self.last)) for i in range(height)]


def _back(index: Expr, size: int, total: int) -> Expr:
    """Where part `index` of `total` begins; the last one is moved back to end at the end."""
    if total % size == 0:
        return index * size
    return tirx.min(index * size, total - size)


def _step(steps: Sequence[int], axes: Axes) -> int:
    return steps[axes[-1]] if axes else 0
