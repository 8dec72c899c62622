"""Files: what is kept, symbolic shapes, and refusals that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from baryon.importers import ModelError, import_onnx
from baryon.interp import run
from baryon.ir import BaryonError, Sym, UnsupportedError, verify
from baryon.ops import lookup
from frontend.onnx_models import model, one_node

X = numpy.ones((2, 3), numpy.float32)
W = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)


def node(op: str, inputs: str, outputs: str, **attrs: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), name=f"n_{op}", **attrs)


def saved(path: Path, made: onnx.ModelProto, **kwargs: Any) -> Path:
    onnx.save(made, path / "m.onnx", **kwargs)
    return path / "m.onnx"


def test_names_are_kept(tmp_path: Path) -> None:
    made = model([node("MatMul", "x w", "h"), node("Relu", "h", "out/1")], {"x": X}, ["out/1"],
                 {"w": W})  # fmt: skip
    module = import_onnx(saved(tmp_path, made))
    text = str(module)
    assert 'func @main(%x: f32[2,3]) -> ("out/1")' in text
    assert '%h = np.matmul(%x, %w) : f32[2,4] @ "m.onnx#n_MatMul"' in text
    assert [*module.constants] == ["w"]


def test_initializers_that_are_inputs_are_constants() -> None:
    made = model([node("MatMul", "x w", "y")], {"x": X, "w": W}, ["y"], {"w": W}, opset=8)
    assert [v.name for v in import_onnx(made).main.inputs] == ["x"]


def test_constants_are_folded_and_shared() -> None:
    made = model(
        [node("Constant", "", "k", value_float=2.0), node("Mul", "w k", "w2"),
         node("MatMul", "x w2", "a"), node("MatMul", "x w2", "b"), node("Add", "a b", "y")],
        {"x": X}, ["y"], {"w": W},
    )  # fmt: skip
    module = import_onnx(made)
    assert [op.name for op in module.main.body.ops].count("ir.constant") == 1
    numpy.testing.assert_array_equal(module.constants["w2"], 2 * W)


def test_weights_are_not_copied() -> None:
    made = model([node("MatMul", "x w", "y")], {"x": X}, ["y"], {"w": W})
    weight = import_onnx(made).constants["w"]
    assert not weight.flags.owndata
    assert not weight.flags.writeable


def test_external_data(tmp_path: Path) -> None:
    made = model([node("MatMul", "x w", "y")], {"x": X}, ["y"], {"w": W})
    path = saved(tmp_path, made, save_as_external_data=True, location="w.bin", size_threshold=0)
    module = import_onnx(path)
    numpy.testing.assert_array_equal(module.constants["w"], W)
    with pytest.raises(ModelError, match="import the model by its path"):
        import_onnx(onnx.load(path, load_external_data=False))
    (tmp_path / "w.bin").unlink()
    with pytest.raises(ModelError, match=r"'w.bin' is not a file beside the model \(at .*m.onnx#w"):
        import_onnx(path)
    (tmp_path / "w.bin").write_bytes(b"1234")
    with pytest.raises(ModelError, match=r"'w\.bin'"):
        import_onnx(path)


def test_external_data_stays_below_the_models_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(48))
    (tmp_path / "model").mkdir()
    made = model([node("MatMul", "x w", "y")], {"x": X}, ["y"], {"w": W})
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    with pytest.raises(ModelError, match="is not a file beside the model"):
        import_onnx(saved(tmp_path / "model", made))


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int32", "bool", "uint8"])
def test_element_types(dtype: str) -> None:
    x = numpy.array([[1, 0, 1]], dtype)
    made, feeds = one_node("Concat", [x, x], constants=[1], axis=0)
    (y,) = run(import_onnx(made), [*feeds.values()])
    assert y.dtype == x.dtype
    numpy.testing.assert_array_equal(y, numpy.concatenate([x, x]))


# symbolic dimensions

FLATTEN_BY_SHAPE = [
    node("Shape", "x", "s"),
    node("Gather", "s zero", "n", axis=0),
    node("Unsqueeze", "n ax", "n1"),
    node("Concat", "n1 minus", "to", axis=0),
    node("Reshape", "x to", "y"),
]
SHAPE_WEIGHTS = {
    "zero": numpy.array(0), "ax": numpy.array([0]), "minus": numpy.array([-1]),
    "four": numpy.array([4]), "two": numpy.array([2]),
}  # fmt: skip
IMAGE = numpy.arange(24, dtype=numpy.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("dim", "symbol"), [("batch size", "batch_size"), (None, "N"), ("7x", "_7x")]
)
def test_open_batch_becomes_a_symbol(dim: str | None, symbol: str) -> None:
    made = model(FLATTEN_BY_SHAPE, {"x": IMAGE}, ["y"], SHAPE_WEIGHTS, dims={"x": (dim, 3, 4)})
    module = import_onnx(made)
    verify(module, lookup)
    assert module.symbols == {symbol: (1, 16)}
    assert module.main.outputs[0].type.shape == (Sym(symbol), 12)
    assert run(module, [IMAGE])[0].shape == (2, 12)
    assert import_onnx(made, dynamic_batch=3).symbols == {"N": (1, 3)}
    assert not import_onnx(made, input_shapes={"x": (5, 3, 4)}).symbols


def test_sizes_of_one_name_follow_the_given_ones() -> None:
    """What torch exports of a network of text: each input has the open sizes batch and sequence."""
    words, mask = numpy.ones((2, 5), numpy.float32), numpy.zeros((2, 5), numpy.float32)
    made = model(
        [node("Add", "words mask", "y")], {"words": words, "mask": mask}, ["y"],
        dims={"words": ("batch", "sequence"), "mask": ("batch", "sequence")},
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"the size of axis 1 is open \(sequence") as refused:
        import_onnx(made)
    assert "--shape words=" in (refused.value.hint or "")
    fixed = import_onnx(made, input_shapes={"mask": (2, 7)})
    assert [v.type.shape for v in fixed.main.inputs] == [(2, 7), (2, 7)]
    assert not fixed.symbols
    open_batch = [(Sym("batch"), 5), (Sym("batch"), 5)]
    for batch, most in ((2, 16), (20, 20)):
        opened = import_onnx(made, examples={"words": words.repeat(batch // 2, axis=0)})
        assert opened.symbols == {"batch": (1, most)}
    for how in ({"examples": {"words": words}}, {"input_shapes": {"words": ("batch", 5)}}):
        module = import_onnx(made, **how)
        assert [v.type.shape for v in module.main.inputs] == open_batch


def test_arithmetic_on_symbolic_shapes() -> None:
    nodes = [
        node("Shape", "x", "s"), node("Slice", "s zero1 one1", "n"),
        node("Slice", "s one1 two", "c"),
        node("Mul", "n c", "rows"), node("Concat", "rows minus", "to", axis=0),
        node("Reshape", "x to", "flat"), node("Div", "rows c", "n2"),
        node("Concat", "n2 twelve", "back", axis=0), node("Reshape", "flat back", "y"),
    ]  # fmt: skip
    weights = {**SHAPE_WEIGHTS, "zero1": numpy.array([0]), "one1": numpy.array([1]),
               "twelve": numpy.array([12])}  # fmt: skip
    module = import_onnx(model(nodes, {"x": IMAGE}, ["y"], weights), dynamic_batch=4)
    shapes = [v.type.shape for op in module.main.body.ops for v in op.results]
    assert (Sym("N", 3), 4) in shapes
    assert module.main.outputs[0].type.shape == (Sym("N"), 12)
    assert run(module, [IMAGE])[0].shape == (2, 12)


def test_shapes_that_do_not_follow_the_batch_are_refused() -> None:
    made = model([node("Reshape", "x to", "y")], {"x": IMAGE}, ["y"], {"to": numpy.array([3, 8])})
    with pytest.raises(UnsupportedError, match=r"\(3, 8\) is written for one batch.*n_Reshape"):
        import_onnx(made, dynamic_batch=8)


def test_symbolic_shape_as_data_is_computed() -> None:
    nodes = [node("Shape", "x", "s"), node("Cast", "s", "f", to=1), node("Mul", "f half", "y")]
    made = model(nodes, {"x": IMAGE}, ["y"], {"half": numpy.array([0.5], numpy.float32)})
    for batch in (1, 5):
        shape = (batch, *IMAGE.shape[1:])
        image = numpy.zeros(shape, IMAGE.dtype)
        (halves,) = run(import_onnx(made, dynamic_batch=8), [image])
        assert_array_equal(halves, numpy.array(shape) / 2)
        (sizes,) = run(import_onnx(model(nodes[:1], {"x": IMAGE}, ["s"]), dynamic_batch=8), [image])
        assert_array_equal(sizes, shape)


@pytest.mark.parametrize(
    ("op", "constant", "expected"),
    [("Add", 0, "N"), ("Sub", 0, "N"), ("Mul", 3, "3*N"), ("Equal", -1, False), ("Equal", 3, None),
     ("Add", 1, None)],
)  # fmt: skip
def test_arithmetic_on_sizes(op: str, constant: int, expected: Any) -> None:
    """Known where it holds for every batch, else computed when the network runs."""
    nodes = [
        node("Shape", "x", "s", start=0, end=1),
        node(op, "s c", "r"),
        node("Cast", "r", "y", to=7),
    ]
    module = import_onnx(
        model(nodes, {"x": X}, ["y"], {"c": numpy.array([constant], numpy.int64)}),
        dynamic_batch=4,
    )
    names = {op.name for op in module.main.body.ops}
    ours = {"Add": "np.add", "Sub": "np.subtract", "Mul": "np.multiply", "Equal": "np.equal"}[op]
    sizes = expected in ("N", "3*N")
    assert (ours in names) == (expected is None or (sizes and op == "Mul"))
    meaning: dict[str, Callable[[int], int]] = {
        "Add": lambda n: n + constant, "Sub": lambda n: n - constant,
        "Mul": lambda n: n * constant, "Equal": lambda n: n == constant,
    }  # fmt: skip
    for batch in (1, 3):
        (found,) = run(module, [X[:1].repeat(batch, 0)])
        assert found == meaning[op](batch)


@pytest.mark.parametrize("batch", [1, 4])
def test_ranges_and_tiles_of_a_symbolic_batch(batch: int) -> None:
    nodes = [
        node("Shape", "x", "s", start=0, end=1), node("Squeeze", "s", "n"),
        node("Range", "zero n one", "rows"), node("Concat", "s two", "times", axis=0),
        node("Tile", "w times", "t"), node("Gather", "t rows", "y"),
    ]  # fmt: skip
    weights = {
        "zero": numpy.array(0), "one": numpy.array(1), "two": numpy.array([2]), "w": W[:1],
    }  # fmt: skip
    module = import_onnx(model(nodes, {"x": X}, ["y", "rows"], weights), dynamic_batch=4)
    y, rows = run(module, [X[:1].repeat(batch, 0)])
    assert_array_equal(rows, numpy.arange(batch))
    assert_array_equal(y, numpy.tile(W[:1], (batch, 2)))


def test_local_functions_are_inlined() -> None:
    call = helper.make_node("Twice", ["x"], ["y"], domain="local")
    made = model([call], {"x": X}, ["y"])
    opsets = [helper.make_opsetid("", 17)]
    made.functions.append(
        helper.make_function(
            "local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], opsets
        )
    )
    made.opset_import.append(helper.make_opsetid("local", 1))
    (y,) = run(import_onnx(made), [X])
    numpy.testing.assert_array_equal(y, 2 * X)


# refusals

REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], dict[str, Any]]] = {
    r"Multinomial \(ai.onnx\): 1 x, at n_Multinomial; Foo \(acme\): 2 x, at foo1, foo2": (
        lambda: model([
            node("Multinomial", "x", "a"),
            helper.make_node("Foo", ["a"], ["b"], name="foo1", domain="acme"),
            helper.make_node("Foo", ["b"], ["y"], name="foo2", domain="acme"),
        ], {"x": X}, ["y"]), {}),
    "the attribute frobnicate is not supported": (
        lambda: model([node("Relu", "x", "y", frobnicate=1)], {"x": X}, ["y"]), {}),
    "needs 'nowhere', which nothing before it computes": (
        lambda: model([node("Add", "x nowhere", "y")], {"x": X}, ["y"]), {}),
    "needs 'y2', which nothing": (lambda: one_node("MaxPool", [numpy.ones((1, 1, 4))], outputs=2,
                                                   kernel_shape=[2])[0], {"use": "y1"}),
    "Add has 1 inputs": (lambda: model([node("Add", "x", "y")], {"x": X}, ["y"]), {}),
    "the shape must be a constant": (
        lambda: one_node("Reshape", [X, numpy.array([3, 2])])[0], {}),
    r"np.matmul: .*n_MatMul": (
        lambda: model([node("MatMul", "x x", "y")], {"x": X}, ["y"]), {}),
    "the size of axis 1 is open": (
        lambda: model([node("Relu", "x", "y")], {"x": X}, ["y"], dims={"x": (2, "w")}), {}),
    "input_shapes names z": (
        lambda: model([node("Relu", "x", "y")], {"x": X}, ["y"]), {"input_shapes": {"z": (1,)}}),
    "dynamic_batch must be at least 1": (
        lambda: model([node("Relu", "x", "y")], {"x": X}, ["y"]), {"dynamic_batch": 0}),
    "its inputs or attributes do not fit": (
        lambda: model([node("Transpose", "x", "y", perm=3)], {"x": X}, ["y"]), {}),
    "unsupported element type": (
        lambda: model([node("Identity", "x", "y")], {"x": numpy.array(["a"])}, ["y"]), {}),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refusals(text: str, tmp_path: Path) -> None:
    build, options = REFUSED[text]
    made = build()
    if "use" in options:
        made.graph.output[0].name = "y2"
        options = {}
    with pytest.raises(BaryonError, match=text) as caught:
        import_onnx(saved(tmp_path, made), **options)
    assert "m.onnx" in str(caught.value)


def test_unknown_ops_say_how_to_add_them() -> None:
    with pytest.raises(UnsupportedError, match=r"docs/recipes/import-an-onnx-op.md"):
        import_onnx(model([node("Multinomial", "x", "y")], {"x": X}, ["y"]))


def test_inputs_that_decide_shapes_are_given_as_values() -> None:
    shaped = model(
        [node("Reshape", "x s", "r"), node("ReduceSum", "r a", "y")],
        {"x": X, "s": numpy.zeros(2, numpy.int64), "a": numpy.zeros(1, numpy.int64)}, ["y"],
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="the shape must be a constant"):
        import_onnx(shaped)
    values = {"s": numpy.array([-1, 2]), "a": numpy.array([1])}
    module = import_onnx(shaped, values=values)
    assert [i.name for i in module.main.inputs] == ["x"]
    (got,) = run(module, [X])
    assert_array_equal(got, X.reshape(-1, 2).sum(1, keepdims=True))
    with pytest.raises(ModelError, match="values names q"):
        import_onnx(shaped, values={"q": X})


@pytest.mark.parametrize(
    ("op", "inputs", "attrs"),
    [
        ("Celu", "x", {"alpha": 0.5}),
        ("Celu", "x", {}),  # its body reads a default that the node does not write
        ("MeanVarianceNormalization", "x", {"axes": [0]}),
        ("SoftmaxCrossEntropyLoss", "x labels", {}),  # two bodies deep
    ],
)
def test_ops_that_the_standard_defines_by_others(
    op: str, inputs: str, attrs: dict[str, Any]
) -> None:
    mixed = numpy.array([[-1.5, 0.5, 2], [0.1, -3, 1.2]], numpy.float32)
    feeds: dict[str, Any] = {"x": mixed, "labels": numpy.array([1, 0], numpy.int64)}
    feeds = {name: feeds[name] for name in inputs.split()}
    made = model([node(op, inputs, "y", **attrs)], feeds, ["y"])
    (want,) = ReferenceEvaluator(made).run(None, feeds)
    got: Any
    (got,) = run(import_onnx(made), [*feeds.values()])
    assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        import_onnx(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="directory"):
        import_onnx(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 64, b"\x08\x03"])
def test_not_a_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"this is not an ONNX model.*bad.onnx"):
        import_onnx(path)


SMALL = model(
    [node("Conv", "x w b", "a", strides=[2, 2]), node("Relu", "a", "c"),
     node("Flatten", "c", "d"), node("Gemm", "d v", "y")],
    {"x": numpy.ones((1, 2, 5, 5), numpy.float32)}, ["y"],
    {"w": numpy.ones((3, 2, 3, 3), numpy.float32), "b": numpy.ones(3, numpy.float32),
     "v": numpy.ones((12, 2), numpy.float32)},
).SerializeToString()  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_gives_designed_errors(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    content = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        verify(import_onnx(path), lookup)
    except BaryonError as error:
        assert "damaged.onnx" in str(error)


def test_bad_tensors() -> None:
    tensor = numpy_helper.from_array(W, "w")
    tensor.raw_data = tensor.raw_data[:-3]
    made = model([node("MatMul", "x w", "y")], {"x": X}, ["y"])
    made.graph.initializer.append(tensor)
    with pytest.raises(ModelError, match=r"bad tensor.*#w"):
        import_onnx(made)
    made.graph.initializer[0].data_type = 99
    with pytest.raises(ModelError, match="bad tensor"):
        import_onnx(made)
