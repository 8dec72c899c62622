"""Attention helpers: projections interleaved by head, and Longformer's sliding window.

Interleaved arrays are (sequence, batch, heads * parts * d), where each head has its parts (queries,
keys and values, or keys and values) one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from baryon.array import ndarray
from baryon.array.types import ArrayLike
from baryon.npx.common import array, cast, fail, np, npx, sizes


def interleaved_matmul_selfatt_qk(queries_keys_values: ArrayLike, heads: int) -> ndarray:
    """Scores of self-attention: q times transposed k over the square root of d.

    queries_keys_values: (S, N, heads * 3 * d). Returns (N * heads, S, S).
    """
    query, key, _ = _heads("selfatt_qk", queries_keys_values, heads, 3)
    return _scores(query, key)


def interleaved_matmul_selfatt_valatt(
    queries_keys_values: ArrayLike, attention: ArrayLike, heads: int
) -> ndarray:
    """Values weighted by attention (N * heads, S, S): (S, N, heads * d)."""
    _, _, value = _heads("selfatt_valatt", queries_keys_values, heads, 3)
    return _weighted(attention, value, heads)


def interleaved_matmul_encdec_qk(queries: ArrayLike, keys_values: ArrayLike, heads: int) -> ndarray:
    """Scores between two sequences: q times transposed k over the square root of d.

    queries: (Q, N, heads * d); keys_values: (K, N, heads * 2 * d). Returns (N * heads, Q, K).
    """
    (query,) = _heads("encdec_qk", queries, heads, 1)
    key, _ = _heads("encdec_qk", keys_values, heads, 2)
    return _scores(query, key)


def interleaved_matmul_encdec_valatt(
    keys_values: ArrayLike, attention: ArrayLike, heads: int
) -> ndarray:
    """Values (K, N, heads * 2 * d) weighted by attention (N * heads, Q, K): (Q, N, heads * d)."""
    _, value = _heads("encdec_valatt", keys_values, heads, 2)
    return _weighted(attention, value, heads)


def _heads(function: str, data: ArrayLike, heads: int, parts: int) -> Sequence[ndarray]:
    """Each part as (N * heads, S, d)."""
    x = array(data)
    units = x.shape[2] if x.ndim == 3 else 0
    if not isinstance(units, int) or heads < 1 or units % (heads * parts) or not units:
        fail(f"interleaved_matmul_{function}", f"{x.type} is not (sequence, batch, {heads} heads * "
             f"{parts} parts * d)")  # fmt: skip
    split = np.reshape(x, (-2, -2, heads, parts, -1))
    moved = np.transpose(split, axes=(3, 1, 2, 0, 4))
    return [np.reshape(moved[i], (-5, -2, -2)) for i in range(parts)]


def _scores(query: ndarray, key: ndarray) -> ndarray:
    scaled = np.multiply(query, int(str(query.shape[2])) ** -0.5)
    return npx.batch_dot(scaled, key, False, True)


def _weighted(attention: ArrayLike, value: ndarray, heads: int) -> ndarray:
    mixed = npx.batch_dot(attention, value)
    split = np.reshape(mixed, (-6, -1, heads, -2, -2))
    return np.reshape(np.transpose(split, axes=(2, 0, 1, 3)), (-2, -2, -1))


def sldwin_atten_score(
    query: ArrayLike, key: ArrayLike, dilation: ArrayLike, w: int, symmetric: bool = True
) -> ndarray:
    """Products of each query with the keys of a window around its place.

    query, key: (N, L, heads, d). dilation: (heads,) whole numbers, the distance between the places
    of a window. Entry j of the window of place i is i + (j - w) * dilation, for j from 0 to 2 w, or
    to w where not symmetric. Returns (N, L, heads, entries); 0 for places outside.
    """
    q = array(query)
    window = _Window("sldwin_atten_score", q, dilation, w, symmetric)
    keys = window.gathered(array(key))
    products = np.sum(np.multiply(np.expand_dims(q, axis=3), keys), axis=(-1,))
    return np.where(window.inside, products, 0.0)


def sldwin_atten_mask_like(
    score: ArrayLike, dilation: ArrayLike, valid_length: ArrayLike, w: int, symmetric: bool = True
) -> ndarray:
    """1 where both ends of a score (N, L, heads, entries) are inside of a sequence, else 0.

    valid_length: (N,) lengths; dilation, w and symmetric as in `sldwin_atten_score`.
    """
    x = array(score)
    window = _Window("sldwin_atten_mask_like", x, dilation, w, symmetric)
    length = np.reshape(cast(array(valid_length), "int32"), (-1, 1, 1, 1))
    here = np.less(np.arange(0, window.length, 1, "int32").reshape(1, -1, 1, 1), length)
    there = np.where(window.inside, np.less(window.places, length), False)
    return cast(np.where(here, there, False), x.dtype)


def sldwin_atten_context(
    score: ArrayLike, value: ArrayLike, dilation: ArrayLike, w: int, symmetric: bool = True
) -> ndarray:
    """Values (N, L, heads, d) of each window, weighted by the score (N, L, heads, entries).

    dilation, w and symmetric as in `sldwin_atten_score`. Returns (N, L, heads, d).
    """
    x = array(value)
    window = _Window("sldwin_atten_context", x, dilation, w, symmetric)
    weights = np.where(window.inside, score, 0.0)
    values = window.gathered(x)
    return np.sum(np.multiply(np.expand_dims(weights, axis=4), values), axis=(3,))


class _Window:
    """For each place and head the places of its window, (L, heads, entries)."""

    def __init__(
        self, function: str, x: ndarray, dilation: ArrayLike, w: int, symmetric: bool
    ) -> None:
        _, self.length, self.heads, _ = sizes(function, x) if x.ndim == 4 else (0,) * 4
        step = cast(array(dilation), "int32")
        if not self.heads or step.shape != (self.heads,) or w < 0:
            fail(function, f"data {x.type}, dilation {step.type}, w={w}",
                 "data is (batch, length, heads, ...), dilation (heads,)")  # fmt: skip
        entries = numpy.arange(-w, w + 1 if symmetric else 1, dtype=numpy.int32)
        ahead = np.multiply(np.reshape(step, (1, -1, 1)), entries)
        self.places = np.add(np.arange(0, self.length, 1, "int32").reshape(-1, 1, 1), ahead)
        before_end = np.less(self.places, self.length)
        self.inside = np.where(np.greater_equal(self.places, 0), before_end, False)

    def gathered(self, x: ndarray) -> ndarray:
        """The rows (N, L, heads, entries, d) of x (N, L, heads, d) at the windows' places."""
        flat = np.reshape(x, (-2, -5, -2))
        inside = np.clip(self.places, 0, self.length - 1)
        heads = np.arange(0, self.heads, 1, "int32").reshape(1, -1, 1)
        return np.take(flat, np.add(np.multiply(inside, self.heads), heads), axis=1, mode="clip")


PUBLIC = (
    interleaved_matmul_selfatt_qk, interleaved_matmul_selfatt_valatt, interleaved_matmul_encdec_qk,
    interleaved_matmul_encdec_valatt, sldwin_atten_score, sldwin_atten_mask_like,
    sldwin_atten_context,
)  # fmt: skip
