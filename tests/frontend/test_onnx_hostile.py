"""Files that contradict themselves or ask for too much: an error that says so, and soon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import baryon as mx
from baryon.importers import ModelError, import_onnx
from baryon.ir import BaryonError, UnsupportedError
from frontend.onnx_models import model

X = np.ones((2, 3), np.float32)
HUGE = 1 << 40


def node(op: str, inputs: str, outputs: str, **attrs: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), **attrs)


def unchecked(nodes: list[onnx.NodeProto], weights: dict[str, Any] | None = None) -> Any:
    """A model that no checker has seen."""
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(w), name) for name, w in (weights or {}).items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b", "y")],
         "'b', which nothing before it computes"),
        ([node("Relu", "y", "y")], "nothing before it computes"),
        ([node("Relu", "x", "y"), node("Neg", "x", "y")], "'y' is computed twice"),
    ],
)  # fmt: skip
def test_graphs_that_contradict_themselves(nodes: list[onnx.NodeProto], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        import_onnx(unchecked(nodes))


@pytest.mark.parametrize(
    "nodes",
    [
        [node("ConstantOfShape", "huge", "c"), node("Neg", "c", "n"), node("Add", "x n", "y")],
        [node("ConstantOfShape", "huge", "c"), node("ReduceSum", "c", "n"),
         node("Add", "x n", "y")],
        [node("Range", "zero many one", "r"), node("Cast", "r", "c", to=1),
         node("Mul", "c x", "y")],
        [node("Tile", "zeros huge", "t"), node("Add", "x t", "y")],
        [node("Expand", "zeros huge", "t"), node("Neg", "t", "n"), node("Add", "x n", "y")],
    ],
)  # fmt: skip
def test_a_few_bytes_do_not_become_terabytes(nodes: list[onnx.NodeProto]) -> None:
    weights = {
        "huge": np.array([HUGE]), "zero": np.array(0), "one": np.array(1), "many": np.array(HUGE),
        "zeros": np.zeros(1, np.float32),
    }  # fmt: skip
    with pytest.raises(BaryonError):
        import_onnx(unchecked(nodes, weights))


def loop(count: int) -> Any:
    """x is doubled so many times."""
    body = helper.make_graph(
        [node("Identity", "go", "again"), node("Add", "a a", "b")],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("a", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info("again", TensorProto.BOOL, []),
         helper.make_tensor_value_info("b", TensorProto.FLOAT, X.shape)],
    )  # fmt: skip
    return unchecked(
        [node("Loop", "n go x", "y", body=body)], {"n": np.array(count), "go": np.array(True)}
    )


def test_loops_have_an_end() -> None:
    with pytest.raises(UnsupportedError, match="iterations"):
        import_onnx(loop(HUGE))
    module = import_onnx(loop(1 << 19))
    with pytest.raises(UnsupportedError, match="would be written out as"):
        mx.compile(module)


def test_time_does_not_grow_with_the_square_of_the_file() -> None:
    """Values and constants of one name: 20,000 of them took minutes."""
    nodes = [
        node("HardSwish", "x" if i == 0 else f"v{i - 1}", f"v{i}" if i < 4999 else "y")
        for i in range(5000)
    ]
    module = import_onnx(unchecked(nodes))
    assert len(module.constants) >= 10_000
    assert str(module).count("\n") > 20_000


EXTERNAL = {
    "/etc/passwd": "not a file beside the model",
    "../secret": "not a file beside the model",
    "folder/../../secret": "not a file beside the model",
    "link": "not a file beside the model",
    "folder": "not a file beside the model",
    "missing": "not a file beside the model",
    "": "not a file beside the model",
}


def external(folder: Path, **told: str) -> Path:
    """A model whose weight of 24 bytes is said to lie elsewhere."""
    made = model([node("Add", "x w", "y")], {"x": X}, ["y"], {"w": X})
    (tensor,) = made.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in told.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "models" / "m.onnx"
    path.parent.mkdir(exist_ok=True)
    (path.parent / "folder").mkdir(exist_ok=True)
    (path.parent / "data").write_bytes(X.tobytes())
    (folder / "secret").write_bytes(X.tobytes())
    if not (path.parent / "link").is_symlink():
        (path.parent / "link").symlink_to(folder / "secret")
    path.write_bytes(made.SerializeToString())
    return path


@pytest.mark.parametrize("location", EXTERNAL)
def test_external_data_lies_beside_the_model(tmp_path: Path, location: str) -> None:
    with pytest.raises(ModelError, match=EXTERNAL[location]):
        import_onnx(external(tmp_path, location=location))


@pytest.mark.parametrize(
    "told",
    [
        {"offset": "1"}, {"offset": "-8"}, {"offset": str(1 << 70)}, {"offset": "first"},
        {"length": "23"}, {"length": "-24"}, {"length": "all"}, {"offset": "24", "length": "24"},
    ],
    ids=str,
)  # fmt: skip
def test_external_data_holds_the_tensor(tmp_path: Path, told: dict[str, str]) -> None:
    with pytest.raises(ModelError):
        import_onnx(external(tmp_path, location="data", **told))
    assert import_onnx(external(tmp_path, location="data", offset="0")).main.outputs


def test_a_file_of_more_than_two_gigabytes_is_mapped(tmp_path: Path) -> None:
    """Protocol Buffers read none of that size; the weight is a hole in the file."""
    size = (1 << 31) + 64
    nodes = [
        node("Slice", "w first last", "s"), node("Cast", "s", "c", to=1), node("Add", "x c", "y"),
    ]  # fmt: skip
    graph = unchecked(nodes, {"first": np.array([0]), "last": np.array([3])})
    head = graph.graph.SerializeToString()
    tensor = TensorProto(name="w", data_type=TensorProto.UINT8, dims=[size]).SerializeToString()
    tensor += b"\x4a" + _varint(size)  # raw_data, field 9
    inner = head + b"\x2a" + _varint(len(tensor) + size) + tensor  # initializer, field 5
    graph.ClearField("graph")
    content = graph.SerializeToString() + b"\x3a" + _varint(len(inner) + size) + inner
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.write(content)
        file.truncate(len(content) + size)
    module = import_onnx(path)
    assert sum(c.nbytes for c in module.constants.values()) < 100


def _varint(value: int) -> bytes:
    low = value & 0x7F
    return bytes([low]) if value < 0x80 else bytes([low | 0x80]) + _varint(value >> 7)
