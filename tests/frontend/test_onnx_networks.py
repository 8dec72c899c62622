"""The nine networks that the onnx wheel carries, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import onnx
import onnxruntime
import pytest
from numpy.testing import assert_allclose
from onnx import helper, numpy_helper

from baryon.importers import import_onnx
from baryon.interp import run
from baryon.ir import Sym, verify
from baryon.ops import lookup

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
NAMES = [
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet",
    "squeezenet", "vgg19", "zfnet512",
]  # fmt: skip
SIZE = 3 * 224 * 224


def path_of(name: str) -> Path:
    return LIGHT / f"light_{name}.onnx"


@pytest.mark.parametrize("name", NAMES)
def test_imports_well_typed(name: str) -> None:
    module = import_onnx(path_of(name))
    verify(module, lookup)
    (output,), (declared,) = module.main.outputs, onnx.load(path_of(name)).graph.output
    dims = [d.dim_value for d in declared.type.tensor_type.shape.dim]
    assert list(output.type.shape) == dims
    assert module.main.output_names == [declared.name]
    assert all(a.strides == (0,) * a.ndim for a in module.constants.values() if a.size > 4096)


@pytest.mark.parametrize("name", NAMES)
def test_dynamic_batch(name: str) -> None:
    module = import_onnx(path_of(name), dynamic_batch=8)
    verify(module, lookup)
    assert module.symbols == {"N": (1, 8)}
    assert module.main.outputs[0].type.shape[0] == Sym("N")


@pytest.mark.parametrize("name", NAMES)
def test_gives_the_published_output(name: str) -> None:
    x = (numpy.arange(SIZE) / SIZE).reshape(1, 3, 224, 224).astype(numpy.float32)
    (got,) = run(import_onnx(path_of(name)), [x])
    published = onnx.load_tensor(LIGHT / f"light_{name}_output_0.pb")
    assert_allclose(numpy.asarray(got, float), numpy_helper.to_array(published), rtol=1e-4)


@pytest.mark.parametrize(
    "name",
    ["squeezenet", "shufflenet",
     *(pytest.param(n, marks=pytest.mark.slow)
       for n in ("resnet50", "densenet121", "inception_v2"))],
)  # fmt: skip
def test_agrees_with_onnxruntime_on_random_weights(name: str) -> None:
    model = with_random_weights(onnx.load(path_of(name)))
    module = import_onnx(model)
    x = numpy.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(numpy.float32)
    (got,) = run(module, [x])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    (want,) = session.run(None, {module.main.inputs[0].name: x})
    assert_allclose(numpy.asarray(got, float), want, rtol=0, atol=1e-4 * want.std())


def with_random_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model up to its softmax, weights of the signal's size in place of ConstantOfShape."""
    rng = numpy.random.default_rng(1)
    shapes = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for node in [n for n in model.graph.node if n.op_type == "ConstantOfShape"]:
        array = _weights(rng, tuple(shapes[node.input[0]]))
        model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        model.graph.node.remove(node)
    if model.graph.node[-1].op_type == "Softmax":
        model.graph.output[0].name = model.graph.node.pop().input[0]
    model.ir_version = 4
    fed = [i for i in model.graph.input if i.name not in shapes]
    del model.graph.input[:]
    model.graph.input.extend(fed)
    return model


def _weights(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Any:
    if len(shape) < 2:
        return rng.uniform(0.5, 1.5, shape).astype(numpy.float32)
    fan_in = int(numpy.prod(shape[1:]))
    return rng.normal(0, (1 / fan_in) ** 0.5, shape).astype(numpy.float32)


def test_weights_have_their_names_and_ops_their_nodes() -> None:
    module = import_onnx(path_of("squeezenet"))
    conv = next(op for op in module.main.body.ops if op.name == "npx.convolution")
    assert (conv.loc.source, conv.result.name) == ("light_squeezenet.onnx#n0", "r0")
    assert [v.name for v in module.main.inputs] == ["data_0"]
    assert "conv1_w_0" in module.constants


def test_reads_a_fixed_batch_of_two_as_symbol() -> None:
    model = _channel_shuffle(batch=2)
    module = import_onnx(model, dynamic_batch=4)
    verify(module, lookup)
    x = numpy.arange(3 * 4 * 3, dtype=numpy.float32).reshape(3, 4, 3, 1)
    (got,) = run(module, [x])
    want = x.reshape(3, 2, 2, 3, 1).transpose(0, 2, 1, 3, 4).reshape(3, 4, 3, 1)
    assert_allclose(numpy.asarray(got, float), want)


def _channel_shuffle(batch: int) -> Any:
    """Reshapes for one batch size, one of them merging the batch with another axis."""
    shapes = {"split": [batch, 2, 2, 3, 1], "rows": [batch * 4, 3], "back": [batch, 4, 3, 1]}
    nodes = [
        helper.make_node("Reshape", ["x", "split"], ["a"]),
        helper.make_node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3, 4]),
        helper.make_node("Reshape", ["b", "rows"], ["c"]),
        helper.make_node("Reshape", ["c", "back"], ["y"]),
    ]
    tensors = [numpy_helper.from_array(numpy.array(v), k) for k, v in shapes.items()]
    infos = [
        helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, (batch, 4, 3, 1)) for n in "xy"
    ]
    graph = helper.make_graph(nodes, "shuffle", infos[:1], infos[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
