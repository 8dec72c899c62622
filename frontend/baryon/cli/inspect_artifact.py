"""`baryon inspect FILE.baryon`: inputs, sizes, the table of fused groups, the IR."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from baryon.cli.console import print_json, show_refused, stdout
from baryon.cli.files import FileError
from baryon.cli.groups import group_rows, measure, print_groups
from baryon.cli.variants import print_variants, sharing_rows, variant_rows
from baryon.codegen.artifact import Artifact, Dim, Plan, Port, read_artifact
from baryon.feeds import random_feeds
from baryon.inspection import Estimate, Machine, estimate_run
from baryon.runtime import load
from baryon.units import format_bytes, plural

HIDDEN = ("groups", "passes", "memory")
"""Parts of META that are shown otherwise."""


def show(
    path: Path,
    stage: str | None,
    variant: str | None,
    *,
    verify: bool,
    profile: bool,
    threads: int | None,
    json: bool,
) -> None:
    """Print what the file holds. Works for CPUs other than this one, except with `profile`.

    variant: whose groups and IR; None for the first, or the one that runs here with `profile`.
    """
    artifact = read_artifact(path, verify=verify)
    executable = load(path, threads=threads, variant=variant) if profile else None
    shown = only_variant(artifact, executable.variant if executable else variant, path)
    if stage is not None:
        click.echo(_ir(shown, stage, path), nl=False)
        return
    estimate = estimate_run(shown, Machine.measured(threads))
    measured = measure(executable, random_feeds(executable)) if executable else None
    if json:
        known = describe(path, artifact) | {"weights_verified": verify}
        known["estimate"] = estimate.to_dict()
        print_json(known | {"groups": group_rows(shown.meta, estimate, measured)})
        return
    _print(path, artifact, estimate, verify)
    print_groups(shown.meta, estimate, measured)


def only_variant(artifact: Artifact, name: str | None, path: Path) -> Artifact:
    """The artifact with the variant of that name alone, or its first one."""
    variants = {variant.plan.name: variant for variant in artifact.variants}
    if name is not None and name not in variants:
        raise FileError(f"{path} has no variant {name}", hint=f"it has: {', '.join(variants)}")
    return replace(artifact, variants=(variants[name] if name else artifact.variants[0],))


def _ir(artifact: Artifact, stage: str, path: Path) -> str:
    passes = importlib.import_module("baryon.passes")  # slow to import
    texts = passes.stages(passes.unpack(artifact.meta["passes"]))
    text: str | None = texts.get(stage)
    if text is None:
        raise FileError(f"{path} has no IR of stage {stage}", hint=f"it has: {', '.join(texts)}")
    return text


def describe(path: Path, artifact: Artifact) -> dict[str, Any]:
    """What `--json` prints, less the groups."""
    plan = artifact.variants[0].plan
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "meta": {k: v for k, v in artifact.meta.items() if k not in HIDDEN},
        "inputs": [_port(plan, port) for port in plan.inputs],
        "outputs": [_port(plan, port) for port in plan.outputs],
        "symbols": {s.name: [s.min, s.max] for s in plan.symbols},
        "variants": variant_rows(artifact),
        "weights": sharing_rows(artifact),
    }


def _port(plan: Plan, port: Port) -> dict[str, Any]:
    tensor = plan.tensors[port.tensor]
    return {"name": port.name, "dtype": tensor.dtype, "shape": [_dim(d) for d in tensor.shape]}


def _dim(dim: Dim | int) -> str | int:
    if isinstance(dim, int):
        return dim
    return dim.symbol if dim.factor == 1 else f"{dim.factor}*{dim.symbol}"


def _print(path: Path, artifact: Artifact, estimate: Estimate, verified: bool) -> None:
    known, console = describe(path, artifact), stdout()
    console.print(f"[bold]{path}[/bold]: {format_bytes(known['bytes'])}", end="")
    names = ", ".join(row["name"] for row in known["variants"])
    console.print(f", for {names}", markup=False)
    for kind in ("inputs", "outputs"):
        for port in known[kind]:
            dims = ",".join(map(str, port["shape"]))
            console.print(f"  {kind[:-1]} {port['name']}: {port['dtype']}[{dims}]", markup=False)
    for name, (low, high) in known["symbols"].items():
        console.print(f"  {name} is {low} to {high}", markup=False)
    print_variants(console, known["variants"], known["weights"])
    if off := known["meta"].get("patterns_off"):
        console.print(f"  without the patterns {', '.join(off)}", markup=False)
    show_refused(console, known["meta"].get("refused", {}))
    console.print(f"  {_estimated(estimate)}", markup=False)
    console.print("  the hash of the weights is right\n" if verified else "")


def _estimated(estimate: Estimate) -> str:
    memory, machine = estimate.memory, estimate.machine
    parts = {
        "weights": memory.weights, "working memory": memory.arena, "workspace": memory.scratch,
        "inputs and outputs": memory.ports, "code": memory.code,
    }  # fmt: skip
    sizes = ", ".join(f"{format_bytes(size)} of {name}" for name, size in parts.items() if size)
    return (
        f"estimated: {estimate.milliseconds:.3g} ms a run by {plural(machine.threads, 'thread')} "
        f"({machine.clock / 1e9:.2f} GHz); {format_bytes(memory.peak)} of memory: {sizes}"
    )
