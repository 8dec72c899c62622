"""Pipelines as text, and what the manager checks and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from baryon.ir import Module, parse_module
from baryon.passes import (
    DEFAULT_PIPELINE,
    PASSES,
    Pass,
    PassError,
    PassManager,
    PipelineError,
    parse_pipeline,
    print_pipeline,
)
from baryon.passes.dce import DeadCode
from passes.support import module_of

TEXT = """module {
  constant @w : f32[100] = external
  func @main(%x: f32[100]) -> (y) {
    %w = ir.constant() {name="w"} : f32[100]
    %y = np.add(%x, %w) : f32[100]
    ir.return(%y)
  }
}
"""
WEIGHT = np.arange(100, dtype=np.float32)


def example() -> Module:
    return parse_module(TEXT, constants={"w": WEIGHT})


@pytest.mark.parametrize("text", [DEFAULT_PIPELINE, "fuse{max-ops=8}", "", *PASSES])
def test_text_round_trip(text: str) -> None:
    assert print_pipeline(parse_pipeline(text)) == text


def test_default_options_are_not_printed() -> None:
    assert print_pipeline(parse_pipeline(" fuse{max-ops=24} , dce ")) == "fuse,dce"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dcee", "there is no pass dcee"),
        ("fuse{max=1}", "fuse has no option max"),
        ("fuse{max-ops=a}", "max-ops must be of type int"),
        ("fuse}", "cannot read the pipeline at 'fuse}'"),
    ],
)
def test_wrong_text(text: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        parse_pipeline(text)


@dataclass(frozen=True)
class Liar(Pass):
    """Changes the module and says that it did not."""

    name: ClassVar[str] = "liar"

    def run(self, module: Module) -> bool:
        module.constants["new"] = WEIGHT
        return False


@dataclass(frozen=True)
class Breaker(Pass):
    """Leaves a wrong type."""

    name: ClassVar[str] = "breaker"

    def run(self, module: Module) -> bool:
        value = module.main.body.ops[1].result
        value.type = value.type.with_shape((7,))
        return True


def test_a_wrong_changed_bit_is_found_in_debug_mode() -> None:
    PassManager((Liar(),)).run(example())
    with pytest.raises(PassError, match="changed=False"):
        PassManager((Liar(),), debug=True).run(example())


def test_a_failure_names_the_passes_before_and_leaves_a_reproducer(tmp_path: Path) -> None:
    manager = PassManager((DeadCode(), Breaker()), repro_dir=tmp_path)
    with pytest.raises(PassError, match=r"pass breaker failed: \[ir.v3\]") as caught:
        manager.run(example())
    assert "passes that ran before it: dce" in str(caught.value)
    assert f'baryon opt {tmp_path / "repro.ir"} -p "breaker"' in str(caught.value)
    constants = dict(np.load(tmp_path / "repro.npz"))
    text = (tmp_path / "repro.ir").read_text()
    assert str(parse_module(text, constants=constants)) == str(example())


def test_the_observer_sees_each_pass() -> None:
    seen: list[str] = []
    manager = PassManager(
        parse_pipeline("dce,cse"), observer=lambda step, module, changed: seen.append(step.name)
    )
    timings = manager.run(example())
    assert seen == [t.name for t in timings] == ["dce", "cse"]
    assert not any(t.changed for t in timings)


def test_the_stage_is_checked() -> None:
    fused = "module {\n  func @main(%x: f32[2]) -> (y) {\n    %y = npx.relu(%x) : f32[2]\n"
    module = module_of(fused + "    ir.return(%y)\n  }\n}\n")
    with pytest.raises(
        PassError, match=r"place-concat failed: \[ir.v2\] stage fused does not allow npx.relu"
    ):
        PassManager(parse_pipeline("place-concat"), check=True).run(module)
