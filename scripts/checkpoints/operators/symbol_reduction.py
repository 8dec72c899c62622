"""MXNet 1: sums, products, choices and orders."""

from __future__ import annotations

from typing import Any

import mxnet as mx
import numpy as np

from checkpoints.operators.case import Namespace, X, floats, whole

call = Namespace(mx.sym)

AXES: tuple[dict[str, Any], ...] = (
    {},
    {"axis": 1},
    {"axis": (0, 2), "keepdims": True},
    {"axis": 1, "exclude": True},
)

CASES = (
    *(call(f"{name}-{i}", X, **axes)
      for name in ("sum", "mean", "prod", "max", "min") for i, axes in enumerate(AXES)),
    call("norm", X, axis=1),
    call("norm-1", X, ord=1, axis=(1, 2), keepdims=True),
    call("argmax", X, axis=1),
    call("argmin", X, axis=2, keepdims=True),
    call("argmax_channel", {"x": (3, 5)}),
    call("cumsum", X, axis=1),
    call("moments", X, axes=(0, 2)),
    call("dot", {"x": (2, 3), "y": (3, 4)}),
    call("dot-turned", {"x": (3, 2), "y": (4, 3)}, transpose_a=True, transpose_b=True),
    call("dot-wide", {"x": (2, 3, 4), "y": (4, 2, 3)}),
    call("batch_dot", {"x": (2, 3, 4), "y": (2, 5, 4)}, transpose_b=True),
    call("linalg_gemm2", {"x": (2, 4, 3), "y": (2, 4, 5)}, transpose_a=True, alpha=2.0),
    call("linalg_gemm", {"x": (3, 4), "y": (4, 5), "z": (3, 5)}, beta=0.5),
    call("take", {**X, "i": whole(3, 2, 2)}, axis=1),
    call("Embedding", {"x": whole(6, 2, 3), "w": (6, 4)}, input_dim=6, output_dim=4),
    call("pick", {**X, "i": whole(3, 2, 4)}, axis=1, keepdims=True),
    call("batch_take", {"x": (3, 4), "i": np.array([1, 0, 3], "int32")}),
    call("topk", X, k=2, axis=1),
    call("topk-both", X, k=2, ret_typ="both"),
    call("topk-mask", X, k=2, ret_typ="mask", is_ascend=True),
    call("sort", X, axis=1, is_ascend=False),
    call("argsort", X, axis=-1),
    call("one_hot", {"x": whole(4, 2, 3)}, depth=4, on_value=2.0),
    call("gather_nd", {**X, "i": whole(2, 2, 5)}),
    call("scatter_nd", {"x": (3,), "i": floats([0, 1, 3], [4, 2, 0])}, shape=(4, 5)),
)  # fmt: skip
