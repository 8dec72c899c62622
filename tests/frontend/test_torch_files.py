"""Networks as both ONNX exporters of torch write them, against ONNX Runtime.

`torch_files.tar.xz` is written by `scripts/torch_families --pack`: networks of all families, small,
with inputs for two batches.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import baryon as mx
from baryon import interp
from baryon.importers.onnx import import_onnx
from baryon.ir import Array
from exported.archive import inputs_of, members, models_of
from exported.judge import LIMIT, worst

ARCHIVE = Path(__file__).with_name("torch_files.tar.xz")
COMPILED = (
    "bigru.dynamo",
    "detector.dynamo",
    "encoder.torchscript",
    "gcn.dynamo",
    "unet.torchscript",
)
"""Those that are compiled too, a second each; `scripts/torch_families` compiles all."""


def expected(model: bytes, given: dict[str, Array]) -> tuple[list[Array], list[Array]]:
    """The inputs that the file has, in its order, and what ONNX Runtime computes of them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    used = {i.name: given[i.name] for i in session.get_inputs()}
    return [*used.values()], session.run(None, used)


NAMES = models_of(ARCHIVE)


@pytest.mark.parametrize("name", NAMES)
def test_imports_and_means_the_same(name: str) -> None:
    model = members(ARCHIVE)[f"{name}.onnx"]
    module = import_onnx(onnx.load_from_string(model))
    assert (1, 16) in module.symbols.values(), "the batch is open"
    for given in inputs_of(ARCHIVE, name).values():
        inputs, outputs = expected(model, given)
        found = interp.run(module, inputs)
        assert worst(outputs, found) <= LIMIT


@pytest.mark.parametrize("name", COMPILED)
def test_compiles(name: str) -> None:
    model = members(ARCHIVE)[f"{name}.onnx"]
    run = mx.compile(import_onnx(onnx.load_from_string(model)))
    for given in inputs_of(ARCHIVE, name).values():
        inputs, outputs = expected(model, given)
        found = run(*inputs)
        results = found if isinstance(found, tuple | list) else [found]
        assert worst(outputs, [np.asarray(x) for x in results]) <= LIMIT


def test_there_are_many_families() -> None:
    networks = {name.partition(".")[0] for name in NAMES}
    assert len(networks) >= 40
    assert {name.partition(".")[2] for name in NAMES} == {"torchscript", "dynamo"}
