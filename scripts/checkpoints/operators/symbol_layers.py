"""MXNet 1: layers, and what stands at the end of a network."""

from __future__ import annotations

import mxnet as mx
import numpy as np

from checkpoints.operators.case import IMAGE, Case, Inputs, Namespace, X, unit, whole

s = mx.sym
call = Namespace(s)

SMALL: Inputs = {"x": (1, 2, 7, 8)}
SCALED: Inputs = {**IMAGE, "g": (4,), "b": (4,)}
SCORES: Inputs = {"x": (3, 5), "y": whole(5, 3)}
TARGETS: Inputs = {"x": (3, 5), "y": (3, 5)}

CASES = (
    call("Convolution", {**IMAGE, "w": (4, 2, 3, 3), "b": (4,)},
         kernel=(3, 3), num_filter=4, stride=(2, 2), pad=(1, 1), num_group=2),
    call("Convolution-1d", {"x": (2, 3, 9), "w": (5, 3, 3)},
         kernel=(3,), num_filter=5, dilate=(2,), no_bias=True),
    call("Deconvolution", {**IMAGE, "w": (4, 3, 4, 4)},
         kernel=(4, 4), num_filter=3, stride=(2, 2), pad=(1, 1)),
    call("Deconvolution-target", {**IMAGE, "w": (4, 3, 3, 3)},
         kernel=(3, 3), num_filter=3, stride=(2, 2), target_shape=(12, 12)),
    call("FullyConnected", {**X, "w": (5, 12), "b": (5,)}, num_hidden=5),
    call("FullyConnected-rows", {**X, "w": (5, 4)}, num_hidden=5, no_bias=True, flatten=False),
    call("BatchNorm", {**SCALED, "m": (4,), "v": unit(4)}, output=0, fix_gamma=False),
    call("LayerNorm", {**X, "g": (4,), "b": (4,)}, output=0),
    call("InstanceNorm", SCALED),
    call("GroupNorm", {**IMAGE, "g": (2,), "b": (2,)}, output=0, num_groups=2),
    *(call(f"L2Normalization-{mode}", IMAGE, mode=mode)
      for mode in ("instance", "channel", "spatial")),
    call("LRN", IMAGE, nsize=3, alpha=0.01),
    *(call(f"Activation-{kind}", X, act_type=kind)
      for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign")),
    *(call(f"LeakyReLU-{kind}", X, output=0, act_type=kind, slope=0.3)
      for kind in ("leaky", "elu", "selu", "gelu", "rrelu")),
    call("LeakyReLU-prelu", {**IMAGE, "g": (4,)}, act_type="prelu"),
    *(call(f"Pooling-{kind}-{convention}", SMALL, kernel=(3, 3), stride=(2, 2), pad=(1, 1),
           pool_type=kind, pooling_convention=convention)
      for kind in ("max", "avg", "sum") for convention in ("valid", "full")),
    call("Pooling-global", IMAGE, global_pool=True, pool_type="avg", kernel=(1, 1)),
    call("Pooling-lp", IMAGE, kernel=(2, 2), pool_type="lp", p_value=2),
    call("Pooling-excluded", IMAGE,
         kernel=(3, 3), pad=(1, 1), pool_type="avg", count_include_pad=False),
    call("contrib.AdaptiveAvgPooling2D", SMALL, output_size=(4, 3)),
    call("contrib.BilinearResize2D", IMAGE, height=9, width=4),
    call("contrib.BilinearResize2D-scale", IMAGE,
         scale_height=2.0, scale_width=1.5, mode="odd_scale"),
    call("contrib.BilinearResize2D-half", IMAGE, height=9, width=13, align_corners=False),
    call("UpSampling", IMAGE, scale=2, sample_type="nearest"),
    call("UpSampling-bilinear", {**IMAGE, "w": (4, 1, 4, 4)},
         scale=2, sample_type="bilinear", num_filter=4),
    call("Dropout", X, output=0, p=0.3),
    call("SoftmaxOutput", SCORES),
    call("SoftmaxOutput-channels", {"x": (2, 3, 4), "y": whole(3, 2, 4)}, multi_output=True),
    call("LogisticRegressionOutput", TARGETS),
    call("LinearRegressionOutput", TARGETS),
    call("SVMOutput", SCORES),
    Case("MakeLoss", lambda x: s.MakeLoss(x * 2), X),
    call("SoftmaxActivation", IMAGE, mode="channel"),
    call("softmax", X, axis=1, temperature=2.0),
    call("softmax-length", {"x": (2, 4), "n": np.array([2, 4], "int32")}, axis=-1,
         use_length=True),
    call("log_softmax", X, axis=1),
    call("softmin", X),
    call("contrib.div_sqrt_dim", X),
)  # fmt: skip
