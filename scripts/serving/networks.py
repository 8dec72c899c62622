"""Networks to serve: some that do nothing, and a small CNN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import baryon

IMAGE = (3, 224, 224)
SMALL = (16,)
CIFAR = (3, 32, 32)
MAX_BATCH = 32
HIDDEN = (512, 1024)
"""Hidden units of the small CNNs: 2.1 and 4.2 million weights."""


def build(folder: Path) -> None:
    """Compile all of them, each in a file of its name."""
    _save(_first_pixels(), folder / "noop.baryon", threads=1)
    _save(_relu("echo", IMAGE), folder / "echo.baryon", threads=1)
    _save(_relu("small", SMALL), folder / "small.baryon", threads=1)
    build_cnns(folder)


def build_cnns(folder: Path) -> None:
    """Compile the small CNNs, by the number of their hidden units."""
    for hidden in HIDDEN:
        _save(_cnn(hidden), folder / f"cnn_{hidden}.baryon", dynamic_batch=MAX_BATCH)


def build_small(folder: Path) -> None:
    """Compile only the smallest."""
    _save(_relu("small", SMALL), folder / "small.baryon", threads=1)


def _save(
    model: onnx.ModelProto, path: Path, threads: int | None = None, dynamic_batch: int | None = None
) -> None:
    source = path.with_suffix(".onnx")
    onnx.save(model, source)
    baryon.compile(source, dynamic_batch=dynamic_batch).save(path)
    source.unlink()
    if threads is not None:
        path.with_suffix(".toml").write_text(f"threads = {threads}\n", encoding="utf-8")


def _model(
    nodes: list[onnx.NodeProto],
    sizes: tuple[tuple[int, ...], tuple[int, ...]],
    weights: dict[str, np.ndarray],
) -> onnx.ModelProto:
    shapes = [[1, *size] for size in sizes]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(("x", "y"), shapes, strict=True)
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "served", ports[:1], ports[1:], tensors)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _relu(name: str, size: tuple[int, ...]) -> onnx.ModelProto:
    return _model([helper.make_node("Relu", ["x"], ["y"], name=name)], (size, size), {})


def _first_pixels() -> onnx.ModelProto:
    """An image in, its first 8 numbers out: the input is what costs."""
    nodes = [
        helper.make_node("Slice", ["x", "first", "last", "axes"], ["part"]),
        helper.make_node("Relu", ["part"], ["y"]),
    ]
    numbers = {"first": [0, 0, 0], "last": [1, 1, 8], "axes": [1, 2, 3]}
    return _model(nodes, (IMAGE, (1, 1, 8)), {k: np.array(v) for k, v in numbers.items()})


def _cnn(hidden: int) -> onnx.ModelProto:
    """Two convolutions and two dense layers for 32x32 images."""
    random = np.random.default_rng(0)
    shapes = {"w1": (32, 3, 3, 3), "w2": (64, 32, 3, 3), "w3": (4096, hidden), "w4": (hidden, 10)}
    weights = {
        name: (random.standard_normal(shape) * 0.05).astype(np.float32)
        for name, shape in shapes.items()
    }
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("MaxPool", ["r1"], ["p1"], **pool),
        helper.make_node("Conv", ["p1", "w2"], ["c2"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("MaxPool", ["r2"], ["p2"], **pool),
        helper.make_node("Flatten", ["p2"], ["f"]),
        helper.make_node("MatMul", ["f", "w3"], ["d1"]),
        helper.make_node("Relu", ["d1"], ["r3"]),
        helper.make_node("MatMul", ["r3", "w4"], ["y"]),
    ]
    return _model(nodes, (CIFAR, (10,)), weights)
