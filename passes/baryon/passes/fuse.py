"""fuse: groups ops into `ir.fused`, each of which becomes one kernel.

A group is an anchor with the element-wise ops after it (epilogue), those that only these read
(sides) and, for some families, those before it (prologue), or element-wise ops alone. All values
inside are used inside only, but for the one that the group returns; hence nothing outside can lie
on a path from the group back into it, and the group may stand where its last op stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import CONSTANT, RETURN, Module, Op, Region, UnsupportedError, Value
from baryon.ops import TABLE, Absent
from baryon.ops.quantize import DEQUANTIZE, QUANTIZE
from baryon.ops.structure import FUSED
from baryon.passes.base import PatternPass
from baryon.passes.decisions import Decisions, value_label
from baryon.passes.edges import BEFORE, READS_CODES, edge_for
from baryon.passes.families import ALONE, FAMILIES, Family, Prologue, is_elementwise, kind_of
from baryon.passes.groups import Group, own_outputs, write_groups
from baryon.passes.off import Off
from baryon.passes.prologue import is_channel_step
from baryon.passes.sizes import is_free
from baryon.passes.stages import FUSED_STAGE, Stage
from baryon.rewrite.trace import label


@dataclass(frozen=True)
class Fuse(PatternPass):
    """Group all ops that need a kernel. max_ops: the most ops in one group."""

    name: ClassVar[str] = "fuse"
    leaves: ClassVar[Stage] = FUSED_STAGE
    max_ops: int = 24

    def run(self, module: Module) -> bool:
        """Do it; UnsupportedError for an op that has no kernel."""
        changed = False
        for func in module.funcs.values():
            copied = own_outputs(func)
            changed = _Grouper(func.body, self.max_ops, self.off).run() or copied or changed
        return changed


class _Grouper:
    def __init__(self, region: Region, max_ops: int, off: Off) -> None:
        self.region, self.max_ops, self.off = region, max_ops, off
        self.position = {op: n for n, op in enumerate(region.ops)}
        self.taken: dict[Op, Group] = {}
        self.decisions = Decisions()

    def run(self) -> bool:
        """Anchors take in neighbours, the last anchor first; the other element-wise ops follow."""
        ops = [op for op in self.region.ops if _needs_kernel(op)]
        groups = [self.group(op) for op in reversed(ops) if not is_elementwise(op)]
        for group in groups:
            self.take_before(group)
        for op in ops:
            if op not in self.taken:
                group = self.group(op)
                self.take_before(group)
                groups.append(group)
        self.decisions.grouped(groups)
        write_groups(self.region, groups)
        return bool(groups)

    def group(self, op: Op) -> Group:
        """A group of one op and what follows it."""
        group = Group(kind_of(op) or "", op, [op])
        self.taken[op] = group
        if self.family(group).epilogue and len(op.results) == 1:
            while following := self.following(group):
                self.take(group, following)
                group.out = following[-1].result
        return group

    def family(self, group: Group) -> Family:
        return FAMILIES.get(group.kind, ALONE)

    def take(self, group: Group, ops: Iterable[Op]) -> None:
        group.ops.extend(ops)
        group.ops.sort(key=self.position.__getitem__)
        self.taken.update(dict.fromkeys(ops, group))

    def following(self, group: Group) -> list[Op]:
        """The fewest ops that take up all uses of the group's result and again have one result."""
        frontier = set(group.out.users)
        found: list[Op] = []
        while frontier and len(group.ops) + len(found) < self.max_ops:
            op = min(frontier, key=lambda op: self.position.get(op, -1))
            why = self.misfit(group, op)
            if why is not None:
                self.decisions.left_out(group, op, why)
                return []
            found.append(op)
            frontier.discard(op)
            if not frontier:
                return found
            frontier.update(op.result.users)
        return []

    def misfit(self, group: Group, op: Op) -> str | None:
        """Why an op may not follow a group's last one; None if it may."""
        if op.name == RETURN:
            return f"{value_label(group.out)} is a result of the network"
        if op not in self.position or not is_elementwise(op):
            return f"{op.name} is not element-wise"
        if op in self.taken:
            return f"it is in the kernel of {label(self.taken[op].anchor)}"
        if op.name == DEQUANTIZE and not self.is_between(op):
            return "codes are stored, and their readers say what they mean"
        return _other_type(group, op) or self.no_edge(group, op)

    def is_between(self, op: Op) -> bool:
        """Whether only element-wise ops that are in no kernel yet read what codes mean."""
        return all(is_elementwise(user) and user not in self.taken for user in op.result.users)

    def no_edge(self, group: Group, op: Op) -> str | None:
        edge = edge_for(group, op)
        if edge is None:
            return f"no pattern has {op.name} after {group.anchor.name}"
        group.patterns[op] = edge.pattern
        return f"{edge.pattern} is switched off" if edge.pattern in self.off else None

    def take_before(self, group: Group) -> None:
        """Take in producers as the family allows."""
        kind = self.family(group).prologue
        if BEFORE.get(group.kind) in self.off:
            kind = Prologue.NONE
        if kind is Prologue.CHAIN:
            self.take_prologue(group, self.chain(group))
        elif kind is Prologue.ANY:
            while len(group.ops) < self.max_ops and (op := self.producer(group)) is not None:
                self.take_prologue(group, [op])
        self.take_codes(group)
        while len(group.ops) < self.max_ops and (op := self.side(group)) is not None:
            self.taken[op] = group
            group.ops.insert(group.ops.index(group.anchor) + 1, op)  # before it is the prologue

    def take_codes(self, group: Group) -> None:
        """Take in what says the meaning of codes that the anchor reads, or its prologue."""
        if not self.family(group).codes or READS_CODES in self.off:
            return
        inside = group.ops[: group.ops.index(group.anchor) + 1]
        makers = dict.fromkeys(v.op for op in inside for v in op.operands if v.op is not None)
        for op in makers:
            alone = op.name == DEQUANTIZE and {*op.result.users} <= {*inside}
            if alone and self.is_loose(op):
                self.take(group, [op])
                group.patterns[op] = READS_CODES
                group.prologue += 1

    def take_prologue(self, group: Group, ops: list[Op]) -> None:
        self.take(group, ops)
        group.patterns.update(dict.fromkeys(ops, BEFORE[group.kind]))
        group.prologue += len(ops)

    def chain(self, group: Group) -> list[Op]:
        """The ops through which the anchor reads its input, if a kernel is saved by that."""
        found = [group.anchor]
        source = group.anchor.operands[0]
        if source.type.layout is None:  # channels are not innermost
            return []
        while (op := source.op) is not None and self.is_step(op, found[-1]):
            found.append(op)
            source = next(v for v in op.operands if v.type == source.type)
        left = source.op is not None and self.is_left(source.op)
        fits = len(found) - 1 + len(group.ops) <= self.max_ops
        # what is left becomes a kernel in any case, and may as well do the whole chain
        return found[1:] if fits and not left else []

    def is_left(self, op: Op) -> bool:
        """Whether a producer that only the chain reads needs a kernel of its own."""
        decodes = op.name == DEQUANTIZE and READS_CODES not in self.off
        return self.is_loose(op) and len(op.result.users) == 1 and not decodes

    def is_step(self, op: Op, user: Op) -> bool:
        """Whether an op may be in the chain that ends with `user`; the epilogue may not read it."""
        alone = self.is_loose(op) and [*op.result.users] == [user]
        return alone and is_channel_step(op)

    def producer(self, group: Group) -> Op | None:
        """An element-wise op that only this group uses, of the shape that the group reads."""
        whole = group.kind == "elementwise"
        like = group.out if whole else group.anchor.operands[0]
        inside = group.ops if whole else group.ops[: group.prologue + 1]
        return self.only_used_by(inside, like)

    def side(self, group: Group) -> Op | None:
        """An element-wise op that only the epilogue uses, of the shape of the result."""
        after = group.ops[group.ops.index(group.anchor) + 1 :]
        return self.only_used_by(after, group.out)

    def only_used_by(self, users: Sequence[Op], like: Value) -> Op | None:
        """An element-wise op with a result like `like` that no others use."""
        for value in (v for op in users for v in op.operands):
            op = value.op
            same = (value.type.shape, value.type.layout) == (like.type.shape, like.type.layout)
            if op is None or not same or not self.is_loose(op):
                continue
            if all(user in users for user in op.result.users):
                return op
        return None

    def is_loose(self, op: Op) -> bool:
        """Whether an op may join a group as a producer."""
        return op in self.position and op not in self.taken and is_elementwise(op)


def _other_type(group: Group, op: Op) -> str | None:
    have, new = group.out.type, op.result.type
    rounds = op.name in (QUANTIZE, DEQUANTIZE) and FAMILIES.get(group.kind, ALONE).codes
    if have.dtype != new.dtype and group.kind != "elementwise" and not rounds:
        return f"the element type changes from {have.dtype} to {new.dtype}"
    if (have.shape, have.layout) != (new.shape, new.layout):
        return f"the result is {new}, not {have}"
    return None


def _needs_kernel(op: Op) -> bool:
    if op.name in (CONSTANT, RETURN, FUSED) or is_free(op):
        return False
    if kind_of(op) is None:
        lowering = TABLE[op.name].lowering
        why = lowering.why if isinstance(lowering, Absent) else None
        raise UnsupportedError(f"{op.name} has no kernel yet", where=str(op.loc), hint=why)
    return True
