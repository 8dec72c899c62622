"""Functions of npx as machine code: results and gradients are those of eager calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.deferred import Cached
from oracle.cases import areas, cases_of, outputs
from oracle.graded import Call

CHOSEN = {
    "npx_norms": ("batch_norm", "batch_norm_global", "layer_norm", "group_norm", "softmax_length",
                  "masked_softmax"),
    "npx_sequence": ("mask", "last", "reverse", "embedding"),
    "npx_recurrent": ("rnn_relu_1_1", "gru_1_1", "lstm_2_1", "ctc_lengths"),
    "npx_attention": ("selfatt_qk", "encdec_valatt", "sldwin_both", "context_left"),
    "npx_detection": ("iou", "prior", "encode", "decode"),
    "npx_windows": ("deformable_groups", "deconvolution_pad", "pooling_lp"),
    "npx_quantized": ("quantize_int8", "dense", "pool_avg"),
    "npx_image": ("to_tensor", "resize_floats_1", "random_hue_floats", "crop"),
}  # fmt: skip


def chosen() -> Iterator[Any]:
    for area, names in CHOSEN.items():
        assert area in areas()
        for name in names:
            case = cases_of(area)[name]
            assert isinstance(case, Call)
            yield pytest.param(case, id=f"{area}-{name}")


@pytest.mark.parametrize("case", [*chosen()])
def test_compiled_is_eager(case: Call) -> None:
    cached = Cached(lambda *arrays: case.f(mx, *arrays), list)
    expected = outputs(case, mx)
    found = [x.asnumpy() for x in case.run(mx, cached)]
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
