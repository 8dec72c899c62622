"""A small artifact that has a little of everything, and the same with one thing changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from baryon.codegen.artifact import (
    Artifact,
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
)


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
