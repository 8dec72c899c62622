"""Implicit GEMM against NumPy in float64: shapes, tails, layouts, fused functions, schedules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baryon.codegen.kernels.algorithms import Direct
from baryon.codegen.kernels.border import Border
from baryon.codegen.kernels.implicit_gemm import (
    Columns,
    ImplicitGemm,
    KernelError,
    Position,
    Schedule,
    candidates,
    choose,
    pack_weights,
)
from baryon.codegen.kernels.microkernel import Buffer, Expr
from baryon.codegen.kernels.standalone import Fused, prim_func
from baryon.codegen.pipeline import lower
from baryon.codegen.targets import Tile, get_target
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


def direct(
    spec: ImplicitGemm,
    schedule: Schedule | None = None,
    epilogue: Fused | None = None,
    prologue: Fused | None = None,
    extra: Sequence[Array] = (),
) -> Run:
    """The kernel of a schedule, by default the best one."""
    return Run(Direct(spec, schedule or choose(spec, TARGET)), epilogue, prologue, extra)


def assert_close(got: Array, expected: Array) -> None:
    scale = max(float(np.abs(expected).max()), 1e-3)
    assert float(np.abs(got - expected).max()) <= 1e-5 * scale


def check(spec: ImplicitGemm, schedule: Schedule | None = None, batch: int = 1) -> None:
    data = make_data(spec, batch)
    assert_close(direct(spec, schedule)(data.source, data.weights), data.expected)


CASES = {
    "1x1": ImplicitGemm(16, 32, size=(7, 7)),
    "rows and columns with tails": ImplicitGemm(13, 37, size=(5, 7)),
    "fewer columns than lanes": ImplicitGemm(9, 3, size=(6, 6), kernel=(3, 3), pad=(1, 1, 1, 1)),
    "one column": ImplicitGemm(8, 1, size=(6, 6)),
    "fewer rows than a tile": ImplicitGemm(8, 16, size=(1, 3)),
    "3x3": ImplicitGemm(8, 24, size=(9, 8), kernel=(3, 3), pad=(1, 1, 1, 1)),
    "asymmetric padding": ImplicitGemm(5, 16, size=(6, 9), kernel=(3, 2), pad=(2, 0, 1, 1)),
    "padding beyond the window": ImplicitGemm(4, 8, size=(3, 3), kernel=(1, 1), pad=(2, 3, 1, 2)),
    "valid": ImplicitGemm(6, 16, size=(9, 9), kernel=(3, 3)),
    "stride": ImplicitGemm(3, 16, size=(19, 21), kernel=(7, 7), stride=(2, 2), pad=(3, 3, 3, 3)),
    "stride without window": ImplicitGemm(8, 16, size=(9, 9), stride=(2, 2)),
    "dilation": ImplicitGemm(
        4, 16, size=(11, 11), kernel=(3, 3), dilation=(2, 3), pad=(2, 3, 2, 3)
    ),
    "rectangular": ImplicitGemm(8, 16, size=(9, 9), kernel=(1, 5), stride=(2, 1), pad=(0, 2, 0, 2)),
    "window as large as the image": ImplicitGemm(8, 16, size=(5, 5), kernel=(5, 5)),
    "wide groups": ImplicitGemm(32, 48, size=(7, 7), kernel=(3, 3), groups=2, pad=(1, 1, 1, 1)),
    "groups with column tails": ImplicitGemm(12, 60, size=(7, 7), groups=3),
    "narrow groups": ImplicitGemm(16, 16, size=(7, 7), kernel=(3, 3), groups=4, pad=(1, 1, 1, 1)),
    "groups that merge unevenly": ImplicitGemm(15, 15, size=(7, 7), kernel=(2, 2), groups=5),
    "all groups narrower than a vector": ImplicitGemm(6, 6, size=(5, 5), groups=3),
    "channel slices": ImplicitGemm(
        12, 20, size=(7, 7), kernel=(3, 3), pad=(1, 1, 1, 1), pitch=40, out_pitch=33
    ),
    "channel slices, 1x1": ImplicitGemm(12, 20, batch=2, size=(7, 7), pitch=40, out_pitch=33),
    "NCHW input": ImplicitGemm(
        3, 16, batch=2, size=(8, 9), kernel=(3, 3), pad=(1, 1, 1, 1), input_strides=(216, 9, 1, 72)
    ),
    "batch": ImplicitGemm(8, 16, batch=3, size=(5, 5), kernel=(3, 3), pad=(1, 1, 1, 1)),
    "weights fetched ahead": ImplicitGemm(64, 130, size=(7, 7), kernel=(3, 3), pad=(1, 1, 1, 1)),
    "matrix fetched ahead": ImplicitGemm(256, 300, batch=23),
    "vector times matrix": ImplicitGemm(300, 100),
    "matrix product": ImplicitGemm(64, 48, batch=29),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_chosen_schedule_computes_the_convolution(name: str) -> None:
    check(CASES[name], batch=CASES[name].batch or 1)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_symbolic_batch(batch: int) -> None:
    for spec in (
        ImplicitGemm(24, 40, batch=None),
        ImplicitGemm(8, 16, batch=None, size=(6, 5), kernel=(3, 3), pad=(1, 1, 1, 1)),
        ImplicitGemm(8, 16, batch=None, size=(6, 5)),
    ):
        check(spec, batch=batch)


@st.composite
def specs(draw: st.DrawFn) -> ImplicitGemm:
    small = st.integers(1, 3)
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels, outputs = groups * draw(st.integers(1, 17)), groups * draw(st.integers(1, 40))
    kernel, dilation = (draw(small), draw(small)), (draw(small), draw(small))
    window = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    rows, columns = window[0] + draw(st.integers(0, 6)), window[1] + draw(st.integers(0, 6))
    pad = draw(st.tuples(*[st.integers(0, 2)] * 4) | st.just((0, 0, 0, 0)))
    return ImplicitGemm(
        channels, outputs, batch=draw(st.sampled_from([1, 1, 2])), size=(rows, columns),
        kernel=kernel, stride=(draw(small), draw(small)), dilation=dilation, pad=pad,
        groups=groups, pitch=channels + draw(st.sampled_from([0, 0, 3])),
        out_pitch=outputs + draw(st.sampled_from([0, 5])),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(specs(), st.data())
def test_any_candidate_computes_the_convolution(spec: ImplicitGemm, data: st.DataObject) -> None:
    found = candidates(spec, TARGET)
    schedule = found[data.draw(st.integers(0, len(found) - 1))]
    schedule = replace(schedule, panels_inner=data.draw(st.booleans()))
    check(spec, schedule, spec.batch or 1)


@settings(max_examples=300, deadline=None)
@given(specs(), st.integers(1, 8), st.data())
def test_strips_hold_what_tiles_at_the_border_read(
    spec: ImplicitGemm, rows: int, data: st.DataObject
) -> None:
    assume(rows <= spec.pixels)
    block = data.draw(st.integers(rows, spec.pixels))
    border = Border(spec, Schedule(Tile(rows, 1), 8, block, 1))
    starts = {min(i, spec.pixels - block) for i in range(0, spec.pixels, block)}
    firsts = {start + min(i, block - rows) for start in starts for i in range(0, block, rows)}
    height, width = spec.size[0], spec.out_size[1]
    held = [set[int]().union(*(range(*run) for run in border.columns)), {*range(99)}]
    for first in firsts:
        line, pixel = divmod(first, width)
        reads = [read for m in range(first, first + rows) for read in window_of(spec, m)]
        if line in border.lines and pixel in border.pixels[: max(0, len(border.pixels) - rows + 1)]:
            left, right = spec.pad[1], spec.pad[1] + spec.size[1]
            assert all(0 <= y < height and left <= x < right for y, x in reads)
        else:
            assert all(x in held[y not in border.rows] for y, x in reads)


def window_of(spec: ImplicitGemm, m: int) -> list[tuple[int, int]]:
    """Rows of the image, and columns of the strip, that an output pixel looks at."""
    line, pixel = divmod(m, spec.out_size[1])
    top, left = line * spec.stride[0] - spec.pad[0], pixel * spec.stride[1]
    taps = np.ndindex(spec.kernel)
    return [(top + r * spec.dilation[0], left + s * spec.dilation[1]) for r, s in taps]


@settings(max_examples=20, deadline=None)
@given(specs(), st.data())
def test_reading_in_place_equals_the_strip_to_the_bit(
    spec: ImplicitGemm, data: st.DataObject
) -> None:
    if data.draw(st.booleans()):
        pixels = spec.size[0] * spec.size[1]
        planes = (spec.channels * pixels, spec.size[1], 1, pixels)
        spec = replace(spec, pitch=None, input_strides=planes)
    assume(spec.may_read_in_place)
    found = candidates(spec, TARGET)
    strip = found[data.draw(st.integers(0, len(found) - 1))]
    rows = min(spec.pixels, strip.tile.rows)
    block = data.draw(st.integers(rows, spec.pixels))
    strip = replace(strip, block=block, panels_inner=data.draw(st.booleans()), in_place=False)
    arrays = make_data(spec, spec.batch or 1)
    through = direct(spec, strip)
    expected = through(arrays.source, arrays.weights)
    assert_close(expected, arrays.expected)
    through(np.full_like(arrays.source, np.nan), arrays.weights)  # what scratch memory holds then
    got = direct(spec, replace(strip, in_place=True))(arrays.source, arrays.weights)
    assert np.array_equal(got, expected)


STEM = ImplicitGemm(
    3, 32, size=(64, 64), kernel=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1),
    input_strides=(3 * 64 * 64, 64, 1, 64 * 64),
)  # fmt: skip


@pytest.mark.parametrize("pad", [(1, 1, 1, 1), (0, 0, 1, 1), (0, 0, 0, 0)])
def test_first_convolutions_read_in_place(pad: tuple[int, int, int, int]) -> None:
    spec = replace(STEM, pad=pad, source="float32")
    assert choose(spec, TARGET).in_place
    check(spec)


def test_strips_that_cost_little_are_kept() -> None:
    spec = ImplicitGemm(64, 64, size=(56, 56), kernel=(3, 3), pad=(1, 1, 1, 1))
    assert not any(schedule.in_place for schedule in candidates(spec, TARGET))


def test_strips_that_change_the_input_are_kept() -> None:
    spec = replace(STEM, staged=True)
    schedule = choose(spec, TARGET)
    assert not schedule.in_place
    with pytest.raises(KernelError, match="in place"):
        check(spec, replace(schedule, in_place=True))


@pytest.mark.parametrize(("channels", "kernel"), [(20, (3, 3)), (3, (3, 3)), (5, (1, 1))])
def test_schedules_agree_to_the_bit(channels: int, kernel: tuple[int, int]) -> None:
    """Tiles of few steps end in parts if they are large."""
    spec = ImplicitGemm(channels, 40, size=(9, 9), kernel=kernel)
    data = make_data(spec)
    found = {s.tile: s for s in candidates(spec, TARGET)}
    results = [direct(spec, s)(data.source, data.weights) for s in found.values()]
    assert all(np.array_equal(results[0], other) for other in results)


def test_an_image_alone_equals_itself_in_a_batch() -> None:
    alone = ImplicitGemm(20, 40, size=(7, 7), kernel=(3, 3), pad=(1, 1, 1, 1))
    data = make_data(alone, batch=3)
    single = np.concatenate([direct(alone)(x[None], data.weights) for x in data.source])
    for batch in (3, None):
        together = direct(replace(alone, batch=batch))(data.source, data.weights)
        assert np.array_equal(single, together)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("tasks", ["blocks", "parts"])
def test_results_do_not_depend_on_threads(tasks: str, in_place: bool) -> None:
    spec = ImplicitGemm(24, 72, batch=6, size=(12, 11), kernel=(3, 3), pad=(1, 1, 1, 1))
    data = make_data(spec, batch=6)
    chosen = next(s for s in candidates(spec, TARGET) if s.tasks == tasks)
    run = direct(spec, replace(chosen, block=33, panels=1, in_place=in_place))
    with threads(1):
        one = run(data.source, data.weights)
    assert_close(one, data.expected)
    with threads(2):  # often: threads that share memory by mistake meet only now and then
        assert all(np.array_equal(one, run(data.source, data.weights)) for _ in range(50))


@pytest.mark.parametrize(
    "spec",
    [
        ImplicitGemm(8, 40, batch=2, size=(7, 7), kernel=(3, 3), pad=(1, 1, 1, 1)),
        ImplicitGemm(8, 40, batch=2, size=(7, 7), out_pitch=44),
        ImplicitGemm(8, 5, batch=2, size=(7, 7)),
        ImplicitGemm(8, 40, batch=None),
    ],
)
def test_epilogue(spec: ImplicitGemm) -> None:
    data = make_data(spec, batch=2)
    rng = np.random.default_rng(1)
    bias = rng.standard_normal(spec.out_channels, dtype=np.float32)
    residual = rng.standard_normal((2, *spec.out_size, 50), dtype=np.float32)
    run = direct(spec, epilogue=bias_add_relu, extra=[bias, residual])
    expected = data.expected + bias + residual[..., : spec.out_channels]
    assert_close(run(data.source, data.weights), np.maximum(expected, 0))


def test_epilogue_knows_the_image() -> None:
    spec = ImplicitGemm(8, 16, batch=3, size=(3, 3))
    data = make_data(spec, batch=3)
    scale = np.random.default_rng(1).standard_normal((3, 16), dtype=np.float32)

    def gate(value: Expr, at: Position, extra: Sequence[Buffer]) -> Expr:
        return value * extra[0].load(at.image * 16 + at.channel, at.lanes)

    run = direct(spec, epilogue=gate, extra=[scale])
    assert_close(run(data.source, data.weights), data.expected * scale[:, None, None, :])


@pytest.mark.parametrize(
    "spec",
    [
        ImplicitGemm(21, 16, batch=2, size=(5, 6), pitch=30),
        ImplicitGemm(21, 16, size=(5, 6), kernel=(3, 3), pad=(1, 1, 1, 1)),
        ImplicitGemm(5, 16, size=(6, 6), stride=(2, 2)),
        ImplicitGemm(21, 16, batch=None),
        ImplicitGemm(21, 16, batch=None, size=(3, 3)),
    ],
)
def test_prologue_runs_before_the_padding(spec: ImplicitGemm) -> None:
    spec = replace(spec, staged=True)
    batch = spec.batch or 3
    data = make_data(spec, batch)
    rng = np.random.default_rng(1)
    scale = rng.standard_normal(spec.channels, dtype=np.float32)
    gate = rng.standard_normal((batch, *spec.size, spec.channels), dtype=np.float32)

    def activate(value: Expr, at: Position, extra: Sequence[Buffer]) -> Expr:
        shift = extra[1].load(at.pixel * spec.channels + at.channel, at.lanes)
        return relu(value * extra[0].load(at.channel, at.lanes) + shift, at.lanes)

    got = direct(spec, prologue=activate, extra=[scale, gate])(data.source, data.weights)
    changed = np.maximum(data.source * scale + gate, 0)
    assert_close(got, convolve(changed, data.weights, spec))


WIDE = {
    "matrix": ImplicitGemm(256, 384, batch=240),
    "3x3": ImplicitGemm(64, 384, size=(14, 14), kernel=(3, 3), pad=(1, 1, 1, 1)),
    "narrow": ImplicitGemm(64, 32, size=(14, 14), kernel=(3, 3), pad=(1, 1, 1, 1)),
    "vector": ImplicitGemm(256, 1000),
}


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3", "x86-64-v4"])
def test_accumulators_stay_in_registers(name: str, target: str) -> None:
    described = get_target(target)
    spec = WIDE[name]
    func = prim_func(Direct(spec, choose(spec, described)))
    loops = multiply_loops(lower({"main": func}, described).inspect_source("asm"))
    register = {16: "xmm", 32: "ymm", 64: "zmm"}[described.vector_bytes]
    assert loops
    assert not [line for line in loops if re.search(rf"%{register}\d+, .*\(%rsp", line)]


def multiply_loops(assembly: str) -> list[str]:
    """Instructions between a label and a jump back to it, of loops that multiply."""
    lines = [line.strip() for line in assembly.splitlines()]
    places = {line[:-1]: i for i, line in enumerate(lines) if line.endswith(":")}
    found: list[str] = []
    for i, line in enumerate(lines):
        target = line.split()[-1] if line.startswith("j") else ""
        body = lines[places.get(target, i) : i]
        if any(op.startswith(("vfmadd", "mulps")) for op in body):
            found += body
    return found


def test_inner_loop_is_one_of_broadcasts_and_multiply_adds() -> None:
    spec = WIDE["matrix"]
    tile = Tile(6, 2)
    schedule = Schedule(tile, 8, 120, 1000)
    func = prim_func(Direct(spec, schedule))
    loops = multiply_loops(lower({"main": func}, get_target("x86-64-v3")).inspect_source("asm"))
    fused = sum("vfmadd" in line for line in loops)
    broadcasts = sum("vbroadcastss" in line for line in loops)
    assert fused == broadcasts * tile.vectors


def test_packed_weights_have_the_stated_shape() -> None:
    spec = ImplicitGemm(12, 60, size=(7, 7), groups=3)
    schedule = choose(spec, TARGET)
    columns = Columns(spec, schedule)
    weights = np.ones((60, 4, 1, 1), np.float32)
    packed = pack_weights(weights, spec, schedule)
    assert packed.shape == columns.packed_shape
    assert packed.flags.c_contiguous


def test_designed_errors() -> None:
    with pytest.raises(KernelError, match="groups"):
        ImplicitGemm(10, 10, groups=3)
    with pytest.raises(KernelError, match="window"):
        ImplicitGemm(3, 3, size=(2, 2), kernel=(3, 3))
    with pytest.raises(KernelError, match="pitch"):
        ImplicitGemm(8, 8, pitch=4)
    with pytest.raises(KernelError, match="tile"):
        check(ImplicitGemm(8, 8), Schedule(Tile(6, 1), 8, 6, 1))
    with pytest.raises(KernelError, match="staged"):
        direct(ImplicitGemm(8, 8), prologue=lambda value, at, extra: value)
