"""The first NaN or Inf of a run is found, with the op, the node and what it read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import baryon as mx
from baryon.command.main import main
from baryon.importers.onnx import import_onnx
from baryon.inspection import Finding, check_model, check_numerics
from baryon.ir import parse_module
from baryon.runtime import InputError, Session, Steps

X = np.linspace(-2, 2, 32, dtype=np.float32).reshape(4, 8)


def model(*nodes: Any, **weights: np.ndarray[Any, Any]) -> onnx.ModelProto:
    """A graph from x (4, 8) to y."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    arrays = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph([*nodes], "g", [x], [y], arrays)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def node(op: str, inputs: str, output: str, **attrs: Any) -> Any:
    return helper.make_node(op, inputs.split(), [output], name=f"the_{output}", **attrs)


def dense(seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((8, 8)).astype(np.float32)


def check(made: onnx.ModelProto, x: np.ndarray[Any, Any] = X, **options: Any) -> Finding | None:
    return check_model(import_onnx(made), {"x": x}, **options)


HUNDRED = np.full((), 100, np.float32)
CASES = {
    "overflow": (
        model(node("MatMul", "x w", "a"), node("Mul", "a c", "b"), node("Exp", "b", "y"),
              w=dense(), c=HUNDRED),
        "np.exp", "the_y", "Inf",
    ),
    "zero by zero": (
        model(node("Sub", "x x2", "a"), node("Div", "a a2", "b"), node("Relu", "b", "y"),
              x2=X, a2=np.zeros((4, 8), np.float32)),
        "np.divide", "the_b", "NaN",
    ),
    "logarithm": (
        model(node("Log", "x", "a"), node("Softmax", "a", "y")), "np.log", "the_a", "NaN",
    ),
    "root": (
        model(node("MatMul", "x w", "a"), node("Sqrt", "a", "b"), node("MatMul", "b w", "y"),
              w=dense()),
        "np.sqrt", "the_b", "NaN",
    ),
    "two kernels on": (
        model(node("Softmax", "x", "a"), node("Log", "a", "b"), node("Sqrt", "b", "c"),
              node("MatMul", "c w", "y"), w=dense()),
        "np.sqrt", "the_c", "NaN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_op_and_its_node_are_named(name: str) -> None:
    made, op, where, what = CASES[name]
    found = check(made)
    assert found is not None
    assert (found.where, found.op, found.name) == ("kernel", op, where)
    assert str(found).startswith(f"{what} made by {op} of {where}")
    assert found.operands
    assert all(s.nans == s.infinities == 0 for _, s in found.operands if found.op != "np.divide")


def test_the_numbers_of_elements_are_right() -> None:
    found = check(CASES["logarithm"][0])
    assert found is not None
    assert found.bad.nans == int((X < 0).sum())
    (_, read), *_ = found.operands
    assert (read.low, read.high, read.size) == (-2.0, 2.0, 32)


def test_weights_that_are_bad_are_named() -> None:
    bad = dense()
    bad[3, 4] = np.inf
    found = check(model(node("Relu", "x", "a"), node("MatMul", "a w", "y"), w=bad), abs(X) + 1)
    assert found is not None
    assert (found.where, found.name, found.bad.infinities) == ("weights", "the_y", 1)
    assert "in the weights of the_y" in str(found)


def test_an_input_that_is_bad_is_the_inputs_fault() -> None:
    x = X.copy()
    x[1, 2] = np.nan
    found = check(model(node("Exp", "x", "y")), x)
    assert found is not None
    assert (found.where, found.name, found.bad.nans, found.call) == ("input", "x", 1, -1)


def test_good_networks_have_no_finding() -> None:
    made = model(node("MatMul", "x w", "a"), node("Softmax", "a", "y"), w=dense())
    assert check(made) is None


def test_masks_of_infinity_are_no_nan() -> None:
    mask = np.where(np.tri(4, 8) > 0, 0, -np.inf).astype(np.float32)
    made = model(node("Add", "x m", "a"), node("Softmax", "a", "y"), m=mask)
    assert check(made, kinds="nan") is None


def test_an_artifact_alone_names_ops_without_packed_weights() -> None:
    executable = mx.compile(import_onnx(CASES["logarithm"][0]))
    found = check_numerics(executable, {"x": X})
    assert found is not None
    assert (found.op, found.name) == ("np.log", "the_a")


def test_with_packed_weights_it_names_the_kernel() -> None:
    found = check_numerics(mx.compile(import_onnx(CASES["overflow"][0])), {"x": X})
    assert found is not None
    assert found.where == "kernel"
    assert found.op == ""
    assert "np.exp" in found.ops
    assert "the_y" in found.nodes
    assert "check the model itself" in str(found)


def test_shapes_that_are_symbolic_have_the_sizes_of_the_run() -> None:
    def f(x: mx.np.ndarray) -> mx.np.ndarray:
        return mx.np.log(mx.npx.softmax(x) - 0.5)

    executable = mx.compile(f, mx.np.zeros((4, 8)), dynamic_axes={0: {0: "N"}})
    found = check_numerics(executable, {executable.inputs[0].name: X[:3]})
    assert found is not None
    assert (found.op, found.bad.size) == ("np.log", 24)


def test_channels_last_values_are_read_in_their_order() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((8, 4, 3, 3)).astype(np.float32)
    text = """module {
      constant @w : f32[8,4,3,3] = external
      func @main(%x: f32[1,4,6,6]) -> (y) {
        %w = ir.constant() {name="w"} : f32[8,4,3,3]
        %c = npx.convolution(%x, %w) {kernel=(3, 3), pad=(1, 1), num_filter=8} : f32[1,8,6,6]
        %e = np.sqrt(%c) : f32[1,8,6,6]
        %y = npx.relu(%e) : f32[1,8,6,6]
        ir.return(%y)
      }
    }"""
    module = parse_module(text, constants={"w": weight})
    x = rng.standard_normal((1, 4, 6, 6)).astype(np.float32)
    found = check_model(module, {"x": x})
    assert found is not None
    assert found.op == "np.sqrt"
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    sums = np.einsum("nchwrs,ocrs->nohw", windows, weight)
    assert found.bad.nans == int((sums < 0).sum())


def test_steps_give_what_a_run_gives() -> None:
    executable = mx.compile(import_onnx(CASES["two kernels on"][0]))
    steps = Steps(executable, x=X)
    assert isinstance(steps, Session)
    while steps.done < steps.total:
        steps.advance()
    last = executable.meta["groups"][-1]["args"].index("result 0")
    seen, (want,) = steps.argument(steps.total - 1, last), executable(x=X)
    assert seen is not None
    assert seen.tobytes() == want.tobytes()


def test_inputs_are_refused_as_by_a_call() -> None:
    executable = mx.compile(import_onnx(CASES["logarithm"][0]))
    with pytest.raises(InputError):
        check_numerics(executable, {"x": X[:, :3]})


@pytest.mark.parametrize("suffix", [".onnx", ".baryon"])
def test_the_command(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, data = tmp_path / f"net{suffix}", tmp_path / "x.npy"
    made = CASES["logarithm"][0]
    if suffix == ".onnx":
        onnx.save(made, file)
    else:
        mx.compile(import_onnx(made)).save(file)
    for x, status, words in ((X, 1, "NaN made by np.log of the_a"), (abs(X) + 1, 0, "no NaN")):
        np.save(data, x)
        with pytest.raises(SystemExit) as stopped:
            main(["run", str(file), "-i", f"x={data}", "--check-numerics"])
        assert stopped.value.code == status
        assert words in capsys.readouterr().out
    np.save(data, X)
    with pytest.raises(SystemExit):
        main(["run", str(file), "-i", f"x={data}", "--check-numerics", "nan", "--json"])
    assert json.loads(capsys.readouterr().out)["finding"]["op"] == "np.log"
