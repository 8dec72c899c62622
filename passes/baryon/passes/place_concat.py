"""place-concat: channels-last concatenations whose parts are written straight into the result.

The kernel of such a concatenation goes. Its parts get types with the pitch of the whole buffer, and
`ir.concat_in_place` says that the result is where the parts are. A concatenation that is a part of
another one lies in that one's buffer together with all its parts (DenseNet: one buffer a block). A
part that cannot be written there (an argument, a constant, a value that two concatenations want,
one that a view reads) is copied into its slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import RETURN, Layout, Module, Op, Value
from baryon.ops.structure import FUSED, IN_PLACE
from baryon.passes.base import Pass
from baryon.passes.groups import copy_group
from baryon.passes.sizes import is_free, nbytes
from baryon.passes.stages import FUSED_STAGE, LOWERED, Stage


@dataclass(frozen=True)
class PlaceConcat(Pass):
    """Place parts of concatenations along channels where at most half of the bytes need a copy."""

    name: ClassVar[str] = "place-concat"
    needs: ClassVar[Stage] = FUSED_STAGE
    leaves: ClassVar[Stage] = LOWERED

    def run(self, module: Module) -> bool:
        """Do it, the last concatenation first, so that outer buffers are known earlier."""
        changed = False
        for func in module.funcs.values():
            for op in reversed(func.body.ops):
                changed = (_is_channel_concat(op) and _place(module, op)) or changed
        return changed


def _is_channel_concat(op: Op) -> bool:
    if op.name != FUSED or op.attrs["kind"] != "concat":
        return False
    inner = op.regions[0].ops[0]
    along_channels = inner.attrs.get("axis", 0) == 1
    return along_channels and all(v.type.layout is not None for v in (*op.operands, op.result))


def _place(module: Module, op: Op) -> bool:
    """Turn the group of a concatenation into `ir.concat_in_place` if that pays."""
    if not op.result.type.is_static and _is_returned(op.result):
        return False  # a slice counts as whole rows, and an output has no room behind its last
    parts = list(_parts(op))
    copied = [v for n, v in enumerate(parts) if _needs_copy(parts, n)]
    copied_bytes = sum(nbytes(module, v.type.with_layout(None)) for v in copied)
    if 2 * copied_bytes > nbytes(module, op.result.type.with_layout(None)):
        return False
    layout = Layout(_pitch(op.result))
    inside = [_copy(op, v, layout) if _needs_copy(parts, n) else v for n, v in enumerate(parts)]
    for value in inside:
        set_layout(value, layout)
    _replace(op, inside)
    return True


def _is_returned(value: Value) -> bool:
    """Whether the caller's memory will hold the value, perhaps by another name."""
    return any(
        user.name == RETURN or (is_free(user) and any(map(_is_returned, user.results)))
        for user in value.users
    )


def _parts(op: Op) -> Sequence[Value]:
    """The concatenation's parts in order; a group lists a repeated operand once."""
    body = op.regions[0]
    outer = dict(zip(body.args, op.operands, strict=True))
    return [outer[v] for v in body.ops[0].operands]


def _needs_copy(parts: Sequence[Value], n: int) -> bool:
    return parts[n] in parts[:n] or not _can_lie_inside(parts[n])


def _can_lie_inside(value: Value) -> bool:
    """Whether the value's kernel may write, and all its users read, with a pitch."""
    if value.op is None or value.op.name != FUSED:
        return False
    dense = value.type.layout is not None and value.type.layout.pitch is None
    return dense and all(user.name == FUSED for user in value.users)


def _pitch(result: Value) -> int:
    layout, channels = result.type.layout, result.type.shape[1]
    assert layout is not None and isinstance(channels, int)
    return layout.pitch or channels


def _copy(op: Op, value: Value, layout: Layout) -> Value:
    copy = copy_group(value, value.type.with_layout(layout), op.loc)
    region = op.parent
    assert region is not None
    return region.insert(region.ops.index(op), copy).result


def _replace(op: Op, parts: Sequence[Value]) -> None:
    region = op.parent
    assert region is not None
    new = Op(IN_PLACE, parts, [op.result.type], {"axis": 1}, (), op.loc)
    new.result.name = op.result.name
    region.insert(region.ops.index(op), new)
    op.result.replace_by(new.result)
    op.erase()


def set_layout(value: Value, layout: Layout) -> None:
    """Change where a group's result lies, for the group that makes it and those that read it."""
    value.type = value.type.with_layout(layout)
    if value.op is not None and value.op.regions:
        at = value.op.results.index(value)
        inner = value.op.regions[0].outputs[at]
        inner.type = value.type
    for user in value.users:
        for arg, operand in zip(_args(user), user.operands, strict=False):
            if operand is value:
                arg.type = value.type


def _args(op: Op) -> Sequence[Value]:
    return op.regions[0].args if op.regions else ()
