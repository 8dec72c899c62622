"""Large tensors stay in the file; what is read is what Protocol Buffers would read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from baryon.importers import ModelError, import_onnx
from baryon.importers.onnx.mapped import outline
from baryon.interp import run
from frontend.onnx_models import model

X = np.ones((1, 128), np.float32)
RNG = np.random.default_rng(0)
LARGE_WEIGHT = RNG.standard_normal((128, 160)).astype(np.float32)
SMALL_WEIGHT = RNG.standard_normal((160, 4)).astype(np.float32)


def network() -> onnx.ModelProto:
    """One weight is an initializer, one an attribute, one is small."""
    inner = numpy_helper.from_array(LARGE_WEIGHT * 2, "inner")
    nodes = [
        helper.make_node("Constant", [], ["k"], value=inner, name="constant"),
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["x", "k"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["h"]),
        helper.make_node("MatMul", ["h", "v"], ["y"]),
    ]
    return model(nodes, {"x": X}, ["y"], {"w": LARGE_WEIGHT, "v": SMALL_WEIGHT})


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(content)
    return path


def test_the_same_network_is_read(tmp_path: Path) -> None:
    made = network()
    module = import_onnx(saved(tmp_path, made.SerializeToString()))
    (y,) = run(module, [X])
    np.testing.assert_array_equal(y, run(import_onnx(made), [X])[0])


def test_only_small_tensors_are_in_the_outline(tmp_path: Path) -> None:
    content = network().SerializeToString()
    small = outline(saved(tmp_path, content))
    assert len(content) > 2 * LARGE_WEIGHT.nbytes
    assert SMALL_WEIGHT.nbytes < len(small) < SMALL_WEIGHT.nbytes + 2000
    graph = onnx.load_model_from_string(small).graph
    kept = {t.name: t.data_location == onnx.TensorProto.EXTERNAL for t in graph.initializer}
    assert kept == {"w": True, "v": False}


def test_data_that_does_not_fit_the_shape_is_refused(tmp_path: Path) -> None:
    made = network()
    made.graph.initializer[0].dims[0] -= 1  # or what follows it in the file could be read
    with pytest.raises(ModelError, match=f"it has {LARGE_WEIGHT.nbytes} bytes"):
        import_onnx(saved(tmp_path, made.SerializeToString()))


def test_fields_in_two_parts_are_joined(tmp_path: Path) -> None:
    made = network()
    first, second = onnx.ModelProto(), onnx.ModelProto()
    first.CopyFrom(made)
    second.graph.initializer.append(first.graph.initializer.pop(0))
    path = saved(tmp_path, first.SerializeToString() + second.SerializeToString())
    np.testing.assert_array_equal(import_onnx(path).constants["w"], LARGE_WEIGHT)


@settings(max_examples=200, deadline=None)
@given(
    at=st.one_of(st.integers(0, 60), st.integers(0, 2 * LARGE_WEIGHT.nbytes)),
    junk=st.binary(max_size=12),
    keep=st.sampled_from([1.0, 0.999, 0.7, 0.2]),
)
def test_a_damaged_file_is_read_as_protobuf_reads_it(
    tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes, keep: float
) -> None:
    content = bytearray(network().SerializeToString())
    content[at : at + len(junk)] = junk
    path = saved(tmp_path_factory.mktemp("damaged"), bytes(content[: int(len(content) * keep)]))
    try:
        whole = onnx.load(path)
    except Exception:
        with pytest.raises(ModelError):
            import_onnx(path)
        return
    assert len(outline(path)) < len(content)
    outlined = onnx.load_model_from_string(outline(path))
    assert [n.op_type for n in outlined.graph.node] == [n.op_type for n in whole.graph.node]
