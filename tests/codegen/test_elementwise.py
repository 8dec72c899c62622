"""Element-wise kernels: broadcasting, layouts, pitch, symbolic batch, dtypes, several lengths."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen.harness import Case, module_text

SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
SIZES = st.sampled_from([1, 2, 3, 7, 8, 9, 17, 33])
LAYOUTS = st.sampled_from(["", "{channels_last}", "{channels_last, pitch=40}"])


@SETTINGS
@given(st.data())
def test_broadcasting_over_any_layouts(data: Any) -> None:
    shape = [data.draw(SIZES) for _ in range(4)]
    batch = data.draw(st.sampled_from(["N", "2*N", "2"]))
    other = [str(d) if data.draw(st.booleans()) else "1" for d in shape[1:]]
    other = [data.draw(st.sampled_from([batch, "1"])), *other]
    if data.draw(st.booleans()):
        other = [d for d in other[1:] if d != "1"] and other[1:]
    full = ",".join([batch, *map(str, shape[1:])])
    x, y = (f"f32[{full}]{data.draw(LAYOUTS)}" for _ in range(2))
    rank4 = len(other) == 4
    b = f"f32[{','.join(other)}]" + (data.draw(LAYOUTS) if rank4 else "")
    ops = f"%s = np.add(%x, %b) : {y}\n %y = np.maximum(%s, %x) : {y}"
    Case(module_text(f"%x: {x}, %b: {b}", ops, "%y", symbol="N"), "elementwise", {"N": 3}).check()


@pytest.mark.parametrize("size", [1, 7, 8, 4096, 8191, 70001])
def test_lengths(size: int) -> None:
    ops = f"%y = npx.silu(%x) : f32[{size}]"
    Case(module_text(f"%x: f32[{size}]", ops, "%y"), "elementwise").check(rtol=2e-6)


def test_a_symbolic_vector() -> None:
    text = module_text("%x: f32[N], %b: f32[1]", "%y = np.add(%x, %b) : f32[N]", "%y", symbol="N")
    Case(text, "elementwise", {"N": 5}).check()


def test_constants_become_immediates() -> None:
    text = module_text(
        "%x: f32[2,9]",
        '%c = ir.constant() {name="c"} : f32[]\n %y = np.multiply(%x, %c) : f32[2,9]',
        "%y",
        constants="constant @c : f32[] = (2.5)",
    )
    case = Case(text, "elementwise")
    case.check()
    assert list(case.kernel.args) == [("operand", 0), ("result", 0)]


def test_several_results() -> None:
    ops = "%y = npx.relu(%x) : f32[3,9]\n %z = np.exp(%y) : f32[3,9]"
    Case(module_text("%x: f32[3,9]", ops, "%y, %z"), "elementwise").check()


@pytest.mark.parametrize("dtype", ["f64", "f16", "bf16", "i8", "u8", "i32", "i64", "bool"])
def test_dtypes_meet(dtype: str) -> None:
    ops = f"%s = np.add(%x, %b) : {dtype}[3,9]\n %y = np.greater(%s, %b) : bool[3,9]"
    Case(module_text(f"%x: {dtype}[3,9], %b: {dtype}[9]", ops, "%y"), "elementwise").check()
