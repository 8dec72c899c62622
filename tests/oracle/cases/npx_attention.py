"""Interleaved and sliding-window attention."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from oracle.cases import Case
from oracle.graded import graded, plain, randn

QKV, KV, Q = randn(0, 4, 2, 18), randn(1, 4, 2, 12), randn(2, 3, 2, 6)
SELF, CROSS = randn(3, 4, 4, 4), randn(4, 4, 3, 4)
A, B = randn(5, 2, 5, 2, 3), randn(6, 2, 5, 2, 3)
DILATION = np.array([1, 2], "int32")
LENGTHS = np.array([4, 5], "int32")

CASES: Mapping[str, Case] = {
    "selfatt_qk": graded(
        lambda mx, x: mx.npx.interleaved_matmul_selfatt_qk(x, heads=2), QKV
    ),
    "selfatt_valatt": graded(
        lambda mx, x, a: mx.npx.interleaved_matmul_selfatt_valatt(x, a, heads=2), QKV, SELF
    ),
    "encdec_qk": graded(
        lambda mx, q, kv: mx.npx.interleaved_matmul_encdec_qk(q, kv, heads=2), Q, KV
    ),
    "encdec_valatt": graded(
        lambda mx, kv, a: mx.npx.interleaved_matmul_encdec_valatt(kv, a, heads=2), KV, CROSS
    ),
    **{
        f"sldwin_{'both' if symmetric else 'left'}": graded(
            lambda mx, a, b, d, s=symmetric: mx.npx.sldwin_atten_score(a, b, d, w=1, symmetric=s),
            A, B, DILATION,
        )
        for symmetric in (True, False)
    },
    **{
        f"context_{'both' if symmetric else 'left'}": graded(
            lambda mx, w, v, d, s=symmetric: mx.npx.sldwin_atten_context(w, v, d, w=1, symmetric=s),
            randn(7, 2, 5, 2, 3 if symmetric else 2), B, DILATION,
        )
        for symmetric in (True, False)
    },
    **{
        f"mask_{'both' if symmetric else 'left'}": plain(
            lambda mx, x, d, n, s=symmetric: mx.npx.sldwin_atten_mask_like(
                x, d, n, w=1, symmetric=s
            ),
            randn(7, 2, 5, 2, 3 if symmetric else 2), DILATION, LENGTHS,
        )
        for symmetric in (True, False)
    },
}  # fmt: skip
