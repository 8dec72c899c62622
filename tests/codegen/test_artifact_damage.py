"""Damaged and hostile artifacts are refused by the rule that they break."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from baryon.codegen.artifact import (
    ArtifactError,
    parse_artifact,
    read_artifact,
    to_bytes,
)
from baryon.codegen.artifact import format as fmt
from codegen.artifact_samples import sample


def seal(data: bytearray) -> bytes:
    """Make the hashes right again, so that a change is seen by what it changed."""
    count = int(np.frombuffer(data, fmt.HEADER, 1)["section_count"][0])
    rows = np.frombuffer(data, fmt.SECTION, count, fmt.HEADER.itemsize).copy()
    for row in rows:
        start = int(row["offset"])
        row["sha256"] = np.void(hashlib.sha256(data[start : start + int(row["bytes"])]).digest())
    table = rows.tobytes()
    data[fmt.HEADER.itemsize : fmt.HEADER.itemsize + len(table)] = table
    data[40:72] = hashlib.sha256(table).digest()
    return bytes(data)


@pytest.mark.parametrize(
    ("at", "value", "rule"),
    [
        (0, b"BARYON\n\n", "A1"),
        (8, b"\1\0\0\0", "A2"),
        (12, b"\0\0\0\0", "A3"),
        (16, b"\0\0\0\0", "A4"),
        (24, b"\xf8" + b"\xff" * 7, "A5"),
        (32, b"\0\0\0\0", "A5"),
        (100, b"\1", "A6"),
    ],
)
def test_reader_refuses_a_damaged_header(at: int, value: bytes, rule: str) -> None:
    data = bytearray(to_bytes(sample()))
    data[at : at + len(value)] = value
    with pytest.raises(ArtifactError) as caught:
        parse_artifact(bytes(data))
    assert caught.value.rule == rule


def test_each_flipped_byte_of_a_section_is_noticed(tmp_path: Path) -> None:
    data = to_bytes(sample())
    path = tmp_path / "net.baryon"
    for row in np.frombuffer(data, fmt.SECTION, 4, fmt.HEADER.itemsize):
        damaged = bytearray(data)
        damaged[int(row["offset"]) + int(row["bytes"]) // 2] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError, match="A10"):
            read_artifact(path, verify=True)
        if row["kind"] == fmt.WEIGHTS:
            assert read_artifact(path).meta == sample().meta


def mutations(data: bytes) -> Iterator[bytes]:
    """The file with a hostile number somewhere in its table, PLAN or CODE header, hashes right."""
    rng = random.Random(1)
    rows = np.frombuffer(data, fmt.SECTION, 4, fmt.HEADER.itemsize)
    areas = [(int(rows[i]["offset"]), min(800, int(rows[i]["bytes"]))) for i in (1, 2)]
    numbers = [0, 1, 7, 0xFFFFFFFF, 0x7FFFFFFF, 1 << 63, (1 << 64) - 1, (1 << 64) - 8, 4096]
    for _ in range(1500):
        start, size = rng.choice(areas)
        width = rng.choice((1, 4, 8))
        at = start + rng.randrange(0, size - 8) // width * width
        mutated = bytearray(data)
        value = rng.choice(numbers) & ((1 << 8 * width) - 1)
        mutated[at : at + width] = value.to_bytes(width, "little")
        yield seal(mutated)


def test_hostile_numbers_never_get_past_the_checks() -> None:
    refused = 0
    for data in mutations(to_bytes(sample())):
        try:
            parse_artifact(data)
        except ArtifactError:
            refused += 1
    assert 500 < refused < 1500


def test_hostile_section_table() -> None:
    data = to_bytes(sample())
    for row in range(4):
        for field, value in (("offset", (1 << 64) - 4096), ("bytes", 1 << 63), ("kind", 2)):
            damaged = bytearray(data)
            rows = np.frombuffer(damaged, fmt.SECTION, 4, fmt.HEADER.itemsize)
            if rows[row][field] == value:
                continue
            rows[row][field] = value
            damaged[40:72] = hashlib.sha256(rows.tobytes()).digest()
            with pytest.raises(ArtifactError, match=r"A[789]|A10"):
                parse_artifact(bytes(damaged))


def test_truncated_files_are_refused() -> None:
    data = to_bytes(sample())
    for size in (0, 7, 95, 96, 200, 4096, len(data) - 1):
        with pytest.raises(ArtifactError):
            parse_artifact(data[:size])
    with pytest.raises(ArtifactError, match="cut or extended"):
        parse_artifact(data + b"\0")
