"""Pooling."""

from __future__ import annotations

from typing import Any

from baryon.importers.onnx.node import Node, OnnxOp, Operand, rank_of
from baryon.importers.onnx.windows import Window, layout_of, read_window
from baryon.ops import Calls


def _window(node: Node, x: Operand) -> tuple[Window, bool]:
    """The window, and whether `ceil_mode` adds to it."""
    window = read_window(node, x)
    if any(d != 1 for d in window.dilate):
        raise node.unsupported(f"dilations {window.dilate}")
    up = window.rounded_up() if node.attr("ceil_mode", 0) else window
    return up, up != window


def _pool(o: Calls[Operand], x: Operand, window: Window, **attrs: Any) -> Any:
    return o.npx.pooling(
        x, kernel=window.kernel, stride=window.stride, pad=window.pad, layout=layout_of(x), **attrs
    )


def _max_pool(o: Calls[Operand], node: Node, x: Operand) -> Any:
    node.ignore("storage_order")  # it orders only the indices, which are not offered
    window, _ = _window(node, x)
    return _pool(o, x, window, pool_type="max")


def _average_pool(o: Calls[Operand], node: Node, x: Operand) -> Any:
    window, grown = _window(node, x)
    count_pad = bool(node.attr("count_include_pad", 0))
    if count_pad and grown:
        # the declared padding counts and what ceil_mode adds does not: our op has no such mean
        raise node.unsupported("count_include_pad with a partial last window by ceil_mode")
    return _pool(o, x, window, pool_type="avg", count_include_pad=count_pad)


def _global_pool(kind: str) -> Any:
    def build(o: Calls[Operand], node: Node, x: Operand) -> Any:
        kernel = (1,) * (rank_of(x) - 2)
        return o.npx.pooling(
            x, kernel=kernel, pool_type=kind, global_pool=True, layout=layout_of(x)
        )

    return build


OPS = (
    OnnxOp("MaxPool", _max_pool),
    OnnxOp("AveragePool", _average_pool),
    OnnxOp("GlobalMaxPool", _global_pool("max")),
    OnnxOp("GlobalAveragePool", _global_pool("avg")),
)
