"""Random networks keep their meaning through the default pipeline, and in planned memory."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baryon.ir import Module, parse_module
from baryon.passes import DEFAULT_PIPELINE, plan_memory, run_pipeline
from passes.arena import Arena
from passes.graphs import networks
from passes.support import assert_close, outputs, random_inputs

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


SMALL_CACHE = DEFAULT_PIPELINE.replace("split-batch", "split-batch{cache=64}")


@SETTINGS
@given(networks(), st.booleans(), st.sampled_from([DEFAULT_PIPELINE, SMALL_CACHE]))
def test_the_pipeline_keeps_the_meaning(module: Module, in_place: bool, pipeline: str) -> None:
    inputs = random_inputs(module)
    expected = outputs(module, inputs)
    run_pipeline(module, pipeline, debug=True)
    assert_close(outputs(module, inputs), expected, 1e-3)
    plan = plan_memory(module, in_place=in_place)
    assert_close(Arena(module, plan, inputs).run(), expected, 1e-3)
    assert plan.lower_bound <= plan.arena_bytes


@SETTINGS
@given(networks())
def test_the_result_is_text(module: Module) -> None:
    run_pipeline(module, DEFAULT_PIPELINE)
    constants = dict(module.constants)
    assert str(parse_module(str(module), constants=constants)) == str(module)


@SETTINGS
@given(networks())
def test_a_second_canonicalize_finds_nothing(module: Module) -> None:
    run_pipeline(module, "canonicalize,fold,cse,fold-batch-norm,canonicalize,fold,cse,dce")
    before = str(module)
    assert not run_pipeline(module, "canonicalize,fold,dce"), before
