"""Quantization in steps.

Not compared: biases and sums without a calibrated range, whose unit MXNet takes as 1 / 127.5 of the
range, but as 1 / 127 elsewhere; convolutions of uint8, whose range it takes for that of int8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.cases import Case, Tolerance
from oracle.graded import plain, randn

DRAW = np.random.RandomState(0)
X = randn(1, 3, 5)
A, B = DRAW.randint(-127, 128, (2, 2, 3)).astype("int8")
W = DRAW.randint(-127, 128, (4, 3)).astype("int8")
BYTES = DRAW.randint(0, 256, (2, 3)).astype("uint8")
IMAGE, KERNEL = DRAW.randint(-127, 128, (2, 2, 2, 4, 4)).astype("int8")
SUMS = np.array([[100000, -2000000, 300], [5, 7, 2**30]], "int32")
COUNTS = DRAW.poisson(300 * np.exp(-(np.linspace(-3, 3, 61) ** 2))).astype("float32")
EDGES = np.linspace(-3, 3, 62).astype("float32")
DATA, WEIGHT = randn(2, 2, 64), randn(3, 8, 64)


def _numbers(mx: Any, *values: float) -> list[Any]:
    return [mx.np.array([v]) for v in values]


def _pair(name: str, **kwargs: Any) -> Case:
    def f(mx: Any, a: Any, b: Any) -> Any:
        return getattr(mx.npx, name)(a, b, *_numbers(mx, -1, 1, -2, 2), **kwargs)

    return plain(f, A, B)


def _kept(name: str, **kwargs: Any) -> Case:
    return plain(lambda mx, x: getattr(mx.npx, name)(x, *_numbers(mx, -1, 1), **kwargs), IMAGE)


def _dense(mx: Any, x: Any, w: Any) -> Any:
    low, high, wl, wh = _numbers(mx, -1, 1, -2, 2)
    return mx.npx.quantized_fully_connected(
        data=x, weight=w, min_data=low, max_data=high, min_weight=wl, max_weight=wh, num_hidden=4,
        no_bias=True,
    )  # fmt: skip


def _conv(mx: Any, x: Any, w: Any) -> Any:
    low, high, wl, wh = _numbers(mx, -1, 1, -2, 2)
    return mx.npx.quantized_conv(
        data=x, weight=w, min_data=low, max_data=high, min_weight=wl, max_weight=wh, num_filter=2,
        kernel=(2, 2), stride=(2, 2), no_bias=True,
    )  # fmt: skip


def _intgemm(mx: Any, x: Any, w: Any) -> Any:
    most, heaviest = mx.npx.intgemm_maxabsolute(x), mx.npx.intgemm_maxabsolute(w)
    data = mx.npx.intgemm_prepare_data(x, most)
    weight = mx.npx.intgemm_prepare_weight(w, heaviest)
    scale = mx.np.array([float(most) * float(heaviest) / 127**2])
    layer = mx.npx.intgemm_fully_connected
    order = mx.np.array([7, 1, 2, 3, 4, 5, 6, 0], dtype="int32")
    return [
        most, data, layer(data, weight, scale, mx.np.ones(8), num_hidden=8),
        layer(data, weight, num_hidden=8, no_bias=True, out_type="int32"),
        layer(x, weight, mx.np.array([float(heaviest) / 127]), num_hidden=8, no_bias=True),
        layer(data, mx.npx.intgemm_take_weight(weight, order), num_hidden=8, no_bias=True,
              out_type="int32"),
    ]  # fmt: skip


CASES: Mapping[str, Case] = {
    **{f"quantize_{kind}": plain(
        lambda mx, x, t=kind: mx.npx.contrib_quantize(x, *_numbers(mx, -1, 2), out_type=t), X)
       for kind in ("int8", "uint8")},
    **{f"quantize_v2_{kind}": plain(
        lambda mx, x, t=kind: mx.npx.contrib_quantize_v2(x, out_type=t), X)
       for kind in ("int8", "uint8", "auto")},
    **{f"calibrated_{kind}_{low}": plain(
        lambda mx, x, t=kind, n=low: mx.npx.contrib_quantize_v2(
            x, out_type=t, min_calib_range=n, max_calib_range=1.5), X)
       for kind in ("int8", "uint8", "auto") for low in (-1.0, 0.0)},
    **{f"requantize_{kind}": plain(
        lambda mx, x, t=kind: mx.npx.requantize(x, *_numbers(mx, -1000, 1000), out_type=t), SUMS)
       for kind in ("int8", "uint8", "auto")},
    **{f"requantize_calibrated_{kind}": plain(
        lambda mx, x, t=kind: mx.npx.requantize(
            x, *_numbers(mx, -1000, 1000), out_type=t, min_calib_range=-0.5, max_calib_range=1.0),
        SUMS) for kind in ("int8", "uint8", "auto")},
    "entropy": plain(
        lambda mx, h, e: mx.npx.contrib_calibrate_entropy(h, e, num_quantized_bins=15), COUNTS,
        EDGES),
    "dense": plain(_dense, A, W),
    "conv": plain(_conv, IMAGE, KERNEL[:, :, :2, :2].copy()),
    "pool_max": _kept("quantized_pooling", kernel=(2, 2), pool_type="max"),
    "pool_avg": _kept("quantized_pooling", kernel=(2, 2), stride=(2, 2), pool_type="avg"),
    "act": _kept("quantized_act", act_type="relu"),
    "flatten": _kept("quantized_flatten"),
    "reshape": _kept("quantized_reshape", newshape=(4, -1)),
    "transpose": plain(lambda mx, x: mx.npx.quantized_transpose(x, *_numbers(mx, -1, 1),
                                                                axes=(1, 0)), A),
    "add": _pair("quantized_elemwise_add", min_calib_range=-3.0, max_calib_range=3.0),
    "multiply": _pair("quantized_elemwise_mul"),
    "multiply_calibrated": _pair("quantized_elemwise_mul", min_calib_range=-2.0,
                                 max_calib_range=2.0),
    "embedding": plain(
        lambda mx, i, w: mx.npx.quantized_embedding(i, w, *_numbers(mx, -2, 2), input_dim=4,
                                                    output_dim=3),
        np.array([1, 0, 3], "int32"), W),
    "intgemm": plain(_intgemm, DATA, WEIGHT),
}  # fmt: skip

TOLERANCES: Mapping[str, Tolerance] = {
    # MXNet's oneDNN rounds halves up, and its int8 begins at -128
    **{name: (0, 1) for name in CASES if name.startswith(("quantize_", "calibrated_"))},
    "multiply_calibrated": (0, 1),  # MXNet truncates where it rounds elsewhere
    "entropy": (1e-2, 1e-5),  # MXNet adds in float32
}
