"""The iterators of `mx.io`; expected batches are MXNet's."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baryon import io, recordio

DATA = np.arange(10).reshape(5, 2).astype("float32")
LABELS = np.arange(5)


def seen(it: io.DataIter) -> list[tuple[list[float], int | None]]:
    return [((b.label or [])[0].asnumpy().ravel().tolist(), b.pad) for b in it]


@pytest.mark.parametrize(
    ("last", "first", "second"),
    [
        ("pad", [([0, 1], 0), ([2, 3], 0), ([4, 0], 1)], [([0, 1], 0), ([2, 3], 0), ([4, 0], 1)]),
        ("discard", [([0, 1], 0), ([2, 3], 0)], [([0, 1], 0), ([2, 3], 0)]),
        ("roll_over", [([0, 1], 0), ([2, 3], 0), ([4, 0], 1)], [([1, 2], 0), ([3, 4], 0)]),
    ],
)
def test_last_batches(last: str, first: Any, second: Any) -> None:
    it = io.NDArrayIter(DATA, LABELS, 2, last_batch_handle=last)
    assert seen(it) == first
    it.reset()
    assert seen(it) == second
    it.hard_reset()
    assert seen(it)[0] == ([0, 1], 0)


def test_descriptions_and_names() -> None:
    it = io.NDArrayIter({"a": DATA, "b": DATA}, {"y": LABELS}, 2)
    assert [(d.name, d.shape, d.dtype) for d in it.provide_data] == [
        ("a", (2, 2), "float32"), ("b", (2, 2), "float32"),
    ]  # fmt: skip
    name, shape = it.provide_label[0]
    assert (name, shape) == ("y", (2,))
    assert str(next(it)) == "DataBatch: data shapes: [(2, 2), (2, 2)] label shapes: [(2,)]"
    assert io.NDArrayIter(LABELS).provide_label == []
    assert io.DataDesc.get_batch_axis("TNC") == 1
    assert repr(io.DataDesc("x", (2, 3))) == "DataDesc[x,(2, 3),float32,NCHW]"
    shuffled = io.NDArrayIter(DATA, LABELS, 5, shuffle=True)
    assert sorted(seen(shuffled)[0][0]) == [0, 1, 2, 3, 4]


def test_wrappers() -> None:
    five = io.ResizeIter(io.NDArrayIter(DATA, LABELS, 2), 5)
    for _ in range(2):
        assert len(seen(five)) == 5
        five.reset()
    pair = io.PrefetchingIter(
        [io.NDArrayIter(DATA, LABELS, 2), io.NDArrayIter(DATA, LABELS, 2)],
        rename_data=[{"data": "left"}, {"data": "right"}],
    )
    assert [d.name for d in pair.provide_data] == ["left", "right"]
    for _ in range(2):
        batches = [*pair]
        assert [len(b.data) for b in batches] == [2, 2, 2]
        pair.reset()


def test_csv_files(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("1,2\n3,4\n5,6\n")
    (tmp_path / "l.csv").write_text("0\n1\n2\n")
    it = io.CSVIter(tmp_path / "d.csv", (2,), tmp_path / "l.csv", (1,), batch_size=2)
    assert seen(it) == [([0, 1], 0), ([2, 0], 1)]
    it.reset()
    batch = next(it)
    assert (batch.data[0].tolist(), batch.index.tolist()) == ([[3, 4], [5, 6]], [1, 2])
    plain = io.CSVIter(tmp_path / "d.csv", (2, 1), batch_size=2, round_batch=False)
    assert next(plain).data[0].shape == (2, 2, 1)
    with pytest.raises(OSError, match="not a CSV file of rows"):
        io.CSVIter(tmp_path / "d.csv", (4,))


def test_mnist_files(tmp_path: Path) -> None:
    images = np.random.RandomState(0).randint(0, 256, (4, 28, 28)).astype("uint8")
    for name, array in (("i", images), ("l", np.arange(4, dtype="uint8"))):
        head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (tmp_path / name).write_bytes(head + array.tobytes())
    it = io.MNISTIter(tmp_path / "i", tmp_path / "l", 3, shuffle=False)
    batch = next(it)
    np.testing.assert_array_equal(batch.data[0].asnumpy()[:, 0] * 256, images[:3])
    flat = io.MNISTIter(tmp_path / "i", tmp_path / "l", 2, shuffle=False, flat=True)
    assert next(flat).data[0].shape == (2, 784)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    pytest.importorskip("PIL")
    photos = np.random.RandomState(0).randint(0, 256, (5, 8, 9, 3)).astype("uint8")
    with recordio.MXIndexedRecordIO(tmp_path / "i.idx", tmp_path / "i.rec", "w") as out:
        for i, photo in enumerate(photos):
            header = recordio.IRHeader(0, float(i), i, 0)
            out.write_idx(i, recordio.pack_img(header, photo, 9, ".png"))
    return tmp_path / "i.rec"


def test_record_files(records: Path) -> None:
    it = io.ImageRecordIter(records, (3, 6, 7), 2, mean_r=10, std_g=2, preprocess_threads=2)
    assert it.provide_data[0].shape == (2, 3, 6, 7)
    for _ in range(2):
        assert seen(it) == [([0, 1], 0), ([2, 3], 0), ([4, 0], 1)]
        it.reset()
    raw = io.ImageRecordUInt8Iter(records, (3, 6, 7), 2, round_batch=False, preprocess_threads=1)
    batches = [*raw]
    assert [b.data[0].dtype for b in batches] == ["uint8", "uint8"]
    normalized = next(it).data[0].asnumpy()
    pixels = batches[0].data[0].asnumpy().astype("float32")
    np.testing.assert_allclose(normalized[:, 0], pixels[:, 0] - 10)
    np.testing.assert_allclose(normalized[:, 1], pixels[:, 1] / 2)


def test_what_is_left_out() -> None:
    with pytest.raises(AttributeError, match="sparse"):
        io.LibSVMIter
    with pytest.raises(ValueError, match="batch_size=9"):
        io.NDArrayIter(DATA, LABELS, 9)
    with pytest.raises(ValueError, match="same length"):
        io.NDArrayIter(DATA, LABELS[1:])
