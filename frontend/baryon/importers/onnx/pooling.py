"""Pooling."""

from __future__ import annotations

from typing import Any

from baryon.importers.onnx.node import Node, OnnxOp, Operand, rank_of
from baryon.importers.onnx.windows import layout_of, read_window
from baryon.ops import Calls


def pool_attributes(node: Node, x: Any) -> dict[str, Any]:
    """The attributes of our pooling that say where the windows of a node are."""
    window = read_window(node, x)
    return {
        "kernel": window.kernel, "stride": window.stride, "dilate": window.dilate,
        "pad": window.pad, "layout": layout_of(x),
        "pooling_convention": "full" if node.attr("ceil_mode", 0) else "valid",
    }  # fmt: skip


def average_pool(o: Calls[Operand], node: Node, x: Operand) -> Any:
    """Averages over the node's windows."""
    count_pad = bool(node.attr("count_include_pad", 0))
    return o.npx.pooling(
        x, pool_type="avg", count_include_pad=count_pad, **pool_attributes(node, x)
    )


def _lp_pool(o: Calls[Operand], node: Node, x: Operand) -> Any:
    attrs = pool_attributes(node, x)
    return _norm(o, node, x, attrs)


def _global_lp_pool(o: Calls[Operand], node: Node, x: Operand) -> Any:
    return _norm(o, node, x, _whole(x))


def _norm(o: Calls[Operand], node: Node, x: Operand, attrs: dict[str, Any]) -> Any:
    """(sum of |x| ** p) ** (1 / p) over windows."""
    p = float(node.attr("p", 2))
    sizes = o.np.abs(x)
    powers = sizes if p == 1 else o.np.power(sizes, p)
    total = o.npx.pooling(powers, pool_type="sum", **attrs)
    return total if p == 1 else o.np.power(total, 1 / p)


def global_pool(kind: str) -> Any:
    """A mapping to a pooling over whole planes."""

    def build(o: Calls[Operand], node: Node, x: Operand) -> Any:
        return o.npx.pooling(x, pool_type=kind, **_whole(x))

    return build


def _whole(x: Operand) -> dict[str, Any]:
    return {"kernel": (1,) * (rank_of(x) - 2), "global_pool": True, "layout": layout_of(x)}


OPS = (
    OnnxOp("AveragePool", average_pool),
    OnnxOp("GlobalAveragePool", global_pool("avg")),
    OnnxOp("GlobalLpPool", _global_lp_pool),
    OnnxOp("GlobalMaxPool", global_pool("max")),
    OnnxOp("LpPool", _lp_pool),
)
