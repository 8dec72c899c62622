"""Before/after files: tests/passes/<pass>/*.ir. `pytest --update` rewrites what is after."""

from __future__ import annotations

from pathlib import Path

import pytest

from baryon.ir import parse_module, print_module
from baryon.passes import PASSES, PassManager, parse_pipeline
from passes.support import assert_close, module_of, outputs, random_inputs

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*/*.ir"))
SEPARATOR = "// ---- after\n"
PIPELINE = "// pipeline: "
ROUNDED = {"lower-precision": 2e-2}
"""Passes that change results on purpose, and by how much: a few roundings to bfloat16."""


@pytest.mark.parametrize("name", list(PASSES))
def test_every_pass_has_a_folder(name: str) -> None:
    assert list((FOLDER / name).glob("*.ir")), f"tests/passes/{name}/ has no .ir file"


@pytest.mark.parametrize("path", [pytest.param(p, id=f"{p.parent.name}-{p.stem}") for p in FILES])
def test_file(path: Path, update: bool) -> None:
    before, _, after = path.read_text().partition(SEPARATOR)
    module = module_of(before)
    inputs = random_inputs(module)
    expected = outputs(module, inputs)
    passes = parse_pipeline(pipeline_of(path, before))
    PassManager(passes, debug=True).run(module)
    assert_close(outputs(module, inputs), expected, ROUNDED.get(path.parent.name, 1e-4))
    made = print_module(module, locs=False)
    if update:
        path.write_text(f"{before.rstrip()}\n{SEPARATOR}{made}")
        return
    assert made == after
    assert print_module(parse_module(made), locs=False) == made


def pipeline_of(path: Path, text: str) -> str:
    first = text.splitlines()[0]
    return first.removeprefix(PIPELINE) if first.startswith(PIPELINE) else path.parent.name
