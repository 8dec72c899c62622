"""Several builds in one artifact: which one runs, and what is said where none can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import baryon.runtime as rt
from runtime.artifacts import affine, affine_of, build

FUTURE = affine(("avx2", "time-travel"), "x86-64-v9")
SIMPLE = affine(("sse3",), "x86-64")
ARM = replace(affine(("neon",), "aarch64-linux"), machine=183)


def check(exe: rt.Executable, name: str) -> None:
    """That it is this variant, and computes."""
    assert exe.variant == name
    x = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 4)
    np.testing.assert_allclose(exe(x)[0], affine_of(x), rtol=1e-6)


def test_the_first_that_the_cpu_has() -> None:
    exe = rt.load(build(FUTURE, ARM, SIMPLE, affine()))
    assert exe.variants == ("x86-64-v9", "aarch64-linux", "x86-64", "x86-64-v3")
    assert exe.sizes["variant"] == exe.meta["variant"] == 2
    check(exe, "x86-64")


def test_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    file = build(FUTURE, affine(), SIMPLE)
    check(rt.load(file), "x86-64-v3")
    check(rt.load(file, variant="x86-64"), "x86-64")
    monkeypatch.setenv("BARYON_VARIANT", "x86-64")
    check(rt.load(file), "x86-64")
    check(rt.load(file, variant="x86-64-v3"), "x86-64-v3")
    check(rt.load(build(affine())), "x86-64-v3")  # no choice: the variable says nothing of it


def test_none_fits() -> None:
    message = (
        r"the artifact needs what this CPU \(.+\) does not have: x86-64-v9 needs time-travel; "
        r"aarch64-linux needs a CPU of AArch64$"
    )
    with pytest.raises(rt.UnsupportedCpuError, match=message):
        rt.load(build(FUTURE, ARM))


def test_one_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    file = build(FUTURE, SIMPLE)
    message = r"the variant 'x86-64-v9' needs what this CPU \(.+\) does not have: time-travel$"
    with pytest.raises(rt.UnsupportedCpuError, match=message):
        rt.load(file, variant="x86-64-v9")
    monkeypatch.setenv("BARYON_VARIANT", "x86-64-v9")
    with pytest.raises(rt.UnsupportedCpuError, match=r"'x86-64-v9' \(BARYON_VARIANT\) needs"):
        rt.load(file)


def test_one_that_is_not_there() -> None:
    message = "the artifact has no variant 'x86-64-v2', it has x86-64-v9, x86-64"
    with pytest.raises(ValueError, match=message):
        rt.load(build(FUTURE, SIMPLE), variant="x86-64-v2")


def test_damage_in_another_variant() -> None:
    """Plans are all read, the code of a variant that does not run is not looked at."""
    file = bytearray(build(affine(), SIMPLE))
    places = {(k, n): at for k, n, at in _sections(file)}
    for kind, refused in ((2, True), (1, False), (3, False)):
        damaged = file.copy()
        damaged[places[kind, 1] + 8] ^= 1
        if refused:
            with pytest.raises(rt.ArtifactError, match="PLAN of variant 1 does not have its SHA"):
                rt.load(damaged)
        else:
            exe = rt.load(damaged)
            with pytest.raises(rt.ArtifactError, match="of variant 1 does not have its SHA-256"):
                exe.verify()


def _sections(file: bytearray) -> list[tuple[int, int, int]]:
    """(kind, variant, offset) of each section."""
    rows = np.frombuffer(file, np.dtype("<u4, <u4, <u8, <u8, V32"), 7, 96)
    return [(int(row[0]), int(row[1]), int(row[2])) for row in rows]
