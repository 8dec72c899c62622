"""Random networks of codes keep their meaning through the pipeline, and in planned memory.

Rules about codes are exact, so the interpreter finds the same codes before and after.
"""

from __future__ import annotations

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


@SETTINGS
@given(networks(), st.sampled_from(["smart", "full"]), st.integers(0, 9))
def test_the_pipeline_keeps_codes(module: Module, mode: Mode, kept: int) -> None:
    run_pipeline(module, PREPARE)
    inputs = random_inputs(module)
    made = insert(module, plan_of(module, inputs, mode, kept))
    expected = outputs(made, inputs)
    run_pipeline(made, DEFAULT_PIPELINE, debug=True)
    assert_close(outputs(made, inputs), expected, 1e-5)
    assert_close(Arena(made, plan_memory(made), inputs).run(), expected, 1e-5)
