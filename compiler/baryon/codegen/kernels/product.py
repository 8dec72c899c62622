"""Matrix products of two values that are computed at run time: which axis means what.

result[batch, row, column] = sum over depth of left[batch, row, depth] * right[batch, column, depth]
Each of the three values has its own order of axes, some have fewer batch axes or none, and several
axes may count as one (all rows of a stack of matrices beside a single matrix).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from baryon.codegen.expr import Expr
from baryon.ir import Dim, DType, Op, Sym, UnsupportedError, Value, dim_prod, f32
from baryon.ops import TABLE

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Side:
    """One factor. lines: its axes of rows (left) or columns (right); batch: those of the stack."""

    value: Value
    batch: Axes
    lines: Axes
    depth: Axes

    def batch_index(self, batch: Sequence[Expr]) -> list[Expr]:
        """Indices along the side's own batch axes; those of size 1 repeat."""
        own = list(batch)[len(batch) - len(self.batch) :]
        sizes = [self.value.type.shape[a] for a in self.batch]
        return [0 if size == 1 else i for i, size in zip(own, sizes, strict=True)]

    def size(self, axes: Axes) -> Dim:
        """Elements along some axes."""
        return dim_prod(tuple(self.value.type.shape[a] for a in axes))


@dataclass(frozen=True)
class Product:
    """A product in these terms. batch, rows, columns: axes of the result. bias: one per column."""

    result: Value
    left: Side
    right: Side
    batch: Axes
    rows: Axes
    columns: Axes
    bias: Value | None = None

    @property
    def batch_sizes(self) -> list[Dim]:
        """Sizes of the result's batch axes."""
        return [self.result.type.shape[a] for a in self.batch]

    @property
    def height(self) -> Dim:
        """Number of rows."""
        return self.left.size(self.left.lines)

    @property
    def width(self) -> int:
        """Number of columns."""
        return _static(self.right.size(self.right.lines))

    @property
    def depth(self) -> int:
        """Products that each element of the result sums up."""
        return _static(self.left.size(self.left.depth))

    @property
    def dtype(self) -> DType:
        """The element type of sums."""
        dtype = self.result.type.dtype
        return f32 if dtype.is_float and dtype.bits == 16 else dtype

    def merged(self) -> Product:
        """The same with all rows of a stack as one matrix, where the right factor is no stack."""
        left, result = self.left, self.result.type
        dense = left.lines == (len(left.batch),) and left.value.type.layout is result.layout is None
        if self.right.batch or not dense:
            return self
        left = replace(left, batch=(), lines=(*left.batch, *left.lines))
        return replace(self, left=left, batch=(), rows=(*self.batch, *self.rows))

    def turned(self) -> Product:
        """The transposed product: columns become rows."""
        sides = replace(self, left=self.right, right=self.left)
        return replace(sides, rows=self.columns, columns=self.rows)


def product_of(op: Op) -> Product | None:
    """The product that an op computes; None for other ops."""
    if op.name == "npx.fully_connected":
        return _fully_connected(op)
    if op.name not in ("np.matmul", "npx.batch_dot"):
        return None
    if op.result.type.dtype.kind == "bool":
        raise UnsupportedError(f"{op.name} of bools has no kernel", where=str(op.loc))
    attrs: dict[str, Any] = TABLE[op.name].normalize(op.attrs)
    left = _side(op.operands[0], attrs.get("transpose_a", False))
    right = _side(op.operands[1], not attrs.get("transpose_b", False))
    count = max(len(left.batch), len(right.batch))
    rest = tuple(range(count, op.result.type.rank))
    cut = len(rest) - len(right.lines)
    return Product(op.result, left, right, tuple(range(count)), rest[:cut], rest[cut:])


def _side(value: Value, depth_first: bool) -> Side:
    """An operand whose last two axes are lines and depth, or the reverse; a vector is one line."""
    rank = value.type.rank
    if rank == 1:
        return Side(value, (), (), (0,))
    lines, depth = (rank - 1, rank - 2) if depth_first else (rank - 2, rank - 1)
    return Side(value, tuple(range(rank - 2)), (lines,), (depth,))


def _fully_connected(op: Op) -> Product:
    data, weight, *bias = op.operands
    flatten = TABLE[op.name].normalize(op.attrs)["flatten"]
    axes = tuple(range(data.type.rank))
    first = 1 if flatten else data.type.rank - 1
    if len(axes) > first + 1 and data.type.layout is not None:
        raise UnsupportedError(f"{op.name} flattens row-major data only, not {data.type}")
    out = tuple(range(op.result.type.rank))
    left = Side(data, (), axes[:first], axes[first:])
    right = Side(weight, (), (0,), (1,))
    return Product(op.result, left, right, (), out[:-1], out[-1:], bias[0] if bias else None)


def _static(dim: Dim) -> int:
    if isinstance(dim, Sym):
        raise UnsupportedError(
            f"the columns and the depth of a product have a fixed size, not {dim}"
        )
    return dim
