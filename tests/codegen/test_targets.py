"""Targets: names, what they require of a CPU, and tiles that fit their registers."""

from __future__ import annotations

import llvmlite.binding as llvm
import pytest
from tvm.target import Target as TvmTarget

from baryon.codegen.targets import TargetError, get_target, get_targets, target_names


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


def test_best_first() -> None:
    names = ["x86-64", "x86-64-v3", "x86-64-v4", "x86-64-v3-vnni", "x86-64-v4-bf16"]
    best_first = [target.name for target in get_targets(names).best_first]
    wanted = ["x86-64-v4-bf16", "x86-64-v4", "x86-64-v3-vnni", "x86-64-v3", "x86-64"]
    assert best_first == wanted
    for number, name in enumerate(best_first):
        assert not any(get_target(b).covers(get_target(name)) for b in best_first[:number])


def test_native_stands_for_what_needs_as_much() -> None:
    native = get_target("native")
    same = [n for n in target_names() if {*get_target(n).required} == {*native.required}]
    chosen = get_targets(["x86-64", *same])
    assert chosen.best_first[0].name == "native"
    assert chosen.left_out == {n: "native" for n in same if n != "native"}
