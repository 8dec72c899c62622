"""Runs in an environment with MXNet: writes single operators and what MXNet computes with them.

python -m checkpoints.cases FILE.npz, with MXNet 1.9.1 or 2.0: the file has an array of names, and
for each number i the symbol (`json_i`), inputs (`in_i_NAME`) and outputs (`out_i_K`), for tests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import mxnet as mx
import numpy as np

IS_TWO = mx.__version__.startswith("2")
if IS_TWO:
    mx.npx.set_np()

Case = tuple[str, Callable[..., Any], dict[str, Any]]
"""A name, a function of symbols (1.9) or arrays (2.0), and inputs: shapes, or arrays."""

RANDOM = np.random.RandomState(7)


def ints(high: int, *shape: int) -> Any:
    """Whole numbers below `high`, as floats."""
    return RANDOM.randint(0, high, shape).astype("float32")


def boxes(*shape: int) -> Any:
    """Boxes by their corners, within 0 and 1."""
    low = RANDOM.rand(*shape, 2) * 0.5
    size = RANDOM.rand(*shape, 2) * 0.5
    return np.concatenate([low, low + size], axis=-1).astype("float32")


def detections(count: int) -> Any:
    """Rows of class, score and box."""
    head = np.stack([RANDOM.randint(0, 2, count), RANDOM.rand(count)], axis=1)
    return np.concatenate([head, boxes(count)], axis=1).astype("float32")[None]


def legacy() -> list[Case]:
    """Operators of MXNet 1.x."""
    s = mx.sym
    x, image = {"x": (2, 3, 4)}, {"x": (2, 4, 6, 6)}
    two = {"x": (2, 3, 4), "y": (2, 3, 4)}
    wide = {"x": (2, 3, 4), "y": (2, 1, 4)}
    unary = [
        "abs",
        "sign",
        "rint",
        "round",
        "ceil",
        "floor",
        "trunc",
        "fix",
        "square",
        "sqrt",
        "rsqrt",
        "cbrt",
        "rcbrt",
        "exp",
        "log",
        "log10",
        "log2",
        "log1p",
        "expm1",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "degrees",
        "radians",
        "negative",
        "reciprocal",
        "relu",
        "sigmoid",
        "softsign",
        "erf",
        "gamma",
        "gammaln",
        "logical_not",
        "zeros_like",
        "ones_like",
    ]
    inside = {"x": RANDOM.rand(2, 3, 4).astype("float32") * 0.9 + 0.05}
    halves = {"x": np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.2, -0.7], "float32")}
    found: list[Case] = [(n, lambda x, n=n: getattr(s, n)(x), inside) for n in unary]
    found += [(f"{n}-halves", lambda x, n=n: getattr(s, n)(x), halves)
              for n in ("rint", "round", "fix", "trunc")]  # fmt: skip
    found += [
        (n, lambda x, y, n=n: getattr(s, n)(x, y), wide)
        for n in ("broadcast_add", "broadcast_sub", "broadcast_mul", "broadcast_div",
                  "broadcast_maximum", "broadcast_minimum", "broadcast_hypot", "broadcast_greater",
                  "broadcast_lesser_equal", "broadcast_not_equal", "broadcast_logical_and",
                  "broadcast_logical_xor")
    ]  # fmt: skip
    found += [(n, lambda x, y, n=n: getattr(s, n)(x, y), two)
              for n in ("elemwise_add", "elemwise_sub", "elemwise_mul",
                        "elemwise_div")]  # fmt: skip
    found += [
        ("scalars", lambda x: 2 / (1 - (x * 3 + 1)) - x / 4 + (x > 0.5) + (x <= 0.5), inside),
        ("powers", lambda x: x**2 + 2**x + s.maximum(x, 0.3) + s.minimum(0.6, x) + x % 0.3, inside),
        ("whole", lambda x: s.Cast(x * 10, dtype="int32") * 3 + 1, inside),
        ("clip", lambda x: s.clip(x, -0.5, 0.5), x),
        ("add_n", lambda x, y: s.add_n(x, y, x), two),
        ("where", lambda c, x, y: s.where(c, x, y), {"c": ints(2, 2, 3, 4), **two}),
        ("where-rows", lambda c, x, y: s.where(c, x, y), {"c": ints(2, 2), **two}),
        ("smooth_l1", lambda x: s.smooth_l1(x, scalar=2.0), x),
        ("hard_sigmoid", lambda x: s.hard_sigmoid(x), x),
        # layers
        ("Convolution", lambda x, w, b: s.Convolution(x, w, b, kernel=(3, 3), num_filter=4,
            stride=(2, 2), pad=(1, 1), num_group=2), {**image, "w": (4, 2, 3, 3), "b": (4,)}),
        ("Convolution-1d", lambda x, w: s.Convolution(x, w, kernel=(3,), num_filter=5,
            dilate=(2,), no_bias=True), {"x": (2, 3, 9), "w": (5, 3, 3)}),
        ("Deconvolution", lambda x, w: s.Deconvolution(x, w, kernel=(4, 4), num_filter=3,
            stride=(2, 2), pad=(1, 1)), {**image, "w": (4, 3, 4, 4)}),
        ("Deconvolution-target", lambda x, w: s.Deconvolution(x, w, kernel=(3, 3), num_filter=3,
            stride=(2, 2), target_shape=(12, 12)), {**image, "w": (4, 3, 3, 3)}),
        ("FullyConnected", lambda x, w, b: s.FullyConnected(x, w, b, num_hidden=5),
            {**x, "w": (5, 12), "b": (5,)}),
        ("FullyConnected-rows", lambda x, w: s.FullyConnected(x, w, num_hidden=5, no_bias=True,
            flatten=False), {**x, "w": (5, 4)}),
        ("BatchNorm", lambda x, g, b, m, v: s.BatchNorm(x, g, b, m, v, fix_gamma=False)[0],
            {**image, "g": (4,), "b": (4,), "m": (4,), "v": RANDOM.rand(4).astype("float32")}),
        ("LayerNorm", lambda x, g, b: s.LayerNorm(x, g, b)[0], {**x, "g": (4,), "b": (4,)}),
        ("InstanceNorm", lambda x, g, b: s.InstanceNorm(x, g, b),
            {**image, "g": (4,), "b": (4,)}),
        ("GroupNorm", lambda x, g, b: s.GroupNorm(x, g, b, num_groups=2)[0],
            {**image, "g": (2,), "b": (2,)}),
        *((f"L2Normalization-{m}", lambda x, m=m: s.L2Normalization(x, mode=m), image)
          for m in ("instance", "channel", "spatial")),
        ("LRN", lambda x: s.LRN(x, nsize=3, alpha=0.01), image),
        *((f"Activation-{a}", lambda x, a=a: s.Activation(x, act_type=a), x)
          for a in ("relu", "sigmoid", "tanh", "softrelu", "softsign")),
        *((f"LeakyReLU-{a}", lambda x, a=a: s.LeakyReLU(x, act_type=a, slope=0.3)[0], x)
          for a in ("leaky", "elu", "selu", "gelu", "rrelu")),
        ("LeakyReLU-prelu", lambda x, g: s.LeakyReLU(x, g, act_type="prelu"), {**image, "g": (4,)}),
        *((f"Pooling-{k}-{c}", lambda x, k=k, c=c: s.Pooling(x, kernel=(3, 3), stride=(2, 2),
            pad=(1, 1), pool_type=k, pooling_convention=c), {"x": (1, 2, 7, 8)})
          for k in ("max", "avg", "sum") for c in ("valid", "full")),
        ("Pooling-global", lambda x: s.Pooling(x, global_pool=True, pool_type="avg",
            kernel=(1, 1)), image),
        ("Pooling-lp", lambda x: s.Pooling(x, kernel=(2, 2), pool_type="lp", p_value=2), image),
        ("Pooling-excluded", lambda x: s.Pooling(x, kernel=(3, 3), pad=(1, 1), pool_type="avg",
            count_include_pad=False), image),
        ("AdaptiveAvgPooling2D", lambda x: s.contrib.AdaptiveAvgPooling2D(x, output_size=(4, 3)),
            {"x": (1, 2, 7, 8)}),
        ("BilinearResize2D", lambda x: s.contrib.BilinearResize2D(x, height=9, width=4), image),
        ("BilinearResize2D-scale", lambda x: s.contrib.BilinearResize2D(x, scale_height=2.0,
            scale_width=1.5, mode="odd_scale"), image),
        ("BilinearResize2D-half", lambda x: s.contrib.BilinearResize2D(x, height=9, width=13,
            align_corners=False), image),
        ("UpSampling", lambda x: s.UpSampling(x, scale=2, sample_type="nearest"), image),
        ("UpSampling-bilinear", lambda x, w: s.UpSampling(x, w, scale=2, sample_type="bilinear",
            num_filter=4), {**image, "w": (4, 1, 4, 4)}),
        ("Dropout", lambda x: s.Dropout(x, p=0.3)[0], x),
        ("SoftmaxOutput", lambda x, y: s.SoftmaxOutput(x, y), {"x": (3, 5), "y": ints(5, 3)}),
        ("SoftmaxOutput-channels", lambda x, y: s.SoftmaxOutput(x, y, multi_output=True),
            {"x": (2, 3, 4), "y": ints(3, 2, 4)}),
        ("LogisticRegressionOutput", lambda x, y: s.LogisticRegressionOutput(x, y),
            {"x": (3, 5), "y": (3, 5)}),
        ("LinearRegressionOutput", lambda x, y: s.LinearRegressionOutput(x, y),
            {"x": (3, 5), "y": (3, 5)}),
        ("SVMOutput", lambda x, y: s.SVMOutput(x, y), {"x": (3, 5), "y": ints(5, 3)}),
        ("MakeLoss", lambda x: s.MakeLoss(x * 2), x),
        ("SoftmaxActivation", lambda x: s.SoftmaxActivation(x, mode="channel"), image),
        ("softmax", lambda x: s.softmax(x, axis=1, temperature=2.0), x),
        ("softmax-length", lambda x, n: s.softmax(x, n, axis=-1, use_length=True),
            {"x": (2, 4), "n": np.array([2, 4], "int32")}),
        ("log_softmax", lambda x: s.log_softmax(x, axis=1), x),
        ("softmin", lambda x: s.softmin(x), x),
        # shapes
        *((f"Reshape-{i}", lambda x, c=c: s.Reshape(x, shape=c), {"x": (2, 3, 4, 5)})
          for i, c in enumerate([(0, -1), (-2,), (0, -3, 5), (-4, 1, 2, -2), (0, 0, -4, 2, -1, 0),
                                 (6, 1, 20), (-1,)])),
        ("Reshape-reverse", lambda x: s.Reshape(x, shape=(-1, 0), reverse=True), {"x": (2, 3, 4)}),
        ("Flatten", lambda x: s.Flatten(x), x),
        ("transpose", lambda x: s.transpose(x, axes=(1, 2, 0)), x),
        ("transpose-all", lambda x: s.transpose(x), x),
        ("SwapAxis", lambda x: s.SwapAxis(x, dim1=0, dim2=2), x),
        ("expand_dims", lambda x: s.expand_dims(x, axis=-1), x),
        ("squeeze", lambda x: s.squeeze(x, axis=1), {"x": (2, 1, 4)}),
        ("Concat", lambda x, y: s.Concat(x, y, dim=2), two),
        ("stack", lambda x, y: s.stack(x, y, axis=1), two),
        ("SliceChannel", lambda x: s.Group(list(s.SliceChannel(x, num_outputs=2, axis=2))), x),
        ("SliceChannel-squeeze", lambda x: s.SliceChannel(x, num_outputs=3, axis=1,
            squeeze_axis=True)[1], x),
        ("split_v2", lambda x: s.Group(list(s.split_v2(x, (1, 3), axis=2))), x),
        ("slice", lambda x: s.slice(x, begin=(0, None, 3), end=(None, 2, 0), step=(1, 1, -2)), x),
        ("slice_axis", lambda x: s.slice_axis(x, axis=-1, begin=-3, end=None), x),
        ("slice_like", lambda x, y: s.slice_like(x, y, axes=(2,)), {**x, "y": (1, 1, 2)}),
        ("Crop", lambda x: s.Crop(x, offset=(1, 2), h_w=(3, 4)), image),
        ("Crop-like", lambda x, y: s.Crop(x, y, center_crop=True), {**image, "y": (1, 1, 2, 4)}),
        ("broadcast_to", lambda x: s.broadcast_to(x, shape=(0, 3, 4)), {"x": (2, 1, 4)}),
        ("broadcast_axis", lambda x: s.broadcast_axis(x, axis=(1,), size=(3,)), {"x": (2, 1, 4)}),
        ("broadcast_like", lambda x, y: s.broadcast_like(x, y), {"x": (2, 1, 4), "y": (2, 3, 4)}),
        ("reshape_like", lambda x, y: s.reshape_like(x, y), {**x, "y": (6, 4)}),
        *((f"Pad-{m}", lambda x, m=m: s.Pad(x, mode=m, pad_width=(0, 0, 0, 0, 1, 2, 2, 1),
            constant_value=0.5), image) for m in ("constant", "edge", "reflect")),
        ("repeat", lambda x: s.repeat(x, repeats=2, axis=1), x),
        ("tile", lambda x: s.tile(x, reps=(2, 1, 2)), x),
        ("reverse", lambda x: s.reverse(x, axis=(0, 2)), x),
        ("depth_to_space", lambda x: s.depth_to_space(x, block_size=2), image),
        ("space_to_depth", lambda x: s.space_to_depth(x, block_size=2), image),
        ("shape_array", lambda x: s.shape_array(x), x),
        ("size_array", lambda x: s.size_array(x), x),
        ("diag", lambda x: s.diag(x, k=1), {"x": (4, 4)}),
        # choices
        ("take", lambda x, i: s.take(x, i, axis=1), {**x, "i": ints(3, 2, 2)}),
        ("Embedding", lambda x, w: s.Embedding(x, w, input_dim=6, output_dim=4),
            {"x": ints(6, 2, 3), "w": (6, 4)}),
        ("pick", lambda x, i: s.pick(x, i, axis=1, keepdims=True), {**x, "i": ints(3, 2, 4)}),
        ("batch_take", lambda x, i: s.batch_take(x, i),
            {"x": (3, 4), "i": np.array([1, 0, 3], "int32")}),
        ("topk", lambda x: s.topk(x, k=2, axis=1), x),
        ("topk-both", lambda x: s.Group(list(s.topk(x, k=2, ret_typ="both"))), x),
        ("topk-mask", lambda x: s.topk(x, k=2, ret_typ="mask", is_ascend=True), x),
        ("sort", lambda x: s.sort(x, axis=1, is_ascend=False), x),
        ("argsort", lambda x: s.argsort(x, axis=-1), x),
        ("one_hot", lambda x: s.one_hot(x, depth=4, on_value=2.0), {"x": ints(4, 2, 3)}),
        ("gather_nd", lambda x, i: s.gather_nd(x, i), {**x, "i": ints(2, 2, 5)}),
        ("scatter_nd", lambda x, i: s.scatter_nd(x, i, shape=(4, 5)),
            {"x": (3,), "i": np.array([[0, 1, 3], [4, 2, 0]], "float32")}),
        # sums and products
        *((f"{n}-{i}", lambda x, n=n, how=how: getattr(s, n)(x, **how), x)
          for n in ("sum", "mean", "prod", "max", "min")
          for i, how in enumerate([{}, {"axis": 1}, {"axis": (0, 2), "keepdims": True},
                                   {"axis": 1, "exclude": True}])),
        ("norm", lambda x: s.norm(x, axis=1), x),
        ("norm-1", lambda x: s.norm(x, ord=1, axis=(1, 2), keepdims=True), x),
        ("argmax", lambda x: s.argmax(x, axis=1), x),
        ("argmin", lambda x: s.argmin(x, axis=2, keepdims=True), x),
        ("argmax_channel", lambda x: s.argmax_channel(x), {"x": (3, 5)}),
        ("cumsum", lambda x: s.cumsum(x, axis=1), x),
        ("dot", lambda x, y: s.dot(x, y), {"x": (2, 3), "y": (3, 4)}),
        ("dot-turned", lambda x, y: s.dot(x, y, transpose_a=True, transpose_b=True),
            {"x": (3, 2), "y": (4, 3)}),
        ("dot-wide", lambda x, y: s.dot(x, y), {"x": (2, 3, 4), "y": (4, 2, 3)}),
        ("batch_dot", lambda x, y: s.batch_dot(x, y, transpose_b=True),
            {"x": (2, 3, 4), "y": (2, 5, 4)}),
        ("linalg_gemm2", lambda x, y: s.linalg.gemm2(x, y, transpose_a=True, alpha=2.0),
            {"x": (2, 4, 3), "y": (2, 4, 5)}),
        ("linalg_gemm", lambda x, y, z: s.linalg.gemm(x, y, z, beta=0.5),
            {"x": (3, 4), "y": (4, 5), "z": (3, 5)}),
        ("moments", lambda x: s.Group(list(s.moments(x, axes=(0, 2)))), x),
        # made from nothing
        ("arange", lambda x: s.broadcast_add(x, s.arange(0, 2, 0.5)), x),
        ("zeros-ones", lambda x: s.broadcast_mul(x, s.ones((1, 3, 4)) * 2 + s.zeros((1, 3, 4))), x),
        ("arange_like", lambda x: s.contrib.arange_like(x, axis=1), x),
        # sequences
        ("SequenceMask", lambda x, n: s.SequenceMask(x, n, use_sequence_length=True, value=-1.0),
            {"x": (4, 2, 3), "n": np.array([2, 3], "float32")}),
        ("SequenceLast", lambda x, n: s.SequenceLast(x, n, use_sequence_length=True),
            {"x": (4, 2, 3), "n": np.array([2, 3], "float32")}),
        ("SequenceReverse", lambda x, n: s.SequenceReverse(x, n, use_sequence_length=True),
            {"x": (4, 2, 3), "n": np.array([2, 3], "float32")}),
        *((f"RNN-{m}", lambda x, p, h, m=m: s.RNN(x, p, h, mode=m, state_size=4, num_layers=1,
            state_outputs=True)[0], {"x": (3, 2, 5), "p": (k * 4 * (5 + 4 + 2),), "h": (1, 2, 4)})
          for m, k in (("rnn_tanh", 1), ("gru", 3))),
        ("RNN-lstm", lambda x, p, h, c: s.Group(list(s.RNN(x, p, h, c, mode="lstm", state_size=4,
            num_layers=1, bidirectional=True, state_outputs=True))),
            {"x": (3, 2, 5), "p": (2 * 4 * 4 * (5 + 4 + 2),), "h": (2, 2, 4), "c": (2, 2, 4)}),
        ("RNN-states-of-any-batch", lambda x, p: s.RNN(x, p, s.zeros((1, 0, 4)), mode="rnn_relu",
            state_size=4, num_layers=1), {"x": (3, 2, 5), "p": (4 * (5 + 4 + 2),)}),
        ("selfatt_qk", lambda x: s.contrib.interleaved_matmul_selfatt_qk(x, heads=2),
            {"x": (3, 2, 24)}),
        ("selfatt_valatt", lambda x, a: s.contrib.interleaved_matmul_selfatt_valatt(x, a, heads=2),
            {"x": (3, 2, 24), "a": (4, 3, 3)}),
        ("encdec_qk", lambda x, y: s.contrib.interleaved_matmul_encdec_qk(x, y, heads=2),
            {"x": (3, 2, 8), "y": (4, 2, 16)}),
        ("encdec_valatt", lambda y, a: s.contrib.interleaved_matmul_encdec_valatt(y, a, heads=2),
            {"y": (4, 2, 16), "a": (4, 3, 4)}),
        ("foreach", lambda x, h, w: _grouped(s.contrib.foreach(
            lambda d, st: (d * 2 + st[0], [st[0] + d * w]), x, [h])),
            {"x": (4, 3), "h": (3,), "w": (3,)}),
        ("while_loop", lambda x, i: _grouped(s.contrib.while_loop(
            lambda x, i: i < 3, lambda x, i: (s.broadcast_add(x, i), [x * 2, i + 1]), [x, i],
            max_iterations=5)),
            {"x": (3,), "i": np.zeros(1, "float32")}),
        *((f"cond-{k}", lambda p, x, y: s.contrib.cond(p > 0, lambda: x * 2, lambda: y + 1),
            {"p": np.array([k], "float32"), "x": (3,), "y": (3,)}) for k in (0, 1)),
        ("div_sqrt_dim", lambda x: s.contrib.div_sqrt_dim(x), x),
        # boxes
        ("MultiBoxPrior", lambda x: s.contrib.MultiBoxPrior(x, sizes=(0.3, 0.5),
            ratios=(1.0, 2.0), clip=True), {"x": (1, 2, 3, 4)}),
        ("MultiBoxDetection", lambda p, x, a: s.contrib.MultiBoxDetection(p, x, a, threshold=0.2),
            {"p": RANDOM.rand(1, 3, 6).astype("float32"), "x": (1, 24), "a": boxes(6)[None]}),
        ("box_nms", lambda x: s.contrib.box_nms(x, overlap_thresh=0.3, id_index=0),
            {"x": detections(8)}),
        ("box_iou", lambda x, y: s.contrib.box_iou(x, y), {"x": boxes(3), "y": boxes(4)}),
        ("box_decode", lambda x, a: s.contrib.box_decode(x, a, std0=0.1, format="corner"),
            {"x": (1, 5, 4), "a": boxes(5)[None]}),
        ("ROIPooling", lambda x, r: s.ROIPooling(x, r, pooled_size=(2, 2), spatial_scale=0.5),
            {**image, "r": np.array([[0, 0, 0, 8, 9], [1, 2, 1, 10, 11]], "float32")}),
        *((f"ROIAlign-{n}-{p}", lambda x, r, n=n, p=p: s.contrib.ROIAlign(x, r, pooled_size=(2, 3),
            spatial_scale=0.5, sample_ratio=n, position_sensitive=False, aligned=p),
            {**image, "r": np.array([[0, 0, 0, 8, 9], [1, 2, 1, 10, 11]], "float32")})
          for n in (2, -1) for p in (False, True)),
    ]  # fmt: skip
    return found


def _grouped(results: Any) -> Any:
    """The outputs and the last states of a loop as one symbol."""
    outputs, states = results
    listed = outputs if isinstance(outputs, list) else [outputs]
    return mx.sym.Group([*listed, *states])


def of_numpy() -> list[Case]:
    """Operators of MXNet 2's `np` and `npx`."""
    p, e = mx.np, mx.npx
    x, two = {"x": (2, 3, 4)}, {"x": (2, 3, 4), "y": (3, 1)}
    inside = {"x": RANDOM.rand(2, 3, 4).astype("float32") * 0.9 + 0.05}
    unary = [
        "absolute",
        "sign",
        "rint",
        "ceil",
        "floor",
        "trunc",
        "fix",
        "square",
        "sqrt",
        "cbrt",
        "exp",
        "log",
        "log10",
        "log2",
        "log1p",
        "expm1",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "degrees",
        "radians",
        "negative",
        "reciprocal",
        "logical_not",
        "isnan",
        "isfinite",
    ]
    binary = [
        "add",
        "subtract",
        "multiply",
        "true_divide",
        "mod",
        "power",
        "maximum",
        "minimum",
        "arctan2",
        "hypot",
        "copysign",
        "equal",
        "not_equal",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "logical_and",
        "logical_or",
        "fmax",
        "fmin",
    ]
    found: list[Case] = [(n, lambda x, n=n: getattr(p, n)(x), inside) for n in unary]
    found += [(n, lambda x, y, n=n: getattr(p, n)(x, y), two) for n in binary]
    found += [
        ("scalars", lambda x: 2 / (1 - (x * 3 + 1)) - x / 4 + 2**x + x**2 + x % 0.3, inside),
        ("compare", lambda x: (x > 0.5) + (x <= 0.5) * (x > 1), inside),
        ("where", lambda x, y: p.where(x > 0, x, y), two),
        ("where-scalar", lambda x: p.where(x > 0, x, 0.5), x),
        ("clip", lambda x: p.clip(x, -0.5, 0.5), x),
        ("astype", lambda x: (x * 10).astype("int32"), x),
        ("round", lambda x: p.around(x, 1), x),
        ("reshape", lambda x: x.reshape(-1, 4), x),
        ("npx-reshape", lambda x: e.reshape(x, (-2, -5)), x),
        ("npx-reshape-split", lambda x: e.reshape(x, (-6, 1, 2, -4)), x),
        ("transpose", lambda x: x.transpose(2, 0, 1), x),
        ("swapaxes", lambda x: p.swapaxes(x, 0, 2), x),
        ("expand_dims", lambda x: p.expand_dims(x, 1), x),
        ("squeeze", lambda x: p.squeeze(x, 1), {"x": (2, 1, 4)}),
        ("concatenate", lambda x: p.concatenate([x, x * 2], axis=1), x),
        ("stack", lambda x: p.stack([x, x * 2], axis=-1), x),
        ("vstack", lambda x: p.vstack([x, x]), x),
        ("hstack", lambda x: p.hstack([x, x]), x),
        ("split", lambda x: p.split(x, 2, axis=2), x),
        ("split-at", lambda x: p.split(x, (1, 3), axis=2), x),
        ("getitem", lambda x: x[:, 1], x),
        ("getitem-slices", lambda x: x[:, 1:, ::2], x),
        ("broadcast_to", lambda x: p.broadcast_to(x, (2, 3, 4)), {"x": (3, 1)}),
        ("pad", lambda x: p.pad(x, ((0, 0), (1, 2), (2, 1))), x),
        ("repeat", lambda x: p.repeat(x, 2, axis=1), x),
        ("tile", lambda x: p.tile(x, (2, 1, 2)), x),
        ("flip", lambda x: p.flip(x, axis=1), x),
        ("roll", lambda x: p.roll(x, 1, axis=1), x),
        ("moveaxis", lambda x: p.moveaxis(x, 0, 2), x),
        ("tril", lambda x: p.tril(x, 1), x),
        *((f"{n}-{i}", lambda x, n=n, how=how: getattr(p, n)(x, **how), x)
          for n in ("sum", "mean", "prod", "max", "min", "std", "var")
          for i, how in enumerate([{}, {"axis": 1}, {"axis": (0, 2), "keepdims": True}])),
        ("argmax", lambda x: p.argmax(x, axis=1), x),
        ("argmin", lambda x: p.argmin(x, axis=2), x),
        ("cumsum", lambda x: p.cumsum(x, axis=1), x),
        ("matmul", lambda x, y: x @ y, {"x": (2, 3, 4), "y": (4, 5)}),
        ("dot", lambda x, y: p.dot(x, y), {"x": (2, 3, 4), "y": (4, 5)}),
        ("einsum", lambda x, y: p.einsum("bij,jk->bik", x, y), {"x": (2, 3, 4), "y": (4, 5)}),
        ("tensordot", lambda x, y: p.tensordot(x, y, axes=([1, 2], [0, 1])),
            {"x": (2, 3, 4), "y": (3, 4, 5)}),
        ("take", lambda x, i: p.take(x, i.astype("int32"), axis=1, mode="clip"),
            {**x, "i": ints(3, 2)}),
        ("zeros", lambda x: x + p.ones((3, 1)) + p.zeros((4,)) + p.full((1,), 2.5), x),
        ("arange", lambda x: x + p.arange(4), x),
        ("zeros_like", lambda x: p.zeros_like(x) + p.ones_like(x), x),
        ("eye", lambda x: x + p.eye(3, 4), x),
        ("full", lambda x: x + p.full((4,), 3) + p.linspace(0, 1, 4), x),
        ("sort", lambda x: p.sort(x, axis=1), x),
        ("argsort", lambda x: p.argsort(x, axis=1), x),
        ("activation", lambda x: e.relu(x) + e.sigmoid(x) + e.activation(x, "softrelu"), x),
        ("leaky", lambda x: e.leaky_relu(x, act_type="leaky", slope=0.1), x),
        ("gelu", lambda x: e.leaky_relu(x, act_type="gelu"), x),
        ("softmax", lambda x: e.softmax(x, axis=1) + e.log_softmax(x), x),
        ("masked_softmax", lambda x, m: e.masked_softmax(x, m > 0), {"x": (2, 4), "m": (2, 4)}),
        ("topk", lambda x: e.topk(x, k=2, ret_typ="value"), x),
        ("pick", lambda x, i: e.pick(x, i, axis=1), {**x, "i": ints(3, 2, 4)}),
        ("one_hot", lambda x: e.one_hot(x, 4), {"x": ints(4, 2, 3)}),
        ("embedding", lambda x, w: e.embedding(x, w, 6, 4), {"x": ints(6, 2, 3), "w": (6, 4)}),
        ("fully_connected", lambda x, w: e.fully_connected(x, w, num_hidden=5, no_bias=True,
            flatten=False), {**x, "w": (5, 4)}),
        ("convolution", lambda x, w, b: e.convolution(x, w, b, kernel=(3, 3), num_filter=4,
            stride=(1, 1), dilate=(1, 1), pad=(1, 1)),
            {"x": (1, 2, 5, 5), "w": (4, 2, 3, 3), "b": (4,)}),
        ("deconvolution", lambda x, w: e.deconvolution(x, w, kernel=(2, 2), num_filter=3,
            stride=(2, 2), dilate=(1, 1), pad=(0, 0), adj=(0, 0), no_bias=True),
            {"x": (1, 2, 4, 4), "w": (2, 3, 2, 2)}),
        ("pooling", lambda x: e.pooling(x, kernel=(2, 2), stride=(2, 2), pad=(0, 0),
            pool_type="avg"), {"x": (1, 2, 4, 4)}),
        ("layer_norm", lambda x, g, b: e.layer_norm(x, g, b, axis=-1),
            {**x, "g": (4,), "b": (4,)}),
        ("group_norm", lambda x, g, b: e.group_norm(x, g, b, num_groups=2),
            {"x": (2, 4, 3), "g": (4,), "b": (4,)}),
        ("batch_dot", lambda x, y: e.batch_dot(x, y, transpose_b=True),
            {"x": (2, 3, 4), "y": (2, 5, 4)}),
        ("gather_nd", lambda x, i: e.gather_nd(x, i.astype("int32")), {**x, "i": ints(2, 2, 5)}),
        ("sequence_mask", lambda x, n: e.sequence_mask(x, n, use_sequence_length=True),
            {"x": (4, 2, 3), "n": np.array([2, 3], "float32")}),
        ("arange_like", lambda x: e.arange_like(x, axis=1), x),
        ("slice", lambda x: e.slice(x, begin=(0, None, 3), end=(None, 2, 0), step=(1, 1, -2)), x),
        ("batch_flatten", lambda x: e.batch_flatten(x), x),
        ("reshape_like", lambda x, y: e.reshape_like(x, y), {**x, "y": (6, 4)}),
        ("broadcast_like", lambda x, y: e.broadcast_like(x, y), {"x": (2, 1, 4), "y": (2, 3, 4)}),
        ("smooth_l1", lambda x: e.smooth_l1(x, scalar=1.0), x),
        ("erf", lambda x: e.erf(x), x),
        ("gammaln", lambda x: e.gammaln(x), inside),
        ("multibox_prior", lambda x: e.multibox_prior(x, sizes=(0.3,), ratios=(1.0, 2.0)),
            {"x": (1, 2, 3, 4)}),
        ("box_nms", lambda x: e.box_nms(x, overlap_thresh=0.3, id_index=0),
            {"x": detections(8)}),
    ]  # fmt: skip
    return found


def arrays(inputs: dict[str, Any]) -> dict[str, Any]:
    """Random numbers where an input is a shape."""
    return {
        name: RANDOM.normal(0, 1, x).astype("float32") if isinstance(x, tuple) else x
        for name, x in inputs.items()
    }


def by_symbol(function: Callable[..., Any], given: dict[str, Any]) -> tuple[str, list[Any]]:
    """The text of a symbol of MXNet 1 and its outputs."""
    made = function(**{name: mx.sym.Variable(name) for name in given})
    values = {name: mx.nd.array(x, dtype=x.dtype) for name, x in given.items()}
    statistics = {name: values.pop(name) for name in made.list_auxiliary_states()}
    names = made.list_arguments()
    bound = made.bind(mx.cpu(), {n: values[n] for n in names}, aux_states=statistics)
    return made.tojson(), [y.asnumpy() for y in bound.forward(is_train=False)]


def by_block(function: Callable[..., Any], given: dict[str, Any]) -> tuple[str, list[Any]]:
    """The text of what MXNet 2 exports and its outputs."""

    class Block(mx.gluon.HybridBlock):
        """The function."""

        def forward(self, *args: Any) -> Any:
            """Its results."""
            return function(*args)

    block = Block()
    block.hybridize()
    outputs = block(*(mx.np.array(x, dtype=x.dtype) for x in given.values()))
    symbol, _ = block.export(None)
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return symbol.tojson(), [y.asnumpy() for y in listed]


def main(path: str) -> None:
    """Write all cases that this MXNet can compute."""
    content: dict[str, Any] = {}
    names: list[str] = []
    for name, function, inputs in of_numpy() if IS_TWO else legacy():
        given = arrays(inputs)
        try:
            text, outputs = (by_block if IS_TWO else by_symbol)(function, given)
        except Exception as error:
            print(f"{name}: {error!s:.300}", file=sys.stderr)
            continue
        i = len(names)
        names.append(name)
        content[f"json_{i}"] = np.array(text)
        content.update((f"in_{i}_{key}", x) for key, x in given.items())
        content.update((f"out_{i}_{k}", y) for k, y in enumerate(outputs))
    np.savez_compressed(path, names=np.array(names), **content)
    print(f"{len(names)} cases")


if __name__ == "__main__":
    main(sys.argv[1])
