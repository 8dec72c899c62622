"""The choice among algorithms: names that find their plans, kernels that follow them."""

from __future__ import annotations

import numpy as np
import pytest

from baryon.codegen.kernels.algorithms import ALGORITHMS, candidates, choose, find
from baryon.codegen.kernels.contraction import Contraction, build_as
from baryon.codegen.kernels.cost import choose as schedule_of
from baryon.codegen.kernels.implicit_gemm import ImplicitGemm
from baryon.codegen.targets import get_target
from codegen.harness import Case, module_text

TARGET = get_target("native")
SPECS = {
    "3x3": ImplicitGemm(16, 32, size=(14, 14), kernel=(3, 3), pad=(1, 1, 1, 1)),
    "grouped": ImplicitGemm(24, 24, size=(9, 9), kernel=(3, 3), groups=6),
    "matrix": ImplicitGemm(64, 100, batch=40),
    "any batch": ImplicitGemm(64, 100, batch=None),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_name_finds_its_plan(name: str) -> None:
    spec = SPECS[name]
    plans = candidates(spec, TARGET)
    assert len({plan.name for plan in plans}) == len(plans)
    assert all(find(spec, TARGET, plan.name) == plan for plan in plans[:: len(plans) // 3 or 1])
    assert all(plan.name.split()[0] in ALGORITHMS for plan in plans)
    assert find(spec, TARGET, "guess harder") is None


@pytest.mark.parametrize("name", SPECS)
def test_best_comes_first(name: str) -> None:
    plans = candidates(SPECS[name], TARGET)
    assert [p.efficiency for p in plans] == sorted((p.efficiency for p in plans), reverse=True)
    assert choose(SPECS[name], TARGET) == plans[0]


def matrix_block(rows: int, depth: int, columns: int) -> int:
    """Rows of a block of the best plan for caches of 32 KB and 512 KB."""
    return schedule_of(ImplicitGemm(depth, columns, size=(1, rows)), get_target("x86-64-v3")).block


def test_the_input_of_a_block_of_a_deep_product_fits_level_2() -> None:
    assert 16 <= matrix_block(128, 3072, 768) <= (512 << 10) // (4 * 3072)


def test_weights_of_a_wide_product_pass_few_times() -> None:
    assert matrix_block(35, 512, 10000) == 35
    assert matrix_block(280, 512, 10000) >= 94


def test_weights_that_are_inputs_leave_the_plans_that_take_them() -> None:
    plans = candidates(SPECS["3x3"], TARGET, constant=False)
    assert plans
    assert all(plan.takes_inputs for plan in plans)


def test_a_kernel_follows_the_plan_it_is_given() -> None:
    image, weight = "f32[2,16,9,9]{channels_last}", "f32[24,16,3,3]"
    text = module_text(
        f"%x: {image}, %w: {weight}",
        "%y = npx.convolution(%x, %w) {kernel=(3,3), pad=(1,1)} : f32[2,24,9,9]{channels_last}",
        "%y",
    )
    results = []
    for number in (0, 5):
        case = Case(text, "implicit_gemm")
        problem = Contraction(case.group)
        plan = candidates(problem.spec, TARGET, constant=False)[number]
        case.__dict__["kernel"] = build_as(problem, plan)
        assert case.kernel.notes["plan"] == plan.name
        case.check(1e-4, 1e-5)
        results.append(case.run()[0])
    assert np.allclose(results[0], results[1])


@pytest.mark.parametrize("pad", ["0", "1"])
def test_first_convolutions_of_graphs_read_in_place(pad: str) -> None:
    rows = 31 + int(pad)
    text = module_text(
        "%x: f32[2,3,64,64], %w: f32[32,3,3,3]",
        f"%y = npx.convolution(%x, %w) {{kernel=(3,3), stride=(2,2), pad=({pad},{pad})}} : "
        f"f32[2,32,{rows},{rows}]{{channels_last}}",
        "%y",
    )
    case = Case(text, "implicit_gemm")
    assert case.kernel.notes["plan"].endswith("in place")
    case.check(1e-4, 1e-5)


def test_a_bias_as_large_as_the_result() -> None:
    text = module_text(
        "%x: f32[1,16,1,1]{channels_last}, %w: f32[24,16,1,1], %b: f32[24], %r: f32[24,1,1]",
        "%y = npx.convolution(%x, %w, %b) {kernel=(1,1)} : f32[1,24,1,1]{channels_last}\n"
        "%z = np.add(%y, %r) : f32[1,24,1,1]{channels_last}",
        "%z",
    )
    Case(text, "implicit_gemm").check()
