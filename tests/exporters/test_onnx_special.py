"""Special functions out to ONNX: on whole axes, at poles and at both ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import baryon as mx
from exporters.onnx_runs import compare

_ENDS = [-np.inf, np.inf, np.nan, 0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 1e-30, -1e-30]
_AXIS = np.linspace(-12.3, 40.7, 4000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["gamma", "gammaln", "digamma"])
def test_gammas(name: str, dtype: Any) -> None:
    x = np.concatenate([_ENDS, _AXIS, -np.arange(1, 30), [1e5, 3e30]]).astype(dtype)
    with np.errstate(all="ignore"):
        compare(mx.trace(getattr(mx.npx, name), x), [x])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_halves_are_rounded_away_from_zero(dtype: Any) -> None:
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.49999997, 2.3, -2.7, 0], dtype)
    compare(mx.trace(mx.npx.round_ste, x), [x])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erfinv(dtype: Any) -> None:
    near = 1 - np.logspace(-16, -1, 100)
    x = np.concatenate([_ENDS, np.linspace(-1.1, 1.1, 1000), near, -near]).astype(dtype)
    with np.errstate(all="ignore"):
        compare(mx.trace(mx.npx.erfinv, x), [x])
