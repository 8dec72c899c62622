"""The artifact file: round trips, the same bytes each time, refusals, and a full disk."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from baryon.codegen.artifact import (
    Artifact,
    ArtifactError,
    Call,
    Computed,
    Dim,
    Kernel,
    Port,
    Slot,
    Storage,
    Symbol,
    Weights,
    WeightsBuilder,
    parse_artifact,
    read_artifact,
    to_bytes,
    write_artifact,
    write_artifact_to,
)
from baryon.codegen.artifact import format as fmt
from codegen.artifact_samples import (
    COUNTED,
    N,
    sample,
    with_code,
    with_count,
    with_plan,
    with_tensor,
)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "net.baryon"
    size = write_artifact(path, sample())
    again = read_artifact(path, verify=True)
    assert size == path.stat().st_size
    assert again.meta == sample().meta
    old, new = sample().variants[0], again.variants[0]
    exact = (96 * 4, 8 * 48, 280, 6, 4096, 1, 8, 64 * 12)
    tensors = tuple(
        replace(t, byte_extent=extent) for t, extent in zip(old.plan.tensors, exact, strict=True)
    )
    assert new.plan == replace(old.plan, tensors=tensors)
    assert replace(new.code, image=bytes(new.code.image)) == old.code
    assert to_bytes(again) == path.read_bytes()


def test_same_artifact_gives_the_same_bytes() -> None:
    variant = sample().variants[0]
    meta = dict(reversed(list(variant.meta.items())))
    reordered = replace(sample(), variants=(replace(variant, meta=meta),))
    assert to_bytes(sample()) == to_bytes(reordered)


def test_places_in_the_file() -> None:
    data = to_bytes(sample())
    rows = np.frombuffer(data, fmt.SECTION, 4, fmt.HEADER.itemsize)
    assert [int(kind) for kind in rows["kind"]] == [fmt.META, fmt.PLAN, fmt.CODE, fmt.WEIGHTS]
    assert all(int(offset) % fmt.PAGE == 0 for offset in rows["offset"][2:])
    weights = data[int(rows[3]["offset"]) :]
    assert weights[:280] == np.arange(70, dtype="float32").tobytes()
    assert weights[320:326] == bytes([0, 3, 1, 4, 2, 5])


def test_equal_weights_are_stored_once() -> None:
    builder = WeightsBuilder()
    large = np.arange(1 << 20, dtype="float32")
    changed = large.copy()
    changed[1 << 19] = -1
    offsets = [builder.add(array) for array in (large, changed, large.copy(), large.view("int32"))]
    assert offsets == [0, large.nbytes, 0, 0]
    assert builder.add(np.ones(3, ml_dtypes.bfloat16)) == 2 * large.nbytes
    assert builder.add(np.zeros(0, "float32")) == 2 * large.nbytes + 64
    weights = builder.finish()
    assert weights.chunks[0].obj is not None
    assert np.shares_memory(np.frombuffer(weights.chunks[0], "float32"), large)
    assert weights.read(large.nbytes - 4, 8) == large[-1:].tobytes() + changed[:1].tobytes()


def test_variants_share_the_weights() -> None:
    one = sample()
    plan = replace(one.variants[0].plan, name="x86-64")
    second = replace(one.variants[0], plan=plan, meta={"target": "x86-64"})
    both = replace(one, variants=(*one.variants, second))
    again = parse_artifact(to_bytes(both))
    assert [v.meta["target"] for v in again.variants] == ["x86-64-v3", "x86-64"]
    assert to_bytes(again) == to_bytes(both)
    assert len(to_bytes(both)) < len(to_bytes(one)) + 4 * fmt.PAGE
    other = replace(second, plan=replace(second.plan, outputs=(Port("other", 1),)))
    with pytest.raises(ArtifactError, match="differ in their outputs"):
        to_bytes(replace(one, variants=(*one.variants, other)))


BROKEN: dict[str, tuple[str, Callable[[], Artifact]]] = {
    "arena": ("A11", lambda: with_plan(arena_bytes=1 << 41)),
    "name": ("A13", lambda: with_plan(kernels=(Kernel("a\0b", 0), Kernel("copy", 64)))),
    "range": ("A14", lambda: with_plan(symbols=(Symbol("N", 3, 2), COUNTED))),
    "bound": ("A34", lambda: with_count(Computed(0, 6, Dim("N", 5)))),
    "bound by itself": ("A34", lambda: with_count(Computed(0, 6, Dim("k", 1)))),
    "no such call": ("A35", lambda: with_count(Computed(2, 6, Dim("N", 4)))),
    "no argument": ("A35", lambda: with_count(Computed(0, 5, Dim("N", 4)))),
    "no count": ("A35", lambda: with_count(Computed(0, 4, Dim("N", 4)))),
    "used before": ("A36", lambda: with_plan(calls=(Call(0, (0, 6, 7)), Call(1, (1,))))),
    "never defined": ("A22", lambda: with_plan(symbols=(N, Symbol("k", 0, 32)))),
    "defined twice": ("A22", lambda: with_tensor(0, shape=(Dim("N"), Dim("k"), 1))),
    "symbol": ("A15", lambda: with_tensor(4, shape=(Dim("M"), 2))),
    "overflow": ("A15", lambda: with_tensor(4, strides=(Dim("N", 1 << 61), 1))),
    "many symbols": ("A14", lambda: with_plan(symbols=(N,) * 65)),
    "literal": ("A15", lambda: with_tensor(2, shape=(-70,))),
    "rank": ("A16", lambda: with_tensor(2, shape=(1,) * 17)),
    "strides": ("A16", lambda: with_tensor(4, strides=(1,))),
    "dtype": ("A17", lambda: with_tensor(2, dtype="float8")),
    "extent": ("A18", lambda: with_tensor(4, byte_extent=100)),
    "weights": ("A19", lambda: with_tensor(2, shape=(99,))),
    "odd place": ("A19", lambda: with_tensor(2, byte_offset=2)),
    "no input": ("A19", lambda: with_tensor(2, storage=Storage.INPUT, index=3, byte_offset=0)),
    "port": ("A20", lambda: with_plan(inputs=(Port("data", 1),))),
    "value's shape": ("A37", lambda: with_plan(inputs=(Port("data", 0, 2),))),
    "value of an output": ("A37", lambda: with_plan(outputs=(Port("größe", 1, 2),))),
    "names": ("A21", lambda: with_plan(inputs=(Port("", 0),))),
    "unbound": ("A22", lambda: with_plan(symbols=(N, COUNTED, Symbol("M", 1, 8)))),
    "machine": ("A25", lambda: with_plan(machine=3)),
    "pages": ("A26", lambda: with_plan(machine=fmt.AARCH64)),
    "variants": ("A31", lambda: replace(sample(), variants=sample().variants * 2)),
    "no name": ("A31", lambda: with_plan(name="")),
    "kernel": ("A23", lambda: with_plan(calls=(Call(2, (0,)),))),
    "no arguments": ("A23", lambda: with_plan(calls=(Call(0, ()),))),
    "argument": ("A23", lambda: with_plan(calls=(Call(0, (8,)),))),
    "entry": ("A24", lambda: with_plan(kernels=(Kernel("conv", 0), Kernel("copy", 4096)))),
    "image": ("A26", lambda: with_code(image=b"\xc3" * 100)),
    "data": ("A27", lambda: with_code(data_bytes=1 << 29)),
    "slot": ("A28", lambda: with_code(slots=(Slot(32, "memset"),))),
    "address": ("A29", lambda: with_code(slots=(Slot(0, None, 4096 + 33),))),
    "import": ("A30", lambda: with_code(slots=(Slot(0, "system"),))),
}


@pytest.mark.parametrize("case", BROKEN)
def test_writer_refuses(case: str) -> None:
    rule, make = BROKEN[case]
    with pytest.raises(ArtifactError) as caught:
        to_bytes(make())
    assert caught.value.rule == rule


def test_writer_refuses_unknown_cpu_features() -> None:
    with pytest.raises(ArtifactError, match="prefer-256-bit"):
        to_bytes(with_plan(features=("avx2", "prefer-256-bit")))


def test_a_missing_file_is_an_artifact_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot read"):
        read_artifact(tmp_path / "none.baryon")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ArtifactError, match="A4"):
        read_artifact(tmp_path / "empty")


@pytest.fixture
def file_size_limit() -> Iterator[None]:
    """Files of at most 5000 bytes: writing more fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("file_size_limit")
def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "net.baryon"
    path.write_bytes(b"earlier")
    with pytest.raises(ArtifactError, match=r"cannot write '.*net.baryon': File too large"):
        write_artifact(path, sample())
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="not a regular file"):
        write_artifact(tmp_path, sample())
    with pytest.raises(ArtifactError, match="cannot write"):
        write_artifact(tmp_path / "missing" / "net.baryon", sample())
    target, alias = tmp_path / "net.baryon", tmp_path / "alias"
    alias.symlink_to(target)
    write_artifact(alias, sample())
    assert alias.is_symlink()
    assert target.is_file()


def test_write_to_a_file_object() -> None:
    file = BytesIO()
    size = write_artifact_to(file, sample())
    assert file.getvalue() == to_bytes(sample())
    assert size == file.tell() == len(file.getvalue())


def test_a_variant_is_needed() -> None:
    with pytest.raises(ArtifactError, match="needs a variant"):
        to_bytes(Artifact((), Weights()))
