"""What kind of work a kernel does, told from an artifact's META."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baryon.units import format_shape

CONTRACTION = "implicit_gemm"
CONTRACTIONS = ("1x1 convolution", "3x3 convolution", "other convolution", "matrix product")
"""Families whose kernels are bound by multiply-adds, if they are large."""
FAMILIES = {
    "elementwise": "element-wise",
    "injective": "data movement",
    "relayout": "data movement",
    "concat": "data movement",
    "pool": "pooling",
    "lrn": "normalization",
    "softmax": "normalization",
    "layer_norm": "normalization",
    "reduce": "reduction",
}
"""By the kind of a group; other kinds are families themselves, contractions several."""


def family_of(meta: Mapping[str, Any]) -> str:
    """The family of a group of META, in words."""
    kind = str(meta["kind"])
    if any(str(op).endswith(".convolution") for op in meta["ops"]):
        return _convolution([format_shape(shape) for shape in meta["shapes"]])
    if kind == CONTRACTION:
        return "matrix product"
    return FAMILIES.get(kind, kind.replace("_", " "))


def _convolution(shapes: Sequence[str]) -> str:
    """By the second operand, the weight: out x in-per-group x height x width."""
    _, per_group, window = shapes[1].split("x", 2)
    if per_group == "1" and shapes[0].split("x")[1] != "1":
        return "depthwise convolution"
    return f"{window} convolution" if window in ("1x1", "3x3") else "other convolution"
