"""Random graphs through the whole pipeline; `scripts/fuzz` runs as many as one has time for."""

from __future__ import annotations

import pytest

from graphs.generate import Drawn, draw
from graphs.gradients import check_differences, draw_trained
from graphs.judge import (
    Check,
    check_compiled,
    check_each_pass,
    check_passes,
    check_text,
)  # fmt: skip

CHUNK = 50


def check_all(seed: int, drawn: Drawn, *checks: Check) -> None:
    for check in checks:
        found = check(drawn)
        assert found is None, f"{found}\n  scripts/fuzz --seed {seed} --graphs 1"


@pytest.mark.parametrize("first", range(0, 2000, CHUNK))
def test_passes_keep_the_meaning(first: int) -> None:
    for seed in range(first, first + CHUNK):
        check_all(seed, draw(seed), check_passes)


def test_each_pass_keeps_the_meaning_and_text_is_enough() -> None:
    for seed in range(100):
        check_all(seed, draw(seed), check_text, check_each_pass)


@pytest.mark.parametrize("first", range(0, 150, 15))
def test_compiled_graphs(first: int) -> None:
    for seed in range(first, first + 15):
        check_all(seed, draw(seed), check_compiled)


@pytest.mark.parametrize("first", range(0, 200, CHUNK))
def test_gradients_are_slopes_and_passes_keep_them(first: int) -> None:
    for seed in range(first, first + CHUNK):
        drawn = draw_trained(seed)
        if drawn is not None:
            assert check_differences(drawn) is None, seed
            check_all(seed, drawn, check_passes)


@pytest.mark.parametrize("first", range(0, 15, 3))
def test_compiled_gradients(first: int) -> None:
    for seed in range(first, first + 3):
        drawn = draw_trained(seed)
        if drawn is not None:
            check_all(seed, drawn, check_compiled)
