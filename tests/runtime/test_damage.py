"""Damaged artifacts are refused with a reason; nothing crashes."""

from __future__ import annotations

import struct

import pytest

import baryon.runtime as rt
from runtime.artifacts import PLAN, WEIGHTS, affine, build, edited, start_of
from runtime.damage import refused, survived


def test_sound() -> None:
    rt.load(build(affine()), verify=True)


def test_all_damage_is_refused() -> None:
    cases = list(refused())
    assert len({data for _, data in cases}) > 700
    accepted = []
    for name, data in cases:
        try:
            rt.load(data)
            accepted.append(name)
        except (rt.ArtifactError, rt.UnsupportedCpuError) as error:
            assert len(str(error)) > 20, name
    assert accepted == []


def test_any_word_of_the_plan_may_be_wrong() -> None:
    outcomes = set()
    for _, data in survived():
        try:
            outcomes.add(rt.load(data).threads > 0)
        except (rt.ArtifactError, rt.UnsupportedCpuError):
            outcomes.add(False)
    assert outcomes == {True, False}


def flip(data: bytes, at: int) -> bytes:
    copy = bytearray(data)
    copy[at] ^= 1
    return bytes(copy)


def test_weights_are_verified_on_request() -> None:
    base = build(affine())
    damaged = flip(base, start_of(base, WEIGHTS) + 64)
    exe = rt.load(damaged)
    with pytest.raises(rt.ArtifactError, match="WEIGHTS does not have its SHA"):
        exe.verify()
    with pytest.raises(rt.ArtifactError, match="WEIGHTS"):
        rt.load(damaged, verify=True)


BASE = build(affine())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a baryon artifact"),
        (b"PK\3\4" + bytes(100), "not a baryon artifact"),
        (
            BASE[:8] + struct.pack("<I", 7) + BASE[12:],
            "has format version 7, this runtime reads version 3",
        ),
        (BASE[:-10], f"truncated artifact: {len(BASE) - 10} bytes, its header says {len(BASE)}"),
        (flip(BASE, 100), "the section table does not have its SHA-256"),
        (flip(BASE, start_of(BASE, PLAN) + 20), "PLAN of variant 0 does not have its SHA-256"),
        (
            edited(BASE, lambda f: struct.pack_into("<Q", f, 96 + 56 + 8, 1 << 50)),
            r"section PLAN of variant 0 \(\d+ bytes at 1125899906842624\) is outside the file",
        ),
        (
            edited(BASE, lambda f: struct.pack_into("<Q", f, start_of(f, PLAN) + 104, 1 << 50)),
            r"the table of tensors \(1125899906842624 at \d+\) is outside section PLAN",
        ),
    ],
)
def test_reasons(data: bytes, message: str) -> None:
    with pytest.raises(rt.ArtifactError, match=message):
        rt.load(data)
