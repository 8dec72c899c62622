"""Random networks of codes keep their meaning through the pipeline, and in planned memory.

Rules about codes are exact, so the interpreter finds the same codes before and after.
"""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baryon import interp
from baryon.ir import Module, Quant, f32, i8, parse_module, print_module, u8
from baryon.ops.numerics import Arr
from baryon.passes import DEFAULT_PIPELINE, PREPARE, plan_memory, run_pipeline
from baryon.passes.quantize import Params, QuantizationPlan, insert, sites
from baryon.passes.quantize.plan import Mode
from passes.arena import Arena
from passes.graphs import networks
from passes.support import assert_close, outputs, random_inputs

SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def plan_of(module: Module, inputs: list[Arr], mode: Mode, kept: int) -> QuantizationPlan:
    """Ranges of all values on these inputs; every `kept`-th site stays in float."""
    copy = parse_module(print_module(module), constants=module.constants)
    body = copy.main.body
    values = [*copy.main.inputs, *(r for op in body.ops for r in op.results)]
    values = [v for v in values if v.type.dtype == f32]
    body.terminator.operands = values
    arrays = interp.run(copy, inputs)
    ranges = {v.name: fitting(a) for v, a in zip(values, arrays, strict=True)}
    keep = {s.name: "kept" for i, s in enumerate(sites(module)) if i % 7 == kept}
    return QuantizationPlan(ranges, keep=keep, mode=mode)


def fitting(array: Arr) -> Params:
    """Unsigned codes with a zero point where that gains a bit, else signed ones."""
    low, high = min(float(array.min(initial=0)), 0.0), max(float(array.max(initial=0)), 1e-6)
    if -low < high / 2:
        scale = (high - low) / 255
        return Params(u8, Quant.of((scale,), (round(-low / scale),)))
    return Params(i8, Quant.of((max(-low, high) / 127,)))


BLOCK = """module {{
  constant @w1 : f32[{three},{size}] = external
  constant @w2 : f32[{size},{size}] = external
  func @main(%x: f32[{b},{l},{size}]) -> (y) {{
    %w1 = ir.constant() {{name="w1"}} : f32[{three},{size}]
    %w2 = ir.constant() {{name="w2"}} : f32[{size},{size}]
    %p = npx.fully_connected(%x, %w1) {{flatten=False}} : f32[{b},{l},{three}]
    %r = np.reshape(%p) {{newshape=({b}, {l}, {heads}, {d})}} : f32[{b},{l},{heads},{d}]
    %a = ir.attention(%r, %r, %r) {{{axes}, heads={h}, key_at=({h}, 1), value_at=({h}, 1)}}
         : f32[{b},{l},{h},{d}]
    %m = np.reshape(%a) {{newshape=({rows}, {size})}} : f32[{rows},{size}]
    %o = npx.fully_connected(%m, %w2) : f32[{rows},{size}]
    %n = np.reshape(%o) {{newshape=({b}, {l}, {size})}} : f32[{b},{l},{size}]
    %s = np.add(%n, %x) : f32[{b},{l},{size}]
    %g = npx.gelu(%s) : f32[{b},{l},{size}]
    %y = npx.fully_connected(%g, %w1) {{flatten=False}} : f32[{b},{l},{three}]
    ir.return(%y)
  }}
}}"""


@st.composite
def blocks(draw: st.DrawFn) -> Module:
    """Attention with layers around it, one of them on rows, as exporters write them."""
    b, length, h, d = (draw(st.integers(1, most)) for most in (2, 5, 3, 4))
    axes = ", ".join(f'{x}axes="blhd"' for x in ("", "query_", "key_", "value_"))
    size = h * d
    text = BLOCK.format(
        b=b, l=length, h=h, d=d, size=size, three=3 * size, heads=3 * h, rows=b * length, axes=axes
    )
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shapes = {"w1": (3 * size, size), "w2": (size, size)}
    arrays = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    return parse_module(text, constants=arrays)


@SETTINGS
@given(st.one_of(networks(), blocks()), st.sampled_from(["smart", "full"]), st.integers(0, 9))
def test_the_pipeline_keeps_codes(module: Module, mode: Mode, kept: int) -> None:
    run_pipeline(module, PREPARE)
    inputs = random_inputs(module)
    made = insert(module, plan_of(module, inputs, mode, kept))
    expected = outputs(made, inputs)
    run_pipeline(made, DEFAULT_PIPELINE, debug=True)
    assert_close(outputs(made, inputs), expected, 1e-5)
    assert_close(Arena(made, plan_memory(made), inputs).run(), expected, 1e-5)
