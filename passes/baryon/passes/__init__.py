"""Passes over the IR, pipelines of them, and the manager that runs and checks them.

run_pipeline(module, DEFAULT_PIPELINE)
plan = plan_memory(module)
"""

from baryon.passes.base import Pass, PassError, PipelineError, RulePass
from baryon.passes.families import has_kernel
from baryon.passes.forward_first import ForwardFirst, early_calls, waiting_ops
from baryon.passes.history import History, Snapshot, pack, stages, unpack
from baryon.passes.layout import ChooseLayout
from baryon.passes.machine import Machine
from baryon.passes.manager import PassManager, Timing, run_pipeline
from baryon.passes.memory import MemoryPlan, Placement, Storage, plan_memory
from baryon.passes.off import NOTHING, Off
from baryon.passes.patterns import (
    GROUP_OF,
    GROUPS,
    PATTERNS,
    PatternGroup,
    UnknownPatternError,
    set_variable,
    switched_off,
)
from baryon.passes.pipeline import parse_pipeline, print_pipeline, without_patterns
from baryon.passes.registry import DEFAULT_PIPELINE, LOWER, LOWERINGS, PASSES, PREPARE, SIMPLIFY
from baryon.passes.split_batch import SplitBatch
from baryon.passes.stages import FUSED_STAGE, GRAPH, LOWERED, STAGES, Stage, verify_stage

__all__ = [
    "DEFAULT_PIPELINE",
    "FUSED_STAGE",
    "GRAPH",
    "GROUPS",
    "GROUP_OF",
    "LOWER",
    "LOWERED",
    "LOWERINGS",
    "NOTHING",
    "PASSES",
    "PATTERNS",
    "PREPARE",
    "SIMPLIFY",
    "STAGES",
    "ChooseLayout",
    "ForwardFirst",
    "History",
    "Machine",
    "MemoryPlan",
    "Off",
    "Pass",
    "PassError",
    "PassManager",
    "PatternGroup",
    "PipelineError",
    "Placement",
    "RulePass",
    "Snapshot",
    "SplitBatch",
    "Stage",
    "Storage",
    "Timing",
    "UnknownPatternError",
    "early_calls",
    "has_kernel",
    "pack",
    "parse_pipeline",
    "plan_memory",
    "print_pipeline",
    "run_pipeline",
    "set_variable",
    "stages",
    "switched_off",
    "unpack",
    "verify_stage",
    "waiting_ops",
    "without_patterns",
]  # fmt: skip
