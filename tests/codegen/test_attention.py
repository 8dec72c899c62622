"""Attention: any order of axes, masks of all kinds, lengths that do not divide, several blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baryon.codegen.kernels.attention_plan import Plan
from baryon.codegen.targets import get_target
from codegen.harness import Case, compile_cases, module_text

LENGTHS = st.sampled_from([1, 3, 4, 7, 8, 13, 16, 17, 40])
SIZES = st.sampled_from([1, 4, 8, 10, 16, 21])
AXES = st.permutations("bhld").map("".join)
MASKS = st.sampled_from(["f32[{k}]", "f32[{b},1,1,{k}]", "f32[{q},{k}]", "f32[1,{h},{q},{k}]",
                         "f32[{b},{h},{q},1]", "bool[{q},{k}]", "bool[{b},1,1,{k}]"])  # fmt: skip


def close(case: Case, rtol: float = 1e-5, atol: float = 1e-6) -> Any:
    """Compare with float64; `atol` is of the largest result. Returns the result."""
    got: Any = case.run()[0]
    want: Any = case.expected(precise=True)[0]
    largest = np.max(np.abs(want), initial=0, where=np.isfinite(want))
    np.testing.assert_allclose(got, want, rtol, atol * max(1, largest))
    return got


def shape_of(axes: str, **sizes: Any) -> str:
    return ",".join(str(sizes[a]) for a in axes)


def attention(args: str, masks: str, attrs: str, out: str) -> str:
    return f"%y = ir.attention({args}{masks}) {{{attrs}}} : f32[{out}]"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Attention over operands of their own, in any order of axes, with up to two masks.

    What fills masked scores is small: a row that is masked as a whole keeps only the digits of its
    scores that float32 has left beside it.
    """
    b, h = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    q, k, d, e = draw(LENGTHS), draw(LENGTHS), draw(SIZES), draw(SIZES)
    groups = draw(st.sampled_from([g for g in (1, h) if h % g == 0]))
    orders = {role: draw(AXES) for role in ("query", "key", "value", "out")}
    room, first, step = h * 2 + 1, draw(st.integers(0, 1)), draw(st.integers(1, 2))
    types = {
        "query": shape_of(orders["query"], b=b, h=room, l=q, d=d),
        "key": shape_of(orders["key"], b=b, h=groups, l=k, d=d),
        "value": shape_of(orders["value"], b=b, h=groups, l=k, d=e),
    }
    masks = [m.format(b=b, h=h, q=q, k=k) for m in draw(st.lists(MASKS, max_size=2))]
    attrs = [f'{r}_axes="{orders[r]}"' for r in ("query", "key", "value")]
    attrs += [f'axes="{orders["out"]}"', f"heads={h}", f"key_heads={groups}"]
    attrs += [f"query_at=({first}, {step})", f"scale={draw(st.sampled_from([1.0, 0.3]))}"]
    attrs += [f"fill={draw(st.sampled_from([-20.0, -3.0]))}"]
    args = ", ".join([*(f"%{r}: f32[{t}]" for r, t in types.items()),
                      *(f"%m{i}: {t}" for i, t in enumerate(masks))])  # fmt: skip
    names = "".join(f", %m{i}" for i in range(len(masks)))
    out = shape_of(orders["out"], b=b, h=h, l=q, d=e)
    text = attention("%query, %key, %value", names, ", ".join(sorted(attrs)), out)
    return Case(module_text(args, text, "%y"), "attention", high=2)


@settings(max_examples=12, deadline=None)
@given(st.lists(cases(), min_size=8, max_size=8))
def test_any_order_of_axes_and_masks(given: list[Case]) -> None:
    compile_cases(given)
    for case in given:
        close(case)


def self_attention(length: int, heads: int, size: int, masks: str = "", names: str = "") -> str:
    room = 3 * heads
    attrs = (f'axes="blhd", heads={heads}, key_at=({heads}, 1), key_axes="blhd", '
             f'query_axes="blhd", value_at=({2 * heads}, 1), value_axes="blhd"')  # fmt: skip
    text = attention("%x, %x, %x", names, attrs, f"N,{length},{heads},{size}")
    return module_text(f"%x: f32[N,{length},{room},{size}]{masks}", text, "%y", symbol="N")


@pytest.mark.parametrize(("length", "size"), [(197, 64), (300, 8), (641, 20)])
def test_several_blocks_of_keys(length: int, size: int) -> None:
    case = Case(self_attention(length, 2, size), "attention", {"N": 2})
    close(case)


def test_huge_scores_do_not_overflow() -> None:
    case = Case(self_attention(600, 1, 8), "attention", {"N": 1})
    case.inputs[0] = np.multiply(case.inputs[0], 12, dtype=np.float32)
    close(case, rtol=1e-2, atol=1e-3)  # scores near 1000, of which float32 keeps four decimals


ROWS = {  # what a row of scores is, by its number: masked in the first block, wholly, not at all
    "none": (math.nan, math.nan),
    "empty": (0.0, math.nan),
    "undefined": (0.0, 0.0),
}


@pytest.mark.parametrize("zero_rows", list(ROWS))
def test_rows_without_a_weight(zero_rows: str) -> None:
    length = 400
    text = self_attention(length, 1, 4, f", %m: f32[{length},{length}]", ", %m")
    text = text.replace("{axes=", f'{{zero_rows="{zero_rows}", axes=')
    case = Case(text, "attention", {"N": 1})
    mask = np.zeros((length, length), np.float32)
    mask[0, :300] = mask[1, 200:] = mask[2] = -np.inf  # the first blocks, the last ones, all
    mask[3, 7] = np.nan
    case.inputs[1] = mask
    got = close(case)
    assert np.isfinite(got[0, :2]).all() and np.isfinite(got[0, 4:]).all()
    for row, expected in zip((2, 3), ROWS[zero_rows], strict=True):
        np.testing.assert_array_equal(got[0, row], np.full((1, 4), expected, np.float32))


@pytest.mark.parametrize("value", [-1e4, -3.4e38, -np.inf])
def test_masked_keys_have_no_weight(value: float) -> None:
    case = Case(self_attention(40, 2, 8, ", %m: f32[N,1,1,40]", ", %m"), "attention", {"N": 2})
    mask, x = np.zeros((2, 1, 1, 40), np.float32), np.array(case.inputs[0], np.float32)
    mask[0, ..., 25:] = value
    case.inputs[1] = mask
    before = close(case)
    x[0, 25:, 2:] += 1  # keys and values behind the mask
    case.inputs[0] = x
    np.testing.assert_array_equal(close(case)[0, :25], before[0, :25])


def test_constant_masks_are_turned() -> None:
    causal = ", ".join(str(float(j <= i)) for i in range(9) for j in range(9))
    constants = f"constant @m : f32[9,9] = ({causal})"
    args = "%x: f32[1,2,9,4]"
    text = '%m = ir.constant() {name="m"} : f32[9,9]\n'
    text += f"%y = ir.attention(%x, %x, %x, %m) : {args[4:]}"
    Case(module_text(args, text, "%y", constants=constants), "attention").check()


@pytest.mark.parametrize("name", ["x86-64", "x86-64-v3", "x86-64-v4"])
def test_every_target_has_a_plan(name: str) -> None:
    target = get_target(name)
    plan = Plan.of(Case(self_attention(197, 6, 64), "attention").group.main, target)
    assert plan.tile in target.tiles
    assert plan.width % plan.lanes == 0


def test_half_precision_sums_in_single() -> None:
    text = "%y = ir.attention(%x, %x, %x) {scale=0.5} : f16[1,2,30,8]"
    case = Case(module_text("%x: f16[1,2,30,8]", text, "%y"), "attention")
    case.check(rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("length", [5, 40, 197])
def test_codes_are_read_and_stored(length: int) -> None:
    """As a quantized projection gives them: one kernel, results at most one code apart."""
    heads = 'heads=2, query_axes="blhd", key_axes="blhd", value_axes="blhd", axes="blhd"'
    attrs = f"{heads}, key_at=(2, 1), value_at=(4, 1)"
    codes = f"i8[2,{length},2,16]<scale=0.0078125, zero=0>"
    text = f"""%d = ir.dequantize(%p) {{scale=(0.015625,), zero=(120,)}} : f32[2,{length},6,16]
    %a = ir.attention(%d, %d, %d) {{{attrs}}} : f32[2,{length},2,16]
    %y = ir.quantize(%a) {{dtype=!i8, scale=(0.0078125,)}} : {codes}"""
    case = Case(
        module_text(f"%p: u8[2,{length},6,16]<scale=0.015625, zero=120>", text, "%y"),
        "attention",
        high=256,
    )
    compile_cases([case])
    got, want = (np.asarray(x[0], np.int32) for x in (case.run(), case.expected()))
    assert np.abs(got - want).max() <= 1
    assert (got != want).mean() < 0.001
    assert len(np.unique(got)) > 20


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_16_bits(dtype: str) -> None:
    """Elements of the halves are widened where they are read, masks too."""
    body = f"%y = ir.attention(%q, %k, %v, %m) {{scale=0.35}} : {dtype}[2,3,4,8]"
    args = ", ".join(
        f"%{n}: {dtype}[{s}]"
        for n, s in (("q", "2,3,4,8"), ("k", "2,3,6,8"), ("v", "2,3,6,8"), ("m", "4,6"))
    )
    case = Case(module_text(args, body, "%y"), "attention")
    case.check(rtol=2.0**-7, atol=2.0**-7)
