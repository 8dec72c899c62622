"""What fails is made small, and keeps failing in the same way."""

from __future__ import annotations

import numpy as np

from graphs.generate import Drawn, draw
from graphs.judge import Mismatch, check_passes, compare
from graphs.shrink import shrink


def names(drawn: Drawn) -> list[str]:
    return [op.name for op in drawn.module.main.body.ops]


def refuses_softmax(drawn: Drawn) -> Mismatch | None:
    return Mismatch("softmax", "there is one") if "npx.softmax" in names(drawn) else None


def test_what_fails_is_made_small() -> None:
    seed = next(s for s in range(100) if refuses_softmax(draw(s)) and len(names(draw(s))) > 20)
    drawn = draw(seed)
    small = shrink(drawn, refuses_softmax, Mismatch("softmax", ""))
    assert names(small) == ["npx.softmax", "ir.return"]
    assert check_passes(small) is None


def test_a_wrong_number_is_a_mismatch() -> None:
    drawn = draw(3)
    wrong = [e + np.abs(e).max() * 1e-3 for e in drawn.expected]
    found = compare("compiled", drawn, wrong)
    assert found is not None
    assert "off by" in str(found)
    assert compare("compiled", drawn, drawn.expected) is None


def test_a_seed_is_a_graph() -> None:
    assert str(draw(11).module) == str(draw(11).module)
    assert str(draw(11).module) != str(draw(12).module)
