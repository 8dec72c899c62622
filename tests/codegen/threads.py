"""Runs a kernel on one thread and on two, and an image alone and within a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from codegen.harness import Case, set_threads


def check_one_result(make: Callable[[int], Case], batched: int = 1) -> None:
    """`make(n)` is a case with n images; its first `batched` inputs have one row for each.

    Relies on TVM_NUM_THREADS of tests/conftest.py: TVM's pool can be made smaller, not larger.
    """
    many, alone = make(4), make(1)
    assert "T.parallel" in str(many.kernel.func)
    first = many.run()[0]
    set_threads(1)
    try:
        assert many.run()[0].tobytes() == first.tobytes()
    finally:
        set_threads(2)
    rows = [x[1:2] for x in many.inputs[:batched]]
    alone.inputs = [*rows, *many.inputs[batched:]]
    assert np.array_equal(alone.run()[0], first[1:2])
