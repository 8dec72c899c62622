"""A small network as an ONNX file and compiled, and the command line called in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from baryon.command.main import main


class Result(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def baryon(capsys: pytest.CaptureFixture[str]) -> Run:
    """`baryon("compile", path)` runs the command and returns its result."""

    def run(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        assert isinstance(stopped.value.code, int)
        return Result(stopped.value.code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data (1, 3, 8, 8) -> 3x3 convolution, relu, mean over the pixels -> scores (1, 4)."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((4, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["data", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"], name="relu"),
            helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
            helper.make_node("Flatten", ["p"], ["scores"], name="flat"),
        ],
        "small",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.fixture(scope="session")
def artifact(model: Path) -> Path:
    """The model compiled."""
    path = model.with_suffix(".baryon")
    with pytest.raises(SystemExit) as stopped:
        main(["compile", str(model), "-o", str(path)])
    assert stopped.value.code == 0
    return path


@pytest.fixture(scope="session")
def image(model: Path) -> Path:
    """An input for the model, as a .npy file."""
    path = model.with_name("image.npy")
    np.save(path, np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32))
    return path
