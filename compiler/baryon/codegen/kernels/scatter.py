"""Scatters: rows of updates go to the rows of the result that indices name.

The result is an array of (outer, size, inner) elements, the updates one of (outer, count, inner).
A task has some columns of one outer position and visits the updates in their order, so what is
added up is added in the same order on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baryon.codegen.expr import Expr, Math, bind, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, when
from baryon.codegen.pointwise import Frame
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import Dim, DType, Sym, Value, dim_prod, f32, i64
from baryon.ops.indexing import in_range

VECTORS = 16
"""Vectors of a row that a task takes: enough work behind each index, and tasks enough."""

Columns = Callable[[Any, int], None]
"""Work on lanes: the first column and their number."""


def build(group: Group, target: Target) -> Kernel:
    """The kernel of one scatter."""
    builder = KernelBuilder()
    with builder.function():
        _Scatter(Frame(builder, group), target).emit()
    return builder.finish()


class _Scatter:
    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame, self.op, self.attrs = frame, frame.group.main, frame.group.attrs
        *data, self.indices, self.updates = self.op.operands
        self.data: Value | None = data[0] if data else None
        self.out, self.type = frame.outputs[0], self.op.result.type
        self.along = self.op.name == "ir.scatter_add_along"
        axis = self.attrs["axis"] % self.type.rank
        last = axis + (1 if self.along else self.indices.type.rank)
        shape = self.updates.type.shape
        self.outer, self.count = dim_prod(shape[:axis]), dim_prod(shape[axis:last])
        self.inner = int(str(dim_prod(shape[last:])))
        self.size = int(str(self.type.shape[axis]))
        self.lanes = 1 if self.along else target.lanes(self.type.dtype.itemsize)
        self.block = self.lanes * VECTORS

    def emit(self) -> None:
        """Emit the loops."""
        if 0 in self.type.shape:
            T.evaluate(0)
            return
        blocks = -(-self.inner // self.block)
        work = self.block * (self.size + (self.count if isinstance(self.count, int) else self.size))
        with self.frame.builder.tasks([self.outer, blocks], work) as [outer, part]:
            with T.serial(0, self.size) as row:
                at = self._offset(outer, row, self.size)
                self._columns(part, lambda c, n: self._start(at + c, n))
            if self.count != 0:
                with T.serial(0, self.frame.builder.symbols.dim(self.count)) as number:
                    self._update(outer, part, number)

    def _update(self, outer: Any, part: Any, number: Any) -> None:
        source = bind(self._offset(outer, number, self._known(self.count)))
        if self.along:
            self._columns(part, lambda c, n: self._put(outer, source + c, c, source + c, n))
            return
        to = bind(self._offset(outer, self._row(number), self.size))
        self._columns(part, lambda c, n: self._store(to + c, source + c, n))

    def _put(self, outer: Any, at: Any, column: Any, source: Any, lanes: int) -> None:
        self._store(self._offset(outer, self._row(at), self.size) + column, source, lanes)

    def _known(self, count: Dim) -> Any:
        # where the count is symbolic, its axis is the outermost and there is one outer position
        return count.factor if isinstance(count, Sym) else count

    def _offset(self, outer: Any, row: Any, rows: Any) -> Any:
        return (outer * rows + row) * self.inner

    def _columns(self, part: Any, work: Columns) -> None:
        """Work on a task's columns: vectors, and in the last task those that fill none."""
        whole, tail = divmod(self.inner, self.lanes)
        left = whole - part * VECTORS
        count = whole if self.inner <= self.block else tirx.min(VECTORS, left)
        if whole:
            with T.serial(0, count) as v:
                work(part * self.block + v * self.lanes, self.lanes)
        if tail and self.inner <= self.block:
            work(whole * self.lanes, tail)
        elif tail:
            with when(left <= VECTORS):
                work(whole * self.lanes, tail)

    def _row(self, at: Any) -> Expr:
        """The row that an index names."""
        place = bind(Math.cast(self._read(self.indices, at, 1), i64))
        return bind(in_range(Math, place, tirx.const(self.size, "int64"), self.attrs["mode"]))

    def _start(self, at: Any, lanes: int) -> None:
        data = self.data
        first = (
            self._const(0, self.type.dtype, lanes) if data is None else self._read(data, at, lanes)
        )
        self.out.store(first, at, lanes)

    def _store(self, to: Any, source: Any, lanes: int) -> None:
        new = self._read(self.updates, source, lanes)
        if self.data is None:
            wide = self._wide()
            old = Math.cast(self.out.load(to, lanes), wide)
            new = Math.cast(old + Math.cast(new, wide), self.type.dtype)
        self.out.store(new, to, lanes)

    def _wide(self) -> DType:
        dtype = self.type.dtype
        return f32 if dtype.is_float and dtype.bits == 16 else dtype

    def _const(self, value: float, dtype: DType, lanes: int) -> Expr:
        return lane_const(value, dtype, lanes)

    def _read(self, value: Value, at: Any, lanes: int) -> Expr:
        scalar = self.frame.group.scalar(value)
        if scalar is not None:
            return self._const(scalar, value.type.dtype, lanes)
        return self.frame.inputs[value].load(at, lanes)
