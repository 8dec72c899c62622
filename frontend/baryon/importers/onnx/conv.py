"""Convolutions."""

from __future__ import annotations

from typing import Any

from baryon.array.indexing import slice_attrs
from baryon.importers.onnx.node import Node, OnnxOp, Operand, rank_of
from baryon.importers.onnx.windows import Window, layout_of, read_window, spatial_sizes
from baryon.ops import Calls


def _kernel_of(node: Node, w: Operand) -> tuple[int, ...]:
    return spatial_sizes(node, w)


def conv(o: Calls[Operand], node: Node, x: Operand, w: Operand, b: Operand | None = None) -> Any:
    """A convolution with the node's window."""
    window = read_window(node, x, _kernel_of(node, w))
    return o.npx.convolution(
        x, w, b, kernel=window.kernel, stride=window.stride, dilate=window.dilate,
        pad=window.pad, num_group=node.attr("group", 1), layout=layout_of(x),
    )  # fmt: skip


def _conv_transpose(
    o: Calls[Operand], node: Node, x: Operand, w: Operand, b: Operand | None = None
) -> Any:
    grow = node.ints("output_padding", (0,) * (rank_of(x) - 2))
    wanted = node.ints("output_shape")
    auto_pad = node.attr("auto_pad", "NOTSET")
    window = read_window(node, x, _kernel_of(node, w))
    full = _full_sizes(window, grow)
    begin, end = window.begin, window.end
    if wanted or auto_pad.startswith("SAME"):
        target = wanted or tuple(n * s for n, s in zip(window.sizes, window.stride, strict=True))
        begin, end = _cut(full, target, upper=auto_pad == "SAME_UPPER")
        grow = _grown(full, target, grow)
        full = _full_sizes(window, grow)
    attrs = {
        "kernel": window.kernel, "stride": window.stride, "dilate": window.dilate, "adj": grow,
        "num_group": node.attr("group", 1), "layout": layout_of(x),
    }  # fmt: skip
    if begin == end:
        return o.npx.deconvolution(x, w, b, pad=begin, **attrs)
    y = o.npx.deconvolution(x, w, b, pad=(0,) * len(begin), **attrs)
    kept = [slice(b, f - e) for b, f, e in zip(begin, full, end, strict=True)]
    return o.npx.slice(y, **slice_attrs([slice(None), slice(None), *kept]))


def _full_sizes(w: Window, grow: tuple[int, ...]) -> tuple[int, ...]:
    """The spatial sizes of a transposed convolution's result before anything is cut off."""
    return tuple(
        (n - 1) * s + x + g for n, s, x, g in zip(w.sizes, w.stride, w.extents, grow, strict=True)
    )


def _grown(
    full: tuple[int, ...], wanted: tuple[int, ...], grow: tuple[int, ...]
) -> tuple[int, ...]:
    """The output padding with what is missing to a result larger than the full one."""
    missing = (max(0, w - f) for f, w in zip(full, wanted[-len(full) :], strict=True))
    return tuple(g + m for g, m in zip(grow, missing, strict=True))


def _cut(
    full: tuple[int, ...], wanted: tuple[int, ...], *, upper: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    total = [max(0, f - w) for f, w in zip(full, wanted[-len(full) :], strict=True)]
    small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return (small, large) if upper else (large, small)


OPS = (
    OnnxOp("Conv", conv),
    OnnxOp("ConvTranspose", _conv_transpose),
)
