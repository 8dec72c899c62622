"""MXNet 2: what moves, joins, chooses and orders elements."""

from __future__ import annotations

import mxnet as mx

from checkpoints.operators.case import Case, Inputs, Namespace, X, whole

p, e = mx.np, mx.npx
np, npx = Namespace(p), Namespace(e)

THIN: Inputs = {"x": (2, 1, 4)}

CASES = (
    Case("reshape", lambda x: x.reshape(-1, 4), X),
    npx("reshape-codes", X, newshape=(-2, -5)),
    npx("reshape-split", X, newshape=(-6, 1, 2, -4)),
    Case("transpose", lambda x: x.transpose(2, 0, 1), X),
    np("swapaxes", X, axis1=0, axis2=2),
    np("expand_dims", X, axis=1),
    np("squeeze", THIN, axis=1),
    Case("concatenate", lambda x: p.concatenate([x, x * 2], axis=1), X),
    Case("stack", lambda x: p.stack([x, x * 2], axis=-1), X),
    Case("vstack", lambda x: p.vstack([x, x]), X),
    Case("hstack", lambda x: p.hstack([x, x]), X),
    np("split", X, indices_or_sections=2, axis=2),
    np("split-at", X, indices_or_sections=(1, 3), axis=2),
    Case("getitem", lambda x: x[:, 1], X),
    Case("getitem-slices", lambda x: x[:, 1:, ::2], X),
    np("broadcast_to", {"x": (3, 1)}, shape=(2, 3, 4)),
    np("pad", X, pad_width=((0, 0), (1, 2), (2, 1))),
    np("repeat", X, repeats=2, axis=1),
    np("tile", X, reps=(2, 1, 2)),
    np("flip", X, axis=1),
    np("roll", X, shift=1, axis=1),
    np("moveaxis", X, source=0, destination=2),
    np("tril", X, k=1),
    Case("take", lambda x, i: p.take(x, i.astype("int32"), axis=1, mode="clip"),
         {**X, "i": whole(3, 2)}),
    Case("zeros", lambda x: x + p.ones((3, 1)) + p.zeros((4,)) + p.full((1,), 2.5), X),
    Case("arange", lambda x: x + p.arange(4), X),
    Case("zeros_like", lambda x: p.zeros_like(x) + p.ones_like(x), X),
    Case("eye", lambda x: x + p.eye(3, 4), X),
    Case("full", lambda x: x + p.full((4,), 3) + p.linspace(0, 1, 4), X),
    np("sort", X, axis=1),
    np("argsort", X, axis=1),
    npx("topk", X, k=2, ret_typ="value"),
    npx("pick", {**X, "i": whole(3, 2, 4)}, axis=1),
    npx("one_hot", {"x": whole(4, 2, 3)}, depth=4),
    Case("gather_nd", lambda x, i: e.gather_nd(x, i.astype("int32")), {**X, "i": whole(2, 2, 5)}),
    npx("arange_like", X, axis=1),
    npx("slice", X, begin=(0, None, 3), end=(None, 2, 0), step=(1, 1, -2)),
    npx("batch_flatten", X),
    npx("reshape_like", {**X, "y": (6, 4)}),
    npx("broadcast_like", {**THIN, "y": (2, 3, 4)}),
)  # fmt: skip
