"""Artifacts for several CPUs in one: equal weights once, every tensor where its bytes are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baryon.codegen.artifact import (
    Artifact,
    ArtifactError,
    Call,
    Code,
    Kernel,
    Plan,
    Storage,
    TensorDesc,
    WeightsBuilder,
    join,
    parse_artifact,
    to_bytes,
)
from baryon.codegen.artifact.check import extent_of
from baryon.codegen.artifact.join import shared_bytes, spans


def artifact(name: str, features: tuple[str, ...], arrays: Mapping[str, Any]) -> Artifact:
    """One variant, whose only call reads some arrays."""
    builder = WeightsBuilder()
    tensors = tuple(
        TensorDesc(str(a.dtype), a.shape, Storage.WEIGHTS, byte_offset=builder.add(a))
        for a in arrays.values()
    )
    call = Call(0, tuple(range(len(tensors))))
    plan = Plan(name, 62, tensors, (), (), (Kernel("k", 0),), (call,), features=features)
    code = Code(name.encode().ljust(4096, b"\xcc"))
    return Artifact.single({"target": name}, plan, code, builder.finish())


def contents(joined: Artifact, number: int) -> list[bytes]:
    """What the tensors of a variant hold."""
    plan = joined.variants[number].plan
    return [joined.weights.read(t.byte_offset, extent_of(t, {})) for t in plan.tensors]


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    """Some of a few arrays, so that they are often the same ones."""
    kinds = draw(st.lists(st.integers(0, 5), min_size=1, max_size=5))
    made = [np.full((7 * k,), k, ("float32", "int8", "int64")[k % 3]) for k in kinds]
    return {str(number): array for number, array in enumerate(made)}


@settings(deadline=None)
@given(st.lists(arrays(), min_size=1, max_size=3))
def test_every_variant_reads_what_it_did(drawn: list[dict[str, Any]]) -> None:
    features = (("avx512f",), ("avx2",), ())
    singles = [artifact(str(n), features[n], a) for n, a in enumerate(drawn)]
    joined = join(singles)
    again = parse_artifact(to_bytes(joined))
    for number, given_arrays in enumerate(drawn):
        expected = [a.tobytes() for a in given_arrays.values()]
        assert contents(joined, number) == contents(again, number) == expected
        assert joined.variants[number].code == singles[number].variants[0].code
    # joined again, from a file, it is the same
    assert to_bytes(join([again])) == to_bytes(joined)
    different = {a.tobytes() for drawn_arrays in drawn for a in drawn_arrays.values()}
    used = sum(shared_bytes([v.plan for v in joined.variants]).values())
    assert used == sum(map(len, different))


def test_equal_arrays_are_stored_once() -> None:
    common, wide = np.arange(4096, dtype="float32"), np.arange(100, dtype="float32")
    one = artifact("x86-64-v4", ("avx512f", "avx2"), {"common": common, "wide": wide})
    two = artifact("x86-64-v3", ("avx2",), {"narrow": wide[::-1], "common": common})
    joined = join([one, two])
    assert joined.weights.nbytes < common.nbytes + 2 * wide.nbytes + 128
    assert shared_bytes([v.plan for v in joined.variants]) == {
        ("x86-64-v4", "x86-64-v3"): common.nbytes,
        ("x86-64-v4",): wide.nbytes,
        ("x86-64-v3",): wide.nbytes,
    }
    assert [v.meta["target"] for v in joined.variants] == ["x86-64-v4", "x86-64-v3"]
    assert join([one]) is one


def test_tensors_that_overlap_stay_together() -> None:
    """A slice of an array, and one without elements."""
    one = artifact("a", ("avx2",), {"row": np.arange(64, dtype="float32")})
    plan = one.variants[0].plan
    row = plan.tensors[0]
    slice_ = replace(row, shape=(8,), byte_offset=32)
    empty = replace(row, shape=(0,), byte_offset=256)
    tensors = (slice_, empty, row)
    call = Call(0, (0, 1, 2))
    variant = replace(one.variants[0], plan=replace(plan, tensors=tensors, calls=(call,)))
    one = replace(one, variants=(variant,))
    before = artifact("b", ("avx512f",), {"other": np.ones(5, "float32")})
    joined = join([before, one])
    whole = np.arange(64, dtype="float32").tobytes()
    assert contents(joined, 1) == [whole[32:64], b"", whole]
    assert spans(joined.variants[1].plan) == [(64, 64 + 256)]


def test_a_variant_that_would_never_run() -> None:
    some = {"w": np.ones(3, "float32")}
    first = artifact("native", ("avx2", "fma"), some)
    with pytest.raises(ArtifactError, match="x86-64-v3 would never run: native stands before it"):
        join([first, artifact("x86-64-v3", ("fma", "avx2"), some)])
    with pytest.raises(ArtifactError, match=r"\[A31\] variants are called"):
        to_bytes(join([first, artifact("native", (), some)]))
