"""MXNet 2: products, layers, sequences and boxes."""

from __future__ import annotations

import mxnet as mx

from checkpoints.operators.case import Case, Namespace, X, detections, floats, whole

p, e = mx.np, mx.npx
np, npx = Namespace(p), Namespace(e)

CASES = (
    Case("matmul", lambda x, y: x @ y, {**X, "y": (4, 5)}),
    np("dot", {**X, "y": (4, 5)}),
    Case("einsum", lambda x, y: p.einsum("bij,jk->bik", x, y), {**X, "y": (4, 5)}),
    np("tensordot", {**X, "y": (3, 4, 5)}, axes=([1, 2], [0, 1])),
    npx("batch_dot", {**X, "y": (2, 5, 4)}, transpose_b=True),
    Case("activation", lambda x: e.relu(x) + e.sigmoid(x) + e.activation(x, "softrelu"), X),
    npx("leaky_relu", X, act_type="leaky", slope=0.1),
    npx("leaky_relu-gelu", X, act_type="gelu"),
    Case("softmax", lambda x: e.softmax(x, axis=1) + e.log_softmax(x), X),
    Case("masked_softmax", lambda x, m: e.masked_softmax(x, m > 0), {"x": (2, 4), "m": (2, 4)}),
    npx("embedding", {"x": whole(6, 2, 3), "w": (6, 4)}, input_dim=6, output_dim=4),
    npx("fully_connected", {**X, "w": (5, 4)}, num_hidden=5, no_bias=True, flatten=False),
    npx("convolution", {"x": (1, 2, 5, 5), "w": (4, 2, 3, 3), "b": (4,)},
        kernel=(3, 3), num_filter=4, stride=(1, 1), dilate=(1, 1), pad=(1, 1)),
    npx("deconvolution", {"x": (1, 2, 4, 4), "w": (2, 3, 2, 2)}, kernel=(2, 2), num_filter=3,
        stride=(2, 2), dilate=(1, 1), pad=(0, 0), adj=(0, 0), no_bias=True),
    npx("pooling", {"x": (1, 2, 4, 4)}, kernel=(2, 2), stride=(2, 2), pad=(0, 0), pool_type="avg"),
    npx("layer_norm", {**X, "g": (4,), "b": (4,)}, axis=-1),
    npx("group_norm", {"x": (2, 4, 3), "g": (4,), "b": (4,)}, num_groups=2),
    npx("sequence_mask", {"x": (4, 2, 3), "n": floats(2, 3)}, use_sequence_length=True),
    npx("multibox_prior", {"x": (1, 2, 3, 4)}, sizes=(0.3,), ratios=(1.0, 2.0)),
    npx("box_nms", {"x": detections(8)}, overlap_thresh=0.3, id_index=0),
)  # fmt: skip
