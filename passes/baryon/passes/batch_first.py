"""batch-first: values whose symbolic axis is inside of others are computed with it outermost.

Memory of a symbolic size has to be rows of that many (`baryon.ir.memory`), but networks transpose
batches: attention layers and recurrent ones work time-major. This pass computes such a value as
(N, *sample) and remembers where N belongs: `axis`, and on which side of the rest of that axis. Ops
follow their operands into that form, as if each sample were computed alone; where N comes to the
front again, the value is one of the old form without a copy. Layers with a recurrence are written
out step by step, since their kernel walks over one batch size.

What has no rule here keeps its form, and is refused where memory is planned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, ClassVar

from baryon.ir import CONSTANT, RETURN, Builder, Dim, Module, Op, Region, Sym, TensorType, Value
from baryon.ops import TABLE, Calls, OpDef, Role, lookup, recording
from baryon.ops.manipulation import END
from baryon.ops.quantize import DEQUANTIZE, QUANTIZE
from baryon.ops.recurrent import GATES
from baryon.ops.shapes import write_shape
from baryon.passes.base import Pass


@dataclass(frozen=True)
class BatchFirst(Pass):
    """Compute values with an inner symbolic axis as (N, *sample) where ops allow it."""

    name: ClassVar[str] = "batch-first"

    def run(self, module: Module) -> bool:
        """Do it for each function whose ops stand in a row; a module without such a value stays."""
        changed = [_function(module, func.body) for func in module.funcs.values()]
        return any(changed)


def _function(module: Module, body: Region) -> bool:
    if all(_is_plain(r.type) for op in body.ops for r in op.results):
        return False
    _write_out(module, body)
    writer = _Writer(module)
    for op in list(body.ops):
        writer.convert(op)
    for op in reversed(list(body.ops)):
        if op.name not in (RETURN, CONSTANT) and not any(r.users for r in op.results):
            op.erase()
    return True


def _write_out(module: Module, body: Region) -> None:
    """Recurrent layers of a symbolic batch as their steps."""
    for op in list(body.ops):
        opdef = lookup(op.name)
        if op.name in GATES and opdef is not None and not op.results[0].type.is_static:
            assert opdef.expansion is not None
            builder = Builder(module, body, lookup, body.ops.index(op))
            with builder.at(op.loc):
                o = recording(TABLE, builder)
                made = opdef.expansion(o, op.operands, opdef.normalize(op.attrs))
            op.replace_by(made)


def _is_plain(type: TensorType) -> bool:
    return not any(isinstance(d, Sym) for d in type.shape[1:])


def _place_of(shape: Sequence[Dim]) -> tuple[int, Sym] | None:
    """The axis with the symbol, if there is one and only one."""
    found = [(axis, d) for axis, d in enumerate(shape) if isinstance(d, Sym)]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class _Batched:
    """A value as (N, *sample), which has the value's axes, with N left out of one of them.

    inner: whether N is the faster one in that axis: it stands behind the axis' rest, not before.
    """

    value: Value
    axis: int
    inner: bool = False

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape of a sample."""
        return tuple(int(str(d)) for d in self.value.type.shape[1:])

    @property
    def batch(self) -> Dim:
        """N."""
        return self.value.type.shape[0]

    @property
    def place(self) -> tuple[int, bool]:
        """Where N belongs."""
        return self.axis, self.inner


class _RefusedError(Exception):
    """An op that cannot follow its operands."""


Operand = Value | _Batched


@dataclass
class _Writer:
    module: Module
    held: dict[Value, _Batched] = field(default_factory=dict)
    """Values of the function that are computed in the other form."""

    def convert(self, op: Op) -> None:
        """Write an op that reads or makes such values in the other form."""
        touched = any(v in self.held for v in op.operands)
        if not touched and all(_is_plain(r.type) for r in op.results):
            return
        assert isinstance(op.parent, Region)
        builder = Builder(self.module, op.parent, lookup, op.parent.ops.index(op))
        with builder.at(op.loc):
            rules = _Rules(op, recording(TABLE, builder), builder)
            try:
                made = rules.apply([self._operand(rules.o, v) for v in op.operands])
            except _RefusedError:
                self._as_it_is(op, rules.o)
                return
        for result, new in zip(op.results, made, strict=True):
            self._define(result, new, rules.o)

    def _operand(self, o: Calls[Value], x: Value) -> Operand:
        if x in self.held:
            return self.held[x]
        found = _place_of(x.type.shape)
        if found is None or found[0] != 0:
            return x
        _, size = found
        rest = x.type.shape[1:]
        rows = o.np.reshape(x, newshape=write_shape((Sym(size.name), size.factor, *rest)))
        return _Batched(rows, 0)

    def _define(self, result: Value, new: Operand, o: Calls[Value]) -> None:
        if isinstance(new, _Batched) and (new.place != (0, False)):
            new.value.name = new.value.name or result.name
            self.held[result] = new
            return
        plain = _logical(o, new, result.type) if isinstance(new, _Batched) else new
        plain.name = result.name
        result.replace_by(plain)

    def _as_it_is(self, op: Op, o: Calls[Value]) -> None:
        op.operands = tuple(
            _logical(o, self.held[v], v.type) if v in self.held else v for v in op.operands
        )


def _logical(o: Calls[Value], x: _Batched, type: TensorType) -> Value:
    """The value in its own form; free where N is in front."""
    behind = x.axis + (1 if x.inner else 0)
    if behind:
        rank = len(x.sample)
        order = [*range(1, behind + 1), 0, *range(behind + 1, rank + 1)]
        moved: Value = o.np.transpose(x.value, axes=order)
    else:
        moved = x.value
    result: Value = o.np.reshape(moved, newshape=write_shape(type.shape))
    return result


@dataclass
class _Rules:
    """How an op follows its operands. Each rule raises _RefusedError where it cannot."""

    op: Op
    o: Calls[Value]
    builder: Builder

    def apply(self, operands: Sequence[Operand]) -> Sequence[Operand]:
        """The results, batched or plain."""
        opdef = lookup(self.op.name)
        if opdef is None or self.op.regions:
            raise _RefusedError
        batches = {str(x.batch) for x in operands if isinstance(x, _Batched)}
        if len(batches) > 1 or any(isinstance(x, Value) and not x.type.is_static for x in operands):
            raise _RefusedError
        rule = _NAMED.get(self.op.name) or _BY_ROLE.get(opdef.role)
        if rule is None or self.op.name in (QUANTIZE, DEQUANTIZE):
            raise _RefusedError
        return rule(self, opdef, operands)

    def emit(self, operands: Sequence[Operand], **attrs: Any) -> tuple[Value, ...]:
        """The same op of other operands, some attributes replaced."""
        values = [x.value if isinstance(x, _Batched) else x for x in operands]
        return self.builder.emit(self.op.name, values, {**self.op.attrs, **attrs})

    def attrs(self, opdef: OpDef) -> dict[str, Any]:
        """All attributes."""
        return dict(opdef.normalize(self.op.attrs))

    @property
    def shape(self) -> tuple[Dim, ...]:
        """Of the first result."""
        return self.op.results[0].type.shape

    def results(self, values: Sequence[Value], inner: bool) -> list[_Batched]:
        """Results in which N stays on its side of its axis."""
        found = []
        for value, result in zip(values, self.op.results, strict=True):
            place = _place_of(result.type.shape)
            if place is None:
                raise _RefusedError
            found.append(_Batched(value, place[0], inner))
        return found

    # ---- Rules ----

    def elementwise(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """Operands are aligned at their last axes."""
        rank = len(self.shape)
        spread = [self.widened(x, rank) if isinstance(x, _Batched) else x for x in operands]
        places = {x.place for x in spread if isinstance(x, _Batched)}
        if len(places) != 1:
            raise _RefusedError
        return self.results(self.emit(spread), next(iter(places))[1])

    def widened(self, x: _Batched, rank: int) -> _Batched:
        """With axes of 1 before those of the sample."""
        more = rank - len(x.sample)
        if not more:
            return x
        return self.reshaped(x, (1,) * more + x.sample, x.axis + more, x.inner)

    def reshaped(self, x: _Batched, sample: Sequence[int], axis: int, inner: bool) -> _Batched:
        """The same elements in another shape of the sample."""
        value = self.o.np.reshape(x.value, newshape=write_shape((x.batch, *sample)))
        return _Batched(value, axis, inner)

    def view(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """Where N goes follows from how many elements of a sample stand before it."""
        (x,) = operands
        place = _place_of(self.shape)
        if not isinstance(x, _Batched) or place is None:
            raise _RefusedError
        axis, size = place
        before = prod(x.sample[: x.axis + (1 if x.inner else 0)])
        ahead = prod(int(str(d)) for d in self.shape[:axis])
        if before not in (ahead, ahead * size.factor):
            raise _RefusedError
        sample = [size.factor if isinstance(d, Sym) else d for d in self.shape]
        return [self.reshaped(x, sample, axis, before != ahead)]

    def transpose(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """Of the axes of the sample."""
        (x,) = operands
        if not isinstance(x, _Batched):
            raise _RefusedError
        axes = self.attrs(opdef)["axes"] or tuple(reversed(range(len(x.sample))))
        order = [axis % len(x.sample) for axis in axes]
        value = self.o.np.transpose(x.value, axes=(0, *(axis + 1 for axis in order)))
        return [_Batched(value, order.index(x.axis), x.inner)]

    def layer(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """A product with a weight along the last axis."""
        x, *weights = operands
        flat = self.attrs(opdef)["flatten"]
        if not isinstance(x, _Batched) or any(isinstance(w, _Batched) for w in weights):
            raise _RefusedError
        if x.axis == len(x.sample) - 1 or (flat and len(x.sample) > 2):
            raise _RefusedError
        return self.results(self.emit(operands, flatten=False), x.inner)

    def matmul(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """N is an axis of the stack, or in the rows of the first or columns of the second."""
        rank = len(self.shape)
        spread = [self.widened(x, rank) if isinstance(x, _Batched) else x for x in operands]
        a, b = spread
        if min(len(_sample(x)) for x in spread) < 2:
            raise _RefusedError
        places = {x.place for x in spread if isinstance(x, _Batched)}
        folded = (isinstance(a, _Batched) and a.axis == rank - 1) or (
            isinstance(b, _Batched) and b.axis == rank - 2
        )
        if folded or len(places) != 1 or (len(spread) == 2 and self._crossed(a, b, rank)):
            raise _RefusedError
        return self.results(self.emit(spread), next(iter(places))[1])

    @staticmethod
    def _crossed(a: Operand, b: Operand, rank: int) -> bool:
        """Whether both have N in rows or columns, which would pair samples with one another."""
        both = isinstance(a, _Batched) and isinstance(b, _Batched)
        return both and isinstance(a, _Batched) and a.axis >= rank - 2

    def batch_dot(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """A product of matrices, whose stacks are samples too."""
        attrs = self.attrs(opdef)
        turned = [
            self._turned(x) if attrs[name] else x
            for x, name in zip(operands, ("transpose_a", "transpose_b"), strict=True)
        ]
        if not all(isinstance(x, _Batched) and x.axis == 0 for x in turned):
            raise _RefusedError
        places = {x.place for x in turned if isinstance(x, _Batched)}
        if len(places) != 1:
            raise _RefusedError
        a, b = (x.value for x in turned if isinstance(x, _Batched))
        return self.results([self.o.np.matmul(a, b)], next(iter(places))[1])

    def _turned(self, x: Operand) -> Operand:
        if not isinstance(x, _Batched) or x.axis != 0:
            raise _RefusedError
        return replace(x, value=self.o.np.transpose(x.value, axes=(0, 1, 3, 2)))

    def along(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """Along axes other than that with N; further operands are parameters."""
        x, *rest = operands
        if not isinstance(x, _Batched) or any(isinstance(w, _Batched) for w in rest):
            raise _RefusedError
        return self.results(self.emit(operands, axis=self._shifted(opdef, x)), x.inner)

    def _shifted(self, opdef: OpDef, x: _Batched) -> Any:
        given, rank = self.attrs(opdef)["axis"], len(x.sample)
        axes = tuple(range(rank)) if given is None else given
        single = isinstance(axes, int)
        found = [axis % rank for axis in ((axes,) if isinstance(axes, int) else axes)]
        if x.axis in found:
            raise _RefusedError
        return found[0] + 1 if single else tuple(axis + 1 for axis in found)

    def joined(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """Values that all have N at one place, side by side or stacked."""
        parts = [x for x in operands if isinstance(x, _Batched)]
        if len(parts) != len(operands) or len({x.place for x in parts}) != 1:
            raise _RefusedError
        axis = self.attrs(opdef)["axis"] % len(self.shape)
        if self.op.name == "np.concatenate" and axis == parts[0].axis:
            raise _RefusedError
        return self.results(self.emit(operands, axis=axis + 1), parts[0].inner)

    def take(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """Of a value at known places, or of a table at those of a value."""
        x, places = operands
        axis = self.attrs(opdef)["axis"]
        if isinstance(x, _Batched) and isinstance(places, Value) and axis is not None:
            return self.results(self.emit(operands, axis=self._shifted(opdef, x)), x.inner)
        if isinstance(x, Value) and isinstance(places, _Batched) and axis == 0:
            return self.results(self.emit(operands), places.inner)
        raise _RefusedError

    def slice(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """All of N."""
        (x,) = operands
        attrs = self.attrs(opdef)
        place = _place_of(self.shape)
        if not isinstance(x, _Batched) or place is None or place[1].factor != x.sample[x.axis]:
            raise _RefusedError
        begin, end = (0, *attrs["begin"]), (END, *attrs["end"])
        step = (1, *(attrs["step"] or (1,) * len(attrs["begin"])))
        return self.results(self.emit(operands, begin=begin, end=end, step=step), x.inner)

    def padded(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """N gets none."""
        (x,) = operands
        widths = self.attrs(opdef)["pad_width"]
        if not isinstance(x, _Batched) or any(widths[2 * x.axis : 2 * x.axis + 2]):
            raise _RefusedError
        return self.results(self.emit(operands, pad_width=(0, 0, *widths)), x.inner)

    def spread(self, opdef: OpDef, operands: Sequence[Operand]) -> list[_Batched]:
        """A value repeated, or a constant, to a shape with N anywhere."""
        place = _place_of(self.shape)
        if place is None:
            raise _RefusedError
        axis, size = place
        sample = tuple(size.factor if isinstance(d, Sym) else d for d in self.shape)
        wide = [self.widened(x, len(sample)) if isinstance(x, _Batched) else x for x in operands]
        inner = any(x.inner for x in wide if isinstance(x, _Batched))
        made = self.emit(wide, shape=write_shape((Sym(size.name), *sample)))
        return [_Batched(made[0], axis, inner)]


def _sample(x: Operand) -> tuple[Dim, ...]:
    return x.sample if isinstance(x, _Batched) else x.type.shape


Rule = Callable[[_Rules, OpDef, Sequence[Operand]], Sequence[Operand]]

_BY_ROLE: Mapping[Role, Rule] = {
    Role.ELEMENTWISE: _Rules.elementwise,
    Role.VIEW: _Rules.view,
    Role.REDUCTION: _Rules.along,
}

_NAMED: Mapping[str, Rule] = {
    "np.transpose": _Rules.transpose,
    "npx.fully_connected": _Rules.layer,
    "np.matmul": _Rules.matmul,
    "npx.batch_dot": _Rules.batch_dot,
    "np.take": _Rules.take,
    "npx.slice": _Rules.slice,
    "np.pad": _Rules.padded,
    **dict.fromkeys(("np.concatenate", "np.stack"), _Rules.joined),
    **dict.fromkeys(("np.broadcast_to", "np.full"), _Rules.spread),
    **dict.fromkeys(
        ("npx.softmax", "npx.log_softmax", "npx.layer_norm", "npx.rms_norm", "np.split", "np.flip",
         "np.cumsum", "ir.sort", "np.argmax", "np.argmin"), _Rules.along,
    ),
}  # fmt: skip
"""By op; other ops go by their role."""
