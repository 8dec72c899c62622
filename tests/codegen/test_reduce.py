"""Reductions over any axes of any layout, with what comes before and after them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baryon.ir import TensorType, f32
from baryon.ops import TABLE
from codegen.harness import Case, module_text, set_threads
from codegen.test_elementwise import LAYOUTS, SETTINGS

SIZES = st.sampled_from([1, 2, 5, 8, 13, 36])


@SETTINGS
@given(st.data())
def test_any_axes_and_layout(data: Any) -> None:
    draw = data.draw
    shape = [draw(SIZES) for _ in range(3)]
    op = draw(st.sampled_from(["sum", "mean", "max", "min", "var", "std"]))
    axes = tuple(sorted(draw(st.sets(st.integers(1, 3), min_size=1))))
    keep = draw(st.booleans())
    check(op, shape, draw(LAYOUTS), f"{{axis={axes}, keepdims={keep}}}", axes, keep)


def check(
    op: str, shape: list[int], layout: str, attrs: str, axes: tuple[int, ...], keep: bool
) -> None:
    """The reduction of a scaled sum, and the exponential of it halved."""
    sizes = [1 if a in axes else d for a, d in enumerate(shape, 1) if keep or a not in axes]
    data, out = f"f32[N,{','.join(map(str, shape))}]{layout}", ",".join(["N", *map(str, sizes)])
    ops = f"%s = np.add(%x, %b) : {data}\n%t = np.multiply(%s, %x) : {data}\n"
    ops += f"%r = np.{op}(%t) {attrs} : f32[{out}]\n"
    ops += f"%y = npx.softsign(%r) : f32[{out}]"
    text = module_text(f"%x: {data}, %b: f32[{shape[0]},1,1]", ops, "%y", symbol="N")
    Case(text, "reduce", {"N": 2}).check(rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("op", ["argmax", "argmin"])
@pytest.mark.parametrize("layout", ["", "{channels_last}"])
@pytest.mark.parametrize("axis", [None, 1, 2, 3])
def test_positions(op: str, layout: str, axis: int | None) -> None:
    """Whole numbers, so that there are ties: the first one counts."""
    opdef = TABLE[f"np.{op}"]
    result = opdef.infer(TensorType((2, 13, 4, 9), f32), axis=axis, keepdims=False)
    assert isinstance(result, TensorType)
    dims = ",".join(map(str, result.shape))
    attrs = "" if axis is None else f"{{axis={axis}}}"
    ops = f"%f = np.floor(%x) : f32[2,13,4,9]{layout}\n%y = np.{op}(%f) {attrs} : i64[{dims}]"
    case = Case(module_text(f"%x: f32[2,13,4,9]{layout}", ops, "%y"), "reduce")
    case.check()


def test_nan_is_the_largest_and_the_smallest() -> None:
    for op, out in (("max", "f32"), ("min", "f32"), ("argmax", "i64"), ("argmin", "i64")):
        axis = "1" if op.startswith("arg") else "(1,)"
        text = module_text("%x: f32[3,20]", f"%y = np.{op}(%x) {{axis={axis}}} : {out}[3]", "%y")
        case = Case(text, "reduce")
        case.inputs[0][1, 7] = case.inputs[0][1, 11] = float("nan")
        case.inputs[0][2, [9, 15, 17, 18]] = float("nan")  # lanes meet them out of order
        case.check()


@pytest.mark.parametrize("dtype", ["f64", "i64", "u8", "bool", "bf16"])
def test_positions_in_lines_of_every_width(dtype: str) -> None:
    for op in ("argmax", "argmin"):
        ops = f"%y = np.{op}(%x) {{axis=1}} : i64[5]"
        Case(module_text(f"%x: {dtype}[5,37]", ops, "%y"), "reduce").check()


def test_a_symbolic_axis_folds_too() -> None:
    ops = "%y = np.mean(%x) {axis=(0,)} : f32[9]"
    Case(module_text("%x: f32[N,9]", ops, "%y", symbol="N"), "reduce", {"N": 7}).check()
    ops = "%y = np.sum(%x) : f32[]"
    Case(module_text("%x: f32[N,9]", ops, "%y", symbol="N"), "reduce", {"N": 7}).check(atol=1e-5)


LONG = [
    ((64, 20, 24, 24), (0, 2, 3)),
    ((3, 5, 71, 70), (0, 2, 3)),
    ((64, 33, 16, 15), (0, 1, 2, 3)),
    ((4, 64, 32, 32), (1, 2, 3)),
    ((5000, 37), (0,)),
    ((50, 60, 70), (0, 2)),
    ((100003,), (0,)),
]


@pytest.mark.parametrize("op", ["sum", "mean", "max", "prod"])
@pytest.mark.parametrize(("shape", "axes"), LONG, ids=str)
def test_lines_folded_in_parts(shape: tuple[int, ...], axes: tuple[int, ...], op: str) -> None:
    """Long lines, of which there are few: rounding errors stay small, threads change nothing."""
    for layout in ["", "{channels_last}"][: 1 + (len(shape) == 4)]:
        kept = [d for a, d in enumerate(shape) if a not in axes]
        data = f"f32[{','.join(map(str, shape))}]{layout}"
        out = f"f32[{','.join(map(str, kept))}]"
        ops = f"%s = npx.softsign(%x) : {data}\n" if op != "prod" else ""
        ops += f"%r = np.{op}({'%s' if ops else '%x'}) {{axis={axes}}} : {out}\n"
        ops += f"%y = np.negative(%r) : {out}"
        case = Case(module_text(f"%x: {data}", ops, "%y"), "reduce")
        if op == "prod":
            scaled = case.inputs[0].astype(np.float64) / case.inputs[0].size ** 0.5
            case.inputs[0] = np.exp(scaled).astype(np.float32)
        got, want = case.run()[0], case.expected(precise=True)[0]
        count = case.inputs[0].size / max(want.size, 1)
        absolute = 1e-7 * count if op == "sum" else 1e-6
        found, wanted = got.astype(np.float64), want.astype(np.float64)
        np.testing.assert_allclose(found, wanted, 1e-4 if op == "prod" else 1e-5, absolute)
        set_threads(1)
        try:
            assert case.run()[0].tobytes() == got.tobytes()
        finally:
            set_threads(2)
