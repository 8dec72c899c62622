"""Which different elements an array has, where, and how often, in ops: sort, compare, look up.

Equal elements stand side by side once they are sorted. A group begins where an element differs from
the one before it; how many groups there are is a size that depends on data.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy

from baryon.array import Ops, ndarray, op, wrap
from baryon.ir import Sym, UnsupportedError, dim_prod
from baryon.ops.shapes import write_shape

_np, _npx = Ops("np"), Ops("npx")

MOST_COLUMNS = 256
"""Elements of a slice by which slices are sorted, one after the other."""


class Distinct(NamedTuple):
    """The different slices, the first position of each, where each slice is among them, counts."""

    values: ndarray
    first: ndarray
    inverse: ndarray
    counts: ndarray


def distinct(x: ndarray, axis: int | None = None, by_first: bool = False) -> Distinct:
    """The different elements of an array, or slices along an axis, in order.

    by_first: in the order in which they first occur. As in NumPy, NaN equals NaN among elements
    and makes slices differ. UnsupportedError for slices of more than `MOST_COLUMNS` elements and
    for a symbolic number of slices.
    """
    slices = x.reshape(-1) if axis is None else _turned(x, axis, 0)
    count, *rest = slices.shape
    columns = dim_prod(tuple(rest))
    if isinstance(count, Sym) or isinstance(columns, Sym) or columns > MOST_COLUMNS:
        raise UnsupportedError(
            f"unique: {count} slices of {columns} elements",
            hint=f"the sizes must be fixed, and a slice have {MOST_COLUMNS} elements at most",
        )
    rows = slices.reshape((count, columns))
    found = _Groups(rows, count, nan_is_one=axis is None).found(by_first)
    values = _np.take(rows, found.first, axis=0)
    shaped = _np.reshape(values, newshape=write_shape((values.shape[0], *rest)))
    return found._replace(values=shaped if axis is None else _turned(shaped, 0, axis))


def _turned(x: ndarray, source: int, to: int) -> ndarray:
    """The array with an axis at another place."""
    axes = [a for a in range(x.ndim) if a != source % x.ndim]
    axes.insert(to % x.ndim, source % x.ndim)
    turned: ndarray = _np.transpose(x, axes=tuple(axes))
    return turned


class _Groups:
    """Equal rows of a matrix (count, columns).

    order: positions of the rows as sorted. begins: whether a sorted row is the first of its kind.
    group: for each sorted row the number of its kind.
    """

    def __init__(self, rows: ndarray, count: int, nan_is_one: bool) -> None:
        self.count = count
        self.order = _order(rows, count)
        self.begins = _begins(_np.take(rows, self.order, axis=0), count, nan_is_one)
        self.group = self.ranks(self.begins)

    def found(self, by_first: bool) -> Distinct:
        """All but the values: by their order, or by where they occur first."""
        starts = _places(self.begins)
        first = _np.take(self.order, starts, axis=0)
        kind = self.placed(self.group)
        sizes = op("ir.scatter_add")(self.group, self.one(), size=self.count, axis=0)
        inverse = kind
        if by_first:
            is_first = self.placed(self.begins)
            # of each row where its kind occurs first, and how many kinds occur before that
            origin = self.placed(_np.take(first, self.group, axis=0))
            inverse = _np.take(self.ranks(is_first), origin, axis=0)
            first = _places(is_first)
        counts = _np.take(sizes, _np.take(kind, first, axis=0), axis=0)
        return Distinct(first, first, inverse, counts)

    def ranks(self, flags: ndarray) -> ndarray:
        """How many flags are set before each place and there, less one."""
        found: ndarray = _np.subtract(_np.cumsum(flags, axis=0), self.one())
        return found

    def placed(self, values: ndarray) -> ndarray:
        """What belongs to sorted rows, at the places where the rows were."""
        found: ndarray = op("ir.scatter")(self.zero(), self.order, values, axis=0)
        return found

    def one(self) -> ndarray:
        """Ones for all rows."""
        return wrap(numpy.ones(self.count, numpy.int64))

    def zero(self) -> ndarray:
        """Zeros for all rows."""
        return wrap(numpy.zeros(self.count, numpy.int64))


def _places(flags: ndarray) -> ndarray:
    """The positions of ones."""
    places: ndarray = op("ir.nonzero")(flags)[0]
    return places.reshape(-1)


def _order(rows: ndarray, count: int) -> ndarray:
    """Positions of the rows in lexicographic order: stable sorts by columns, the last one first."""
    order: ndarray | None = None
    for column in reversed(range(int(str(rows.shape[1])))):
        keys = rows[:, column]
        keys = keys if order is None else _np.take(keys, order, axis=0)
        _, places = op("ir.sort")(keys, axis=0)
        order = places if order is None else _np.take(order, places, axis=0)
    return wrap(numpy.arange(count)) if order is None else order


def _begins(ordered: ndarray, count: int, nan_is_one: bool) -> ndarray:
    """1 for sorted rows that differ from the one before, and for the first; else 0."""
    before = _np.concatenate([ordered[:1], ordered[:-1]], axis=0)
    differs = _np.not_equal(ordered, before)
    if nan_is_one and ordered.type.dtype.is_float:
        same = _np.logical_and(_np.isnan(ordered), _np.isnan(before))
        differs = _np.logical_and(differs, _np.logical_not(same))
    flags = _npx.cast(differs, dtype="int64")
    flags = _np.max(flags, axis=1) if flags.shape[1] else wrap(numpy.zeros(count, numpy.int64))
    leads = wrap((numpy.arange(count) == 0).astype(numpy.int64))
    found: ndarray = _np.maximum(flags, leads)
    return found
