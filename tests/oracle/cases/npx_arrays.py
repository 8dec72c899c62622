"""Functions of npx that pick, place, cut and shape elements, and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from oracle.cases import Case

X = np.random.RandomState(3).permutation(24).reshape(2, 3, 4).astype(np.float32)
PAIRS = np.array([[0, 1, 0, 0], [2, 0, 2, 1]])

FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "reshape": lambda m, x: [
        m.npx.reshape(x, (-2, -5)),
        m.npx.reshape(x, (-4, -1, 2, -6), reverse=True),
        m.npx.reshape(x, (-1, 8), reverse=True),
    ],
    "reshape_like": lambda m, x: [
        m.npx.reshape_like(x, m.np.zeros((6, 4))),
        m.npx.reshape_like(x, m.np.zeros((6, 2, 7)), 0, 2, 0, 1),
    ],
    "broadcast_like": lambda m, x: [
        m.npx.broadcast_like(x[:1], m.np.zeros((5, 3, 4))),
        m.npx.broadcast_like(x[:1], m.np.zeros((4, 5)), lhs_axes=(0,), rhs_axes=(1,)),
    ],
    "slice_like": lambda m, x: [
        m.npx.slice_like(x, m.np.zeros((1, 2, 4))),
        m.npx.slice_like(x, m.np.zeros((1, 2, 2)), axes=(-1,)),
    ],
    "slice_channel": lambda m, x: [
        *m.npx.slice_channel(x, num_outputs=3, axis=1, squeeze_axis=True),
        *m.npx.slice_channel(x, num_outputs=2, axis=2),
    ],
    "pad": lambda m, x: [
        m.npx.pad(x.reshape(1, 2, 3, 4), mode=mode, pad_width=(0, 0, 0, 0, 1, 2, 3, 0))
        for mode in ("constant", "edge")
    ],
    "pick": lambda m, x: [
        m.npx.pick(x, m.np.array([[5, -1, 1], [0, 1, 2]])),
        m.npx.pick(x, m.np.array([[5, -1, 1], [0, 1, 2]]), mode="wrap"),
        m.npx.pick(x, m.np.ones((2, 4)), axis=1, keepdims=True),
    ],
    "topk": lambda m, x: [
        m.npx.topk(x, k=2, ret_typ="value"),
        m.npx.topk(x, k=3, axis=1, ret_typ="value", is_ascend=True),
        m.npx.topk(x, axis=None, k=5, ret_typ="value"),
    ],
    "gather_nd": lambda m, x: [
        m.npx.gather_nd(x, m.np.array(PAIRS, dtype="int64")),
        m.npx.gather_nd(x, m.np.array([[0, 1], [1, 1], [3, 3]], dtype="int64")),
    ],
    "index_add": lambda m, x: m.npx.index_add(
        x, m.np.array(PAIRS, dtype="int64"), m.np.arange(16).reshape(4, 4)
    ),
    "index_update": lambda m, x: m.npx.index_update(
        x, m.np.array(PAIRS[:, :2], dtype="int64"), m.np.arange(8).reshape(2, 4)
    ),
    "norm": lambda m, x: [
        m.npx.norm(x, ord=1, axis=1, keepdims=True),
        m.npx.norm(x, axis=(0, 2)),
        m.npx.norm(x, keepdims=True),
    ],
    "add_n": lambda m, x: m.npx.add_n(x, x, 2 * x),
    "batch_dot": lambda m, x: [
        m.npx.batch_dot(x, x, transpose_b=True),
        m.npx.batch_dot(x.reshape(1, 2, 3, 4), x.reshape(1, 2, 4, 3)),
    ],
    "take": lambda m, x: [
        m.np.take(x, m.np.array([[1.0, 0.0]]), axis=1),
        m.np.take(x, m.np.array([-1, 5]), axis=2, mode="wrap"),
        m.np.take(x, m.np.array([-1, 5]), axis=2, mode="clip"),
    ],
    "embedding": lambda m, x: m.npx.embedding(
        m.np.array([[1, 0], [1, 1]]), x.reshape(6, 4), input_dim=6, output_dim=4
    ),
    "indexing": lambda m, x: [
        x[m.np.array([1, 0, 1])], x[:, m.np.array([[2], [0]])], x[1:, ::2, None, -1], x[x > 11]
    ],
}  # fmt: skip
"""By name; of floats, with a gradient."""

WITHOUT: dict[str, Callable[[Any, Any], Any]] = {
    "topk positions": lambda m, x: [
        m.npx.topk(x, k=2, axis=1),
        m.npx.topk(x, k=1, dtype="int32"),
        m.npx.topk(x, k=2, ret_typ="mask"),
        *m.npx.topk(x, k=2, ret_typ="both"),
        m.npx.topk(m.np.array([[2, 1, 2, 1.0]]), k=4, is_ascend=True),
    ],
    # MXNet loses the gradient of negative indices
    "gather_nd from the end": lambda m, x: m.npx.gather_nd(x, m.np.array([[0, -1], [-2, 1]])),
    "nonzero": lambda m, x: m.npx.nonzero(x > 15),
    "one_hot": lambda m, x: [
        m.npx.one_hot(m.np.array([1, 5, -1]), 3),
        m.npx.one_hot(m.np.array([[1, 0]]), 2, 5, -1, dtype="int32"),
    ],
    "arange_like": lambda m, x: [
        m.npx.arange_like(x, axis=1),
        m.npx.arange_like(x, start=1, step=2, repeat=2),
    ],
    "shape_array": lambda m, x: m.npx.shape_array(x),
    "broadcast_greater": lambda m, x: m.npx.broadcast_greater(x, m.np.array([[[9.0]]])),
    "constraint_check": lambda m, x: m.npx.constraint_check(m.np.array(True, dtype="bool"), "no"),
}


def _leaves(found: Any) -> list[Any]:
    return [*found] if isinstance(found, list | tuple) else [found]


def _values(f: Callable[[Any, Any], Any]) -> Case:
    return lambda m: _leaves(f(m, m.np.array(X)))


def _gradient(f: Callable[[Any, Any], Any]) -> Case:
    def case(m: Any) -> list[Any]:
        x = m.np.array(X)
        x.attach_grad()
        with m.autograd.record():
            total = m.np.zeros(())
            for y in _leaves(f(m, x)):
                total = total + (y * y).sum()
        total.backward()
        return [x.grad]

    return case


CASES: dict[str, Case] = {name: _values(f) for name, f in (FUNCTIONS | WITHOUT).items()}
CASES |= {f"{name} gradient": _gradient(f) for name, f in FUNCTIONS.items()}
