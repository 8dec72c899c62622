"""Kernels that move elements: strided copies of every kind, and index maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baryon.codegen.compiler import compile_groups
from baryon.codegen.kernels.moves import moves
from baryon.codegen.space import View
from baryon.ir import Array, IRTypeError
from codegen.harness import TARGET, Case, module_text
from codegen.test_elementwise import LAYOUTS, SETTINGS, SIZES


def check(args: str, ops: str, out: str = "%y", kind: str = "injective", n: int = 2) -> None:
    Case(module_text(args, ops, out, symbol="N"), kind, {"N": n}).check()


@SETTINGS
@given(st.data())
def test_relayouts_in_both_directions(data: Any) -> None:
    dims = ",".join(str(data.draw(SIZES)) for _ in range(3))
    source, target = data.draw(LAYOUTS), data.draw(LAYOUTS)
    dtype = data.draw(st.sampled_from(["f32", "f32", "i8", "f64", "bf16"]))
    ops = f"%y = ir.relayout(%x) : {dtype}[N,{dims}]{target}"
    check(f"%x: {dtype}[N,{dims}]{source}", ops, kind="relayout")


@SETTINGS
@given(st.permutations(range(4)), st.lists(SIZES, min_size=4, max_size=4))
def test_transposes(axes: list[int], shape: list[int]) -> None:
    dims, moved = (",".join(map(str, s)) for s in (shape, [shape[a] for a in axes]))
    ops = f"%y = np.transpose(%x) {{axes={tuple(axes)}}} : f32[{moved}]"
    check(f"%x: f32[{dims}]", ops)


def test_padding_of_a_symbolic_axis_alone() -> None:
    ops = '%y = np.pad(%x) {pad_width=(0,0), mode="reflect"} : f32[N]'
    check("%x: f32[N]", ops, n=5)


@pytest.mark.parametrize("layout", ["", "{channels_last}", "{channels_last, pitch=64}"])
def test_a_concatenation_and_what_follows(layout: str) -> None:
    args = f"%a: f32[N,3,5,4]{layout}, %b: f32[N,17,5,4]{layout}, %c: f32[20,1,1]"
    out = f"f32[N,20,5,4]{layout}"
    ops = f"%j = np.concatenate(%a, %b) {{axis=1}} : {out}\n %y = np.add(%j, %c) : {out}"
    check(args, ops, kind="concat")


def test_an_operand_joined_to_itself_and_read_by_the_epilogue() -> None:
    ops = "%j = np.concatenate(%a, %a) {axis=0} : f32[2,9]\n %y = np.add(%j, %a) : f32[2,9]"
    check("%a: f32[1,9]", ops)


def test_a_split_has_one_output_for_each_part() -> None:
    parts = ", ".join(f"f32[N,{c},6,5]{{channels_last}}" for c in (3, 9, 8))
    ops = f"%p, %q, %r = np.split(%x) {{axis=1, indices_or_sections=(3, 12)}} : {parts}"
    check("%x: f32[N,20,6,5]{channels_last}", ops, "%p, %q, %r")


@pytest.mark.parametrize(("channels", "groups"), [(24, 3), (116, 2), (240, 3), (6, 2)])
@pytest.mark.parametrize("layout", ["", "{channels_last}"])
def test_a_shuffle_of_channels_is_a_strided_copy(channels: int, groups: int, layout: str) -> None:
    type = f"f32[N,{channels},5,4]{layout}"
    order = np.arange(channels).reshape(groups, -1).T.reshape(-1)
    case = take(type, order, type)
    assert moves(case.group) is not None
    case.check()


def test_a_look_up_of_irregular_constants() -> None:
    case = take("f32[N,9,3]", np.array([1, 0, 5]), "f32[N,3,3]")
    assert moves(case.group) is None
    case.check()


def take(type: str, order: Array, result: str) -> Case:
    ops = f'%c = ir.constant() {{name="i"}} : i64[{order.size}]\n'
    ops += f'%s = np.take(%x, %c) {{axis=1, mode="clip"}} : {result}\n%y = npx.relu(%s) : {result}'
    values = ", ".join(map(str, order))
    constant = f"constant @i : i64[{order.size}] = ({values})"
    text = module_text(f"%x: {type}", ops, "%y", symbol="N", constants=constant)
    return Case(text, "injective", {"N": 2})


def table(dtype: str, layout: str, scale: float = 0.5) -> Case:
    """Every code, looked up."""
    codes = f"{dtype}[N,16,4,4]<scale={scale}, zero=0>{layout}"
    ops = f"""%t = ir.constant() {{name="t"}} : u8[256]<scale={scale}, zero=3>
    %y = np.take(%t, %x) {{axis=0, mode="wrap"}} : u8[N,16,4,4]<scale={scale}, zero=3>{layout}"""
    entries = np.random.default_rng(int(scale * 4)).permutation(256).astype(np.uint8)
    text = module_text(f"%x: {codes}", ops, "%y", "N", "constant @t : u8[256] = external")
    return Case(text, "injective", {"N": 2}, high=128, constants={"t": entries})


@pytest.mark.parametrize("layout", ["", "{channels_last}"])
@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_a_table_of_codes(dtype: str, layout: str) -> None:
    table(dtype, layout).check()


def test_tables_share_a_kernel() -> None:
    cases = [table("i8", "", scale) for scale in (0.5, 0.25)]
    first, second = compile_groups([case.group for case in cases], TARGET)
    assert first is second


def test_a_look_up_of_rows_with_an_epilogue() -> None:
    ops = "%r = np.take(%t, %i) {axis=0} : f32[N,3,19]\n %y = np.add(%r, %p) : f32[N,3,19]"
    check("%t: f32[5,19], %i: i64[N,3], %p: f32[3,19]", ops)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_padding_of_channels_last_rows(mode: str) -> None:
    attrs = f'{{pad_width=(0,0,0,0,1,2,2,0), mode="{mode}"}}'
    ops = f"%y = np.pad(%x) {attrs} : f32[N,9,8,7]{{channels_last}}"
    check("%x: f32[N,9,5,5]{channels_last}", ops)


def test_views_refuse_what_does_not_broadcast() -> None:
    with pytest.raises(IRTypeError, match="does not broadcast"):
        View((3, 2), (2, 1)).broadcast((3, 4))
