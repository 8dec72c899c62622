"""What passes made of a module is kept, packed small, and comes back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baryon.ir import BaryonError, parse_module
from baryon.passes import (
    DEFAULT_PIPELINE,
    History,
    PassManager,
    Snapshot,
    pack,
    parse_pipeline,
    stages,
    unpack,
)

TEXT = """module {
  func @main(%x: f32[4,8]) -> (y) {
    %a = np.add(%x, %x) : f32[4,8]
    %b = np.add(%x, %x) : f32[4,8]
    %y = np.multiply(%a, %b) : f32[4,8]
    ir.return(%y)
  }
}
"""


def recorded() -> list[Snapshot]:
    module = parse_module(TEXT)
    history = History(module)
    PassManager(parse_pipeline(DEFAULT_PIPELINE), observer=history.observe).run(module)
    return history.snapshots


def test_snapshots_are_taken_where_something_changed() -> None:
    found = recorded()
    assert [s.step for s in found][:2] == ["", "canonicalize"] or found[1].stage == "graph"
    assert "cse" in [s.step for s in found]
    texts = [s.text for s in found]
    kept = [(a, b) for a, b in pairwise(found) if a.text == b.text]
    assert all(a.stage != b.stage for a, b in kept), "a snapshot of what nobody changed"
    assert texts[0].count("np.add") == 2
    assert texts[-1].count("np.add") == 1


def test_the_last_text_of_each_stage() -> None:
    texts = stages(recorded())
    assert list(texts) == ["source", "graph", "fused", "lowered"]
    assert "ir.fused" in texts["lowered"]
    assert "ir.fused" not in texts["graph"]


@given(st.lists(st.tuples(st.text(), st.text(), st.text())))
def test_packing_keeps_everything(rows: list[tuple[str, str, str]]) -> None:
    snapshots = [Snapshot(*(part.encode("utf-8", "ignore").decode() for part in r)) for r in rows]
    assert unpack(pack(snapshots)) == snapshots


def test_many_texts_take_little_more_than_one() -> None:
    text = "".join(f"%v{n} = np.add(%v{n - 1}, %w{n * 7919 % 1000})\n" for n in range(1000))
    one = len(pack([Snapshot("", "source", text)]))
    many = [Snapshot(f"pass{n}", "graph", text.replace(f"v{n},", "x,")) for n in range(20)]
    assert len(pack(many)) < 1.5 * one


@pytest.mark.parametrize("damage", ["", "not base64!", "QUJD", pack(recorded())[:-8]])
def test_damage_is_refused(damage: str) -> None:
    with pytest.raises(BaryonError, match="record of passes is damaged"):
        unpack(damage)
