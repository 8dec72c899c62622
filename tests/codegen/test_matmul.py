"""Products of run-time values: vectors, stacks, transposes, symbolic rows, fused neighbours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baryon.ops import TABLE, Absent
from codegen.harness import Case, compile_cases, module_text
from codegen.test_elementwise import SETTINGS
from codegen.test_samples import sample_text
from codegen.threads import check_one_result


def product(a: str, b: str, y: str, op: str = "np.matmul(%a, %b)", n: int = 3) -> Case:
    args = f"%a: f32[{a}], %b: f32[{b}]"
    text = module_text(args, f"%y = {op} : f32[{y}]", "%y", symbol="N")
    return Case(text, "implicit_gemm", {"N": n})


SHAPES = {
    "matrices": ("37,19", "19,45", "37,45"),
    "one row": ("1,64", "64,130", "1,130"),
    "a row vector": ("64", "64,33", "33"),
    "a column vector": ("37,19", "19", "37"),
    "vectors": ("19", "19", ""),
    "a narrow result": ("100,19", "19,3", "100,3"),
    "a small result": ("5,3", "3,2", "5,2"),
    "a stack and a column vector": ("2,37,19", "19", "2,37"),
    "a stack and a matrix": ("3,7,19", "19,20", "3,7,20"),
    "a matrix and a stack": ("7,19", "3,19,20", "3,7,20"),
    "stacks that broadcast": ("2,1,7,9", "3,9,20", "2,3,7,20"),
    "no depth": ("5,0", "0,4", "5,4"),
    "nothing": ("0,3", "3,4", "0,4"),
    "symbolic rows": ("N,19", "19,40", "N,40"),
    "symbolic stack, one matrix": ("N,50,19", "19,40", "N,50,40"),
    "symbolic stacks": ("N,2,17,24", "N,2,24,33", "N,2,17,33"),
    "blocks of rows": ("700,40", "40,16", "700,16"),
}


def test_shapes() -> None:
    cases = [product(*shape) for shape in SHAPES.values()]
    compile_cases(cases)
    for case in cases:
        case.check(rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["np.matmul", "npx.batch_dot", "npx.fully_connected"])
def test_samples(name: str) -> None:
    samples = TABLE[name].samples
    assert not isinstance(samples, Absent)
    cases = [Case(sample_text(TABLE[name], s), "implicit_gemm") for s in samples]
    compile_cases(cases)
    for case in cases:
        half = case.group.main.result.type.dtype.bits == 16
        case.check(2e-2 if half else 1e-5, 2e-2 if half else 1e-6)


@settings(SETTINGS, max_examples=10)
@given(st.data())
def test_transposes(data: Any) -> None:
    sizes = st.sampled_from([1, 3, 8, 13, 33])
    m, n, k = (data.draw(sizes) for _ in range(3))
    turn_a, turn_b = data.draw(st.booleans()), data.draw(st.booleans())
    a = f"N,{k},{m}" if turn_a else f"N,{m},{k}"
    b = f"N,{n},{k}" if turn_b else f"N,{k},{n}"
    flags = f"transpose_a={turn_a}, transpose_b={turn_b}"
    product(a, b, f"N,{m},{n}", f"npx.batch_dot(%a, %b) {{{flags}}}").check(1e-4, 1e-5)


def test_a_layer_with_computed_weights() -> None:
    args = "%a: f32[N,4,3,5], %b: f32[7,60], %c: f32[7]"
    ops = "%y = npx.fully_connected(%a, %b, %c) : f32[N,7]"
    Case(module_text(args, ops, "%y", symbol="N"), "implicit_gemm", {"N": 3}).check(1e-4, 1e-5)


def test_what_is_fused_around() -> None:
    args = "%a: f32[N,20,12], %b: f32[N,30,12], %m: f32[20,1]"
    ops = "%p = npx.relu(%a) : f32[N,20,12]\n %q = np.exp(%b) : f32[N,30,12]\n"
    ops += "%s = npx.batch_dot(%p, %q) {transpose_b=True} : f32[N,20,30]\n"
    ops += "%y = np.add(%s, %m) : f32[N,20,30]"
    Case(module_text(args, ops, "%y", symbol="N"), "implicit_gemm", {"N": 2}).check(1e-4, 1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [("f64", 1e-12), ("f16", 4e-3), ("i32", 0)])
def test_dtypes(dtype: str, tolerance: float) -> None:
    args = f"%a: {dtype}[9,10], %b: {dtype}[10,20]"
    text = module_text(args, f"%y = np.matmul(%a, %b) : {dtype}[9,20]", "%y")
    Case(text, "implicit_gemm").check(tolerance, tolerance)


@pytest.mark.parametrize("rows", ["N,80,64", "N,64", "N,3,40,64"])
def test_threads_and_batches_do_not_change_results(rows: str) -> None:
    out = rows.removesuffix("64") + "600"
    check_one_result(lambda n: product(rows, "64,600", out, n=n))
