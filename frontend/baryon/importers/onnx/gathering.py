"""Ops that read and write elements at computed places."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from baryon import np, npx
from baryon.array import ndarray
from baryon.array.indexing import slice_attrs
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.indexing import first_rows
from baryon.importers.onnx.node import Node, OnnxOp, Operand, is_symbolic, rank_of, shape_of
from baryon.ir import Dim, Sym, Value
from baryon.ops import Calls
from baryon.ops.shapes import write_shape

_COMBINED: dict[str, Callable[[ndarray, ndarray], ndarray]] = {
    "mul": np.multiply, "max": np.maximum, "min": np.minimum,
}  # fmt: skip
"""How a `reduction` that has no op of its own joins an element with its update."""

_MOST_JOINED = 512
"""Updates that are joined one after the other."""


def _gather_elements(node: Node, x: ndarray, indices: ndarray) -> ndarray:
    return np.take_along_axis(x, indices, axis=node.attr("axis", 0))


def _gather_nd(node: Node, x: ndarray, indices: ndarray) -> ndarray:
    lead = node.attr("batch_dims", 0)
    places = np.moveaxis(indices, -1, 0)
    own = _own_places(node, indices.shape[:-1])[:lead] if lead else []
    return x[(*own, *places)]


def _own_places(node: Node, shape: Sequence[Dim]) -> list[ndarray]:
    """For each axis of a shape the place along it, in a form that broadcasts to the shape."""
    sizes = [node.number(d, "a dimension") for d in shape]
    return [
        np.arange(n, dtype="int64").reshape((n, *(1,) * (len(sizes) - i - 1)))
        for i, n in enumerate(sizes)
    ]


def _scatter_elements(node: Node, x: ndarray, indices: ndarray, updates: ndarray) -> ndarray:
    axis, reduction = node.attr("axis", 0) % x.ndim, node.attr("reduction", "none")
    places = _own_places(node, indices.shape)
    places[axis] = indices
    return written(node, x, tuple(places), updates, reduction)


def _scatter(
    o: Calls[Operand], node: Node, x: Operand, indices: Operand, updates: Operand
) -> Operand:
    """By places of single elements; along the lines of the axis where another axis is symbolic."""
    if any(isinstance(d, Sym) for d in shape_of(indices)):
        return _scatter_along(o, node, x, indices, updates)
    result: Operand = by_arrays(_scatter_elements)(o, node, x, indices, updates)
    return result


def _scatter_along(
    o: Calls[Operand], node: Node, x: Operand, indices: Operand, updates: Operand
) -> Operand:
    """Where no index occurs twice in a line, which ONNX demands, a sum of updates is the update."""
    axis, reduction = node.attr("axis", 0) % rank_of(x), node.attr("reduction", "none")
    given, placed = [*shape_of(x)], [*shape_of(indices)]
    size, _ = node.number(given.pop(axis), "the axis"), placed.pop(axis)
    if given != placed or reduction not in ("none", "add"):
        raise node.unsupported(f"reduction={reduction!r} on a part of a symbolic shape")
    sums = o.ir.scatter_add_along(indices, updates, size=size, axis=axis)
    if reduction == "add":
        added: Operand = o.np.add(x, sums)
        return added
    ones = o.np.full(shape=write_shape(shape_of(indices)), fill_value=1, dtype=np.int32)
    hits = o.ir.scatter_add_along(indices, ones, size=size, axis=axis)
    chosen: Operand = o.np.where(o.np.greater(hits, 0), sums, x)
    return chosen


def _scatter_nd(node: Node, x: ndarray, indices: ndarray, updates: ndarray) -> ndarray:
    places = tuple(np.moveaxis(indices, -1, 0))
    return written(node, x, places, updates, node.attr("reduction", "none"))


def written(
    node: Node, x: ndarray, places: tuple[ndarray, ...], updates: ndarray, reduction: str
) -> ndarray:
    """A copy of x with updates at places."""
    whole = updates.shape[: max(p.ndim for p in places)]
    index = np.stack([np.reshape(np.broadcast_to(p, whole), -1) for p in places])
    rows = np.reshape(updates, (-1, *x.shape[len(places) :]))
    if reduction == "none":
        return npx.index_update(x, index, rows)
    if reduction == "add":
        return npx.index_add(x, index, rows)
    if reduction not in _COMBINED:
        raise node.unsupported(f"reduction={reduction!r}")
    count = node.number(rows.shape[0], "the number of updates")
    if count > _MOST_JOINED:
        raise node.unsupported(f"reduction={reduction!r} with {count} updates")
    for k in range(count):  # one after the other: several updates may meet at one element
        at = index[:, k : k + 1]
        joined = _COMBINED[reduction](npx.gather_nd(x, at), rows[k : k + 1])
        x = npx.index_update(x, at, joined)
    return x


def _one_hot(node: Node, indices: ndarray, depth: ndarray, values: ndarray) -> ndarray:
    size = int(depth.item())
    axis = node.attr("axis", -1) % (indices.ndim + 1)
    places = np.expand_dims(indices.astype("int64"), axis)
    lines = np.arange(size, dtype="int64").reshape((size, *(1,) * (indices.ndim - axis)))
    hits = np.logical_or(np.equal(places, lines), np.equal(places, lines - size))
    result: ndarray = np.where(hits, values[1], values[0])
    return result


def _hardmax(node: Node, x: ndarray) -> ndarray:
    axis = node.attr("axis", -1) % x.ndim
    best = np.argmax(x, axis=axis, keepdims=True)
    return np.equal(best, _own_places(node, x.shape)[axis]).astype(x.dtype)


def _top_k(o: Calls[Operand], node: Node, x: Operand, k: Operand) -> tuple[Operand, ...]:
    """The front of each line in order; of equal elements the one before comes first."""
    node.ignore("sorted")  # in order is one of the orders that sorted=0 allows
    axis = node.attr("axis", -1) % rank_of(x)
    ordered = o.ir.sort(x, axis=axis, descending=bool(node.attr("largest", 1)))
    if isinstance(k, Value) or is_symbolic(k) or isinstance(shape_of(x)[axis], Sym):
        places = first_rows(o, ordered[1], axis, o.np.reshape(k, newshape=(1,)))
        return o.np.take_along_axis(x, places, axis=axis), places
    (count,) = node.known_ints(k, "the number of elements")
    front = slice_attrs([slice(None)] * axis + [slice(0, count)])
    return tuple(o.npx.slice(y, **front) for y in ordered)


OPS = (
    OnnxOp("GatherElements", by_arrays(_gather_elements), since=11),
    OnnxOp("GatherND", by_arrays(_gather_nd), since=11),
    OnnxOp("Hardmax", by_arrays(_hardmax), since=13),
    OnnxOp("OneHot", by_arrays(_one_hot), since=9),
    OnnxOp("Scatter", _scatter, since=9),
    OnnxOp("ScatterElements", _scatter, since=11),
    OnnxOp("ScatterND", by_arrays(_scatter_nd), since=11),
    OnnxOp("TopK", _top_k, since=10),
)
