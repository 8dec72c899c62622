"""Sequences of different lengths, look-ups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.cases import Case
from oracle.graded import graded, plain, randn

X = randn(0, 4, 3, 2)
SWAPPED = np.ascontiguousarray(X.swapaxes(0, 1))
LENGTHS = [1, 3, 4]


def _sequence(name: str, x: Any, with_gradient: bool = True, **kwargs: Any) -> Case:
    """The lengths are float32: MXNet writes outside of its memory with others."""

    def f(mx: Any, x: Any) -> Any:
        return getattr(mx.npx, name)(x, mx.np.array(LENGTHS), True, **kwargs)

    return graded(f, x) if with_gradient else plain(f, x)


CASES: Mapping[str, Case] = {
    "mask": _sequence("sequence_mask", X, value=-1),
    "mask_axis_1": _sequence("sequence_mask", SWAPPED, axis=1),
    "mask_matrix": _sequence("sequence_mask", X[..., 0].copy()),
    "mask_nothing": plain(lambda mx, x: mx.npx.sequence_mask(x), X),
    "last": _sequence("sequence_last", X),
    "last_axis_1": _sequence("sequence_last", SWAPPED, axis=1),
    "last_whole": plain(lambda mx, x: mx.npx.sequence_last(x), X),  # its gradient kills MXNet
    "reverse": _sequence("sequence_reverse", X),
    "reverse_whole": graded(lambda mx, x: mx.npx.sequence_reverse(x), X),
    "embedding": graded(
        lambda mx, i, w: mx.npx.embedding(i, w, 3, 2), np.array([[0, 2, 2], [2, 1, 0]], "int32"),
        randn(1, 3, 2),
    ),
    "embedding_outside": plain(
        lambda mx, i, w: mx.npx.embedding(i, w, 3, 2), np.array([[0, 2, 5], [-1, 1, 0]], "int32"),
        randn(1, 3, 2),
    ),
}  # fmt: skip
