"""npx.save, savez, load; capsules of DLPack; devices in npx."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import baryon as mx
from baryon import npx
from baryon.array.files import FileError
from baryon.ir import IRTypeError

A, B = mx.np.array([[1.0, 2.0]]), mx.np.array([3], dtype="int32")


def test_one_array_comes_back_as_one(tmp_path: Path) -> None:
    npx.save(tmp_path / "a", A)
    found = npx.load(tmp_path / "a")
    assert isinstance(found, mx.np.ndarray)
    assert found.asnumpy().tolist() == [[1, 2]]
    assert np.load(tmp_path / "a").tolist() == [[1, 2]]
    with pytest.raises(IRTypeError, match=r"npx\.savez"):
        npx.save(tmp_path / "b", [A])  # type: ignore[arg-type]


def test_several_arrays_come_back_by_name(tmp_path: Path) -> None:
    npx.savez(tmp_path / "a", A, named=B)
    found = npx.load(tmp_path / "a")
    assert isinstance(found, dict)
    assert {name: x.asnumpy().tolist() for name, x in found.items()} == {
        "arr_0": [[1, 2]],
        "named": [3],
    }
    with pytest.raises(IRTypeError, match="arr_0 twice"):
        npx.savez(tmp_path / "b", A, arr_0=B)
    assert not (tmp_path / "b").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no array")
    with pytest.raises(FileError, match="cannot be read as arrays"):
        npx.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        npx.load(tmp_path / "missing")


def test_capsules_share_memory() -> None:
    source = mx.np.zeros((3,))
    for capsule in (npx.to_dlpack_for_read(source), npx.to_dlpack_for_write(source)):
        shared = npx.from_dlpack(capsule)
        shared += 1
    assert source.asnumpy().tolist() == [2, 2, 2]


def test_numpy_arrays_are_taken_with_or_without_their_memory() -> None:
    source = np.zeros(2, "float32")
    shared, copied = npx.from_numpy(source), npx.from_numpy(source, zero_copy=False)
    shared[0] = 1
    assert source.tolist() == [1, 0]
    assert copied.asnumpy().tolist() == [0, 0]


def test_devices_are_in_npx() -> None:
    assert npx.cpu() == npx.current_device() == npx.Device("cpu")
    assert npx.num_gpus() == 0
