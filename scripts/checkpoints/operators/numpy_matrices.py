"""MXNet 2: matrices and what MXNet 1 lacks of NumPy."""

from __future__ import annotations

import mxnet as mx
import numpy as onp

from checkpoints.operators.case import Case, Inputs, Namespace, X, floats

p = mx.np
np, npx = Namespace(mx.np), Namespace(mx.npx)


def definite(random: onp.random.RandomState) -> onp.ndarray:
    """Symmetric positive matrices (2, 3, 3)."""
    x = random.randn(2, 3, 3)
    return (x @ x.transpose(0, 2, 1) + 2 * onp.eye(3)).astype("float32")


SQUARE: Inputs = {"a": definite}

CASES = (
    *(np(f"linalg.{name}", SQUARE) for name in ("det", "slogdet", "inv", "cholesky", "eigvalsh")),
    np("linalg.solve", {"a": definite, "b": (2, 3, 2)}),
    np("linalg.tensorinv", {"a": (4, 6, 8, 3)}),
    np("linalg.tensorsolve", {"a": (2, 3, 6), "b": (2, 3)}),
    np("cross", {"x": (4, 3), "y": (4, 3)}),
    np("trace", X, offset=1, axis1=1, axis2=2),
    np("kron", {"x": (2, 3), "y": (3, 2)}),
    np("diagflat", {"x": (2, 2)}, k=1),
    np("diff", X, n=2, axis=1),
    np("polyval", {"x": (4,), "y": (2, 3)}),
    np("copy", X),
    Case("mask-scalar", lambda x: p.where(x > 0, x, 0) * 2, X),
    npx("ctc_loss", {"x": (6, 2, 5), "l": floats([1, 2, 0], [3, 3, 4])}),
    *(npx(f"image.{name}", {"x": (4, 6, 3)}) for name in ("flip_left_right", "flip_top_bottom")),
    npx("image.normalize", {"x": (3, 5, 6)}, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7)),
    npx("image.crop", {"x": (5, 6, 3)}, x=1, y=2, width=3, height=2),
    npx("round_ste", X),
    npx("sign_ste", X),
)  # fmt: skip
