"""Winograd convolution: exact transforms, and kernels against NumPy in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baryon.codegen.kernels.algorithms import candidates, choose
from baryon.codegen.kernels.implicit_gemm import ImplicitGemm
from baryon.codegen.kernels.winograd_plan import Winograd, plans
from baryon.codegen.kernels.winograd_schedule import Layout, Tasks, WinogradSchedule
from baryon.codegen.kernels.winograd_transform import WINOGRAD
from baryon.codegen.targets import Target, Tile, get_target
from codegen.contractions import (
    TARGET,
    Array,
    Run,
    bias_add_relu,
    convolve,
    make_data,
    relu,
    threads,
)

TOLERANCE = {2: 2e-6, 4: 8e-6}
"""Largest error relative to the largest output, by the outputs of a tile along each axis."""

ONES = (1, 1, 1, 1)
LANES = TARGET.lanes(4)
NARROW, WIDE = get_target("x86-64-v3"), get_target("x86-64-v4")
SPLIT = replace(WIDE, cpu=NARROW.cpu, features=NARROW.features, disabled=NARROW.disabled)
"""AVX-512's schedules in AVX2's instructions: LLVM splits the vectors."""


def conv3x3(
    channels: int,
    outputs: int,
    size: tuple[int, int],
    batch: int | None = 1,
    pad: tuple[int, int, int, int] = ONES,
) -> ImplicitGemm:
    return ImplicitGemm(channels, outputs, batch=batch, size=size, kernel=(3, 3), pad=pad)


def plan_of(
    spec: ImplicitGemm, outputs: int, block: int = 5, tasks: Tasks = "blocks", panels: int = 1
) -> Winograd:
    """A plan with a small register tile, so that small problems have several of everything."""
    lanes = TARGET.lanes(4)
    whole = Layout(spec, WinogradSchedule(outputs, Tile(1, 1), lanes, 1, 1)).tiles
    block = min(block, whole)
    tile = Tile(min(3, block), 2)
    return Winograd(spec, WinogradSchedule(outputs, tile, lanes, block, panels, tasks))


def error(got: Array, expected: Array) -> float:
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def check(plan: Winograd, batch: int = 1, target: Target = TARGET) -> None:
    data = make_data(plan.spec, batch)
    got = Run(plan, target=target)(data.source, data.weights)
    assert error(got, data.expected) <= TOLERANCE[plan.schedule.outputs]


@pytest.mark.parametrize("outputs", WINOGRAD)
def test_transforms_make_a_convolution(outputs: int) -> None:
    transform, rng = WINOGRAD[outputs], np.random.default_rng(0)
    inputs, weights = rng.standard_normal(transform.positions), rng.standard_normal(3)
    got = transform.output @ ((transform.weight @ weights) * (transform.input @ inputs))
    assert transform.outputs == outputs
    np.testing.assert_allclose(got, np.correlate(inputs, weights), atol=1e-13)


@pytest.mark.parametrize("outputs", WINOGRAD)
def test_inputs_are_transformed_by_exact_numbers(outputs: int) -> None:
    matrix = WINOGRAD[outputs].input
    assert np.array_equal(matrix, matrix.astype(np.float32))


@st.composite
def convolutions(draw: st.DrawFn) -> ImplicitGemm:
    pad = draw(st.sampled_from([(0, 0, 0, 0), ONES]) | st.tuples(*[st.integers(0, 7)] * 4))
    size = (draw(st.integers(3, 14)), draw(st.integers(3, 14)))
    channels, outputs = draw(st.integers(LANES, 40)), draw(st.integers(LANES, 70))
    spec = conv3x3(channels, outputs, size, draw(st.sampled_from([1, 1, 2, 3])), pad)
    pitch, out_pitch = draw(st.sampled_from([0, 3])), draw(st.sampled_from([0, 5]))
    return replace(spec, pitch=channels + pitch, out_pitch=outputs + out_pitch)


@settings(max_examples=25, deadline=None)
@given(
    convolutions(), st.sampled_from([*WINOGRAD]), st.integers(1, 30),
    st.sampled_from(["blocks", "parts"]), st.integers(1, 4),
)  # fmt: skip
def test_any_schedule_computes_the_convolution(
    spec: ImplicitGemm, outputs: int, block: int, tasks: Tasks, panels: int
) -> None:
    check(plan_of(spec, outputs, block, tasks, panels), spec.batch or 1)


@pytest.mark.parametrize("outputs", WINOGRAD)
@pytest.mark.parametrize("channels", [64, 512])
def test_stated_error(outputs: int, channels: int) -> None:
    spec = conv3x3(channels, 64, (14, 14))
    check(plan_of(spec, outputs, block=49))


@pytest.mark.parametrize("target", [NARROW, SPLIT, TARGET], ids=["v3", "v4", "native"])
@pytest.mark.parametrize("number", [0, -1])
def test_candidates_of_each_width(target: Target, number: int) -> None:
    spec = conv3x3(40, 72, (15, 13), batch=2)
    found = plans(spec, target)
    chosen = sorted(found, key=lambda plan: -plan.efficiency)[number]
    assert isinstance(chosen, Winograd)
    assert chosen.schedule.lanes == target.lanes(4)
    check(chosen, 2, target)


@pytest.mark.parametrize("tasks", ["blocks", "parts"])
def test_results_do_not_depend_on_threads(tasks: Tasks) -> None:
    spec = conv3x3(24, 72, (12, 11), batch=6)
    data = make_data(spec, batch=6)
    run = Run(plan_of(spec, 4, block=7, tasks=tasks))
    with threads(1):
        one = run(data.source, data.weights)
    assert error(one, data.expected) <= TOLERANCE[4]
    with threads(2):  # often: threads that share memory by mistake meet only now and then
        assert all(np.array_equal(one, run(data.source, data.weights)) for _ in range(50))


@pytest.mark.parametrize("tasks", ["blocks", "parts"])
def test_an_image_alone_equals_itself_in_a_batch(tasks: Tasks) -> None:
    alone = conv3x3(20, 40, (7, 9))
    data = make_data(alone, batch=3)
    single = Run(plan_of(alone, 4, tasks=tasks))
    expected = np.concatenate([single(x[None], data.weights) for x in data.source])
    for batch in (3, None):
        together = Run(plan_of(replace(alone, batch=batch), 4, block=4, tasks=tasks))
        assert np.array_equal(expected, together(data.source, data.weights))


@pytest.mark.parametrize("outputs", WINOGRAD)
def test_epilogue(outputs: int) -> None:
    spec = replace(conv3x3(16, 40, (7, 9), batch=2), out_pitch=44)
    data, rng = make_data(spec, batch=2), np.random.default_rng(1)
    bias = rng.standard_normal(40, dtype=np.float32)
    residual = rng.standard_normal((2, *spec.out_size, 50), dtype=np.float32)
    run = Run(plan_of(spec, outputs), epilogue=bias_add_relu, extra=[bias, residual])
    expected = np.maximum(data.expected + bias + residual[..., :40], 0)
    assert error(run(data.source, data.weights), expected) <= TOLERANCE[outputs]


@pytest.mark.parametrize("outputs", WINOGRAD)
def test_prologue_runs_before_the_padding(outputs: int) -> None:
    spec = replace(conv3x3(21, 16, (9, 6), batch=2), staged=True)
    data, rng = make_data(spec, batch=2), np.random.default_rng(1)
    shift = rng.standard_normal((2, *spec.size, 21), dtype=np.float32)
    run = Run(
        plan_of(spec, outputs),
        prologue=lambda value, at, extra: relu(
            value + extra[0].load(at.pixel * 21 + at.channel, at.lanes), at.lanes
        ),
        extra=[shift],
    )
    expected = convolve(np.maximum(data.source + shift, 0), data.weights, spec)
    assert error(run(data.source, data.weights), expected) <= TOLERANCE[outputs]


WINS = {
    "vgg19": conv3x3(256, 256, (56, 56)),
    "many images": conv3x3(512, 512, (7, 7), batch=8),
    "few tiles": conv3x3(512, 512, (7, 7)),
    "densenet": conv3x3(128, 32, (28, 28)),
}


@pytest.mark.parametrize("name", WINS)
def test_chosen_where_it_wins(name: str) -> None:
    assert isinstance(choose(WINS[name], NARROW), Winograd)


ELSEWHERE = {
    "stride": ImplicitGemm(64, 64, size=(14, 14), kernel=(3, 3), stride=(2, 2), pad=ONES),
    "dilation": ImplicitGemm(64, 64, size=(14, 14), kernel=(3, 3), dilation=(2, 2)),
    "groups": ImplicitGemm(64, 64, size=(14, 14), kernel=(3, 3), groups=2, pad=ONES),
    "another window": ImplicitGemm(64, 64, size=(14, 14), kernel=(3, 1)),
    "few channels": conv3x3(3, 64, (14, 14)),
    "float64": replace(conv3x3(64, 64, (14, 14)), dtype="float64"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_does_not_apply(name: str) -> None:
    assert not plans(ELSEWHERE[name], TARGET)


def test_weights_that_are_inputs_are_multiplied_directly() -> None:
    found = candidates(WINS["vgg19"], TARGET, constant=False)
    assert not [plan for plan in found if isinstance(plan, Winograd)]
