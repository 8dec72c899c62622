"""The kernel of random numbers gives the reference's very bits, alone and in fusion."""

from __future__ import annotations

import pytest

from codegen.harness import Case, module_text


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
def test_bits(dtype: str) -> None:
    ops = f"%y = ir.random_uniform(%k) {{shape=(3, 5, 7), dtype=!{dtype}, stream=3}}"
    text = module_text("%k: u64[]", f"{ops} : {dtype}[3,5,7]", "%y")
    Case(text, "injective", high=1 << 62).check(rtol=0, atol=0)


def test_a_symbolic_batch_and_what_follows() -> None:
    """A dropout mask of N rows: drawing and what follows are one kernel."""
    ops = """%y = ir.random_uniform(%k) {shape=("N", 70), stream=0} : f32[N,70]
        %m = np.less(%y, %x) : bool[N,70]"""
    text = module_text("%k: u64[], %x: f32[N,70]", ops, "%m", symbol="N")
    Case(text, "injective", {"N": 5}, high=1 << 62, positive=True).check(rtol=0, atol=0)
