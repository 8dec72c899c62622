"""Files of parameters and exported graphs."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import baryon as mx
from baryon import autograd
from baryon.array.files import FileError, load_arrays, save_arrays
from baryon.gluon import HybridBlock, SymbolBlock, nn
from baryon.gluon.errors import BlockError, CallError, ParameterError
from baryon.importers import ModelError

X = mx.np.array(np.random.RandomState(0).randn(4, 3, 6, 6).astype("float32"))


def net() -> nn.HybridSequential:
    made = nn.HybridSequential()
    made.add(
        nn.Conv2D(4, 3, activation="relu"), nn.BatchNorm(), nn.Flatten(), nn.Dropout(0.5),
        nn.Dense(2),
    )  # fmt: skip
    made.initialize()
    return made


def ready() -> nn.HybridSequential:
    made = net()
    with autograd.record():
        made(X)  # the running statistics move
    return made


def equal(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-5, atol=1e-6)


def test_saved_parameters_load_again_and_numpy_reads_them(tmp_path: Path) -> None:
    model, other, path = ready(), net(), tmp_path / "net.params"
    model.save_parameters(path)
    other.load_parameters(path)  # which had no shapes yet
    np.testing.assert_array_equal(other(X).asnumpy(), model(X).asnumpy())
    with np.load(path, allow_pickle=False) as arrays:
        assert set(arrays.files) == set(model.collect_params())
    assert [p.name for p in tmp_path.iterdir()] == ["net.params"]  # no temporary file is left


def test_saving_an_incomplete_net_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "net.params"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        net().save_parameters(path)
    assert path.read_text() == "old"


def test_shared_parameters_are_saved_once_if_asked(tmp_path: Path) -> None:
    model = nn.HybridSequential()
    model.add(nn.Dense(3, in_units=3), nn.Dense(3, in_units=3))
    model.initialize()
    model[1].share_parameters(model[0].params)
    model.save_parameters(tmp_path / "all")
    model.save_parameters(tmp_path / "once", deduplicate=True)
    assert [len(load_arrays(tmp_path / n)) for n in ("all", "once")] == [4, 2]
    model.load_parameters(tmp_path / "once")


def test_what_does_not_fit_is_listed() -> None:
    model = nn.Dense(2, in_units=3)
    weight, bias = np.zeros((2, 3), "f"), np.zeros(2, "f")
    with pytest.raises(ParameterError, match="does not have bias"):
        model.load_dict({"weight": weight})
    model.load_dict({"weight": weight}, allow_missing=True)
    with pytest.raises(ParameterError, match="that the net does not: other"):
        model.load_dict({"weight": weight, "bias": bias, "other": bias})
    model.load_dict({"arg:weight": weight, "aux:bias": bias, "other": bias}, ignore_extra=True)
    with pytest.raises(
        ParameterError, match=r"weight has the shape \(2, 3\), the saved one \(3, 3\)"
    ):
        model.load_dict({"weight": np.zeros((3, 3), "f"), "bias": bias})
    with pytest.raises(ParameterError, match=r"weight is float32, .* float64, bias is"):
        model.load_dict({"weight": weight.astype("f8"), "bias": bias.astype("f8")})
    model.load_dict({"weight": weight.astype("f8"), "bias": bias}, cast_dtype=True)


def test_models_are_saved_with_their_structure(tmp_path: Path) -> None:
    model, prefix = ready(), str(tmp_path / "m")
    model.save(prefix)
    other = net()
    other.load(prefix)
    equal(other(X), model(X))
    with pytest.raises(ParameterError, match="the net is a Dense"):
        nn.Dense(2).load(prefix)
    Path(f"{prefix}-model.json").write_text("[]")
    with pytest.raises(ParameterError, match=r"not what Block\.save writes"):
        other.load(prefix)


def test_all_element_types_survive(tmp_path: Path) -> None:
    arrays = {
        t: np.arange(6).reshape(2, 3).astype(t)
        for t in ("f2", "f4", "f8", "i1", "i8", "u1", "bool", ml_dtypes.bfloat16)
    }
    named = {str(np.dtype(t)): a for t, a in arrays.items()}
    save_arrays(tmp_path / "a", named)
    found = load_arrays(tmp_path / "a")
    assert {n: a.dtype for n, a in found.items()} == {n: a.dtype for n, a in named.items()}
    for name, array in named.items():
        np.testing.assert_array_equal(found[name].astype("f4"), array.astype("f4"))


def record(array: np.ndarray[Any, Any], number: int, magic: int = 0xF993FAC9) -> bytes:
    """An array as MXNet 1 writes it."""
    head = struct.pack("<I", magic)
    head += struct.pack("<i", 0) if magic != 0xF993FAC8 else b""
    head += struct.pack(f"<i{array.ndim}q", array.ndim, *array.shape)
    return head + struct.pack("<iii", 1, 0, number) + array.tobytes()


def listed(records: list[bytes], names: list[str]) -> bytes:
    text = b"".join(struct.pack("<Q", len(n)) + n.encode() for n in names)
    head = struct.pack("<QQQ", 0x112, 0, len(records))
    return head + b"".join(records) + struct.pack("<Q", len(names)) + text


A, B = np.arange(6, dtype="f4").reshape(2, 3), np.array([1, -2], "i4")


@pytest.mark.parametrize("magic", [0xF993FAC8, 0xF993FAC9, 0xF993FACA])
def test_lists_of_mxnet_1_are_read(tmp_path: Path, magic: int) -> None:
    path = tmp_path / "old.params"
    path.write_bytes(listed([record(A, 0, magic), record(B, 4, magic)], ["arg:a", "aux:b"]))
    found = load_arrays(path)
    np.testing.assert_array_equal(found["arg:a"], A)
    np.testing.assert_array_equal(found["aux:b"], B)
    path.write_bytes(listed([record(A, 0, magic)], []))
    assert [*load_arrays(path)] == ["0"]


def test_a_scalar_of_the_newest_list_format(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(listed([record(np.array(3, "f4"), 0, 0xF993FACA)], ["s"]))
    assert load_arrays(path)["s"].shape == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin as any known format"),
        (b"hello, this is no file of parameters", "does not begin"),
        (listed([record(A, 0)], ["a"])[:60], "too early"),
        (listed([record(A, 0)], ["a", "b"]), "2 names"),
        (listed([record(A, 0)] * 2, ["a", "a"]), "two arrays of one name"),
        (listed([record(A, 99)], ["a"]), "element type 99"),
        (struct.pack("<QQQ", 0x112, 0, 2**62), "do not fit"),
        (listed([struct.pack("<Iii", 0xF993FAC9, 1, 0)], ["a"]), "sparse"),
        (listed([struct.pack("<Iiiqq", 0xF993FAC9, 0, 2, 2**40, 2**40) + bytes(12)], ["a"]),
         "too early"),
        (listed([struct.pack("<Iiiq", 0xF993FAC9, 0, 1, -4) + bytes(12)], ["a"]), "shape"),
        (b"PK\x03\x04 but not a zip file", "cannot be read"),
        (b"\x93NUMPY, but not really", "cannot be read"),
    ],
)  # fmt: skip
def test_damaged_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.params"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        load_arrays(path)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_damage_gives_another_error(tmp_path_factory: Any, data: Any) -> None:
    path = tmp_path_factory.mktemp("damage") / "p"
    if data.draw(st.booleans()):
        content = bytearray(listed([record(A, 0), record(B, 4)], ["a", "b"]))
    else:
        save_arrays(path, {"a": A, "b": B})
        content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(FileError):
        load_arrays(path)


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    np.savez(path, a=np.array([object()], dtype=object))
    with pytest.raises(FileError, match="pickle"):
        load_arrays(path)


def exported(tmp_path: Path, model: Any, *inputs: Any) -> SymbolBlock:
    model.hybridize()
    model(*inputs)
    symbol, params = model.export(tmp_path / "m", epoch=3)
    assert Path(params).name == "m-0003.params"
    names = ["data"] if len(inputs) == 1 else [f"data{i}" for i in range(len(inputs))]
    return SymbolBlock.imports(symbol, names, params)


def test_exported_nets_compute_the_same_for_every_batch(tmp_path: Path) -> None:
    model = ready()
    block = exported(tmp_path, model, X)
    assert [*block.collect_params()] == [*model.collect_params()]
    for x in (X, X[:1]):
        equal(block(x), model(x))
    block.hybridize()
    equal(block(X), model(X))
    (got,) = mx.compile(block, X)(X.asnumpy())
    np.testing.assert_allclose(got, model(X).asnumpy(), rtol=1e-4, atol=1e-5)
    keys = load_arrays(tmp_path / "m-0003.params")
    assert {k for k in keys if k.startswith("aux:")} == {"aux:1.running_mean", "aux:1.running_var"}


def test_imported_nets_train_on(tmp_path: Path) -> None:
    model = ready()
    block = exported(tmp_path, model, X)
    block.setattr("grad_req", "write")
    assert block.collect_params()["1.running_mean"].grad_req == "null"
    before = block.collect_params()["1.running_mean"].data().asnumpy()
    with autograd.record():
        loss = block(X).sum()
    loss.backward()
    assert block.collect_params()["0.weight"].grad().asnumpy().any()
    assert (block.collect_params()["1.running_mean"].data().asnumpy() != before).all()
    again = exported(tmp_path, block, X)
    equal(again(X), block(X))


class Two(HybridBlock):
    """Two inputs, nested outputs, an array that is no parameter, a size from the input."""

    def __init__(self) -> None:
        super().__init__()
        self.table = mx.np.array([1.0, 2.0])
        self.dense = nn.Dense(2, in_units=3)

    def forward(self, x: Any, y: Any) -> Any:
        out = self.dense(x).reshape(x.shape[0], 2)
        return out * self.table, [y, {"sum": out + y}]


def test_exported_nets_keep_the_structure_of_what_they_return(tmp_path: Path) -> None:
    model, x, y = Two(), mx.np.ones((4, 3)), mx.np.ones((4, 2))
    model.initialize()
    block = exported(tmp_path, model, x, y)
    first, (second, rest) = block(x, y)
    want, (_, more) = model(x, y)
    equal(first, want)
    equal(second, y)
    equal(rest["sum"], more["sum"])
    with pytest.raises(CallError, match="takes 2 arrays"):
        block(x)
    with pytest.raises(CallError, match="input data1"):
        block(x, y.reshape(2, 4))


def test_exporting_in_memory() -> None:
    model = nn.Dense(2, in_units=3)
    model.initialize()
    x = mx.np.ones((4, 3))
    model.optimize_for(x)
    module, params = model.export(None)
    block = SymbolBlock(module, "data", params)
    equal(block(x), model(x))
    with pytest.raises(ParameterError, match="asked for"):
        SymbolBlock(module, ["other"], params)


def test_exporting_needs_a_graph() -> None:
    with pytest.raises(BlockError, match=r"call hybridize\(\)"):
        net().export("never written")


def test_files_that_export_did_not_write_are_refused(tmp_path: Path) -> None:
    model = ready()
    exported(tmp_path, model, X)
    path = tmp_path / "m-symbol.json"
    content = json.loads(path.read_text())
    with pytest.raises(ParameterError, match="has the inputs"):
        SymbolBlock.imports(path, ["x"])
    for change, message in (
        ({"format": 99}, "format 99"), ({"ir": 3}, "not what export writes"),
        ({"inputs": [1]}, "not what export writes"), ({"parameters": []}, "inputs that it lists"),
        ({"constants": ["c"]}, "needs the arrays"), ({"nodes": []}, "no heads"),
    ):  # fmt: skip
        path.write_text(json.dumps({**content, **change}))
        with pytest.raises((ParameterError, ModelError), match=message):
            SymbolBlock.imports(path, "data", tmp_path / "m-0003.params")
    path.write_text("no json")
    with pytest.raises(ParameterError, match="not what export writes"):
        SymbolBlock.imports(path, "data")
