"""Arrays from files and outputs that are whole or not there."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

from baryon.cli.files import FileError, bind_inputs, read_arrays, write_arrays
from baryon.cli.outputs import replacing

A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.array([1, 2], np.int64)


def test_arrays_of_each_kind_of_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", A)
    np.savez(tmp_path / "both.npz", a=A, b=B)
    (tmp_path / "b.pb").write_bytes(numpy_helper.from_array(B, "b").SerializeToString())
    assert np.array_equal(read_arrays(tmp_path / "a.npy")[""], A)
    assert [*read_arrays(tmp_path / "both.npz")] == ["a", "b"]
    assert np.array_equal(read_arrays(tmp_path / "b.pb")["b"], B)


GARBAGE = (b"", b"\xff\xff\xff", b"PK\x03\x04", b"\x93NUMPY\x01\x00")
BROKEN = [
    (name, content)
    for name in ("x.npy", "x.npz", "x.pb")
    for content in GARBAGE
    if content or name != "x.pb"  # an empty protocol buffer is a valid one
]


@pytest.mark.parametrize(("name", "content"), BROKEN)
def test_broken_files(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileError, match=name):
        read_arrays(path)


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(FileError, match="pickle"):
        read_arrays(tmp_path / "x.npy")


@pytest.mark.parametrize("names", [["out"], ["file", "a/b:0", "größe"]])
def test_written_arrays_come_back(names: list[str], tmp_path: Path) -> None:
    arrays = {name: A + i for i, name in enumerate(names)}
    write_arrays(tmp_path / "out.npz", arrays)
    back = read_arrays(tmp_path / "out.npz")
    assert [*back] == names
    assert all(np.array_equal(back[n], arrays[n]) for n in names)


def test_a_single_array_as_npy(tmp_path: Path) -> None:
    write_arrays(tmp_path / "out.npy", {"y": A})
    assert np.array_equal(np.load(tmp_path / "out.npy"), A)


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_failure_leaves_the_old_file(old: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "out"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if old is None else [old])


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as caught, replacing(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "out")


def test_links_and_devices_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_bytes(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    with replacing(Path("/dev/null")) as temporary:
        assert temporary == Path("/dev/null")
    with pytest.raises(OSError, match="is a folder"), replacing(tmp_path):
        pass
    with pytest.raises(OSError, match="no such folder"), replacing(tmp_path / "x" / "y"):
        pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a.npy, b.npy, both.npz and a file whose name has an equals sign."""
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", A)
    np.save("b.npy", B)
    np.save("x=1.npy", A)
    np.savez("both.npz", a=A, b=B)
    return tmp_path


@pytest.mark.parametrize(
    "given",
    [
        ["a=a.npy", "b=b.npy"],
        ["b=b.npy", "a=a.npy"],
        ["a.npy", "b.npy"],
        ["b=b.npy", "a.npy"],
        ["both.npz"],
        ["x=1.npy", "b.npy"],
    ],
)
def test_arguments_name_the_inputs(given: list[str], folder: Path) -> None:
    bound = bind_inputs(["a", "b"], given)
    assert np.array_equal(bound["a"], A)
    assert np.array_equal(bound["b"], B)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a.npy"], "no array is given for b"),
        (["c=a.npy", "b.npy"], "'c' is no input"),
        (["a=a.npy", "a=b.npy"], "'a' is given twice"),
        (["a=both.npz"], "both.npz has 2 arrays: a, b; a needs one"),
        (["a.npy", "b.npy", "b.npy"], "is no input"),
        (["a.txt"], "a.txt is not a file of arrays"),
    ],
)
def test_wrong_arguments(given: list[str], message: str, folder: Path) -> None:
    with pytest.raises(FileError, match=message):
        bind_inputs(["a", "b"], given)


def test_a_missing_file_is_an_os_error(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bind_inputs(["a"], ["a=nowhere.npy"])
