"""Contractions of 8-bit codes: sums in int32 are those of NumPy, to the bit, by every lowering."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baryon.codegen.helpers import helpers_for
from baryon.codegen.kernels import winograd_plan
from baryon.codegen.kernels.algorithms import Direct
from baryon.codegen.kernels.implicit_gemm import ImplicitGemm, candidates
from baryon.codegen.kernels.standalone import prim_func
from baryon.codegen.kernels.winograd_plan import Winograd
from baryon.codegen.pipeline import lower
from baryon.codegen.targets import Target, get_target
from codegen.contractions import Run, make_data, threads
from codegen.test_implicit_gemm import CASES, specs

AVX2 = get_target("x86-64-v3")
BASELINE = get_target("x86-64")
TARGETS = {"avx2": AVX2, "baseline": BASELINE}


def quantized(spec: ImplicitGemm, depths: int, codes: str = "uint8", zero: int = 0) -> ImplicitGemm:
    source = "int16" if depths == 2 else "uint8"
    return replace(spec, dtype="int32", source=source, depths=depths, codes=codes, zero=zero)


def check(spec: ImplicitGemm, number: int = 0, target: Target = AVX2) -> None:
    """One of the candidates gives the exact sums. Words of four keep the zero point."""
    batch = spec.batch or 2
    found = candidates(spec, target)
    data = make_data(spec, batch)
    got = Run(Direct(spec, found[number % len(found)]), target=target)(data.source, data.weights)
    want = data.expected
    if spec.depths == 4:
        shift = spec.zero + (128 if spec.codes == "int8" else 0)
        sums = data.weights.astype(np.int64).sum(axis=(1, 2, 3))
        want = want + shift * sums
    assert np.array_equal(got, want)


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("depths", [2, 4])
@pytest.mark.parametrize("name", CASES)
def test_sums_are_exact(name: str, depths: int, codes: str) -> None:
    check(quantized(CASES[name], depths, codes, 17 if codes == "uint8" else -5))


@settings(max_examples=30, deadline=None)
@given(
    specs(), st.integers(0, 99), st.sampled_from([2, 4]), st.sampled_from(["uint8", "int8"]),
    st.sampled_from(sorted(TARGETS)),
)  # fmt: skip
def test_any_candidate(
    spec: ImplicitGemm, number: int, depths: int, codes: str, target: str
) -> None:
    check(quantized(spec, depths, codes, 3), number, TARGETS[target])


@pytest.mark.parametrize("batch", [1, 7])
def test_symbolic_batch(batch: int) -> None:
    spec = quantized(ImplicitGemm(24, 40, batch=None, size=(6, 5)), 2)
    data = make_data(spec, batch)
    got = Run(Direct(spec, candidates(spec, AVX2)[0]), target=AVX2)(data.source, data.weights)
    assert np.array_equal(got, data.expected)


def test_results_do_not_depend_on_threads() -> None:
    shape = ImplicitGemm(24, 72, batch=6, size=(12, 11), kernel=(3, 3), pad=(1, 1, 1, 1))
    spec = quantized(shape, 2, zero=9)
    data = make_data(spec, batch=6)
    chosen = next(s for s in candidates(spec, AVX2) if s.tasks == "blocks")
    run = Run(Direct(spec, replace(chosen, block=33, panels=1)), target=AVX2)
    with threads(1):
        assert np.array_equal(run(data.source, data.weights), data.expected)
    with threads(2):
        results = [run(data.source, data.weights) for _ in range(20)]
    assert all(np.array_equal(r, data.expected) for r in results)


SERVER = replace(
    get_target("x86-64-v4"),
    features=(*get_target("x86-64-v4").features, "avx512vnni"),
)
ALDER_LAKE = replace(AVX2, features=(*AVX2.features, "avxvnni"))


@pytest.mark.parametrize(
    ("target", "depths", "wanted"),
    [
        (AVX2, 2, "vpmaddwd"),
        (BASELINE, 2, "pmaddwd"),
        (SERVER, 4, "vpdpbusd"),
        (ALDER_LAKE, 4, "{vex} vpdpbusd"),
    ],
)
def test_one_instruction_multiplies_a_word(target: Target, depths: int, wanted: str) -> None:
    spec = quantized(ImplicitGemm(256, 64, size=(14, 14)), depths)
    schedule = candidates(spec, target)[0]
    with helpers_for(target) as helpers:
        func = prim_func(Direct(spec, schedule))
    text = lower({"main": func}, target, helpers.text).inspect_source("asm").replace("\t", " ")
    tile = schedule.tile.rows * schedule.tile.vectors
    lines = [line.strip() for line in text.splitlines()]
    assert sum(line.startswith(wanted) for line in lines) >= tile
    wide = "(%rsp)"  # sums stay in registers
    loop = [i for i, line in enumerate(lines) if line.startswith(wanted)]
    assert not any(wide in line and "mm" in line for line in lines[loop[0] : loop[tile - 1]])


@pytest.mark.parametrize("outputs", [2, 4])
@pytest.mark.parametrize(
    ("channels", "filters", "size", "pad"),
    [(16, 24, (11, 9), 1), (34, 8, (8, 8), 0), (64, 40, (7, 6), 1)],
)
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_winograd_is_exact(
    outputs: int, channels: int, filters: int, size: tuple[int, int], pad: int, target: str
) -> None:
    """Also where tiles pass the image, and sums on the way pass 32 bits."""
    shape = ImplicitGemm(channels, filters, 2, size, (3, 3), pad=(pad,) * 4)
    spec = replace(quantized(shape, 2, zero=100), sum_bits=25)
    names = f"outputs={outputs}"
    plans = [p for p in winograd_plan.plans(spec, TARGETS[target]) if names in p.name]
    data = make_data(spec, 2)
    for plan in (plans[0], plans[-1]):
        got = Run(plan, target=TARGETS[target])(data.source, data.weights)
        assert np.array_equal(got, data.expected), plan.name


def test_winograd_needs_room_in_32_bits() -> None:
    """Results of F(4 x 4) come with six bits more, those of F(2 x 2) with two."""
    shape = quantized(ImplicitGemm(64, 64, 1, (14, 14), (3, 3), pad=(1,) * 4), 2)
    for bits, found in [(25, {2, 4}), (29, {2}), (30, set())]:
        plans = winograd_plan.plans(replace(shape, sum_bits=bits), AVX2)
        assert {p.schedule.outputs for p in plans if isinstance(p, Winograd)} == found
