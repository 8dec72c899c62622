"""softmax, log_softmax and layer_norm along any axis, whichever way vectors run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.harness import Case, compile_cases, module_text
from codegen.test_elementwise import LAYOUTS, SETTINGS

SIZES = st.sampled_from([1, 2, 5, 8, 13, 32, 70])


@SETTINGS
@given(st.data())
def test_any_axis_and_layout(data: Any) -> None:
    shape = [data.draw(SIZES) for _ in range(3)]
    axis = data.draw(st.integers(1, 3))
    op = data.draw(st.sampled_from(["softmax", "log_softmax"]))
    source, target = (f"f32[N,{','.join(map(str, shape))}]{data.draw(LAYOUTS)}" for _ in "ab")
    if "pitch" in source and shape[0] > 40:
        return
    ops = f"%s = npx.{op}(%x) {{axis={axis}, temperature=0.5}} : {target}\n"
    ops += f"%y = np.add(%s, %x) : {target}"
    if "pitch" in target and shape[0] > 40:
        return
    Case(module_text(f"%x: {source}", ops, "%y", symbol="N"), "softmax", {"N": 2}).check(
        rtol=5e-6, atol=5e-6
    )


@pytest.mark.parametrize("size", [1, 7, 8, 1000])
@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_large_values_do_not_overflow(op: str, size: int) -> None:
    ops = f"%y = npx.{op}(%x) : f32[3,{size}]"
    case = Case(module_text(f"%x: f32[3,{size}]", ops, "%y"), "softmax")
    case.inputs[0] = np.multiply(case.inputs[0], 500, dtype=np.float32)
    case.check(rtol=1e-5, atol=1e-4)


@SETTINGS
@given(st.data())
def test_layer_norm_along_any_axis(data: Any) -> None:
    shape = [data.draw(SIZES) for _ in range(3)]
    axis = data.draw(st.integers(1, 3))
    layout = data.draw(st.sampled_from(["", "{channels_last}"]))
    type, vector = f"f32[N,{','.join(map(str, shape))}]{layout}", f"f32[{shape[axis - 1]}]"
    ops = f"%s = npx.layer_norm(%x, %g, %b) {{axis={axis}}} : {type}\n%y = np.add(%s, %x) : {type}"
    args = f"%x: {type}, %g: {vector}, %b: {vector}"
    Case(module_text(args, ops, "%y", symbol="N"), "layer_norm", {"N": 3}).check(
        rtol=1e-4, atol=2e-5
    )


@pytest.mark.parametrize("size", [5, 8, 67, 5000])
def test_codes_of_a_softmax(size: int) -> None:
    """Exponentials wait in scratch memory, or are computed twice; masked ones underflow."""
    codes, made = f"u8[7,{size}]<scale=0.5, zero=255>", f"u8[7,{size}]<scale=0.00390625, zero=0>"
    text = f"""%d = ir.dequantize(%q) {{scale=(0.5,), zero=(255,)}} : f32[7,{size}]
    %s = npx.softmax(%d) : f32[7,{size}]
    %y = ir.quantize(%s) {{dtype=!u8, scale=(0.00390625,)}} : {made}"""
    case = Case(module_text(f"%q: {codes}", text, "%y"), "softmax", high=256)
    compile_cases([case])
    got, want = (np.asarray(x[0], np.int32) for x in (case.run(), case.expected()))
    assert np.abs(got - want).max() <= 1
    assert (got != want).mean() < 0.001
