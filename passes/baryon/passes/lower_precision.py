"""lower-precision: values between kernels in bfloat16, factors of contractions rounded to it.

Runs on groups, as only what lies between kernels is stored. A group that reads or writes bfloat16
widens its operands by `npx.cast` first and rounds its result by `npx.cast` last; in between
everything is float32 as before, so the casts alone say where rounding happens. Moves work on the
16-bit elements as they are. Weights become constants in bfloat16, rounded to nearest even. The
function's arguments and results keep their types.

What each op does is a table: `baryon.passes.precision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import CONSTANT, Array, DType, Func, Loc, Module, Op, Region, Value, bf16, f32
from baryon.ops.structure import FUSED
from baryon.passes.arrays import elementwise
from baryon.passes.base import Pass
from baryon.passes.precision import FACTORS, MOVES, Precision, anchor_of, precision_of
from baryon.passes.sizes import is_free
from baryon.passes.stages import FUSED_STAGE, Stage
from baryon.rewrite import payload

CAST = "npx.cast"


@dataclass(frozen=True)
class LowerPrecision(Pass):
    """Store in bfloat16 what contractions read, and what follows from that."""

    name: ClassVar[str] = "lower-precision"
    needs: ClassVar[Stage] = FUSED_STAGE
    leaves: ClassVar[Stage] = FUSED_STAGE

    def run(self, module: Module) -> bool:
        """Choose the values, then rewrite group by group."""
        changed = False
        for func in module.funcs.values():
            chosen = _Choice(func).run()
            changed = _Writer(module, func, chosen).run() or changed
        return changed


def _body(group: Op) -> list[Op]:
    return group.regions[0].ops[:-1]


def _kind_of(group: Op) -> Precision:
    return precision_of(str(group.attrs["kind"]), _body(group))


def _outer(group: Op, inner: Value) -> Value | None:
    """The operand of the group that an argument of its region stands for."""
    pairs = zip(group.regions[0].args, group.operands, strict=True)
    return next((value for arg, value in pairs if arg is inner), None)


def factors_of(group: Op) -> list[Value]:
    """The values that a contraction multiplies; nothing for other groups."""
    anchor = anchor_of(_body(group))
    places = FACTORS.get(anchor.name, ()) if anchor is not None else ()
    found = [anchor.operands[i] for i in places] if anchor is not None else []
    return found if all(v.type.dtype == f32 for v in found) else []


class _Choice:
    """Which values are stored in bfloat16. Constants are chosen as their readers want them."""

    def __init__(self, func: Func) -> None:
        self.ops = [op for op in func.body.ops if op.name == FUSED or is_free(op)]
        self.fixed = {*func.inputs}
        self.fixed.update(v for v in func.outputs)
        for op in reversed(self.ops):  # a view of an output is the output's memory
            if op.name != FUSED and op.result in self.fixed:
                self.fixed.add(op.operands[0])
        self.wanted: set[Value] = set()

    def run(self) -> set[Value]:
        """What contractions read is wanted, also behind moves; then the others follow."""
        for op in reversed(self.ops):
            self._want(op)
        chosen: set[Value] = set()
        for op in self.ops:
            chosen.update(r for r in op.results if self._is_chosen(op, r, chosen))
        while mixed := {v for op in self.ops for v in _mixed(op, chosen)}:
            chosen -= {name for v in mixed for name in _names(v)}
        return chosen

    def _want(self, op: Op) -> None:
        if op.name != FUSED:
            self._pass_on(op)
            return
        factors = (_outer(op, v) for v in factors_of(op))
        self.wanted.update(v for v in factors if v is not None)
        if anchor_of(_body(op)) is _body(op)[-1] and _body(op)[-1].name in MOVES:
            self._pass_on(op)

    def _pass_on(self, op: Op) -> None:
        if all(r in self.wanted for r in op.results):
            self.wanted.update(op.operands)

    def _is_chosen(self, op: Op, result: Value, chosen: set[Value]) -> bool:
        if result.type.dtype != f32 or result in self.fixed or not _is_read_narrow(result):
            return False
        if op.name != FUSED:
            return op.operands[0] in chosen
        kind = _kind_of(op)
        if kind is Precision.UNTOUCHED:
            return False
        if result in self.wanted or kind is Precision.ALLOWED:
            return True
        return kind is Precision.FOLLOWS and _follows(op, chosen)


def _mixed(op: Op, chosen: set[Value]) -> list[Value]:
    """Chosen values that a move reads beside others that are not; constants adapt to either."""
    moved = [_outer(op, v) for v in _moved_first(op)]
    read = [v for v in moved if v is not None and not v.is_constant]
    narrow = [v for v in read if v in chosen]
    return narrow if len(narrow) < len(read) else []


def _moved_first(op: Op) -> set[Value]:
    """The elements that a group moves before it does anything else."""
    first = _body(op)[0] if op.name == FUSED else None
    return _moved(first) if first is not None and first.name in MOVES else set()


def _names(value: Value) -> list[Value]:
    """All values of a value's memory: what it is a view of, and views of that."""
    while value.op is not None and is_free(value.op):
        value = value.op.operands[0]
    found = [value]
    for known in found:
        found += [user.result for user in known.users if user.name != FUSED and is_free(user)]
    return found


def _is_read_narrow(value: Value) -> bool:
    """Whether all that read a value, as it is or by another name, can read half precision."""
    readers = (u for u in value.users)
    return all(
        _kind_of(u) is not Precision.UNTOUCHED if u.name == FUSED
        else is_free(u) and _is_read_narrow(u.result)
        for u in readers
    )  # fmt: skip


def _follows(op: Op, chosen: set[Value]) -> bool:
    """Whether the large floats that a group reads are all stored in half precision."""
    read = [v for v in op.operands if v.type.dtype == f32 and not v.is_constant]
    if not read:
        return _is_table(op)
    if anchor_of(_body(op)) is None:
        shape = op.results[0].type.shape
        read = [v for v in read if v.type.shape == shape]
    return bool(read) and all(v in chosen for v in read)


def _is_table(op: Op) -> bool:
    """Whether a group looks up rows of a constant."""
    return _body(op)[0].name == "np.take" and op.operands[0].is_constant


class _Writer:
    def __init__(self, module: Module, func: Func, chosen: set[Value]) -> None:
        self.module, self.region, self.chosen = module, func.body, chosen
        self.rounded: dict[Value, Value] = {}

    def run(self) -> bool:
        """Change types and insert casts; True if there was anything to do."""
        changed = False
        for op in list(self.region.ops):
            if op.name == FUSED:
                changed = self._group(op) or changed
            elif op.results and op.result in self.chosen:
                op.result.type = op.result.type.with_dtype(bf16)
        unused = [o for o in self.region.ops if o.name == CONSTANT and not o.result.users]
        for op in unused if changed else ():
            op.erase()
        return changed

    def _group(self, op: Op) -> bool:
        if _kind_of(op) is Precision.UNTOUCHED:
            return False
        self._round_constants(op)
        body, region = _body(op), op.regions[0]
        narrow = [a for a, v in zip(region.args, op.operands, strict=True) if v.type.dtype == bf16]
        factors = [v for v in factors_of(op) if v not in narrow]
        for arg in narrow:
            arg.type = arg.type.with_dtype(bf16)
        if body[0].name in MOVES and _moved(body[0]) and _moved(body[0]) <= {*narrow}:
            self._move(region, body[0])
            narrow = [a for a in narrow if a not in _moved(body[0])]
        for arg in narrow:
            _cast_uses(region, arg, f32, 0)
        for value in factors:
            self._round_factor(region, value)
        results = [r for r in op.results if self._round_result(op, r)]
        return bool(narrow or factors or results)

    def _round_constants(self, op: Op) -> None:
        """Factors and tables that are constants, as constants in bfloat16."""
        values = {_outer(op, v) for v in factors_of(op)}
        if _is_table(op) and op.results[0] in self.chosen:
            values.add(op.operands[0])
        moved = {_outer(op, v) for v in _moved_first(op)}
        if any(v is not None and v.type.dtype == bf16 for v in moved):
            values |= moved
        for value in values:
            if value is not None and value.is_constant and value.type.dtype == f32:
                constant = self._constant(value)
                op.operands = [constant if v is value else v for v in op.operands]

    def _constant(self, value: Value) -> Value:
        if value not in self.rounded:
            array = payload(self.module, value)
            assert array is not None and value.op is not None
            name = self.module.add_constant(elementwise(_to_bf16, array), value.name)
            new = Op(CONSTANT, (), (value.type.with_dtype(bf16),), {"name": name}, (), value.op.loc)
            new.result.name = value.name
            self.region.insert(self.region.ops.index(value.op), new)
            self.rounded[value] = new.result
        return self.rounded[value]

    def _move(self, region: Region, anchor: Op) -> None:
        """The anchor moves 16-bit elements; what follows it reads them widened."""
        for result in anchor.results:
            result.type = result.type.with_dtype(bf16)
            _cast_uses(region, result, f32, region.ops.index(anchor) + 1)

    def _round_factor(self, region: Region, value: Value) -> None:
        """Round what a prologue computes, or what is stored in float32, before it is multiplied."""
        anchor = anchor_of(region.ops[:-1])
        assert anchor is not None
        at = region.ops.index(anchor)
        low = region.insert(at, _cast(value, bf16, anchor.loc))
        high = region.insert(at + 1, _cast(low.result, f32, anchor.loc))
        anchor.operands = [high.result if v is value else v for v in anchor.operands]

    def _round_result(self, op: Op, result: Value) -> bool:
        """Give a chosen result its type, by a cast at the end of the group."""
        at = op.results.index(result)
        region = op.regions[0]
        inner = region.outputs[at]
        wanted = bf16 if result in self.chosen else result.type.dtype
        if inner.type.dtype == wanted == result.type.dtype:
            return False
        result.type = result.type.with_dtype(wanted)
        widened = inner.op is not None and inner.op.name == CAST and inner.op.operands[0]
        if widened and widened.type.dtype == wanted:
            outputs = [widened if i == at else v for i, v in enumerate(region.outputs)]
            region.terminator.operands = outputs
            if not inner.users:
                inner.op.erase()  # type: ignore[union-attr]
        elif inner.type.dtype != wanted:
            cast = region.insert(len(region.ops) - 1, _cast(inner, wanted, op.loc))
            outputs = [cast.result if i == at else v for i, v in enumerate(region.outputs)]
            region.terminator.operands = outputs
        return True


def _to_bf16(array: Array) -> Array:
    return array.astype(bf16.numpy)


def _moved(anchor: Op) -> set[Value]:
    """The operands whose elements an anchor moves."""
    return {v for v in anchor.operands if v.type.dtype in (f32, bf16)}


def _cast(value: Value, dtype: DType, loc: Loc) -> Op:
    new = Op(CAST, (value,), (value.type.with_dtype(dtype),), {"dtype": dtype}, (), loc)
    new.result.name = value.name
    return new


def _cast_uses(region: Region, value: Value, dtype: DType, at: int) -> None:
    """Let all users of a value read it in another type, converted once."""
    users = [*dict.fromkeys(value.users)]
    if not users:
        return
    cast = region.insert(at, _cast(value, dtype, users[0].loc))
    for user in users:
        user.operands = [cast.result if v is value else v for v in user.operands]
