"""What the benchmark compares answers with, and engines that give none."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.case import OURS
from benchmark.contest import enter
from benchmark.process import Engine, EngineError
from benchmark.reference import LEAST_NOISE, Reference, rounded

REAL = np.linspace(-4, 4, 64, dtype=np.float32).reshape(2, 32)


def test_float_answers_are_held_to_the_largest_number() -> None:
    wrong = REAL.copy()
    wrong[1, 3] += 0.4
    assert math.isclose(Reference([REAL], None).error([wrong]), 0.1, rel_tol=1e-6)


@given(st.floats(0.01, 1), st.floats(0, 2))
def test_coded_answers_are_held_to_the_rounding_of_their_file(step: float, share: float) -> None:
    meaning = REAL + step
    found = rounded([meaning], [REAL], None).error([meaning - share * step])
    assert abs(found - share) < 1e-3


def test_the_float_answer_is_as_far_from_a_file_as_its_rounding() -> None:
    meaning = np.round(REAL)
    assert math.isclose(rounded([meaning], [REAL], None).error([REAL]), 1.0)


def test_a_file_that_rounds_nothing_leaves_room_for_float_sums() -> None:
    assert rounded([REAL], [REAL], None).error([REAL * (1 + LEAST_NOISE / 2)]) < 1
    assert rounded([0 * REAL], [0 * REAL], None).error([0 * REAL]) == 0


def test_only_known_samples_are_compared() -> None:
    whole = np.concatenate([REAL, 9 * REAL, REAL])
    assert rounded([REAL[:1]], [REAL[:1] + 1], (0,)).error([whole]) == 0


def test_other_shapes_and_no_numbers_are_infinitely_wrong() -> None:
    reference = rounded([REAL], [REAL + 1], None)
    assert reference.error([REAL[:1]]) == math.inf
    assert reference.error([np.full_like(REAL, np.nan)]) == math.inf


def _engine(name: str, program: str) -> Engine:
    return Engine(name, [sys.executable, "-c", program])


def test_an_engine_that_dies_leaves_the_row_to_the_others() -> None:
    programs = {OURS: "print('{}')", "theirs": "raise SystemExit('no such kernel')"}
    with ExitStack() as stack:
        engines, missing = enter(stack, (_engine(*pair) for pair in programs.items()))
    assert [engine.name for engine in engines] == [OURS]
    assert missing == {"theirs": "theirs: no such kernel"}


def test_ours_has_to_load() -> None:
    with ExitStack() as stack, pytest.raises(EngineError, match="no such kernel"):
        enter(stack, [_engine(OURS, "raise SystemExit('no such kernel')")])
