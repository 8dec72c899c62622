"""Local response normalization in both layouts."""

from __future__ import annotations

import pytest

from codegen.harness import Case, module_text


@pytest.mark.parametrize("layout", ["", "{channels_last}", "{channels_last, pitch=50}"])
@pytest.mark.parametrize("channels", [1, 4, 8, 19, 48])
@pytest.mark.parametrize(("nsize", "beta"), [(5, 0.75), (4, 0.5), (1, 1.0), (7, 0.6)])
def test_windows_and_exponents(layout: str, channels: int, nsize: int, beta: float) -> None:
    type = f"f32[N,{channels},5,3]{layout}"
    attrs = f"{{nsize={nsize}, beta={beta}, alpha=0.5, knorm=1.5}}"
    ops = f"%s = npx.lrn(%x) {attrs} : {type}\n%y = npx.relu(%s) : {type}"
    case = Case(module_text(f"%x: {type}", ops, "%y", symbol="N"), "lrn", {"N": 2})
    case.check(rtol=5e-6)
