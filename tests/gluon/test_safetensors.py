"""Parameters in the format of safetensors: written, read, and read by the library itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import baryon as mx
from baryon.array.files import FileError
from baryon.gluon import nn
from baryon.gluon.errors import ParameterError


def net_of(dtype: str = "float32") -> Any:
    net = nn.HybridSequential()
    net.add(nn.Dense(5, in_units=4), nn.BatchNorm(in_channels=5), nn.Dense(3, in_units=5))
    net.initialize(mx.init.Normal(1.0))
    net.cast(dtype)
    return net


def values(net: Any) -> dict[str, Any]:
    return {name: p.data().asnumpy() for name, p in net.collect_params().items()}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_there_and_back(tmp_path: Path, dtype: str) -> None:
    net, other, path = net_of(dtype), net_of(dtype), tmp_path / "net.safetensors"
    net.save_parameters(path)
    other.load_parameters(path)
    for name, want in values(net).items():
        got = values(other)[name]
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_the_library_reads_and_writes_the_same_file(tmp_path: Path) -> None:
    net, path = net_of(), tmp_path / "net.safetensors"
    net.save_parameters(path)
    found = load_file(path)
    assert found.keys() == values(net).keys()
    save_file({name: np.ascontiguousarray(a * 2) for name, a in found.items()}, path)
    net.load_parameters(path)
    np.testing.assert_array_equal(net[0].weight.data().asnumpy(), found["0.weight"] * 2)


def test_missing_extra_and_other_shapes_are_named(tmp_path: Path) -> None:
    net, path = net_of(), str(tmp_path / "net.safetensors")
    arrays = values(net)
    save_file({n: a for n, a in arrays.items() if n != "2.bias"}, path)
    with pytest.raises(ParameterError, match=r"does not have 2\.bias"):
        net.load_parameters(path)
    net.load_parameters(path, allow_missing=True)
    save_file({**arrays, "head.weight": np.ones(2, np.float32)}, path)
    with pytest.raises(ParameterError, match=r"that the net does not: head\.weight"):
        net.load_parameters(path)
    save_file({**arrays, "0.weight": np.ones((5, 3), np.float32)}, path)
    with pytest.raises(ParameterError, match=r"0\.weight .*\(5, 3\)"):
        net.load_parameters(path)


def test_arrays_by_name(tmp_path: Path) -> None:
    path = str(tmp_path / "few.safetensors")
    mx.npx.savez(path, a=mx.np.ones((2, 3)), empty=mx.np.zeros((0, 2), dtype="int8"))
    found: Any = mx.npx.load(path)
    assert {name: x.shape for name, x in found.items()} == {"a": (2, 3), "empty": (0, 2)}


@pytest.mark.parametrize("damage", [slice(0, -3), slice(0, 30), slice(0, 9)])
def test_damaged_files(tmp_path: Path, damage: slice) -> None:
    path = tmp_path / "net.safetensors"
    net_of().save_parameters(path)
    path.write_bytes(path.read_bytes()[damage])
    with pytest.raises(FileError, match=r"net\.safetensors cannot be read as arrays"):
        net_of().load_parameters(path)
