"""Time and memory of a run before there is one, from what the compiler wrote down.

Memory is what the plan says. Time is a model: a kernel takes as long as its arithmetic or its
bytes, whichever takes longer. Cycles of arithmetic come from the compiler
(`baryon.codegen.estimate`), clock and rates of memory from the machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from baryon.codegen.artifact import Artifact, Variant, read_artifact
from baryon.codegen.artifact.join import read_bytes
from baryon.inspection.machine import Machine

LAUNCH = 1.2e-6
"""Seconds to wake the other threads and to wait for the last one."""
CALL = 0.1e-6
"""Seconds of any call."""
SHARED_CYCLES = 20_000
"""Cycles of arithmetic below which a kernel stays in one thread."""


@dataclass(frozen=True)
class Memory:
    """Bytes of one run. code, weights: shared by all runs and processes of one file. arena:
    intermediate values. scratch: workspace of all threads. ports: the caller's inputs and outputs,
    with symbols at their maximum.
    """

    code: int
    weights: int
    arena: int
    scratch: int
    ports: int

    @property
    def peak(self) -> int:
        """All of it at once."""
        return self.code + self.weights + self.arena + self.scratch + self.ports


@dataclass(frozen=True)
class Estimate:
    """microseconds: of each group, in the order of execution."""

    machine: Machine
    microseconds: tuple[float, ...]
    memory: Memory

    @property
    def milliseconds(self) -> float:
        """Of a run."""
        return sum(self.microseconds) / 1e3

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        memory, machine = self.memory, self.machine
        return {
            "milliseconds": round(self.milliseconds, 4),
            "threads": machine.threads,
            "clock_hz": round(machine.clock),
            "memory_bytes_per_second": round(machine.memory),
            "cached_bytes_per_second": round(machine.cached),
            "peak_bytes": memory.peak,
            "code_bytes": memory.code,
            "weights_bytes": memory.weights,
            "arena_bytes": memory.arena,
            "scratch_bytes": memory.scratch,
            "ports_bytes": memory.ports,
        }


def estimate_file(path: str | os.PathLike[str], threads: int | None = None) -> Estimate:
    """What a run of an artifact takes on this machine. threads: None for the CPUs of the process.

    Raises ArtifactError.
    """
    return estimate_run(read_artifact(path), Machine.measured(threads))


def estimate_run(artifact: Artifact, machine: Machine) -> Estimate:
    """The estimate of an artifact's first variant, with symbols at their maximum."""
    variant = artifact.variants[0]
    groups = variant.meta.get("groups", ())
    times = tuple(round(1e6 * seconds(group, machine), 3) for group in groups)
    memory = _memory(variant, read_bytes(variant.plan), machine.threads)
    return Estimate(machine, times, memory)


def seconds(group: Mapping[str, Any], machine: Machine) -> float:
    """Of one group of META."""
    cycles, weights = float(group.get("cycles", 0)), float(group.get("weight_bytes", 0))
    shared = machine.threads > 1 and cycles > SHARED_CYCLES
    threads = machine.threads if shared else 1
    rest = max(0.0, float(group.get("bytes", 0)) - weights)
    share = threads / machine.threads
    bytes_time = weights / (machine.memory * share) + rest / (machine.cached * share)
    work = max(cycles / (machine.clock * threads), bytes_time)
    return work + (LAUNCH if shared else CALL)


def _memory(variant: Variant, weights: int, threads: int) -> Memory:
    plan = variant.plan
    code = len(variant.code.image) + variant.code.data_bytes
    greatest = {symbol.name: symbol.max for symbol in plan.symbols}
    ports = sum(
        plan.tensors[port.tensor].nbytes(greatest) for port in (*plan.inputs, *plan.outputs)
    )
    return Memory(code, weights, plan.arena_bytes, plan.scratch_bytes * threads, ports)
