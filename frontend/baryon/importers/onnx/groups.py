"""Sequences and optionals as a function's inputs and outputs: several tensors, or none.

A function takes and returns tensors. The sequence `s` of two tensors is the inputs `s[0]` and
`s[1]`; an optional that is absent is no input at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baryon.ir import Array

Given = Array | Sequence[Array] | None
"""What a caller gives for an input: a tensor, a sequence of them, or None for an absent one."""


def part_name(name: str, number: int) -> str:
    """The name of a tensor in a sequence."""
    return f"{name}[{number}]"


def flatten(given: Mapping[str, Given]) -> dict[str, Array]:
    """The tensors by the names of the function's inputs."""
    flat: dict[str, Array] = {}
    for name, x in given.items():
        if isinstance(x, Sequence):
            flat |= {part_name(name, i): part for i, part in enumerate(x)}
        elif x is not None:
            flat[name] = x
    return flat


def join(results: Mapping[str, Array], output: Any) -> Given:
    """What the function's results say of an output of the model, a ValueInfoProto."""
    kind = output.type
    if kind.HasField("optional_type"):
        kind = kind.optional_type.elem_type
    if not kind.HasField("sequence_type"):
        return results.get(output.name)
    parts: list[Array] = []
    while part_name(output.name, len(parts)) in results:
        parts.append(results[part_name(output.name, len(parts))])
    return parts
