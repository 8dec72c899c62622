"""Both files: names, inputs, what is beside what, blocks, and refusals that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

import baryon as mx
from baryon import autograd, gluon
from baryon.cli.compile import command as compile_command
from baryon.cli.inspect import command as inspect_command
from baryon.gluon.errors import CallError, DeferredInitializationError, ParameterError
from baryon.importers import ModelError, import_mxnet
from baryon.ir import BaryonError, Sym, UnsupportedError
from baryon.runtime import load
from symbols.helpers import node, saved, symbol

X = np.arange(6, dtype=np.float32).reshape(2, 3)
W = np.ones((4, 3), np.float32)
MLP = symbol([
    node("null", "data"), node("null", "w"), node("null", "b"),
    node("FullyConnected", "fc", [0, 1, 2], num_hidden="4"),
    node("null", "label"), node("SoftmaxOutput", "softmax", [3, 4]),
])  # fmt: skip
PARAMS = {"arg:w": W, "arg:b": np.arange(4, dtype=np.float32)}
PREDICTION = np.exp(np.arange(4)) / np.exp(np.arange(4)).sum()


def test_labels_disappear_and_names_stay(tmp_path: Path) -> None:
    module = import_mxnet(saved(tmp_path, MLP, PARAMS), X)
    assert [v.name for v in module.main.inputs] == ["data"]
    assert {*module.constants} == {"w", "b"}
    assert "net-symbol.json#fc" in str(module)


def test_compile(tmp_path: Path) -> None:
    path = saved(tmp_path, MLP, PARAMS)
    for executable in (
        mx.compile(path, X),
        mx.compile(str(path), {"data": X}, params=tmp_path / "net-0000.params"),
        mx.compile(path, X, dynamic_batch=4),
    ):
        assert_allclose(executable(X)[0], np.tile(PREDICTION, (2, 1)), rtol=1e-5)


def test_symbolic_batch(tmp_path: Path) -> None:
    module = import_mxnet(saved(tmp_path, MLP, PARAMS), X, dynamic_axes={"data": {0: "B"}})
    assert module.main.inputs[0].type.shape == (Sym("B"), 3)


def test_shapes_of_the_file(tmp_path: Path) -> None:
    made = symbol([node("null", "x", __shape__="(2, 3)", __dtype__="4"),
                   node("_plus_scalar", "y", [0], scalar="1")])  # fmt: skip
    (x,) = import_mxnet(saved(tmp_path, made)).main.inputs
    assert x.type.shape == (2, 3) and str(x.type.dtype) == "i32"


def test_block(tmp_path: Path) -> None:
    path = saved(tmp_path, MLP, PARAMS)
    net = gluon.SymbolBlock.imports(path, "data", tmp_path / "net-0000.params")
    x = mx.np.array(X)
    assert [*net.collect_params()] == ["w", "b"]
    assert_allclose(net(x).asnumpy(), np.tile(PREDICTION, (2, 1)), rtol=1e-5)
    with autograd.record():
        loss = net(x)[:, 0].sum()
    loss.backward()
    assert float(mx.np.abs(net.collect_params()["w"].grad()).sum().item()) > 0
    net.hybridize()
    assert_allclose(net(x).asnumpy(), np.tile(PREDICTION, (2, 1)), rtol=1e-5)
    net.export(tmp_path / "again")
    again = gluon.SymbolBlock.imports(
        tmp_path / "again-symbol.json", "data", tmp_path / "again-0000.params"
    )
    assert_allclose(again(x).asnumpy(), net(x).asnumpy(), rtol=1e-6)


def test_block_takes_a_label_that_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path, MLP, PARAMS)
    net = gluon.SymbolBlock.imports(path, ["data", "label"], tmp_path / "net-0000.params")
    label = mx.np.zeros((2,))
    assert_allclose(net(mx.np.array(X), label).asnumpy()[0], PREDICTION, rtol=1e-5)
    with pytest.raises(CallError, match="takes 2 arrays"):
        net(mx.np.array(X))


def test_batch_norm_is_trained(tmp_path: Path) -> None:
    states = ["gamma", "beta", "mean", "var"]
    nodes = [node("null", name) for name in ("data", *states)]
    nodes.append(node("BatchNorm", "bn", range(5), fix_gamma="False", momentum="0.5"))
    values = {f"{'aux' if n in 'mean var' else 'arg'}:{n}": np.ones(3, "f4") for n in states}
    path = saved(tmp_path, symbol(nodes), values)
    net = gluon.SymbolBlock.imports(path, "data", tmp_path / "net-0000.params")
    kinds = {name: p.grad_req for name, p in net.collect_params().items()}
    assert kinds == {"gamma": "write", "beta": "write", "mean": "null", "var": "null"}
    with autograd.record():
        net(mx.np.array(X))
    moved = net.collect_params()["mean"].data().asnumpy()
    assert_allclose(moved, 0.5 + 0.5 * X.mean(axis=0), rtol=1e-6)


def test_missing_and_extra_parameters(tmp_path: Path) -> None:
    path = saved(tmp_path, MLP, {"arg:w": W, "arg:other": W})
    file = tmp_path / "net-0000.params"
    with pytest.raises(ParameterError, match="does not have b"):
        gluon.SymbolBlock.imports(path, "data", file)
    with pytest.raises(ParameterError, match="other"):
        gluon.SymbolBlock.imports(path, "data", file, allow_missing=True)
    net = gluon.SymbolBlock.imports(path, "data", file, allow_missing=True, ignore_extra=True)
    with pytest.raises(DeferredInitializationError, match="b"):
        net(mx.np.array(X))
    with pytest.raises(ParameterError, match="has no inputs image"):
        gluon.SymbolBlock.imports(path, "image", file)


def test_several_files_of_parameters(tmp_path: Path) -> None:
    path = saved(tmp_path, MLP, PARAMS)
    (tmp_path / "net-0003.params").write_bytes((tmp_path / "net-0000.params").read_bytes())
    with pytest.raises(ModelError, match=r"2 files.*net-0000.params, net-0003.params"):
        import_mxnet(path, X)
    assert import_mxnet(path, X, params=tmp_path / "net-0003.params").constants


def test_no_file_of_parameters(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="shape of w") as caught:
        import_mxnet(saved(tmp_path, MLP), X)
    assert "none is beside it" in str(caught.value)


def test_unknown_operators_are_named_at_once(tmp_path: Path) -> None:
    nodes = [node("null", "x"), node("Magic", "a", [0]), node("Magic", "b", [1]),
             node("Custom", "c", [2], op_type="mine")]  # fmt: skip
    with pytest.raises(UnsupportedError, match=r"Custom: 1 x, at c; Magic: 2 x, at a, b"):
        import_mxnet(saved(tmp_path, symbol(nodes)), X)


def test_attributes_are_not_dropped(tmp_path: Path) -> None:
    made = symbol([node("null", "x"), node("relu", "y", [0], slope="0.5", __hidden__="1")])
    with pytest.raises(UnsupportedError, match="the attribute slope is not supported"):
        import_mxnet(saved(tmp_path, made), X)


BAD: dict[str, Any] = {
    "not JSON": "{",
    "deep": "[" * 100_000,
    "a list": [],
    "no nodes": {"heads": []},
    "no heads": {"nodes": [node("null", "x")], "heads": []},
    "a cycle": symbol([node("relu", "a", [1]), node("relu", "b", [0])]),
    "itself": symbol([node("relu", "a", [0])]),
    "behind the end": symbol([node("null", "x"), node("relu", "a", [7])]),
    "an output that is not there": symbol([node("null", "x"), node("relu", "a", [[0, 3, 0]])]),
    "two of a name": symbol([node("null", "x"), node("null", "x"), node("_plus", "a", [0, 1])]),
    "texts as numbers": symbol([node("null", "x"), {**node("relu", "a", [0]), "attrs": {"a": 1}}]),
    "too few inputs": symbol([node("null", "x"), node("elemwise_add", "a", [0])]),
    "too many inputs": symbol([node("null", "x"), node("relu", "a", [0, 0, 0])]),
    "absurd shape": symbol([node("null", "x"), node("_zeros", "z", shape="(99999999, 99999999)"),
                            node("broadcast_add", "a", [0, 1])]),
    "no number": symbol([node("null", "x"), node("_plus_scalar", "a", [0], scalar="one")]),
    "a shape without an end": symbol([node("null", "x"), node("Reshape", "a", [0], shape="(1,")]),
    "axis": symbol([node("null", "x"), node("sum", "a", [0], axis="7")]),
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_bad_symbols(content: Any, tmp_path: Path) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(BaryonError) as caught:
        import_mxnet(path, X)
    assert "net-symbol.json" in str(caught.value)


def test_bad_parameters(tmp_path: Path) -> None:
    path = saved(tmp_path, MLP)
    for content in (b"", b"PK\x03\x04 no", b"\x12\x01\0\0\0\0\0\0" + b"\xff" * 40):
        (tmp_path / "net-0000.params").write_bytes(content)
        with pytest.raises(ModelError, match="net-0000"):
            import_mxnet(path, X)


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, MLP, PARAMS)
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(inspect_command, [str(path)], catch_exceptions=False)
    assert "FullyConnected" in shown.output and "input data" in shown.output
    assert "give the shape of data by --shape" in shown.output
    sized = [str(path), "--shape", "data=2x3"]
    shown = CliRunner().invoke(inspect_command, sized, catch_exceptions=False)
    assert "flops a run" in shown.output and "input data: f32[2,3]" in shown.output
    shown = CliRunner().invoke(inspect_command, [*sized, "--ir"], catch_exceptions=False)
    assert "npx.fully_connected" in shown.output
    shown = CliRunner().invoke(inspect_command, [*sized, "--explain", "fc"], catch_exceptions=False)
    assert "kernel" in shown.output
    made = CliRunner().invoke(
        compile_command, [str(path), "-o", "net.baryon", "--shape", "data=2x3"],
        catch_exceptions=False,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert_allclose(load("net.baryon")(X)[0], np.tile(PREDICTION, (2, 1)), rtol=1e-5)
    refused = CliRunner().invoke(compile_command, [str(path), "--shape", "data=2xx"])
    assert refused.exit_code == 2
