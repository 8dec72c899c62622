"""Parts of an array that others are written into; the operand stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.array import op as call
from baryon.array.indexing import slice_attrs
from baryon.importers.mxnet.attributes import integer, limits, number
from baryon.importers.mxnet.node import Node, op
from baryon.npx.common import cast
from baryon.ops.shapes import write_shape


def _written(node: Node, x: ndarray, values: ndarray) -> ndarray:
    """x with values, which broadcast, in the part that the node names."""
    begin, end = node.get(limits("begin")), node.get(limits("end"))
    step = node.get(limits("step", ())) or (None,) * len(begin)
    attrs: dict[str, Any] = slice_attrs(
        [slice(*each) for each in zip(begin, end, step, strict=True)]
    )
    part = npx.slice(x, **attrs)
    fitting = np.broadcast_to(cast(values, x.dtype), write_shape(part.shape))
    return call("ir.slice_assign")(x, fitting, **attrs)


def _slice_assign_scalar(node: Node, x: ndarray) -> ndarray:
    return _written(node, x, np.array(node.get(number("scalar", 0.0)), dtype=x.dtype))


def _index_copy(_: Node, x: ndarray, index: ndarray, rows: ndarray) -> ndarray:
    return npx.index_update(x, np.expand_dims(cast(index, "int64"), axis=0), rows)


def _masked(x: ndarray, mask: ndarray, start: int) -> ndarray:
    """The mask (axes from `start` on) with axes for all of x."""
    behind = x.ndim - start - mask.ndim
    return np.reshape(mask, (*[1] * start, *_sizes(mask), *[1] * behind)).astype("bool")


def _sizes(x: ndarray) -> Sequence[int]:
    return [int(str(d)) for d in x.shape]


def _mask_assign_scalar(node: Node, x: ndarray, mask: ndarray) -> ndarray:
    chosen = _masked(x, mask, node.get(integer("start_axis", 0)))
    return cast(np.where(chosen, node.get(number("value")), x), x.dtype)


def _mask_assign(node: Node, x: ndarray, mask: ndarray, values: ndarray) -> ndarray:
    """values: one for all, or an array that broadcasts to the data."""
    if values.size != 1:
        raise node.unsupported("values of which there are as many as ones in the mask")
    chosen = _masked(x, mask, node.get(integer("start_axis", 0)))
    return cast(np.where(chosen, np.reshape(values, ()), x), x.dtype)


OPS = (
    op("_slice_assign _crop_assign _npi_slice_assign", _written),
    op("_slice_assign_scalar _crop_assign_scalar _npi_slice_assign_scalar", _slice_assign_scalar),
    op("_contrib_index_copy", _index_copy),
    op("_npi_boolean_mask_assign_scalar", _mask_assign_scalar),
    op("_npi_boolean_mask_assign_tensor", _mask_assign),
)
