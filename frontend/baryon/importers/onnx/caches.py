"""Ops that put rows in other places along an axis of time."""

from __future__ import annotations

from baryon import np
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.gathering import written
from baryon.importers.onnx.node import Node, OnnxOp


def _reverse_sequence(node: Node, x: ndarray, lengths: ndarray) -> ndarray:
    """The first steps of each sequence, as many as its length, from last to first."""
    time, batch = node.attr("time_axis", 0), node.attr("batch_axis", 1)
    rows = np.moveaxis(x, (batch, time), (0, 1))
    steps = np.arange(node.number(rows.shape[1], "the number of steps"), dtype="int64")
    ends = np.expand_dims(lengths.astype("int64"), 1)
    places = np.where(np.less(steps, ends), ends - 1 - steps, steps)
    places = np.reshape(places, (*places.shape, *(1,) * (x.ndim - 2)))
    turned = np.take_along_axis(rows, np.broadcast_to(places, rows.shape), axis=1)
    back: ndarray = np.moveaxis(turned, (0, 1), (batch, time))
    return back


def _tensor_scatter(
    node: Node, cache: ndarray, update: ndarray, starts: ndarray | None = None
) -> ndarray:
    """A cache of keys or values with new rows, for each sequence from its place on."""
    axis, mode = node.attr("axis", -2) % cache.ndim, node.attr("mode", "linear")
    rows, new = np.moveaxis(cache, axis, 1), np.moveaxis(update, axis, 1)
    count, size = (node.number(d, "a dimension") for d in (new.shape[1], rows.shape[1]))
    batch = node.number(rows.shape[0], "the batch")
    first = np.zeros((batch,), dtype="int64") if starts is None else starts.astype("int64")
    places = np.expand_dims(first, 1) + np.arange(count, dtype="int64")
    if mode == "circular":
        places = np.mod(places, size)
    own = np.arange(batch, dtype="int64").reshape((batch, 1))
    back: ndarray = np.moveaxis(written(node, rows, (own, places), new, "none"), 1, axis)
    return back


OPS = (
    OnnxOp("ReverseSequence", by_arrays(_reverse_sequence), since=10),
    OnnxOp("TensorScatter", by_arrays(_tensor_scatter), since=24),
)
