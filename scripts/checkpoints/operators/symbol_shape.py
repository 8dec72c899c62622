"""MXNet 1: what moves elements, and what is made from nothing."""

from __future__ import annotations

import mxnet as mx

from checkpoints.operators.case import IMAGE, PAIR, Case, Inputs, Namespace, X

s = mx.sym
call = Namespace(s)

CODES = ((0, -1), (-2,), (0, -3, 5), (-4, 1, 2, -2), (0, 0, -4, 2, -1, 0), (6, 1, 20), (-1,))
"""Shapes for Reshape of (2, 3, 4, 5)."""
THIN: Inputs = {"x": (2, 1, 4)}

CASES = (
    *(call(f"Reshape-{i}", {"x": (2, 3, 4, 5)}, shape=codes) for i, codes in enumerate(CODES)),
    call("Reshape-reverse", X, shape=(-1, 0), reverse=True),
    call("Flatten", X),
    call("transpose", X, axes=(1, 2, 0)),
    call("transpose-all", X),
    call("SwapAxis", X, dim1=0, dim2=2),
    call("expand_dims", X, axis=-1),
    call("squeeze", THIN, axis=1),
    call("Concat", PAIR, dim=2),
    call("stack", PAIR, axis=1),
    call("SliceChannel", X, num_outputs=2, axis=2),
    call("SliceChannel-squeeze", X, output=1, num_outputs=3, axis=1, squeeze_axis=True),
    call("split_v2", X, indices_or_sections=(1, 3), axis=2),
    call("slice", X, begin=(0, None, 3), end=(None, 2, 0), step=(1, 1, -2)),
    call("slice_axis", X, axis=-1, begin=-3, end=None),
    call("slice_like", {**X, "y": (1, 1, 2)}, axes=(2,)),
    call("Crop", IMAGE, offset=(1, 2), h_w=(3, 4)),
    call("Crop-like", {**IMAGE, "y": (1, 1, 2, 4)}, center_crop=True),
    call("broadcast_to", THIN, shape=(0, 3, 4)),
    call("broadcast_axis", THIN, axis=(1,), size=(3,)),
    call("broadcast_like", {**THIN, "y": (2, 3, 4)}),
    call("reshape_like", {**X, "y": (6, 4)}),
    *(call(f"Pad-{mode}", IMAGE, mode=mode, pad_width=(0, 0, 0, 0, 1, 2, 2, 1), constant_value=0.5)
      for mode in ("constant", "edge", "reflect")),
    call("repeat", X, repeats=2, axis=1),
    call("tile", X, reps=(2, 1, 2)),
    call("reverse", X, axis=(0, 2)),
    call("depth_to_space", IMAGE, block_size=2),
    call("space_to_depth", IMAGE, block_size=2),
    call("shape_array", X),
    call("size_array", X),
    call("diag", {"x": (4, 4)}, k=1),
    Case("arange", lambda x: s.broadcast_add(x, s.arange(0, 2, 0.5)), X),
    Case(
        "zeros-ones",
        lambda x: s.broadcast_mul(x, s.ones((1, 3, 4)) * 2 + s.zeros((1, 3, 4))),
        X,
    ),
    call("contrib.arange_like", X, axis=1),
)  # fmt: skip
