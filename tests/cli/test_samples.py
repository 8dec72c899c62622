"""Samples from files: archives, folders of arrays, folders of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from baryon.cli.files import FileError
from baryon.cli.npz import columns
from baryon.cli.pictures import Preprocessing
from baryon.cli.samples import Samples, open_samples

RNG = np.random.default_rng(0)
X = RNG.standard_normal((10, 3, 4, 5)).astype(np.float32)
Y = np.arange(10, dtype=np.int32)
PLAIN = Preprocessing()


def read(path: Path, inputs: dict[str, int] | None = None, size: int = 4) -> Samples:
    return open_samples(path, inputs or {"data": 4}, size, PLAIN)


def joined(samples: Samples) -> list[Any]:
    assert len([*samples]) == samples.batches
    return [np.concatenate(parts) for parts in zip(*samples, strict=True)]


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(0, 9), size=st.integers(1, 5), fortran=st.booleans(), packed=st.booleans())
def test_parts_of_an_archive_are_its_arrays(
    tmp_path_factory: pytest.TempPathFactory, rows: int, size: int, fortran: bool, packed: bool
) -> None:
    path = tmp_path_factory.mktemp("npz") / "data.npz"
    x = np.asarray(X[:rows], order="F" if fortran else "C")
    (np.savez_compressed if packed else np.savez)(path, data=x, label=Y[:rows])
    samples = read(path, size=size)
    assert samples.labelled
    parts = [*samples]
    assert samples.batches == len(parts) == -(-rows // size)
    assert all(len(data) <= size for data, _ in parts)
    if parts:
        data, labels = joined(samples)
        np.testing.assert_array_equal(data, x)
        np.testing.assert_array_equal(labels, Y[:rows])


def test_arrays_go_to_inputs_by_name(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, b=X, a=Y, y=Y * 2)
    a, b, labels = joined(read(path, {"a": 1, "b": 4}))
    np.testing.assert_array_equal(a, Y)
    np.testing.assert_array_equal(b, X)
    np.testing.assert_array_equal(labels, Y * 2)
    assert not read(path, {"a": 1, "b": 4, "y": 1}).labelled


def test_one_input_takes_the_one_array(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, images=X)
    np.testing.assert_array_equal(joined(read(path))[0], X)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X, "b": X}, "has the arrays a, b, the network takes data"),
        ({"label": Y}, "has the arrays label, the network takes data"),
        ({}, r"has the arrays \(none\)"),
        ({"data": X, "label": Y[:3]}, "not one number of samples"),
        ({"data": np.float32(1)}, "not one number of samples"),
        ({"data": np.array([{}])}, "Python objects"),
    ],
)
def test_archives_that_do_not_fit(tmp_path: Path, arrays: Any, message: str) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    with pytest.raises(FileError, match=message):
        read(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no archive", b"\0" * 100])
def test_a_broken_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(FileError, match="cannot be read"):
        columns(path)


def test_data_that_is_damaged_is_found_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, data=X)
    damaged = bytearray(path.read_bytes())
    damaged[500] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(FileError, match="cannot be read"):
        [*read(path)]


def test_a_folder_of_batches_and_one_of_samples(tmp_path: Path) -> None:
    for folder, parts in (("batches", [X[:4], X[4:]]), ("samples", [*X])):
        (tmp_path / folder).mkdir()
        for number, part in enumerate(parts):
            np.save(tmp_path / folder / f"{number:02}.npy", part)
        assert not read(tmp_path / folder).labelled
        np.save(tmp_path / folder / "labels.npy", Y)
        data, labels = joined(read(tmp_path / folder, size=3))
        np.testing.assert_array_equal(data, X)
        np.testing.assert_array_equal(labels, Y)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "neither .npy files nor images"),
        ({"0.npy": X[0, 0]}, r"has 2 axes: neither a batch \(4\) nor a sample \(3\)"),
        ({"0.npy": X[0], "1.npy": X[1, :, 1:]}, r"1.npy has the shape \(3, 3, 5\)"),
        ({"0.npy": X, "labels.npy": Y[:4]}, "more samples than its 4 labels"),
        ({"0.npy": X[:3], "labels.npy": Y}, "3 samples and 10 labels"),
    ],
)
def test_folders_that_do_not_fit(tmp_path: Path, files: Any, message: str) -> None:
    for name, array in files.items():
        np.save(tmp_path / name, array)
    with pytest.raises(FileError, match=message):
        [*read(tmp_path)]


def test_a_folder_is_for_one_input(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", X)
    with pytest.raises(FileError, match="takes 2 arrays: a, b"):
        read(tmp_path, {"a": 1, "b": 4})


def picture(path: Path, height: int, width: int, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(exist_ok=True)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 4 : width - width // 4] = colour
    Image.fromarray(pixels).save(path)


def test_images_are_cut_resized_and_normalized(tmp_path: Path) -> None:
    """Of 8 x 16 pixels the middle 8 x 8 have the colour."""
    picture(tmp_path / "a.png", 8, 16, (255, 51, 0))
    prepare = Preprocessing((4, 4), (0.5, 0.5, 0.5), (0.5, 0.25, 1.0))
    ((batch,),) = open_samples(tmp_path, {"data": 4}, 8, prepare)
    assert batch.dtype == np.float32
    expected = np.full((1, 4, 4, 3), [1.0, -1.2, -0.5]).transpose(0, 3, 1, 2)
    assert np.abs(batch - expected).max() < 1e-6
    last = Preprocessing((4, 4), (0.5, 0.5, 0.5), (0.5, 0.25, 1.0), "NHWC")
    np.testing.assert_array_equal(last(tmp_path / "a.png"), batch[0].transpose(1, 2, 0))
    gray = Preprocessing(gray=True)(tmp_path / "a.png")
    assert gray.shape == (1, 8, 16)
    assert gray[0, 0, 8] == pytest.approx(0.299 + 0.587 * 0.2, abs=0.01)


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    for name in ("dog/1.png", "cat/2.png", "cat/1.png"):
        picture(tmp_path / name, 4, 4, (255, 0, 0))
    samples = read(tmp_path, size=2)
    assert samples.labelled
    assert joined(samples)[1].tolist() == [0, 0, 1]
    picture(tmp_path / "none.png", 4, 4, (0, 0, 0))
    with pytest.raises(FileError, match="in itself and in sub-folders"):
        read(tmp_path)


def test_images_of_several_sizes_need_one(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 4, 4, (9, 9, 9))
    picture(tmp_path / "b.png", 4, 8, (9, 9, 9))
    with pytest.raises(FileError, match=r"several sizes: \(3, 4, 4\), \(3, 4, 8\)"):
        [*read(tmp_path)]


@pytest.mark.parametrize(
    ("settings_", "message"),
    [({"mean": (0.1, 0.2)}, "--mean has 2 numbers"), ({"std": (0.0,)}, "not above 0"),
     ({"gray": True, "std": (1.0, 1.0, 1.0)}, "--std has 3 numbers for 1 channels")],
)  # fmt: skip
def test_preprocessing_that_makes_no_sense(settings_: Any, message: str) -> None:
    with pytest.raises(FileError, match=message):
        Preprocessing(**settings_)


def test_other_files_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    with pytest.raises(FileError, match="no data that can be read"):
        read(tmp_path / "data.csv")
