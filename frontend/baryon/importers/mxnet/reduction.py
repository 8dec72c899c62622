"""Sums and other reductions, and products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import dtype, flag, integer, number, text, whole
from baryon.importers.mxnet.node import Node, direct, op
from baryon.npx.common import cast
from baryon.ops.shapes import one_axis


def _axes(node: Node, x: ndarray) -> tuple[int, ...]:
    """The axes to reduce: those named, or with `exclude` the others; all where none is named."""
    named = node.get(whole("axis", None))
    axes = {one_axis(node.op, a, x.ndim) for a in named or range(x.ndim)}
    exclude = node.get(flag("exclude", False)) and named
    return tuple(a for a in range(x.ndim) if (a in axes) is not bool(exclude))


def _plain(node: Node, y: ndarray) -> ndarray:
    """A result of one element, which has an axis where shapes are MXNet 1's."""
    return y if y.ndim or node.is_np_shape else np.reshape(y, (1,))


def _reduced(function: Callable[..., ndarray]) -> Any:
    def build(node: Node, x: ndarray) -> ndarray:
        axes, keep = _axes(node, x), bool(node.get(flag("keepdims", False)))
        return _plain(node, function(x, axis=axes, keepdims=keep))

    return build


def _without_nan(function: Callable[..., ndarray], neutral: float) -> Callable[..., ndarray]:
    def call(x: ndarray, **how: Any) -> ndarray:
        return function(np.where(np.isnan(x), neutral, x), **how)

    return call


def _of_numpy(function: Callable[..., ndarray]) -> Any:
    def build(node: Node, x: ndarray) -> ndarray:
        if node.get(number("initial", None)) is not None:
            raise node.unsupported("an initial value")
        axis, keep = node.get(whole("axis", None)), bool(node.get(flag("keepdims", False)))
        wanted = node.get(dtype("dtype", None))
        more = {} if wanted is None else {"dtype": wanted}
        return function(x, axis=axis, keepdims=keep, **more)

    return build


def _spread(function: Callable[..., ndarray]) -> Any:
    """`std` and `var`."""

    def build(node: Node, x: ndarray) -> ndarray:
        axis, keep = node.get(whole("axis", None)), bool(node.get(flag("keepdims", False)))
        wanted, ddof = node.get(dtype("dtype", None)), node.get(integer("ddof", 0))
        y = x if wanted is None else cast(x, wanted)
        return function(y, axis=axis, correction=ddof, keepdims=keep)

    return build


def _norm(node: Node, x: ndarray) -> ndarray:
    axis = node.get(whole("axis", None))
    y = npx.norm(x, node.get(integer("ord", 2)), axis or None, node.get(dtype("out_dtype", None)),
                 bool(node.get(flag("keepdims", False))))  # fmt: skip
    return _plain(node, y)


def _place(function: Callable[..., ndarray]) -> Any:
    """MXNet 1 gives the places as floats."""

    def build(node: Node, x: ndarray) -> ndarray:
        axis, keep = node.get(integer("axis", None)), bool(node.get(flag("keepdims", False)))
        found = function(x, axis=axis, keepdims=keep)
        if node.op.startswith("_npi_"):
            return found
        return _plain(node, cast(found, x.dtype))

    return build


def _argmax_channel(x: ndarray) -> ndarray:
    return cast(np.argmax(x, axis=1), x.dtype)


def _moments(node: Node, x: ndarray) -> list[ndarray]:
    axes, keep = node.get(whole("axes", None)), bool(node.get(flag("keepdims", False)))
    found = (f(x, axis=axes or None, keepdims=keep) for f in (np.mean, np.var))
    return [_plain(node, y) for y in found]


def _dot(node: Node, a: ndarray, b: ndarray) -> ndarray:
    node.ignore("forward_stype")
    turn_a, turn_b = node.get(flag("transpose_a", False)), node.get(flag("transpose_b", False))
    if turn_a or turn_b:
        if (turn_a and a.ndim > 2) or (turn_b and b.ndim > 2):
            raise node.unsupported("transposed operands of more than two axes")
        a, b = (np.transpose(a) if turn_a else a), (np.transpose(b) if turn_b else b)
    if a.ndim == b.ndim == 1:
        return _plain(node, np.dot(a, b))
    return np.tensordot(a, b, axes=1)


def batch_dot(node: Node, a: ndarray, b: ndarray) -> ndarray:
    """A product of matrices with the attributes of a node."""
    node.ignore("forward_stype")
    turn_a, turn_b = (bool(node.get(flag(f"transpose_{side}", False))) for side in "ab")
    return npx.batch_dot(a, b, turn_a, turn_b)


def _gemm2(node: Node, a: ndarray, b: ndarray) -> ndarray:
    """alpha times the product of the last two axes."""
    if node.get(integer("axis", -2)) != -2:
        raise node.unsupported("an axis other than -2")
    left, right = (
        np.swapaxes(x, -1, -2) if node.get(flag(f"transpose_{side}", False)) else x
        for side, x in (("a", a), ("b", b))
    )
    alpha = node.get(number("alpha", 1.0))
    product = np.matmul(left, right)
    return product if alpha == 1.0 else np.multiply(product, alpha)


def _gemm(node: Node, a: ndarray, b: ndarray, c: ndarray) -> ndarray:
    return np.add(_gemm2(node, a, b), np.multiply(c, node.get(number("beta", 1.0))))


def _syrk(node: Node, a: ndarray) -> ndarray:
    turned = np.swapaxes(a, -1, -2)
    first, second = (turned, a) if node.get(flag("transpose", False)) else (a, turned)
    return np.multiply(np.matmul(first, second), node.get(number("alpha", 1.0)))


def _einsum(node: Node, *operands: ndarray) -> ndarray:
    node.ignore("optimize")
    return np.einsum(node.get(text("subscripts")), *operands)


def _tensordot(node: Node, a: ndarray, b: ndarray) -> ndarray:
    axes = (node.get(whole("a_axes_summed")), node.get(whole("b_axes_summed")))
    return np.tensordot(a, b, axes=axes)


def _average(node: Node, a: ndarray, weights: Any = None) -> Any:
    node.ignore("weighted")
    if node.get(flag("returned", False)):
        raise node.unsupported("returned=True")
    axis = node.get(whole("axis", None))
    return np.average(a, axis=axis[0] if axis and len(axis) == 1 else axis, weights=weights)


OPS = (
    op("sum sum_axis", _reduced(np.sum)),
    op("mean", _reduced(np.mean)),
    op("prod", _reduced(np.prod)),
    op("max max_axis", _reduced(np.max)),
    op("min min_axis", _reduced(np.min)),
    op("nansum", _reduced(_without_nan(np.sum, 0.0))),
    op("nanprod", _reduced(_without_nan(np.prod, 1.0))),
    op("_np_sum _npi_sum", _of_numpy(np.sum)),
    op("_npi_mean", _of_numpy(np.mean)),
    op("_np_prod _npi_prod _np_product", _of_numpy(np.prod)),
    op("_np_max _npi_max _np_amax _npi_amax", _of_numpy(np.max)),
    op("_np_min _npi_min _np_amin _npi_amin", _of_numpy(np.min)),
    op("_np_any _npi_any _np_sometrue", _of_numpy(np.any)),
    op("_np_all _npi_all", _of_numpy(np.all)),
    op("_npi_std", _spread(np.std)),
    op("_npi_var", _spread(np.var)),
    op("_npi_average", _average),
    op("norm", _norm),
    op("argmax", _place(np.argmax)),
    op("argmin", _place(np.argmin)),
    direct("argmax_channel", _argmax_channel),
    op("moments", _moments),
    direct("cumsum", np.cumsum, axis=integer("axis", None), dtype=dtype("dtype", None)),
    op("dot", _dot),
    direct("_np_dot _npi_dot", np.dot),
    direct("_npi_matmul", np.matmul),
    op("batch_dot", batch_dot),
    op("_linalg_gemm2 linalg_gemm2", _gemm2),
    op("_linalg_gemm linalg_gemm", _gemm),
    op("_linalg_syrk linalg_syrk", _syrk),
    op("_npi_einsum", _einsum),
    op("_npi_tensordot", _tensordot),
    direct("_npi_tensordot_int_axes", np.tensordot, axes=integer("axes")),
)
