"""MXNet 1: matrices, and parts of arrays that are written."""

from __future__ import annotations

import mxnet as mx
import numpy as np

from checkpoints.operators.case import Case, Inputs, Namespace, X, floats, whole

call = Namespace(mx.sym)


def definite(random: np.random.RandomState) -> np.ndarray:
    """Symmetric positive matrices (2, 4, 4)."""
    x = random.randn(2, 4, 4)
    return (x @ x.transpose(0, 2, 1) + 2 * np.eye(4)).astype("float32")


SQUARE: Inputs = {"a": definite}
PAIR: Inputs = {"a": definite, "b": (2, 4, 3)}

CASES = (
    *(call(f"linalg.{name}", SQUARE) for name in ("det", "slogdet", "inverse", "potrf", "potri",
                                                  "sumlogdiag")),
    call("linalg.trmm", PAIR, alpha=0.5),
    call("linalg.trmm-right", {"a": definite, "b": (2, 3, 4)}, rightside=True, lower=False),
    call("linalg.trsm", PAIR, alpha=2.0, transpose=True),
    call("linalg.trsm-right", {"a": definite, "b": (2, 3, 4)}, rightside=True, lower=False),
    *(call(f"linalg.extractdiag-{k}", SQUARE, offset=k) for k in (0, 1, -2)),
    *(call(f"linalg.makediag-{k}", {"x": (2, 3)}, offset=k) for k in (0, 1, -2)),
    call("linalg.extracttrian", SQUARE),
    call("linalg.extracttrian-upper", SQUARE, offset=1),
    call("linalg.extracttrian-lower", SQUARE, offset=-1),
    call("linalg.maketrian", {"x": (2, 6)}),
    call("linalg.maketrian-upper", {"x": (2, 6)}, lower=False),
    call("linalg.maketrian-offset", {"x": (2, 6)}, offset=-1),
    call("contrib.index_copy", {"x": (5, 3), "i": floats(3, 0), "y": (2, 3)}),
    call("contrib.index_array", X),
    call("contrib.index_array-axes", X, axes=(2, 0)),
    call("contrib.gradientmultiplier", X, scalar=0.5),
    call("unravel_index", {"x": whole(24, 5)}, shape=(2, 3, 4)),
    call("ravel_multi_index", {"x": floats([0, 1, 1], [2, 0, 1], [3, 2, 0])}, shape=(2, 3, 4)),
    call("_internal._slice_assign", {**X, "y": (2, 2, 2)}, begin=(None, 1, 0), end=(None, 3, 4),
         step=(1, 1, 2)),
    call("_internal._slice_assign_scalar", X, scalar=2.5, begin=(0, 1), end=(1, 3)),
    Case("contrib.boolean_mask", mx.sym.contrib.boolean_mask, {"x": (4, 3),
                                                               "m": floats(1, 0, 1, 1)}),
)  # fmt: skip
