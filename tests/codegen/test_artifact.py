"""The artifact file: round trips, the same bytes each time, damage, and a full disk."""

from __future__ import annotations

import hashlib
import random
import re
import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from baryon.codegen.artifact import (
    Artifact,
    ArtifactError,
    Call,
    Code,
    Computed,
    Dim,
    Kernel,
    Plan,
    Port,
    Slot,
    Storage,
    Symbol,
    TensorDesc,
    Weights,
    WeightsBuilder,
    parse_artifact,
    read_artifact,
    to_bytes,
    write_artifact,
    write_artifact_to,
)
from baryon.codegen.artifact import format as fmt

RUNTIME = Path(__file__).parents[2] / "runtime" / "src"


def sample_weights() -> tuple[Weights, int, int]:
    """Weights and the offsets of two arrays in them."""
    builder = WeightsBuilder()
    first = builder.add(np.arange(70, dtype="float32"))
    second = builder.add(np.arange(6, dtype="int8").reshape(2, 3).T)
    return builder.finish(), first, second


def sample_plan(first: int, second: int) -> Plan:
    """A plan that uses each kind of storage, symbols and strides."""
    n = Dim("N")
    return Plan(
        name="x86-64-v3",
        machine=62,
        tensors=(
            TensorDesc("float32", (n, 3, 4), Storage.INPUT),
            TensorDesc("float32", (n, 12), Storage.OUTPUT),
            TensorDesc("float32", (70,), Storage.WEIGHTS, byte_offset=first),
            TensorDesc("int8", (3, 2), Storage.WEIGHTS, byte_offset=second),
            TensorDesc("bfloat16", (n, 2), Storage.ARENA, 0, 128, (Dim("N", 4), 1), 4096),
            TensorDesc("bool", (), Storage.ARENA),
            TensorDesc("int64", (1,), Storage.ARENA),
            TensorDesc("float32", (Dim("k", 2), 3), Storage.ARENA),
        ),
        inputs=(Port("data", 0),),
        outputs=(Port("größe", 1),),
        kernels=(Kernel("conv", 0), Kernel("copy", 64)),
        calls=(Call(0, (0, 2, 4, 6)), Call(1, (3, 4, 5, 1, 7))),
        symbols=(Symbol("N", 1, 8), Symbol("k", 0, 32, Computed(0, 6, Dim("N", 4)))),
        features=("avx2", "fma"),
        arena_bytes=8192,
        scratch_bytes=1000,
    )


def sample_code() -> Code:
    slots = (Slot(0, "memset"), Slot(8, None, 4096), Slot(24, "__TVMBackendParallelLaunch"))
    return Code(b"\xc3" * 4096, 32, slots)


def sample() -> Artifact:
    weights, first, second = sample_weights()
    meta = {"target": "x86-64-v3", "producer": {"baryon": "0.1.0"}, "groups": [1, 2.5, "é"]}
    return Artifact.single(meta, sample_plan(first, second), sample_code(), weights)


def with_plan(**changes: Any) -> Artifact:
    """The sample with changes in its plan."""
    artifact = sample()
    variant = artifact.variants[0]
    return replace(artifact, variants=(replace(variant, plan=replace(variant.plan, **changes)),))


def with_tensor(number: int, **changes: Any) -> Artifact:
    tensors = list(sample().variants[0].plan.tensors)
    tensors[number] = replace(tensors[number], **changes)
    return with_plan(tensors=tuple(tensors))


N, COUNTED = Symbol("N", 1, 8), Symbol("k", 0, 32, Computed(0, 6, Dim("N", 4)))


def with_count(computed: Computed) -> Artifact:
    return with_plan(symbols=(N, replace(COUNTED, computed=computed)))


def with_code(**changes: Any) -> Artifact:
    artifact = sample()
    variant = artifact.variants[0]
    return replace(artifact, variants=(replace(variant, code=replace(variant.code, **changes)),))


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


def constants_of_header() -> dict[str, int]:
    """`kName = value` and `sizeof(Name) == value` of runtime/src/format.h."""
    text = (RUNTIME / "format.h").read_text()
    literals: dict[str, int] = {}
    for name, base, shift in re.findall(r"(k\w+) = u?int64_t\{(\d+)\} << (\d+);", text):
        literals[name] = int(base) << int(shift)
    for name, value in re.findall(r"(k\w+) = (-?\w+)[;,]", text):
        literals[name] = int(value, 0)
    for name, value in re.findall(r"(k\w+) = (\d+)[ }]", text):
        literals[name] = int(value)
    for name, value in re.findall(r"sizeof\((\w+)\) == (\d+)", text):
        literals[name] = int(value)
    return literals


def test_numbers_agree_with_the_runtime() -> None:
    expected = {
        "kVersion": fmt.VERSION,
        "kPage": fmt.PAGE,
        "kMaxSections": fmt.MAX_SECTIONS,
        "kMaxArenaBytes": fmt.MAX_ARENA_BYTES,
        "kMaxImageBytes": fmt.MAX_IMAGE_BYTES,
        "kMaxDataBytes": fmt.MAX_DATA_BYTES,
        "kMaxSymbol": fmt.MAX_SYMBOL,
        "kMaxSymbols": fmt.MAX_SYMBOLS,
        "kMaxDims": fmt.MAX_DIMS,
        "kMaxArgs": fmt.MAX_ARGS,
        "kContiguous": fmt.CONTIGUOUS,
        "kLiteral": fmt.LITERAL,
        "kOfInputs": fmt.OF_INPUTS,
        "kMeta": fmt.META,
        "kPlan": fmt.PLAN,
        "kCode": fmt.CODE,
        "kWeights": fmt.WEIGHTS,
        "kInput": Storage.INPUT,
        "kOutput": Storage.OUTPUT,
        "kArena": Storage.ARENA,
        "kWeight": Storage.WEIGHTS,
        "kSlotImport": fmt.SLOT_IMPORT,
        "kSlotAddress": fmt.SLOT_ADDRESS,
        "kX86_64": fmt.X86_64,
        "kAArch64": fmt.AARCH64,
        "Header": fmt.HEADER.itemsize,
        "Section": fmt.SECTION.itemsize,
        "PlanHeader": fmt.PLAN_HEADER.itemsize,
        "CodeHeader": fmt.CODE_HEADER.itemsize,
        "String": fmt.STRING.itemsize,
        "Symbol": fmt.PLAN_TABLES["symbols"].itemsize,
        "Dim": fmt.PLAN_TABLES["dims"].itemsize,
        "Tensor": fmt.PLAN_TABLES["tensors"].itemsize,
        "Port": fmt.PLAN_TABLES["inputs"].itemsize,
        "Kernel": fmt.PLAN_TABLES["kernels"].itemsize,
        "Call": fmt.PLAN_TABLES["calls"].itemsize,
        "Slot": fmt.CODE_TABLES["slots"].itemsize,
    }
    found = constants_of_header()
    assert {name: found.get(name) for name in expected} == expected


def test_names_agree_with_the_runtime() -> None:
    rows = re.findall(r'\{(\d+), (\d+), "(\w+)"\},', (RUNTIME / "dtypes.h").read_text())
    assert {name: (int(code), int(bits)) for code, bits, name in rows} == fmt.DTYPES
    imports = (RUNTIME / "imports.cc").read_text()
    plain = set(re.findall(r'\{"(\w+)", address\(', imports))
    libm = re.findall(r"^ +BARYON_MATH\d?\((\w+)", imports, re.MULTILINE)
    assert plain | {name + suffix for name in libm for suffix in ("", "f")} == fmt.IMPORTS
    features = set(
        re.findall(r'^ +\{"([\w.-]+)", ', (RUNTIME / "cpu.cc").read_text(), re.MULTILINE)
    )
    assert features == fmt.CPU_FEATURES
