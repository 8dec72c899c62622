"""Picking elements: rows, positions, the largest."""

from __future__ import annotations

from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import dtype, flag, integer, number, text, whole
from baryon.importers.mxnet.node import Node, direct, op
from baryon.npx.common import cast


def _take(node: Node, x: ndarray, indices: ndarray) -> ndarray:
    """Indices may be floats; those out of range are clipped also where MXNet would raise."""
    mode = node.get(text("mode", "clip"))
    axis = node.get(integer("axis", 0))
    wrap = "wrap" if mode == "wrap" else "clip"
    return np.take(x, cast(indices, "int64"), axis=axis, mode=wrap)


def _embedding(node: Node, x: ndarray, weight: ndarray) -> ndarray:
    node.ignore("sparse_grad", "dtype", "input_dim", "output_dim")
    return npx.embedding(x, weight)


def _batch_take(x: ndarray, indices: ndarray) -> ndarray:
    return npx.pick(x, indices, axis=1)


def _pick(node: Node, x: ndarray, index: ndarray) -> ndarray:
    axis, keep = node.get(integer("axis", -1)), node.get(flag("keepdims", False))
    return npx.pick(x, index, axis, node.get(text("mode", "clip")), bool(keep))


def _topk(node: Node, x: ndarray) -> Any:
    return npx.topk(
        x, node.get(integer("axis", -1)), node.get(integer("k", 1)),
        node.get(text("ret_typ", "indices")), node.get(flag("is_ascend", False)),
        node.get(dtype("dtype", "float32")),
    )  # fmt: skip


def _sort(node: Node, x: ndarray) -> ndarray:
    axis, ascending = _order(node)
    y = np.reshape(x, (-1,)) if axis is None else x
    return np.sort(y, axis=-1 if axis is None else axis, descending=not ascending)


def _argsort(node: Node, x: ndarray) -> ndarray:
    axis, ascending = _order(node)
    y = np.reshape(x, (-1,)) if axis is None else x
    places = np.argsort(y, axis=-1 if axis is None else axis, descending=not ascending)
    return cast(places, node.get(dtype("dtype", "float32")))


def _order(node: Node) -> tuple[int | None, bool]:
    other = node.get(flag("is_ascend_s", True))  # the name under which 2.0b1 exports it
    return node.get(integer("axis", -1)), bool(node.get(flag("is_ascend", other)))


def _one_hot(node: Node, x: ndarray) -> ndarray:
    return npx.one_hot(
        x, node.get(integer("depth")), node.get(number("on_value", 1.0)),
        node.get(number("off_value", 0.0)), node.get(dtype("dtype", "float32")),
    )  # fmt: skip


def _scatter_nd(node: Node, x: ndarray, indices: ndarray) -> ndarray:
    """Of several values for one place the last stays."""
    zeros = np.zeros(node.get(whole("shape")), dtype=x.dtype)
    rows = np.reshape(indices, (indices.shape[0], -1))
    values = np.reshape(x, (-1, *x.shape[indices.ndim - 1 :]))
    return npx.index_update(zeros, cast(rows, "int64"), values)


def _gather_nd(x: ndarray, indices: ndarray) -> ndarray:
    return npx.gather_nd(x, cast(indices, "int64"))


def _indexed(x: ndarray, indices: ndarray) -> ndarray:
    return x[indices]


def _boolean_mask(node: Node, x: ndarray, mask: ndarray) -> ndarray:
    """How many rows there are depends on the mask."""
    axis = node.get(integer("axis", 0))
    found = np.swapaxes(x, 0, axis)[mask.astype("bool")]
    return np.swapaxes(found, 0, axis)


def _index_array(node: Node, x: ndarray) -> ndarray:
    """x (sizes) -> (sizes, axes): of each element its own index."""
    axes = node.get(whole("axes", None))
    found = np.indices([int(str(d)) for d in x.shape], dtype="int64")
    chosen = [found[axis] for axis in (range(x.ndim) if axes is None else axes)]
    return np.stack(chosen, axis=-1)


def _unravel(node: Node, index: ndarray) -> ndarray:
    """(axes, ...): the coordinates of places in an array as flat."""
    rows = np.unravel_index(cast(index, "int64"), node.get(whole("shape")))
    return cast(np.stack([*rows], axis=0), index.dtype)


def _ravel(node: Node, coordinates: ndarray) -> ndarray:
    sizes, whole_places = node.get(whole("shape")), cast(coordinates, "int64")
    total = whole_places[0]
    for row, size in enumerate(sizes[1:], 1):
        total = total * size + whole_places[row]
    return cast(total, coordinates.dtype)


OPS = (
    op("take", _take),
    op("Embedding _npx_embedding _contrib_SparseEmbedding", _embedding),
    direct("batch_take", _batch_take),
    op("pick choose_element_0index", _pick),
    op("topk", _topk),
    op("sort", _sort),
    op("argsort", _argsort),
    op("one_hot", _one_hot),
    direct("gather_nd", _gather_nd),
    op("scatter_nd", _scatter_nd),
    direct("index_add", npx.index_add),
    direct("index_update", npx.index_update),
    direct("_npi_advanced_indexing", _indexed),
    op("_contrib_boolean_mask _npi_boolean_mask", _boolean_mask),
    direct("_npi_nonzero _npx_nonzero", npx.nonzero),
    op("_contrib_index_array", _index_array),
    op("_unravel_index unravel_index", _unravel),
    op("_ravel_multi_index ravel_multi_index", _ravel),
    direct("_npi_diff", np.diff, n=integer("n", 1), axis=integer("axis", -1)),
    direct("_npi_polyval", np.polyval),
)
