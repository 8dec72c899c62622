"""Files of measured choices: what is written is read, what is damaged is left out."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from baryon.codegen.cache import tuning_path
from baryon.codegen.kernels import candidates
from baryon.codegen.targets import get_target
from baryon.codegen.tuning import (
    Choice,
    Choices,
    Machine,
    TuningFileError,
    problem_of,
)
from codegen.harness import Case, module_text

TARGET = get_target("x86-64-v3")
MACHINE = Machine.of(TARGET, (2, 1))


def choice(problem: str = "a product", name: str = "direct 2x2") -> Choice:
    return Choice(MACHINE, problem, name, {"direct 2x2": 0.9, "direct 1x8": 1.0})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "choices.json"
    Choices(path).write([choice(), choice("another")])
    read = Choices.read(path)
    assert len(read.found) == 2
    assert read.found[MACHINE, "a product"] == choice()
    assert read.damaged == 0
    assert MACHINE.threads == (1, 2)
    assert [*path.parent.iterdir()] == [path]


def test_a_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    Choices(path).write([choice()])
    Choices(path).write([choice("another")])
    new = Choice(MACHINE, "a product", "winograd 4x4", {"winograd 4x4": 0.5})
    Choices(path).write([new])
    read = Choices.read(path)
    assert len(read.found) == 2
    both = read.found[MACHINE, "a product"]
    assert both.name == "winograd 4x4"
    assert both.ratios == {"direct 2x2": 0.9, "direct 1x8": 1.0, "winograd 4x4": 0.5}


def _write(path: Path, number: int) -> None:
    for n in range(5):
        Choices(path).write([choice(f"{number} {n}")])


def test_several_processes_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(path, n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(Choices.read(path).found) == 15


@pytest.mark.parametrize("field", ["choice", "problem", "cpu", "features", "threads", "ratios"])
def test_an_entry_that_was_changed_is_left_out(tmp_path: Path, field: str) -> None:
    path = tmp_path / "choices.json"
    Choices(path).write([choice(), choice("another")])
    document = json.loads(path.read_text())
    document["entries"][1][field] = "something else"
    path.write_text(json.dumps(document))
    read = Choices.read(path)
    assert (len(read.found), read.damaged) == (1, 1)


@pytest.mark.parametrize(
    "entry", [None, 7, [], {}, {"sha256": 1}, {"sha256": "", "threads": "x"}, "text"]
)
def test_an_entry_that_is_none_is_left_out(tmp_path: Path, entry: object) -> None:
    path = tmp_path / "choices.json"
    document = {"format": "baryon tuning", "version": 1, "entries": [entry, choice().to_json()]}
    path.write_text(json.dumps(document))
    read = Choices.read(path)
    assert (len(read.found), read.damaged) == (1, 1)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"format": "x"}', '{"format": "baryon tuning", "version": 2}',
             '{"format": "baryon tuning", "version": 1, "entries": 7}', "\udcff"],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "choices.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(TuningFileError, match="holds no measured choices") as caught:
        Choices.read(path)
    assert "--tune-cache" in str(caught.value)
    Choices(path).write([choice()])  # replaced by the next tuning
    assert len(Choices.read(path).found) == 1


def test_where_choices_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("BARYON_TUNING", raising=False)
    assert tuning_path() == tmp_path / "baryon" / "tuning" / "choices.json"
    monkeypatch.setenv("BARYON_TUNING", "/some/file")
    assert tuning_path() == Path("/some/file")
    assert tuning_path("mine") == Path("mine")
    assert tuning_path("off") is None
    assert Choices.read(tmp_path / "nothing").found == {}


def product(constants: str = "", weight: str = "%w: f32[32,16]") -> Case:
    text = module_text(
        f"%x: f32[24,16]{',' if weight else ''} {weight}",
        f"{constants}%y = npx.fully_connected(%x, %w) {{num_hidden=32}} : f32[24,32]\n"
        "%z = npx.relu(%y) : f32[24,32]",
        "%z",
    )
    return Case(text, "implicit_gemm")


def test_a_problem_is_one_line_without_names() -> None:
    problem = problem_of(product().group)
    assert "\n" not in problem
    assert "%" not in problem
    assert problem.startswith("implicit_gemm: npx.fully_connected{")
    assert "npx.relu" in problem
    assert problem.endswith("f32[24,16], f32[32,16] -> f32[24,32]")


IMAGE = "f32[1,16,9,9]{channels_last}"
GROUPS = {
    "direct": ("%w: f32[24,16,3,3]", "npx.convolution(%x, %w) {kernel=(3,3)}", 24),
}


def convolution(sort: str) -> Case:
    weight, call, filters = GROUPS[sort]
    out = f"f32[1,{filters},7,7]{{channels_last}}"
    return Case(
        module_text(f"%x: {IMAGE}, {weight}", f"%y = {call} : {out}", "%y"), "implicit_gemm"
    )


def matrices() -> Case:
    text = module_text(
        "%x: f32[3,20,9], %y: f32[3,9,33]", "%z = np.matmul(%x, %y) : f32[3,20,33]", "%z"
    )
    return Case(text, "implicit_gemm")


@pytest.mark.parametrize("sort", ["direct", "matmul"])
def test_candidates_agree_and_the_first_is_built(sort: str) -> None:
    case = matrices() if sort == "matmul" else convolution(sort)
    offers = candidates(case.group, TARGET)
    assert len({c.name for c in offers}) == len(offers) > 1
    assert all(c.name.startswith(sort) for c in offers)
    assert case.kernel.notes["plan"] == offers[0].name
    (first,) = case.run()
    other = matrices() if sort == "matmul" else convolution(sort)
    other.__dict__["kernel"] = candidates(other.group, TARGET)[-1].build()
    assert other.kernel.notes["plan"] == offers[-1].name
    assert np.array_equal(other.run()[0], first)
