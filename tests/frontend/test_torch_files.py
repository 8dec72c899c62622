"""Networks as both ONNX exporters of torch write them, against ONNX Runtime.

`torch_files.tar.xz` is written by `scripts/torch_families --pack`: networks of all families, small,
with inputs for two batches.
"""

from __future__ import annotations

import io
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import baryon as mx
from baryon import interp
from baryon.importers.onnx import import_onnx
from baryon.ir import Array
from exported.judge import LIMIT, batches_of, worst

ARCHIVE = Path(__file__).with_name("torch_files.tar.xz")
COMPILED = (
    "bigru.dynamo",
    "detector.dynamo",
    "encoder.torchscript",
    "gcn.dynamo",
    "unet.torchscript",
)
"""Those that are compiled too, a second each; `scripts/torch_families` compiles all."""


@cache
def files() -> dict[str, bytes]:
    """The files of the archive by name."""
    with tarfile.open(ARCHIVE) as archive:
        found = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read() for name, file in found.items() if file is not None}


def feeds(name: str) -> dict[int, dict[str, Array]]:
    """Inputs of a file by batch."""
    with np.load(io.BytesIO(files()[f"{name.partition('.')[0]}.npz"])) as archive:
        return batches_of(archive)


def expected(model: bytes, given: dict[str, Array]) -> tuple[list[Array], list[Array]]:
    """The inputs that the file has, in its order, and what ONNX Runtime computes of them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    used = {i.name: given[i.name] for i in session.get_inputs()}
    return [*used.values()], session.run(None, used)


NAMES = [name.removesuffix(".onnx") for name in files() if name.endswith(".onnx")]


@pytest.mark.parametrize("name", NAMES)
def test_imports_and_means_the_same(name: str) -> None:
    model = files()[f"{name}.onnx"]
    module = import_onnx(onnx.load_from_string(model))
    assert (1, 16) in module.symbols.values(), "the batch is open"
    for given in feeds(name).values():
        inputs, outputs = expected(model, given)
        found = interp.run(module, inputs)
        assert worst(outputs, found) <= LIMIT


@pytest.mark.parametrize("name", COMPILED)
def test_compiles(name: str) -> None:
    model = files()[f"{name}.onnx"]
    run = mx.compile(import_onnx(onnx.load_from_string(model)))
    for given in feeds(name).values():
        inputs, outputs = expected(model, given)
        found = run(*inputs)
        results = found if isinstance(found, tuple | list) else [found]
        assert worst(outputs, [np.asarray(x) for x in results]) <= LIMIT


def test_there_are_many_families() -> None:
    networks = {name.partition(".")[0] for name in NAMES}
    assert len(networks) >= 40
    assert {name.partition(".")[2] for name in NAMES} == {"torchscript", "dynamo"}
