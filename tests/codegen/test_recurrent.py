"""Recurrent kernels: sizes that do not fill panels and tiles, weights of both kinds, threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baryon.codegen.kernels.recurrent_panels import shape_for
from baryon.codegen.targets import get_target
from baryon.ir import UnsupportedError
from codegen.harness import Case, module_text, set_threads
from codegen.test_elementwise import SETTINGS

GATES = {"npx.lstm": 4, "npx.gru": 3, "npx.elman": 1}


def layer(
    op: str, time: int, batch: Any, units: int, attrs: str = "", *, constant: bool = False,
    lengths: bool = False, dtype: str = "f32", seed: int = 0,
) -> Case:  # fmt: skip
    """A layer on drawn operands; its weights are drawn, or `constant`."""
    rows, state = GATES[op] * units, f"{dtype}[{batch},{units}]"
    weight, y = f"{dtype}[{rows},{units}]", f"{dtype}[{time},{batch},{units}]"
    types = {"x": f"{dtype}[{time},{batch},{rows}]", "w": weight}
    types |= {"b": f"{dtype}[{units}]"} if op == "npx.gru" else {}
    types |= {"h": state} | ({"c": state} if op == "npx.lstm" else {})
    types |= {"n": f"i32[{batch}]"} if lengths else {}
    args = ", ".join(f"%{k}: {v}" for k, v in types.items() if not (constant and k == "w"))
    results = "%y, %z" if op == "npx.lstm" else "%y"
    ops = f'%w = ir.constant() {{name="w"}} : {weight}\n' if constant else ""
    ops += f"{results} = {op}({', '.join(f'%{k}' for k in types)}) {{{attrs}}} : "
    ops += ", ".join([y] * len(results.split()))
    numbers = np.random.default_rng(1).uniform(-0.4, 0.4, rows * units)
    values = f"({', '.join(f'{v:.4f}' for v in numbers)})"
    stored = f"constant @w : {weight} = {values}" if constant else ""
    text = module_text(args, ops, results, symbol="N", constants=stored)
    return Case(text, "recurrent", {"N": 2}, seed=seed, high=time + 1)


@settings(SETTINGS, max_examples=12)
@given(st.data())
def test_sizes(data: Any) -> None:
    op = data.draw(st.sampled_from([*GATES]))
    time, batch = (data.draw(st.sampled_from(s)) for s in ([1, 2, 5], [1, 2, 3, 4, 7, 13]))
    units = data.draw(st.sampled_from([1, 3, 7, 8, 9, 16, 17, 40]))
    reverse = data.draw(st.booleans())
    attrs = [f"reverse={reverse}"]
    if op == "npx.gru" and data.draw(st.booleans()):
        attrs.append("reset_after=False")
    case = layer(op, time, batch, units, ", ".join(attrs), constant=data.draw(st.booleans()),
                 lengths=data.draw(st.booleans()))  # fmt: skip
    case.check(rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("time", "batch", "units"), [(0, 1, 3), (2, 0, 3), (2, 1, 0)])
def test_nothing(time: int, batch: int, units: int) -> None:
    layer("npx.lstm", time, batch, units).check()


def test_half_precision_adds_up_in_float32() -> None:
    case = layer("npx.lstm", 3, 2, 17, dtype="f16")
    case.check(rtol=4e-3, atol=4e-3)


def test_a_long_sequence_stays_close_to_float64() -> None:
    case = layer("npx.lstm", 100, 2, 64, constant=True)
    for got, want in zip(case.run(), case.expected(precise=True), strict=True):
        np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), 0, 2e-5)


@pytest.mark.parametrize("attrs", ["", "reset_after=False"])
def test_threads_do_not_change_results(attrs: str) -> None:
    case = layer("npx.gru", 6, 5, 200, attrs)
    assert "T.parallel" in str(case.kernel.func)
    (several,) = case.run()
    set_threads(1)
    try:
        assert np.array_equal(case.run()[0], several)
    finally:
        set_threads(2)


def test_a_symbolic_batch_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="symbolic"):
        layer("npx.elman", 2, "N", 4).kernel


def test_tiles_fit_the_registers_and_the_batch() -> None:
    for name in ("x86-64", "x86-64-v3", "x86-64-v4"):
        target = get_target(name)
        for batch in (1, 2, 3, 8, 64):
            for gates in (1, 2, 3, 4):
                vectors, tile = shape_for(target, batch, gates, 64)
                assert tile.rows <= batch
                assert gates * vectors % tile.vectors == 0
                assert tile.rows * tile.vectors < target.registers
