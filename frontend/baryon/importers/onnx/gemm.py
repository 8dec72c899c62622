"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.importers.onnx.node import Node, OnnxOp, Operand, direct, shape_of
from baryon.ops import Calls


def _gemm(o: Calls[Operand], node: Node, a: Operand, b: Operand, c: Operand | None = None) -> Any:
    """alpha * a @ b + beta * c, as a fully connected layer with rows of `b` as weights."""
    node.ignore("broadcast")  # before opset 7; `c` was then broadcast as it is now
    alpha, beta = float(node.attr("alpha", 1.0)), float(node.attr("beta", 1.0))
    x = o.np.transpose(a) if node.attr("transA", 0) else a
    weight = b if node.attr("transB", 0) else o.np.transpose(b)
    if alpha != 1.0:
        weight = o.np.multiply(weight, alpha)
    if c is not None and beta != 1.0:
        c = o.np.multiply(c, beta)
    bias = _as_bias(o, c, shape_of(weight)[0])
    y = o.npx.fully_connected(x, weight, bias, num_hidden=shape_of(weight)[0], flatten=False)
    return y if c is None or bias is not None else o.np.add(y, c)


def _as_bias(o: Calls[Operand], c: Operand | None, units: Any) -> Operand | None:
    """`c` as one number for each unit, or None where it is not that."""
    if isinstance(c, np.ndarray) and c.shape == (1, units):
        return o.np.reshape(c, (-1,))  # type: ignore[no-any-return]
    return c if c is not None and shape_of(c) == (units,) else None


OPS = (
    direct("Det", "ir.linalg_det", since=11),
    OnnxOp("Gemm", _gemm),
    direct("MatMul", "np.matmul"),
)
