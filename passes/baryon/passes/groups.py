"""Groups of ops, and writing them as `ir.fused`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from baryon.ir import RETURN, Func, Loc, Op, Region, TensorType, Value
from baryon.ops.structure import FUSED, RELAYOUT
from baryon.passes.sizes import is_free


@dataclass(eq=False)
class Group:
    """Ops that become one kernel, in program order: `prologue` ops, the anchor, the epilogue.

    out: the only value that is used outside (a multi-result anchor stands alone). patterns: by
    which pattern group an op joined.
    """

    kind: str
    anchor: Op
    ops: list[Op]
    prologue: int = 0
    out: Value = field(init=False)
    patterns: dict[Op, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.out = self.ops[-1].results[0]


def write_groups(region: Region, groups: Sequence[Group]) -> None:
    """Put each group into an `ir.fused` where its last op stands."""
    at_last = {g.ops[-1]: g for g in groups}
    inside = {op for g in groups for op in g.ops}
    old, region.ops = region.ops, []
    for op in old:
        if op in at_last:
            region.append(_fused(at_last[op]))
        elif op not in inside:
            region.append(op)


def _fused(group: Group) -> Op:
    inside = {*group.ops}
    used = (v for op in group.ops for v in op.operands)
    operands = [*dict.fromkeys(v for v in used if v.op not in inside)]
    body = Region([v.type for v in operands], [v.name for v in operands])
    inner = dict(zip(operands, body.args, strict=True))
    for op in group.ops:
        op.operands = [inner.get(v, v) for v in op.operands]
        body.append(op)
    results = group.ops[-1].results
    attrs = {"kind": group.kind} | ({"prologue": group.prologue} if _marked(group) else {})
    fused = Op(FUSED, operands, [r.type for r in results], attrs, [body], group.anchor.loc)
    for new, result in zip(fused.results, results, strict=True):
        new.name = result.name
        result.replace_by(new)
    body.append(Op(RETURN, results, (), loc=group.anchor.loc))
    return fused


def _marked(group: Group) -> bool:
    return group.prologue > 0 and group.kind != "elementwise"


def copy_group(value: Value, type: TensorType, loc: Loc) -> Op:
    """A group that copies a value into memory of its own, in the layout of `type`."""
    body = Region([value.type], [value.name])
    copy = body.append(Op(RELAYOUT, body.args, (type,), None, (), loc))
    body.append(Op(RETURN, copy.results, (), loc=loc))
    fused = Op(FUSED, (value,), (type,), {"kind": "relayout"}, [body], loc)
    fused.result.name = value.name
    return fused


def own_outputs(func: Func) -> bool:
    """Copy returned values that are arguments, constants, or in the memory of another output."""
    seen: set[Value] = set()
    terminator = func.body.terminator
    outputs: list[Value] = []
    for value in func.outputs:
        source = _memory(value)
        shares = source in seen or source.op is None or source.is_constant
        seen.add(source)
        outputs.append(_copied(func, value) if shares else value)
    changed = outputs != [*func.outputs]
    if changed:
        terminator.operands = outputs
    return changed


def _copied(func: Func, value: Value) -> Value:
    copy = copy_group(value, value.type.with_layout(None), func.body.terminator.loc)
    return func.body.insert(len(func.body.ops) - 1, copy).result


def _memory(value: Value) -> Value:
    """The value whose memory this one names."""
    while value.op is not None and is_free(value.op):
        value = value.op.operands[0]
    return value
