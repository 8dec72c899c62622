"""Loops and branches, computed at once.

Without gradients: in MXNet's those of `foreach` do not pass the states to earlier slices. Rows of
iterations that did not run are zeros here, and whatever lay in memory there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oracle.cases import Case
from oracle.graded import plain, randn

X, H = randn(0, 4, 3), randn(1, 3)


def _scan(mx: Any, x: Any, h: Any) -> Any:
    outputs, states = mx.npx.foreach(lambda d, s: (mx.np.tanh(d * s[0]), [s[0] + d]), x, [h])
    return [outputs, states[0]]


def _two(mx: Any, x: Any, h: Any) -> Any:
    def body(d: Any, s: Any) -> Any:
        return [d[0] + s[0], d[1] * s[1]], [s[0] * d[1], s[1] + d[0]]

    outputs, states = mx.npx.foreach(body, [x, x * 2], [h, h + 1])
    return [*outputs, *states]


def _while(mx: Any, h: Any) -> Any:
    """Stops before its limit."""
    i = mx.np.zeros((1,))
    outputs, (count, last) = mx.npx.while_loop(
        lambda i, v: i < 3, lambda i, v: (v * 2, (i + 1, v * v)), (i, h), max_iterations=5
    )
    return [outputs[:3], count, last]


def _cut_off(mx: Any, h: Any) -> Any:
    outputs, last = mx.npx.while_loop(
        lambda v: v.sum() < 1000, lambda v: ([v, v + 1], [v + 2]), [h], max_iterations=3
    )
    return [*outputs, *last]


def _cond(limit: float) -> Case:
    def f(mx: Any, x: Any, h: Any) -> Any:
        return mx.npx.cond(
            lambda a, b: a.sum() > limit, lambda a, b: a * b, lambda a, b: a - b, [x, h]
        )

    return plain(f, X, H)


CASES: Mapping[str, Case] = {
    "foreach": plain(_scan, X, H),
    "foreach_lists": plain(_two, X, H),
    "while_loop": plain(_while, H),
    "while_loop_cut_off": plain(_cut_off, H),
    "cond_true": _cond(-1000),
    "cond_false": _cond(1000),
}
