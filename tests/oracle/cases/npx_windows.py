"""Windows over images: transposed and deformable convolutions, norms and averages of windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.cases import Case
from oracle.graded import graded, plain, randn

IMAGE, WEIGHT, BIAS = randn(0, 2, 4, 5, 6), randn(1, 4, 2, 3, 3), randn(2, 4)
GROUPED = randn(3, 4, 2, 2, 3)
POSITIVE = np.abs(IMAGE[:, :2]) + np.float32(0.1)


def _deformable(offset: Any, weight: Any, **kwargs: Any) -> Case:
    def f(mx: Any, x: Any, o: Any, w: Any, b: Any) -> Any:
        return mx.npx.deformable_convolution(x, o, w, b, num_filter=4, **kwargs)

    return graded(f, IMAGE, offset, weight, BIAS)


def _modulated(offset: Any, mask: Any, weight: Any, **kwargs: Any) -> Case:
    def f(mx: Any, x: Any, o: Any, m: Any, w: Any, b: Any) -> Any:
        return mx.npx.modulated_deformable_convolution(x, o, m, w, b, num_filter=4, **kwargs)

    return plain(f, IMAGE, offset, mask, weight, BIAS)  # MXNet has its gradient on GPUs alone


def _deconvolution(**kwargs: Any) -> Case:
    return graded(
        lambda mx, x, w: mx.npx.deconvolution(x, w, kernel=(3, 3), num_filter=2, no_bias=True,
                                              **kwargs),
        IMAGE[:, :, :3, :3].copy(), WEIGHT,
    )  # fmt: skip


def _pooling(**kwargs: Any) -> Case:
    return graded(lambda mx, x: mx.npx.pooling(x, **kwargs), POSITIVE)


CASES: Mapping[str, Case] = {
    "deformable": _deformable(randn(4, 2, 18, 3, 4), randn(5, 4, 4, 3, 3), kernel=(3, 3)),
    "deformable_groups": _deformable(
        randn(6, 2, 24, 3, 3), GROUPED, kernel=(2, 3), stride=(2, 2), pad=(1, 1), dilate=(2, 1),
        num_group=2, num_deformable_group=2,
    ),
    "modulated": _modulated(randn(4, 2, 18, 3, 4), randn(7, 2, 9, 3, 4), randn(5, 4, 4, 3, 3),
                            kernel=(3, 3)),
    "modulated_groups": _modulated(
        randn(6, 2, 24, 3, 3), randn(7, 2, 12, 3, 3), GROUPED, kernel=(2, 3), stride=(2, 2),
        pad=(1, 1), dilate=(2, 1), num_group=2, num_deformable_group=2,
    ),
    "deconvolution_adj": _deconvolution(stride=(2, 2), adj=(1, 1)),
    "deconvolution_pad": _deconvolution(stride=(2, 2), pad=(1, 1), adj=(1, 0)),
    "pooling_lp": _pooling(kernel=(2, 2), pool_type="lp", p_value=2),
    "pooling_lp3": _pooling(kernel=(2, 3), stride=(2, 1), pool_type="lp", p_value=3),
    "pooling_full": plain(
        lambda mx, x: mx.npx.pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="avg",
                                     pooling_convention="full"), POSITIVE),
}  # fmt: skip
