"""Artifacts of one network for different CPUs -> one, in which equal weights are stored once."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

import numpy as np

from baryon.codegen.artifact.check import byte_extent_of
from baryon.codegen.artifact.errors import ArtifactError
from baryon.codegen.artifact.plan import Artifact, Plan, Storage, TensorDesc, Variant
from baryon.codegen.artifact.weights import Weights, WeightsBuilder


def join(artifacts: Sequence[Artifact]) -> Artifact:
    """One artifact with the variants of all, in their order, over one copy of the weights.

    An array that several variants read in the same packing is stored once; what only one of them
    has is stored beside it. Raises ArtifactError where a variant could never run, because one
    before it runs wherever it does.
    """
    if len(artifacts) == 1:
        return artifacts[0]
    builder = WeightsBuilder()
    variants = [
        _moved(variant, artifact.weights, builder)
        for artifact in artifacts
        for variant in artifact.variants
    ]
    for number, variant in enumerate(variants):
        covering = covered_by(variant.plan, (earlier.plan for earlier in variants[:number]))
        if covering is not None:
            raise ArtifactError(
                f"the variant {variant.plan.name} would never run: {covering.name} stands before it"
                " and needs no more"
            )
    return Artifact(tuple(variants), builder.finish())


def covered_by(plan: Plan, earlier: Iterable[Plan]) -> Plan | None:
    """The first of the `earlier` plans that runs on every CPU on which this one does."""
    needs = set(plan.features)
    return next((e for e in earlier if e.machine == plan.machine and needs >= {*e.features}), None)


def shared_bytes(plans: Sequence[Plan]) -> Mapping[tuple[str, ...], int]:
    """Bytes of the weights by the names of the plans that read them, most first."""
    steps = [
        (place, number, change)
        for number, plan in enumerate(plans)
        for span in spans(plan)
        for place, change in zip(span, (1, -1), strict=True)
    ]
    totals: Counter[tuple[str, ...]] = Counter()
    depth, position = [0] * len(plans), 0
    for place, number, change in sorted(steps):
        totals[tuple(plan.name for plan, open_ in zip(plans, depth, strict=True) if open_)] += (
            place - position
        )
        depth[number] += change
        position = place
    return {names: size for names, size in totals.most_common() if names and size}


def read_bytes(plan: Plan) -> int:
    """Bytes of the weights that a plan reads."""
    return sum(high - low for low, high in spans(plan))


def spans(plan: Plan) -> list[tuple[int, int]]:
    """First byte and end of each part of the weights that a plan reads, ascending and apart."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(_span(tensor, plan) for tensor in plan.tensors if _is_weight(tensor)):
        if found and low < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        elif low < high:
            found.append((low, high))
    return found


def _span(tensor: TensorDesc, plan: Plan) -> tuple[int, int]:
    return tensor.byte_offset, tensor.byte_offset + byte_extent_of(tensor, plan)


def _is_weight(tensor: TensorDesc) -> bool:
    return tensor.storage is Storage.WEIGHTS


def _moved(variant: Variant, weights: Weights, builder: WeightsBuilder) -> Variant:
    """The variant with its weights in the builder's places."""
    parts = spans(variant.plan)
    moves = [
        builder.add(np.frombuffer(weights.view(low, high - low), np.uint8)) - low
        for low, high in parts
    ]

    def moved(tensor: TensorDesc) -> TensorDesc:
        if not _is_weight(tensor):
            return tensor
        if not byte_extent_of(tensor, variant.plan):  # no elements: any place is inside
            return replace(tensor, byte_offset=0)
        number = bisect_right(parts, tensor.byte_offset, key=itemgetter(0)) - 1
        return replace(tensor, byte_offset=tensor.byte_offset + moves[number])

    tensors = tuple(map(moved, variant.plan.tensors))
    return replace(variant, plan=replace(variant.plan, tensors=tensors))
