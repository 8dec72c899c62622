"""What codes are, for one value."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from baryon.ir import Array, DType, Quant, i8


class Params(NamedTuple):
    """What codes are: their element type, and what they mean."""

    dtype: DType
    quant: Quant


def weight_params(weight: Array, axis: int | None = 0) -> Params:
    """The symmetric codes of a weight, -127..127, one scale for each place along `axis`.

    What is 0 everywhere has the scale 1.
    """
    others = None if axis is None else tuple(a for a in range(weight.ndim) if a != axis)
    largest = np.atleast_1d(np.abs(weight.astype(np.float32)).max(axis=others, initial=0))
    scale = np.where(largest > 0, largest / np.float32(127), 1)
    tiny = np.finfo(np.float32).tiny  # smaller scales have no reciprocal
    return Params(i8, Quant.of(np.maximum(scale, tiny).tolist(), (0,), axis))
