"""layer_norm along any axis, with fused neighbours; precise for data far from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.harness import Case, module_text
from codegen.test_elementwise import LAYOUTS, SETTINGS, SIZES


def layer_norm(shape: list[str], axis: int, layout: str = "", n: int = 2, after: str = "") -> Case:
    """A layer_norm of f32 data, and ops after it that say {t} for its type."""
    type, vector = f"f32[{','.join(shape)}]{layout}", f"f32[{shape[axis]}]"
    ops = f"%l = npx.layer_norm(%x, %g, %b) {{axis={axis}}} : {type}\n" + after.format(t=type)
    args = f"%x: {type}, %g: {vector}, %b: {vector}"
    text = module_text(args, ops, "%y" if after else "%l", symbol="N")
    return Case(text, "layer_norm", {"N": n})


@settings(SETTINGS, max_examples=12)
@given(st.data())
def test_any_axis_of_any_layout(data: Any) -> None:
    shape = ["N", *(str(data.draw(SIZES)) for _ in range(3))]
    axis = data.draw(st.sampled_from([1, 2, 3, -1]))
    layer_norm(shape, axis, data.draw(LAYOUTS)).check(rtol=1e-3, atol=1e-4)


def test_data_far_from_zero_keeps_its_digits() -> None:
    case = layer_norm(["6", "768"], -1)
    case.inputs[0] = case.inputs[0].astype(np.float32) + np.float32(1000)
    (got,), (want,) = case.run(), case.expected(precise=True)
    # one rounding of 1000 is 3e-5, of data that vary by 1
    np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), 0, 2e-3)


def test_what_is_fused_around() -> None:
    after = "%s = np.add(%l, %x) : {t}\n%y = npx.relu(%s) : {t}\n"
    layer_norm(["N", "7", "45"], -1, after=after).check(rtol=1e-4, atol=1e-5)
