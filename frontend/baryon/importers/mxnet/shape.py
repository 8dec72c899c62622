"""Shapes: reshaping, joining, splitting, repeating, moving axes."""

from __future__ import annotations

from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.array.indexing import broadcast
from baryon.importers.mxnet.attributes import flag, integer, limits, number, pairs, text, whole
from baryon.importers.mxnet.node import Node, direct, op
from baryon.ops.shapes import one_axis

_CODES = {0: -2, -2: -4, -3: -5, -4: -6}
"""The codes of MXNet 1's Reshape as those of `mx.np.reshape`."""


def _reshape(node: Node, x: ndarray) -> ndarray:
    shape, target = node.get(whole("shape", ())), node.get(whole("target_shape", ()))
    reverse, keep = node.get(flag("reverse", False)), node.get(flag("keep_highest", False))
    if not shape and target:  # until 0.9: 0 is what is left, and the first axis may stay
        codes = tuple(-1 if d == 0 else d for d in target)
        return np.reshape(x, (-2, *codes[1:]) if keep else codes)
    return npx.reshape(x, _codes(shape), reverse=bool(reverse))


def _codes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The two numbers behind a -4 are sizes, not codes."""
    codes, sizes = [], 0
    for d in shape:
        codes.append(d if sizes else _CODES.get(d, d))
        sizes = 2 if d == -4 and not sizes else max(0, sizes - 1)
    return tuple(codes)


def _np_reshape(node: Node, x: ndarray) -> ndarray:
    if node.get(text("order", "C")) != "C":
        raise node.unsupported("order other than 'C'")
    reverse = node.get(flag("reverse", False))
    return npx.reshape(x, node.get(whole("newshape")), reverse=bool(reverse))


def transpose(node: Node, x: ndarray) -> ndarray:
    """A transposition with the attributes of a node."""
    return np.transpose(x, axes=node.get(whole("axes", ())) or None)


def _swap(node: Node, x: ndarray) -> ndarray:
    return np.swapaxes(x, node.get(integer("dim1", 0)), node.get(integer("dim2", 0)))


def _expand(node: Node, x: ndarray) -> ndarray:
    axis = node.get(whole("axis"))
    return np.expand_dims(x, axis=axis[0] if len(axis) == 1 else axis)


def _squeeze(node: Node, x: ndarray) -> ndarray:
    """All axes of size 1, or those that are named; one stays where tensors must have some."""
    axis = node.get(whole("axis", None))
    y = np.squeeze(x, axis=axis)
    return y if y.ndim or node.is_np_shape else np.reshape(y, (1,))


def _concat(node: Node, *parts: ndarray) -> ndarray:
    axis = node.get(integer("dim", 1))
    if axis is None:
        return np.concatenate([np.reshape(p, (-1,)) for p in parts], axis=0)
    return np.concatenate(parts, axis=axis)


def _stack(node: Node, *parts: ndarray) -> ndarray:
    return np.stack(parts, axis=node.get(integer("axis", 0)))


def _joined(function: Any) -> Any:
    def build(node: Node, *parts: ndarray) -> ndarray:
        node.ignore("dim")
        return function(parts)  # type: ignore[no-any-return]

    return build


def _split(node: Node, x: ndarray) -> Any:
    """By equal sections, or before each of some indices, of which the first may be 0."""
    sections, axis = node.get(integer("sections", 0)), node.get(integer("axis", 1))
    indices = node.get(whole("indices", ()))
    squeeze = node.get(flag("squeeze_axis", False))
    how = sections or tuple(i for i in indices[bool(indices and indices[0] == 0) :])
    parts: Any = [x] if how == () else np.split(x, how, axis=axis)
    parts = [*parts] if isinstance(parts, tuple | list) else [parts]
    return [np.squeeze(p, axis=axis) for p in parts] if squeeze else parts


def _slice(node: Node, x: ndarray) -> ndarray:
    begin, end = node.get(limits("begin")), node.get(limits("end"))
    return npx.slice(x, begin, end, node.get(limits("step", ())) or None)


def _slice_axis(node: Node, x: ndarray) -> ndarray:
    axis, begin, end = (node.get(integer(name)) for name in ("axis", "begin", "end"))
    at = one_axis(node.op, axis, x.ndim)
    return npx.slice(x, (*[None] * at, begin), (*[None] * at, end))


def _slice_like(node: Node, x: ndarray, like: ndarray) -> ndarray:
    return npx.slice_like(x, like, node.get(whole("axes", ())) or None)


def _crop(node: Node, x: ndarray, like: Any = None) -> ndarray:
    """Rows and columns: as many as `like` has, or as `h_w` says, from an offset or the middle."""
    wanted = node.get(whole("h_w", (0, 0))) if like is None else like.shape[2:]
    offset = node.get(whole("offset", (0, 0)))
    if node.get(flag("center_crop", False)):
        offset = tuple((int(str(n)) - int(str(w))) // 2
                       for n, w in zip(x.shape[2:], wanted, strict=True))  # fmt: skip
    ends = tuple(o + int(str(w)) for o, w in zip(offset, wanted, strict=True))
    return npx.slice(x, (None, None, *offset), (None, None, *ends))


def _broadcast_to(node: Node, x: ndarray) -> ndarray:
    """To a shape in which, for MXNet 1, a 0 keeps the size."""
    shape = node.get(whole("shape", ()))
    if not node.is_np_shape:
        shape = tuple(d or own for d, own in zip(shape, x.shape, strict=True))
    return broadcast(x, shape)


def _broadcast_np(node: Node, x: ndarray) -> ndarray:
    shape = node.get(whole("shape", ()))
    return broadcast(x, tuple(own if d == -2 else d for d, own in _from_end(shape, x)))


def _from_end(shape: tuple[int, ...], x: ndarray) -> list[tuple[int, Any]]:
    """Sizes with those of x, whose last axes are the shape's."""
    own = (*[1] * (len(shape) - x.ndim), *x.shape)
    return [*zip(shape, own, strict=True)]


def _broadcast_axis(node: Node, x: ndarray) -> ndarray:
    axes, sizes = node.get(whole("axis", ())), node.get(whole("size", ()))
    shape = [*x.shape]
    for axis, size in zip(axes, sizes, strict=True):
        shape[axis] = size
    return broadcast(x, tuple(shape))


def _pad(node: Node, x: ndarray) -> ndarray:
    width = node.get(whole("pad_width"))
    mode, value = node.get(text("mode")), node.get(number("constant_value", 0.0))
    return npx.pad(x, mode, width, value)


def _np_pad(node: Node, x: ndarray) -> ndarray:
    mode, value = node.get(text("mode", "constant")), node.get(number("constant_values", 0.0))
    if node.get(text("reflect_type", "even")) != "even":
        raise node.unsupported("a reflect_type other than 'even'")
    width = tuple(n for pair in node.get(pairs("pad_width")) for n in pair)
    return npx.pad(x, mode, width, value)


def _repeat(node: Node, x: ndarray) -> ndarray:
    count, axis = node.get(whole("repeats")), node.get(integer("axis", None))
    return np.repeat(x, count[0] if len(count) == 1 else list(count), axis=axis)


def _tile(node: Node, x: ndarray) -> ndarray:
    return np.tile(x, node.get(whole("reps")))


def _flip(node: Node, x: ndarray) -> ndarray:
    return np.flip(x, axis=node.get(whole("axis", None)))


def _depth_to_space(node: Node, x: ndarray) -> ndarray:
    size = node.get(integer("block_size"))
    _, channels, height, width = x.shape
    parts = np.reshape(x, (-2, size, size, -1, height, width))
    moved = np.transpose(parts, axes=(0, 3, 4, 1, 5, 2))
    depth = int(str(channels)) // size**2
    return np.reshape(moved, (-2, depth, int(str(height)) * size, int(str(width)) * size))


def _space_to_depth(node: Node, x: ndarray) -> ndarray:
    size = node.get(integer("block_size"))
    _, channels, height, width = (x.shape[0], *(int(str(d)) for d in x.shape[1:]))
    parts = np.reshape(x, (-2, channels, height // size, size, width // size, size))
    moved = np.transpose(parts, axes=(0, 3, 5, 1, 2, 4))
    return np.reshape(moved, (-2, channels * size**2, height // size, width // size))


def _size_array(node: Node, x: ndarray) -> ndarray:
    size = 1
    for d in x.shape:
        size *= int(str(d))
    return np.array([size], dtype="int64")


_LIKE = {f"{side}_{end}": integer(f"{side}_{end}", None)
         for side in ("lhs", "rhs") for end in ("begin", "end")}  # fmt: skip

OPS = (
    op("Reshape reshape", _reshape),
    op("_np_reshape _npi_reshape _npx_reshape", _np_reshape),
    direct("Flatten flatten _npx_batch_flatten", npx.batch_flatten),
    direct("reshape_like", npx.reshape_like, **_LIKE),
    op("size_array", _size_array),
    op("transpose", transpose),
    op("SwapAxis swapaxes", _swap),
    op("expand_dims", _expand),
    op("squeeze", _squeeze),
    op("Concat concat _rnn_param_concat _npi_rnn_param_concat _npi_concatenate", _concat),
    op("stack", _stack),
    op("_npi_hstack", _joined(np.hstack)),
    op("_npi_vstack", _joined(np.vstack)),
    op("_npi_dstack", _joined(np.dstack)),
    op("_npi_column_stack", _joined(np.column_stack)),
    direct("SliceChannel split _npx_slice_channel", npx.slice_channel,
           num_outputs=integer("num_outputs"), axis=integer("axis", 1),
           squeeze_axis=flag("squeeze_axis", False)),
    op("_split_v2 _npi_split _npi_array_split _npi_hsplit _npi_dsplit", _split),
    op("slice crop", _slice),
    op("slice_axis", _slice_axis),
    op("slice_like", _slice_like),
    op("Crop", _crop),
    op("broadcast_to", _broadcast_to),
    op("_npi_broadcast_to", _broadcast_np),
    op("broadcast_axis broadcast_axes", _broadcast_axis),
    direct("broadcast_like", npx.broadcast_like, lhs_axes=whole("lhs_axes", None),
           rhs_axes=whole("rhs_axes", None)),
    op("Pad pad", _pad),
    op("_npi_pad", _np_pad),
    op("repeat _npi_repeats", _repeat),
    op("tile", _tile),
    op("reverse flip", _flip),
    op("depth_to_space", _depth_to_space),
    op("space_to_depth", _space_to_depth),
    direct("moveaxis", np.moveaxis, source=whole("source"), destination=whole("destination")),
    direct("rollaxis _npi_rollaxis", np.rollaxis, axis=integer("axis"), start=integer("start", 0)),
    direct("roll _npi_roll", np.roll, shift=whole("shift", None), axis=whole("axis", None)),
    direct("_npi_rot90", np.rot90, k=integer("k", 1), axes=whole("axes", (0, 1))),
    direct("atleast_1d", np.atleast_1d),
    direct("atleast_2d", np.atleast_2d),
    direct("atleast_3d", np.atleast_3d),
    direct("diag", np.diag, k=integer("k", 0)),
    direct("diagonal", np.diagonal, offset=integer("offset", 0), axis1=integer("axis1", 0),
           axis2=integer("axis2", 1)),
    direct("_npi_tril", np.tril, k=integer("k", 0)),
    direct("_npi_triu", np.triu, k=integer("k", 0)),
)  # fmt: skip
