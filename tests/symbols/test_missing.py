"""Every operator that MXNet registers is imported, or there is a reason why not."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from baryon.importers import import_mxnet
from baryon.importers.mxnet.missing import REASONS, reason
from baryon.importers.mxnet.table import find
from baryon.ir import UnsupportedError
from symbols.helpers import DATA, node, saved, symbol

VERSIONS = ("1.9.1", "2.0b1")


def registered(version: str) -> list[str]:
    """What `python -m checkpoints.registered` wrote with a version of MXNet."""
    return (DATA / f"operators-{version}.txt").read_text().split()


@pytest.mark.parametrize("version", VERSIONS)
def test_each_operator_is_imported_or_has_a_reason(version: str) -> None:
    names = registered(version)
    imported = [name for name in names if find(name) is not None]
    assert [name for name in names if name not in imported and reason(name) is None] == []
    assert len(imported) > 600


def test_no_reason_stands_for_nothing() -> None:
    missing = [n for version in VERSIONS for n in registered(version) if find(n) is None]
    fused = {"_TensorRT", "_FusedOp", "_sg_*"}  # registered by builds with these backends only
    patterns = {p for row in REASONS.values() for p in row.split()} - fused
    assert {p for p in patterns if not any(fnmatchcase(n, p) for n in missing)} == set()


def test_a_refusal_says_of_all_at_once_what_can_be_done(tmp_path: Path) -> None:
    nodes = [node("null", "x"), node("Custom", "mine", [0], op_type="mine"),
             node("_random_normal_like", "noise", [1]), node("_sample_uniform", "more", [2, 2]),
             node("Magic", "a", [3])]  # fmt: skip
    with pytest.raises(UnsupportedError) as caught:
        import_mxnet(saved(tmp_path, symbol(nodes)))
    told, hint = str(caught.value), caught.value.hint or ""
    for name in ("Custom: 1 x, at mine", "_random_normal_like: 1 x", "Magic: 1 x, at a"):
        assert name in told
    assert "Custom: it calls code that is not in the file" in hint
    assert "_random_normal_like, _sample_uniform: it draws random numbers" in hint
    assert "Magic: neither MXNet 1.9 nor 2.0 has it" in hint
    assert "net-symbol.json" in told
