"""The builds for different CPUs inside an artifact: sizes, needs, and what weights they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from baryon.codegen.artifact import Artifact
from baryon.codegen.artifact.join import read_bytes, shared_bytes
from baryon.units import format_bytes, plural

Row = Mapping[str, Any]


def variant_rows(artifact: Artifact) -> list[dict[str, Any]]:
    """One row for each variant, best first; sizes in bytes.

    weights_bytes: what the variant reads of the weights, which others may read too.
    """
    return [
        {
            "name": variant.plan.name,
            "features": list(variant.plan.features),
            "kernels": len(variant.plan.kernels),
            "calls": len(variant.plan.calls),
            "code_bytes": len(variant.code.image),
            "weights_bytes": read_bytes(variant.plan),
            "arena_bytes": variant.plan.arena_bytes,
            "scratch_bytes": variant.plan.scratch_bytes,
        }
        for variant in artifact.variants
    ]


def sharing_rows(artifact: Artifact) -> list[dict[str, Any]]:
    """Parts of the weights by the variants that read them, largest first."""
    shared = shared_bytes([variant.plan for variant in artifact.variants])
    return [{"variants": list(names), "bytes": size} for names, size in shared.items()]


def print_variants(console: Console, variants: Sequence[Row], sharing: Sequence[Row]) -> None:
    """A line for each variant, and where there are several, one for each part of the weights."""
    for row in variants:
        console.print(
            f"  {row['name']}: {plural(row['kernels'], 'kernel')} in "
            f"{plural(row['calls'], 'call')}, {format_bytes(row['code_bytes'])} of code, "
            f"{format_bytes(row['weights_bytes'])} of weights, "
            f"{format_bytes(row['arena_bytes'])} of working memory; "
            f"needs {' '.join(row['features']) or 'any such CPU'}",
            markup=False,
            soft_wrap=True,
        )
    for row in sharing if len(variants) > 1 else ():
        readers = ", ".join(row["variants"])
        how = "read by" if len(row["variants"]) > 1 else "only for"
        console.print(f"  weights {how} {readers}: {format_bytes(row['bytes'])}", markup=False)
