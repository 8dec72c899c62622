"""From a module of the graph IR to an artifact, and on to something that runs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count
from pathlib import Path
from typing import Any

import baryon
from baryon.codegen.artifact import Artifact, Storage, write_artifact
from baryon.codegen.assemble import Memory, Place, assemble
from baryon.codegen.code_costs import CodeCosts
from baryon.codegen.compiler import (
    CompiledKernel,
    Progress,
    compile_groups,
    constants_of,
    silent,
)
from baryon.codegen.describe import describe
from baryon.codegen.exact import exact
from baryon.codegen.group import Group
from baryon.codegen.layout_costs import KernelCosts
from baryon.codegen.targets import Target, get_target
from baryon.codegen.tuning import Chooser, by_model
from baryon.ir import Module, Op, UnsupportedError
from baryon.ops.quantize import holds_codes
from baryon.ops.structure import FUSED
from baryon.passes import (
    LOWERINGS,
    NOTHING,
    SIMPLIFY,
    History,
    Machine,
    MemoryPlan,
    Off,
    Pass,
    PassManager,
    Snapshot,
    pack,
    parse_pipeline,
    plan_memory,
    without_patterns,
)
from baryon.passes.machine import CodeSpeed
from baryon.runtime import Executable, load


@dataclass(frozen=True)
class Options:
    """How to compile.

    precision: fp32 or bf16 (docs/precision.md). jobs: threads that compile, None for all CPUs.
    pipeline: passes, as text; None for those of the precision. off: pattern groups that are
    switched off. refuse_slower: compute in float32 what a module has as codes, where codes are no
    faster on the target.
    """

    target: str = "native"
    precision: str = "fp32"
    jobs: int | None = None
    pipeline: str | None = None
    progress: Progress = silent
    off: Off = NOTHING
    refuse_slower: bool = False


@dataclass(frozen=True)
class Lowered:
    """A module after all passes. groups: its kernels, in the order of their calls.

    history: its text after each pass. off: pattern groups that were switched off. refused: where it
    had codes and computes in float32 all the same, with the reason.
    """

    module: Module
    groups: Sequence[Group]
    memory: MemoryPlan
    target: Target
    history: Sequence[Snapshot]
    off: Off = NOTHING
    precision: str = "fp32"
    refused: Mapping[str, str] = field(default_factory=dict)

    def assemble(self, compiled: Sequence[CompiledKernel], **notes: Any) -> Artifact:
        """The artifact with these kernels, one for each group. notes: more of its META."""
        pairs = zip(self.groups, compiled, strict=True)
        meta = {
            "producer": f"baryon {baryon.__version__}",
            "target": self.target.name,
            "precision": self.precision,
            "groups": [describe(g, k, self.module.symbols, self.target) for g, k in pairs],
            "passes": pack(self.history),
            "memory": describe_memory(self.module, self.memory),
            "patterns_off": sorted(self.off),
            "refused": dict(self.refused),
            **notes,
        }
        memory = places(self.memory)
        return assemble(self.module, self.groups, compiled, memory, self.target, meta)


def build(module: Module, options: Options, chooser: Chooser = by_model) -> Artifact:
    """Run the passes over a module (which is changed) and generate its code.

    chooser: names candidates for kernels (see `compile_groups`).
    """
    return generate(lower(module, options), options, chooser)


def generate(lowered: Lowered, options: Options, chooser: Chooser = by_model) -> Artifact:
    """Generate the code of a module whose passes have run."""
    groups, target = lowered.groups, lowered.target
    compiled = compile_groups(groups, target, options.jobs, options.progress, chooser)
    options.progress("link", 0, 1)
    artifact = lowered.assemble(compiled)
    options.progress("link", 1, 1)
    return artifact


def lower(module: Module, options: Options) -> Lowered:
    """Run the passes over a module, which is changed, and plan its memory."""
    target = get_target(options.target)
    target = exact(target) if holds_codes(module) else target
    speed = _Asked(CodeCosts(exact(target))) if options.refuse_slower else None
    history = run_passes(module, options, target, speed)
    plan = plan_memory(module)
    constants = constants_of(module.main.body.ops, module.constants)
    groups = [Group(op, constants) for op in module.main.body.ops if op.name == FUSED]
    refused = speed.refused if speed else {}
    return Lowered(module, groups, plan, target, history, options.off, options.precision, refused)


@dataclass(frozen=True)
class _Asked:
    """The costs of codes, and what they refused: reasons by places in the user's network."""

    costs: CodeCosts
    refused: dict[str, str] = field(default_factory=dict)

    def refusal(self, op: Op, sizes: Mapping[str, int]) -> str | None:
        """See `baryon.passes.machine.CodeSpeed`."""
        why = self.costs.refusal(op, sizes)
        if why is not None:
            self.refused[str(op.loc).rpartition("#")[2]] = why
        return why


def pipeline_of(precision: str) -> str:
    """The passes that make a precision; UnsupportedError for another one."""
    if precision not in LOWERINGS:
        raise UnsupportedError(
            f"precision {precision!r} is not there", hint=f"use one of {', '.join(LOWERINGS)}"
        )
    return f"{SIMPLIFY},{LOWERINGS[precision]}"


def _pipeline(options: Options, target: Target, speed: CodeSpeed | None) -> tuple[Pass, ...]:
    """The passes, with what they have to know of the target."""
    text = options.pipeline
    text = pipeline_of(options.precision) if text is None else text
    machine = Machine(KernelCosts(target), target.cache_bytes[2], speed)
    passes = without_patterns(parse_pipeline(text), options.off)
    return tuple(p.on(machine) for p in passes)


def run_passes(
    module: Module, options: Options, target: Target, speed: CodeSpeed | None = None
) -> list[Snapshot]:
    """Run the pipeline over a module in place; returns what became of it, pass by pass."""
    passes = _pipeline(options, target, speed)
    history = History(module)
    numbers = count(1)

    def observe(step: Pass, now: Module, changed: bool) -> None:
        options.progress(f"pass {step.name}", next(numbers), len(passes))
        history.observe(step, now, changed)

    PassManager(passes, observer=observe).run(module)
    return history.snapshots


def places(plan: MemoryPlan) -> Memory:
    """The memory plan in codegen's terms."""
    return Memory(
        {
            value: Place(Storage[p.storage.name], p.index, p.offset)
            for value, p in plan.placements.items()
        },
        plan.arena_bytes,
    )


def in_process(artifact: Artifact, threads: int | None = None) -> Executable:
    """Load an artifact that exists in memory only."""
    return load_all(artifact, [threads])[0]


def load_all(artifact: Artifact, threads: Sequence[int | None]) -> list[Executable]:
    """The same, once for each number of threads; they share one copy of the weights."""
    with tempfile.TemporaryDirectory(dir=_memory_directory()) as folder:
        path = Path(folder) / "model.baryon"
        write_artifact(path, artifact)
        return [load(path, threads=count) for count in threads]


def describe_memory(module: Module, plan: MemoryPlan) -> dict[str, Any]:
    """The arena for people: its size, and its buffers over the calls of a run.

    buffers: [value, offset, bytes, first call, last call], in the order of their first calls.
    """
    before = [0, *accumulate(op.name == FUSED for op in module.main.body.ops)]
    buffers = [
        [root.name, plan.placements[root].offset, block.size, before[block.first],
         max(before[block.first], before[block.last + 1] - 1)]
        for root, block in plan.blocks.items()
    ]  # fmt: skip
    return {"arena_bytes": plan.arena_bytes, "buffers": sorted(buffers, key=lambda b: b[3])}


def _memory_directory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
