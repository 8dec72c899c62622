"""Targets: names, what they require of a CPU, and tiles that fit their registers."""

from __future__ import annotations

import llvmlite.binding as llvm
import pytest
from tvm.target import Target as TvmTarget

from baryon.codegen.targets import TargetError, get_target, target_names


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(TargetError, match="pentium") as caught:
        get_target("pentium")
    assert all(name in str(caught.value) for name in target_names())


@pytest.mark.parametrize("name", target_names())
def test_targets_build_and_their_tiles_fit(name: str) -> None:
    target = get_target(name)
    assert TvmTarget(target.to_tvm()).kind.name == "llvm"
    for tile in target.tiles:
        held = tile.rows * tile.vectors + min(tile.rows, tile.vectors) + 1
        assert held <= target.registers, tile


def test_native_requires_only_what_the_host_has() -> None:
    native = get_target("native")
    host = {name for name, present in dict(llvm.get_host_cpu_features()).items() if present}
    assert host.issuperset(native.features)
    assert not set(native.features) & set(native.disabled)
    assert set(native.threads) >= {1}
