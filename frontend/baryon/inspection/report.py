"""What there is to say about a compiled network, as plain data for the page that shows it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baryon.codegen.artifact import Artifact, Storage, TensorDesc, Variant
from baryon.inspection.estimate import Estimate
from baryon.passes import Snapshot, unpack

_OP = re.compile(r"^\s*(?:%[^=(]*= )?([a-z]+\.\w+)\(", re.MULTILINE)
_FRAME = frozenset({"ir.return", "ir.constant", "ir.fused"})
"""Ops that give a text its structure and compute nothing."""


@dataclass(frozen=True)
class GroupReport:
    """A kernel call.

    kind: the family of its kernel, or the algorithm of a contraction. shapes: of its operands and
    results. estimate_us, measured_us: of one run; None: it was not run here. live: bytes of the
    arena that are in use meanwhile.
    """

    number: int
    name: str
    kind: str
    nodes: tuple[str, ...]
    ops: tuple[str, ...]
    shapes: tuple[str, ...]
    precision: str
    flops: int
    moved: int
    weights: int
    live: int
    estimate_us: float
    measured_us: float | None
    plan: str = ""

    @property
    def label(self) -> str:
        """The user's node that it begins with, and how many more there are."""
        first = self.nodes[0] if self.nodes and self.nodes[0] else self.name
        return first if len(self.nodes) < 2 else f"{first} +{len(self.nodes) - 1}"

    @property
    def microseconds(self) -> float:
        """Measured where it was, estimated elsewhere."""
        return self.estimate_us if self.measured_us is None else self.measured_us


@dataclass(frozen=True)
class Buffer:
    """A part of the arena: `size` bytes from `offset` on, from call `first` to call `last`.

    kind: of the group that writes it first.
    """

    name: str
    offset: int
    size: int
    first: int
    last: int
    kind: str


@dataclass(frozen=True)
class WeightReport:
    """Constants as a kernel reads them. label: of the first group that does."""

    label: str
    dtype: str
    size: int
    uses: int


@dataclass(frozen=True)
class InspectionReport:
    """A network. arena: bytes. snapshots: its texts after passes; none if it was built without."""

    name: str
    target: str
    precision: str
    bytes: int
    groups: tuple[GroupReport, ...]
    buffers: tuple[Buffer, ...]
    weights: tuple[WeightReport, ...]
    estimate: Estimate
    snapshots: tuple[Snapshot, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether times are those of runs on this machine."""
        return bool(self.groups) and all(g.measured_us is not None for g in self.groups)

    @property
    def milliseconds(self) -> float:
        """Of a run: the sum of all kernels."""
        return sum(g.microseconds for g in self.groups) / 1e3

    @property
    def peak(self) -> int:
        """The call during which most of the arena is in use."""
        return max(self.groups, key=lambda g: g.live).number if self.groups else 0


def inspection_report(
    name: str,
    artifact: Artifact,
    estimate: Estimate,
    measured_us: Sequence[float] | None = None,
    size: int = 0,
) -> InspectionReport:
    """The report of an artifact's first variant.

    measured_us: times of its groups, where it has run; size: bytes of the file. Raises BaryonError
    for a damaged record of passes.
    """
    variant = artifact.variants[0]
    meta = variant.meta
    kinds = [_kind(group) for group in meta.get("groups", ())]
    buffers = _buffers(meta, kinds)
    groups = tuple(
        _group(n, group, buffers, estimate, measured_us)
        for n, group in enumerate(meta.get("groups", ()))
    )
    packed = meta.get("passes")
    return InspectionReport(
        name=name,
        target=str(meta.get("target", "")),
        precision=str(meta.get("precision", "")),
        bytes=size,
        groups=groups,
        buffers=buffers,
        weights=_weights(variant, groups),
        estimate=estimate,
        snapshots=tuple(unpack(packed)) if packed else (),
    )


def _group(
    number: int,
    group: Mapping[str, Any],
    buffers: Sequence[Buffer],
    estimate: Estimate,
    measured_us: Sequence[float] | None,
) -> GroupReport:
    return GroupReport(
        number=number,
        name=group["name"],
        kind=_kind(group),
        nodes=tuple(group.get("nodes", ())),
        ops=tuple(group["ops"]),
        shapes=tuple(group["shapes"]),
        precision=group.get("precision", ""),
        flops=group["flops"],
        moved=group["bytes"],
        weights=group.get("weight_bytes", 0),
        live=sum(b.size for b in buffers if b.first <= number <= b.last),
        estimate_us=estimate.microseconds[number],
        measured_us=None if measured_us is None else measured_us[number],
        plan=str(group.get("notes", {}).get("plan", "")),
    )


def _kind(group: Mapping[str, Any]) -> str:
    """The family of a group's kernel; of contractions, the algorithm."""
    plan = str(group.get("notes", {}).get("plan", ""))
    if group["kind"] != "implicit_gemm":
        return str(group["kind"])
    return plan.split(maxsplit=1)[0] if plan else "depthwise"


def _buffers(meta: Mapping[str, Any], kinds: Sequence[str]) -> tuple[Buffer, ...]:
    rows = meta.get("memory", {}).get("buffers", ())
    return tuple(
        Buffer(name, offset, size, first, last, kinds[first])
        for name, offset, size, first, last in rows
        if first < len(kinds)
    )


def _weights(variant: Variant, groups: Sequence[GroupReport]) -> tuple[WeightReport, ...]:
    """Those that some call reads, the largest first; equal ones are stored once."""
    plan, uses = variant.plan, Counter[TensorDesc]()
    first: dict[TensorDesc, str] = {}
    for group, call in zip(groups, plan.calls, strict=True):
        for tensor in {plan.tensors[n] for n in call.args}:
            if tensor.storage == Storage.WEIGHTS:
                first.setdefault(tensor, group.label)
                uses[tensor] += 1
    found = [WeightReport(name, t.dtype, t.nbytes({}), uses[t]) for t, name in first.items()]
    return tuple(sorted(found, key=lambda w: -w.size))


def count_ops(text: str) -> Counter[str]:
    """Ops of a module's text by name, without those that only give it structure."""
    return Counter(name for name in _OP.findall(text) if name not in _FRAME)
