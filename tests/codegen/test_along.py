"""Kernels that scatter, sort and sum along lines, on shapes that do not divide by vectors."""

from __future__ import annotations

import numpy as np
import pytest

from codegen.harness import Case, compile_cases, module_text


def one_op(args: str, op: str, out: str, symbol: str = "") -> str:
    return module_text(args, f"%y = {op} : {out}", "%y", symbol)


SCATTERS = {
    "rows": ("%i: i64[50], %u: f32[50,300]", "%i, %u", "f32[7,300]", "size=7"),
    "scalars": ("%i: i32[500], %u: f32[500]", "%i, %u", "f32[9]", "size=9"),
    "one row wide": (
        "%i: i64[3,2], %u: f32[2,3,2,128]",
        "%i, %u",
        "f32[2,5,128]",
        "size=5, axis=1",
    ),
    "a tail alone": ("%i: i64[6], %u: f32[6,131]", "%i, %u", "f32[5,131]", "size=5"),
    "half": ("%i: i64[6], %u: f16[6,9]", "%i, %u", "f16[5,9]", "size=5"),
}


@pytest.mark.parametrize("name", SCATTERS)
def test_scatter_add(name: str) -> None:
    args, operands, out, attrs = SCATTERS[name]
    case = Case(one_op(args, f"ir.scatter_add({operands}) {{{attrs}}}", out), "scatter")
    case.check(rtol=2e-3 if name == "half" else 1e-5, atol=2e-3 if name == "half" else 1e-5)


def test_scatter_of_symbolic_counts_and_batches() -> None:
    rows = one_op("%i: i64[N], %u: f32[N,20]", "ir.scatter_add(%i, %u) {size=5}", "f32[5,20]", "N")
    batch = one_op("%i: i64[4], %u: f32[N,4,3]", "ir.scatter_add(%i, %u) {size=5, axis=1}",
                   "f32[N,5,3]", "N")  # fmt: skip
    along = one_op("%i: i64[2*N,3], %u: f32[2*N,3]", "ir.scatter_add_along(%i, %u) {size=5}",
                   "f32[2*N,5]", "N")  # fmt: skip
    for text in (rows, batch, along):
        Case(text, "scatter", {"N": 3}).check()


def test_scatter_replaces_rows() -> None:
    text = one_op("%x: f32[9,70], %i: i64[4], %u: f32[4,70]", "ir.scatter(%x, %i, %u)", "f32[9,70]")
    Case(text, "scatter").check(rtol=0, atol=0)


SORTED = ["f32[3,100]", "f64[33]", "i8[5,64]", "u32[4,17]", "i64[2,31]", "bf16[40]"]


@pytest.mark.parametrize("type", SORTED)
@pytest.mark.parametrize("descending", [False, True])
def test_sort(type: str, descending: bool) -> None:
    positions = "i64" + type[type.index("[") :]
    text = module_text(
        f"%x: {type}",
        f"%v, %p = ir.sort(%x) {{descending={descending}}} : {type}, {positions}",
        "%v, %p",
    )
    Case(text, "sort", high=7).check(rtol=0, atol=0)


def test_sort_of_special_floats() -> None:
    text = module_text("%x: f32[3,8]", "%v, %p = ir.sort(%x) : f32[3,8], i64[3,8]", "%v, %p")
    case = Case(text, "sort")
    nan, inf = float("nan"), float("inf")
    row = [nan, 0.0, -0.0, -inf, inf, -1.5, -nan, 1e-40]
    case.__dict__["inputs"] = [np.array([row, row[::-1], sorted(row[1:6]) * 1 + row[:3]], "f4")]
    for got, want in zip(case.run(), case.expected(), strict=True):
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(
            np.signbit(got[~np.isnan(got)]), np.signbit(want[~np.isnan(want)])
        )


def test_sort_of_a_symbolic_batch_and_a_middle_axis() -> None:
    text = module_text(
        "%x: f32[N,9,3]", "%v, %p = ir.sort(%x) {axis=1} : f32[N,9,3], i64[N,9,3]", "%v, %p", "N"
    )
    Case(text, "sort", {"N": 4}).check(rtol=0, atol=0)


SCANS = [("f32[3,100]", -1), ("f32[100,37]", 0), ("f64[4,5,6]", 1), ("i32[50]", 0)]


@pytest.mark.parametrize(("type", "axis"), SCANS)
def test_cumsum(type: str, axis: int) -> None:
    Case(one_op(f"%x: {type}", f"np.cumsum(%x) {{axis={axis}}}", type), "scan").check(1e-5, 1e-4)


def test_cumsum_with_an_epilogue_and_a_symbolic_batch() -> None:
    text = module_text(
        "%x: f32[N,9]", "%s = np.cumsum(%x) : f32[N,9]\n%y = np.exp(%s) : f32[N,9]", "%y", "N"
    )
    Case(text, "scan", {"N": 3}).check()


ASSIGNED = {
    "inner": ("%x: f32[5,40], %v: f32[5,20]", "{begin=(0, 3), end=(9, 23)}", "f32[5,40]"),
    "steps": ("%x: f32[9,40], %v: f32[3,14]", "{begin=(8, 0), end=(-99, 99), step=(-3, 3)}",
              "f32[9,40]"),
    "layout": ("%x: f32[2,3,4,5]{channels_last}, %v: f32[2,3,2,5]{channels_last}",
               "{begin=(0, 0, 1), end=(2, 3, 3)}", "f32[2,3,4,5]{channels_last}"),
}  # fmt: skip


def test_slice_assign() -> None:
    cases = [
        Case(one_op(args, f"ir.slice_assign(%x, %v) {attrs}", out), "injective")
        for args, attrs, out in ASSIGNED.values()
    ]
    compile_cases(cases)
    for case in cases:
        case.check(rtol=0, atol=0)


PADDED = [
    "np.pad(%x) {pad_width=(0, 0, 1, 2, 3, 1, 0, 5), constant_value=2.5}",
    "np.pad(%x) {pad_width=(1, 0, 0, 0, 0, 0, 0, 0)}",
    "np.pad(%x) {pad_width=(0, 0, 0, 0, 9, 7, 5, 11), mode=\"reflect\"}",
    "np.pad(%x) {pad_width=(0, 0, 4, 7, 0, 0, 9, 0), mode=\"symmetric\"}",
]  # fmt: skip
SHAPES = ["2,6,8,14", "3,3,4,9", "2,3,20,25", "2,14,4,18"]


@pytest.mark.parametrize("layout", ["", "{channels_last}"])
def test_pad(layout: str) -> None:
    cases = [
        Case(one_op(f"%x: f32[2,3,4,9]{layout}", op, f"f32[{shape}]{layout}"), "injective")
        for op, shape in zip(PADDED, SHAPES, strict=True)
    ]
    compile_cases(cases)
    for case in cases:
        case.check(rtol=0, atol=0)
