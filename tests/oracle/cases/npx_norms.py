"""Normalizations in training and at inference, softmax with lengths and masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.cases import Case, Tolerance
from oracle.graded import graded, listed, plain, randn

X, IMAGES = randn(0, 2, 3, 4), randn(1, 2, 4, 3, 3)
GAMMA, BETA = randn(2, 4), randn(3, 4)
MEAN, VARIANCE = randn(4, 4), np.abs(randn(5, 4)) + 0.5
LENGTHS = np.array([[1, 2, 3], [4, 1, 0]], "int32")
MASK = np.random.RandomState(6).rand(2, 3, 4) > 0.5
MASK[0, 0] = False


def _batch_norm(**kwargs: Any) -> Case:
    def f(mx: Any, x: Any, gamma: Any, beta: Any) -> Any:
        mean, variance = mx.np.array(MEAN), mx.np.array(VARIANCE)
        return mx.npx.batch_norm(x, gamma, beta, mean, variance, **kwargs)

    return graded(f, IMAGES, GAMMA, BETA)


def _running(momentum: float) -> Case:
    """The statistics after two batches (MXNet writes them on the way back)."""

    def case(mx: Any) -> Any:
        gamma, beta, mean, variance = map(mx.np.array, (GAMMA, BETA, MEAN, VARIANCE))
        for images in (IMAGES, IMAGES * 2 + 1):
            x = mx.np.array(images)
            x.attach_grad()
            with mx.autograd.record():
                y = mx.npx.batch_norm(x, gamma, beta, mean, variance, momentum=momentum)
            y.backward()
        return [mean, variance]

    return case


def _first(result: Any) -> Any:
    return listed(result)[0]


CASES: Mapping[str, Case] = {
    "batch_norm": _batch_norm(fix_gamma=False),
    "batch_norm_fixed": _batch_norm(eps=1e-2),
    "batch_norm_global": _batch_norm(use_global_stats=True, fix_gamma=False),
    "batch_norm_statistics": plain(
        lambda mx, x, g, b, m, v: mx.npx.batch_norm(x, g, b, m, v, output_mean_var=True),
        IMAGES, GAMMA, BETA, MEAN, VARIANCE,
    ),
    "batch_norm_last_axis": graded(
        lambda mx, x, g, b: mx.npx.batch_norm(
            x, g, b, mx.np.array(MEAN), mx.np.array(VARIANCE), axis=-1, fix_gamma=False
        ),
        X, GAMMA, BETA,
    ),
    "running_statistics": _running(0.9),
    "running_statistics_fast": _running(0.25),
    "layer_norm": graded(lambda mx, x, g, b: mx.npx.layer_norm(x, g, b, axis=-1, eps=1e-4), X,
                         GAMMA, BETA),
    "layer_norm_statistics": plain(
        lambda mx, x, g, b: mx.npx.layer_norm(x, g, b, axis=1, eps=1e-5, output_mean_var=True),
        IMAGES, GAMMA, BETA,
    ),
    "group_norm": graded(
        lambda mx, x, g, b: mx.npx.group_norm(x, g, b, num_groups=2), IMAGES, GAMMA, BETA
    ),
    "group_norm_statistics": plain(
        lambda mx, x, g, b: mx.npx.group_norm(x, g, b, num_groups=2, output_mean_var=True),
        IMAGES, GAMMA, BETA,
    ),
    "instance_norm": graded(
        lambda mx, x, g, b: mx.npx.instance_norm(x, g, b, eps=1e-3), IMAGES, GAMMA, BETA
    ),
    "softmax_length": graded(
        lambda mx, x, n: mx.npx.softmax(x, n, axis=-1, use_length=True), X, LENGTHS
    ),
    "softmax_length_temperature": plain(
        lambda mx, x, n: mx.npx.softmax(x, n, axis=-1, use_length=True, temperature=2.0),
        X, LENGTHS,
    ),
    "softmax_length_axis": plain(
        lambda mx, x, n: mx.npx.softmax(x, n, axis=1, use_length=True),
        X, np.array([[1, 2, 3, 0], [3, 1, 2, 3]], "int32"),
    ),
    "softmax_dtype": plain(lambda mx, x: mx.npx.softmax(x, dtype="float32"), X.astype("float16")),
    "masked_softmax": graded(lambda mx, x, m: mx.npx.masked_softmax(x, m), X, MASK),
    "masked_softmax_axis": plain(
        lambda mx, x, m: mx.npx.masked_softmax(x, m, axis=1, temperature=2.0), X, MASK[:1]
    ),
    "masked_log_softmax": plain(lambda mx, x, m: mx.npx.masked_log_softmax(x, m), X, MASK),
}  # fmt: skip

TOLERANCES: Mapping[str, Tolerance] = {
    "softmax_dtype": (2e-3, 1e-5),  # MXNet takes the exponential in half precision
}
