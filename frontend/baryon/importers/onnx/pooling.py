"""Pooling."""

from __future__ import annotations

from typing import Any

from baryon.importers.onnx.node import Node, OnnxOp, Operand, rank_of
from baryon.importers.onnx.windows import layout_of, read_window
from baryon.ops import Calls


def _pool(o: Calls[Operand], node: Node, x: Operand, **attrs: Any) -> Any:
    window = read_window(node, x)
    if any(d != 1 for d in window.dilate):
        raise node.unsupported(f"dilations {window.dilate}")
    return o.npx.pooling(
        x, kernel=window.kernel, stride=window.stride, pad=window.pad, layout=layout_of(x),
        pooling_convention="full" if node.attr("ceil_mode", 0) else "valid", **attrs,
    )  # fmt: skip


def _max_pool(o: Calls[Operand], node: Node, x: Operand) -> Any:
    node.ignore("storage_order")  # it orders only the indices, which are not offered
    return _pool(o, node, x, pool_type="max")


def average_pool(o: Calls[Operand], node: Node, x: Operand) -> Any:
    """Averages over the node's windows."""
    count_pad = bool(node.attr("count_include_pad", 0))
    return _pool(o, node, x, pool_type="avg", count_include_pad=count_pad)


def global_pool(kind: str) -> Any:
    """A mapping to a pooling over whole planes."""

    def build(o: Calls[Operand], node: Node, x: Operand) -> Any:
        kernel = (1,) * (rank_of(x) - 2)
        return o.npx.pooling(
            x, kernel=kernel, pool_type=kind, global_pool=True, layout=layout_of(x)
        )

    return build


OPS = (
    OnnxOp("MaxPool", _max_pool),
    OnnxOp("AveragePool", average_pool),
    OnnxOp("GlobalMaxPool", global_pool("max")),
    OnnxOp("GlobalAveragePool", global_pool("avg")),
)
