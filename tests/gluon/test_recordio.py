"""Record files against files that MXNet 2 wrote, and damaged ones."""

import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baryon import recordio

MAGIC = struct.pack("<I", 0xCED7230A)
RECORDS = [
    b"hello", b"", MAGIC, b"abcd" + MAGIC + b"ef", b"a" + MAGIC + b"b", MAGIC * 2,
    b"1234" + MAGIC, b"x" * 9,
]  # fmt: skip
# what MXNet writes for RECORDS
WRITTEN = bytes.fromhex(
    "0a23d7ce0500000068656c6c6f000000 0a23d7ce00000000 0a23d7ce00000020 0a23d7ce00000060"
    "0a23d7ce0400002061626364 0a23d7ce0200006065660000 0a23d7ce06000000610a23d7ce620000"
    "0a23d7ce00000020 0a23d7ce00000040 0a23d7ce00000060 0a23d7ce0400002031323334"
    "0a23d7ce00000060 0a23d7ce09000000787878787878787878000000"
)
OFFSETS = [0, 16, 24, 40, 64, 80, 104, 124]


def write(folder: Path) -> tuple[Path, Path]:
    idx, rec = folder / "a.idx", folder / "a.rec"
    with recordio.MXIndexedRecordIO(idx, rec, "w") as out:
        for i, data in enumerate(RECORDS):
            out.write_idx(i * 10, data)
    return idx, rec


def test_files_are_those_of_mxnet(tmp_path: Path) -> None:
    idx, rec = write(tmp_path)
    assert rec.read_bytes() == WRITTEN
    assert idx.read_text() == "".join(f"{10 * i}\t{o}\n" for i, o in enumerate(OFFSETS))


def test_records_by_key_and_in_order(tmp_path: Path) -> None:
    idx, rec = write(tmp_path)
    file = recordio.MXIndexedRecordIO(idx, rec, "r")
    assert [file.read_idx(k) for k in file.keys] == RECORDS
    file.seek(60)
    assert [file.read() for _ in range(3)] == [RECORDS[6], RECORDS[7], None]
    file.reset()
    assert file.read() == RECORDS[0]


def test_a_copy_in_another_process_goes_on_where_the_file_stands(tmp_path: Path) -> None:
    idx, rec = write(tmp_path)
    file = recordio.MXIndexedRecordIO(idx, rec, "r")
    file.read()
    copy = pickle.loads(pickle.dumps(file))
    assert copy.read() == file.read() == RECORDS[1]
    assert copy.read_idx(70) == RECORDS[7]


@given(st.lists(st.sampled_from([MAGIC, b"\n", b"\n#", b"0123", b"\xd7\xce", b""]), max_size=12))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("rec") / "b.rec"
    data = b"".join(parts)
    with recordio.MXRecordIO(path, "w") as out:
        out.write(data)
        out.write(b"after")
    with recordio.MXRecordIO(path, "r") as file:
        assert (file.read(), file.read(), file.read()) == (data, b"after", None)


def test_damaged_files_raise_record_errors_only(tmp_path: Path) -> None:
    chance, path = random.Random(3), tmp_path / "c.rec"
    for _ in range(300):
        damaged = bytearray(WRITTEN[: chance.randrange(len(WRITTEN) + 1)])
        if damaged:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with recordio.MXRecordIO(path, "r") as file:
            try:
                while file.read() is not None:
                    pass
            except recordio.RecordError as error:
                assert "c.rec" in str(error)


def test_headers_are_those_of_mxnet() -> None:
    packed = recordio.pack(recordio.IRHeader(0, 3.5, 7, 9), b"zz")
    assert packed.hex() == "00000000000060400700000000000000" + "09000000000000007a7a"
    assert recordio.unpack(packed) == (recordio.IRHeader(0, 3.5, 7, 9), b"zz")
    packed = recordio.pack(recordio.IRHeader(5, [1, 2, 3], 7, 9), b"zz")
    assert packed.startswith(bytes.fromhex("0300000000000000")) and packed.endswith(b"\x40\x40zz")
    header, rest = recordio.unpack(packed)
    assert (header.flag, rest) == (3, b"zz")
    np.testing.assert_array_equal(header.label, np.array([1, 2, 3], np.float32))
    with pytest.raises(recordio.RecordError, match="no header"):
        recordio.unpack(b"short")
    with pytest.raises(recordio.RecordError, match="label of 3"):
        recordio.unpack(packed[:30])


def test_images_come_back() -> None:
    pytest.importorskip("PIL")
    image = np.random.RandomState(0).randint(0, 256, (5, 7, 3), np.uint8)
    record = recordio.pack_img(recordio.IRHeader(0, 1.0, 2, 0), image, 9, ".png")
    header, back = recordio.unpack_img(record)
    assert header.label == 1.0
    np.testing.assert_array_equal(back, image)
    assert recordio.unpack_img(record, 0)[1].shape == (5, 7)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda p: recordio.MXRecordIO(p / "none.rec", "r"), "cannot open"),
        (lambda p: recordio.MXRecordIO(p / "a.rec", "x"), "flag 'x'"),
        (lambda p: recordio.MXRecordIO(write(p)[1], "r").write(b""), "cannot be written"),
        (lambda p: recordio.MXIndexedRecordIO(p / "no.idx", write(p)[1], "r"), "without an index"),
    ],
)
def test_wrong_use_is_named(tmp_path: Path, use: Callable[[Path], object], message: str) -> None:
    with pytest.raises(recordio.RecordError, match=message):
        use(tmp_path)
