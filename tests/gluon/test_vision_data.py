"""Image datasets that read files, made here in the formats of their authors."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baryon import recordio
from baryon.gluon.data import DataLoader, RecordFileDataset, vision
from baryon.gluon.data.vision import files
from baryon.imagecodec import ImageError, encode

CHANCE = np.random.RandomState(0)
DIGITS = CHANCE.randint(0, 256, (5, 28, 28)).astype("uint8")
LABELS = np.array([3, 1, 4, 1, 5], "uint8")
PHOTOS = CHANCE.randint(0, 256, (4, 32, 32, 3)).astype("uint8")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MXNET_GLUON_REPO", raising=False)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def write_mnist(root: Path, part: str = "train", packed: bool = True) -> None:
    for name, array in (("images-idx3", DIGITS), ("labels-idx1", LABELS)):
        data, suffix = idx(array), ".gz" if packed else ""
        path = root / f"{part}-{name}-ubyte{suffix}"
        path.write_bytes(gzip.compress(data) if packed else data)


@pytest.mark.parametrize("kind", [vision.MNIST, vision.FashionMNIST])
@pytest.mark.parametrize("packed", [True, False])
def test_mnist(tmp_path: Path, kind: type[vision.MNIST], packed: bool) -> None:
    write_mnist(tmp_path, "t10k", packed)
    digits = kind(tmp_path, train=False)
    assert len(digits) == 5
    image, label = digits[2]
    assert (image.shape, image.dtype, label, label.dtype) == ((28, 28, 1), "uint8", 4, "int32")
    np.testing.assert_array_equal(image.asnumpy()[..., 0], DIGITS[2])
    twice = kind(str(tmp_path), False, lambda image, label: (image, 2 * label))
    assert twice[0][1] == 6
    images, labels = next(iter(DataLoader(digits, 5)))
    assert images.shape == (5, 28, 28, 1) and labels.tolist() == LABELS.tolist()


def test_the_folder_of_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_HOME", str(tmp_path))
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    write_mnist(folder)
    assert len(vision.FashionMNIST()) == 5
    with pytest.raises(files.DatasetError, match=r"train-images-idx3-ubyte\.gz is not in") as error:
        vision.MNIST()
    assert "MXNET_GLUON_REPO" in str(error.value) and "datasets/mnist" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX"),
        (b"\x00\x00\x08\x03\x00", "not an IDX"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00", "not an IDX"),
        (idx(DIGITS)[:-1], "bytes of data"),
        (struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3), "bytes of data"),
        (idx(DIGITS[0]), "2 axes, 3"),
        (idx(DIGITS[1:]), "4 images and 5 labels"),
        (gzip.compress(idx(DIGITS))[:-9], "cannot read"),
    ],
)
def test_damaged_mnist(tmp_path: Path, content: bytes, message: str) -> None:
    write_mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(files.DatasetError, match=message):
        vision.MNIST(tmp_path)


def cifar(labels: list[bytes]) -> bytes:
    planes = PHOTOS.transpose(0, 3, 1, 2)
    return b"".join(label + p.tobytes() for label, p in zip(labels, planes, strict=True))


def test_cifar10_in_files_folders_and_archives(tmp_path: Path) -> None:
    data = cifar([bytes([i]) for i in range(4)])
    inner = tmp_path / "b" / "cifar-10-batches-bin"
    inner.mkdir(parents=True)
    for i in range(1, 6):
        (inner / f"data_batch_{i}.bin").write_bytes(data)
    many = vision.CIFAR10(tmp_path / "b")
    assert len(many) == 20
    np.testing.assert_array_equal(many[7][0].asnumpy(), PHOTOS[3])
    assert (many[7][1], many[7][1].dtype) == (3, "int32")
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    test = vision.CIFAR10(tmp_path, train=False)
    np.testing.assert_array_equal(test[1][0].asnumpy(), PHOTOS[1])
    with pytest.raises(files.DatasetError, match=r"has no file data_batch_1\.bin"):
        vision.CIFAR10(tmp_path)


def test_cifar100_has_coarse_and_fine_labels(tmp_path: Path) -> None:
    (tmp_path / "train.bin").write_bytes(cifar([bytes([i, 10 + i]) for i in range(4)]))
    assert vision.CIFAR100(tmp_path)[2][1] == 2
    assert vision.CIFAR100(tmp_path, fine_label=True)[2][1] == 12
    (tmp_path / "test.bin").write_bytes(b"123")
    with pytest.raises(files.DatasetError, match="not a multiple of 3074"):
        vision.CIFAR100(tmp_path, train=False)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"not an archive")
    with pytest.raises(files.DatasetError, match="cannot read"):
        vision.CIFAR10(tmp_path)


def test_downloads_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_GLUON_REPO", "https://example.invalid/")
    asked: list[tuple[str, str]] = []

    def download(url: str, path: str, sha1_hash: str) -> str:
        asked.append((url, sha1_hash))
        write_mnist(tmp_path)
        return path

    monkeypatch.setattr(files, "download", download)
    assert len(vision.MNIST(tmp_path)) == 5
    url = "https://example.invalid/gluon/dataset/mnist/train-images-idx3-ubyte.gz"
    assert asked == [(url, "6c95f4b05d2bf285e1bfb0e7960c31bd3b3f8a7d")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("PIL")
    for i, name in enumerate(("a/1.png", "a/0.PNG", "b/2.png")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(PHOTOS[i], ".png"))
    return tmp_path


def test_a_folder_for_each_class(folder: Path) -> None:
    np.save(folder / "b" / "3.npy", PHOTOS[3])
    images = vision.ImageFolderDataset(folder)
    assert images.synsets == ["a", "b"]
    assert [(Path(p).name, label) for p, label in images.items] == [
        ("0.PNG", 0), ("1.png", 0), ("2.png", 1), ("3.npy", 1),
    ]  # fmt: skip
    for i, photo in enumerate((1, 0, 2, 3)):
        np.testing.assert_array_equal(images[i][0].asnumpy(), PHOTOS[photo])
    assert vision.ImageFolderDataset(folder, 0)[0][0].shape == (32, 32, 1)
    (folder / "b" / "x.txt").touch()
    with pytest.warns(UserWarning, match=r"x\.txt is ignored"):
        assert len(vision.ImageFolderDataset(folder, transform=lambda _, label: label)) == 4


def test_a_list_of_images(folder: Path) -> None:
    (folder / "l.lst").write_text("0\t3.0\t5\ta/1.png\n1\t4\t6\tb/2.png\n")
    listed = vision.ImageListDataset(folder, "l.lst")
    image, labels = listed[1]
    np.testing.assert_array_equal(image.asnumpy(), PHOTOS[2])
    assert (labels.tolist(), labels.dtype) == ([4, 6], "float32")
    rows: list[list[Any]]
    for rows in ([[0, 2, "a/1.png"]], [[[0, 2], "a/1.png"]]):
        assert vision.ImageListDataset(folder, rows)[0][1].tolist() == [0, 2]
    (folder / "bad.lst").write_text("0\tx\ta/1.png\n")
    with pytest.raises(files.DatasetError, match="no numbers"):
        vision.ImageListDataset(folder, "bad.lst")
    with pytest.raises(ImageError, match="cannot read the image"):
        vision.ImageListDataset(folder, [[0, "none.png"]])[0]


def test_a_record_file_of_images(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    with recordio.MXIndexedRecordIO(tmp_path / "i.idx", tmp_path / "i.rec", "w") as out:
        for i, photo in enumerate(PHOTOS):
            header = recordio.IRHeader(0, i + 0.5, i, 0)
            out.write_idx(i, recordio.pack_img(header, photo[..., ::-1], 9, ".png"))
    images = vision.ImageRecordDataset(tmp_path / "i.rec")
    np.testing.assert_array_equal(images[2][0].asnumpy(), PHOTOS[2])
    assert images[2][1] == 2.5
    raw = RecordFileDataset(tmp_path / "i.rec")
    assert (len(raw), recordio.unpack(raw[3])[0].id) == (4, 3)
    batches = [*DataLoader(images, 2, num_workers=2)]
    assert [labels.tolist() for _, labels in batches] == [[0.5, 1.5], [2.5, 3.5]]
    np.testing.assert_array_equal(batches[1][0].asnumpy(), PHOTOS[2:])


def test_files_that_are_no_images(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"no image")
    with pytest.raises(ImageError, match="are not an image") as error:
        vision.ImageFolderDataset(tmp_path)[0]
    assert "1.jpg" in str(error.value)
