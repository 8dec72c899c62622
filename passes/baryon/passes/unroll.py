"""unroll: loops and branches become straight-line code.

A loop over slices is its body written once for each slice; a while loop is its body written
max_iterations times, its results chosen by whether the loop still runs; a branch is both branches
and a choice. So every other pass, gradient rule and kernel sees straight-line code alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from baryon.ir import RETURN, Builder, Module, Op, Region, Sym, UnsupportedError, Value
from baryon.ops import TABLE, Calls, lookup, recording
from baryon.ops.control import COND, FOREACH, WHILE_LOOP, attrs_in, foreach_counts
from baryon.ops.shapes import write_shape
from baryon.ops.structure import FUSED
from baryon.passes.base import Pass

_MOST_OPS = 1 << 17
"""Of a loop that is written out; kernels for as many would take hours to compile."""


@dataclass(frozen=True)
class Unroll(Pass):
    """Write out loops whose number of iterations is known, and both sides of branches.

    Raises UnsupportedError for a loop along a symbolic axis, with sizes that depend on data, or
    too long.
    """

    name: ClassVar[str] = "unroll"

    def run(self, module: Module) -> bool:
        """Do it, inner ones first, so that equal iterations stay equal."""
        changed = [_region(module, func.body) for func in module.funcs.values()]
        return any(changed)


def _region(module: Module, region: Region) -> bool:
    changed = False
    for op in list(region.ops):
        if op.name == FUSED:
            continue
        for inner in op.regions:
            changed = _region(module, inner) or changed
        if op.name in _WRITERS:
            _replace(module, op)
            changed = True
    return changed


def _replace(module: Module, op: Op) -> None:
    assert isinstance(op.parent, Region)
    builder = Builder(module, op.parent, lookup, op.parent.ops.index(op))
    with builder.at(op.loc):
        made = _WRITERS[op.name](_Writer(builder), op)
    op.replace_by(made)


class _Writer:
    """Writes ops before the op that they replace."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.o: Calls[Value] = recording(TABLE, builder)

    def body(self, region: Region, args: Sequence[Value], iteration: int | None) -> list[Value]:
        """The results of a region on values: a copy of its ops."""
        values = dict(zip(region.args, args, strict=True))
        for op in region.ops:
            if op.name != RETURN:
                self.copy(op, values, iteration)
        return [values[v] for v in region.outputs]

    def copy(self, op: Op, values: dict[Value, Value], iteration: int | None) -> None:
        """One op again, of other operands."""
        opdef = lookup(op.name)
        assert opdef is not None
        if iteration is not None and opdef.most is not None:
            raise UnsupportedError(
                f"{op.name} in a loop: each iteration would have a size of its own",
                where=str(op.loc),
            )
        attrs: Mapping[str, Any] = op.attrs
        attrs = attrs if iteration is None else attrs_in(opdef, attrs, iteration)
        new = Op(
            op.name, [values[v] for v in op.operands], [r.type for r in op.results], attrs,
            loc=op.loc,
        )  # fmt: skip
        self.builder.insert(new)
        values.update(zip(op.results, new.results, strict=True))

    def stacked(self, rows: Sequence[Value], like: Value, length: int) -> Value:
        """Rows along a new axis 0, filled up with zeros; `like` is what a row would be."""
        shape = write_shape(like.type.shape)
        if len(rows) == length and rows:
            made: Value = self.o.np.stack(rows, axis=0)
            return made
        zeros: Value = self.o.np.zeros(shape=(length - len(rows), *shape), dtype=like.type.dtype)
        return self.o.np.concatenate([self.o.np.stack(rows, axis=0), zeros]) if rows else zeros

    def chosen(self, pred: Value, yes: Value, no: Value) -> Value:
        """yes if pred, a single bool, is true, else no."""
        if yes is no:
            return yes
        made: Value = self.o.np.where(pred, yes, no)
        return made


def _foreach(w: _Writer, op: Op) -> list[Value]:
    data, count = foreach_counts(op)
    arrays, rest = op.operands[:data], op.operands[data + count :]
    states = [*op.operands[data : data + count]]
    (body,) = op.regions
    outputs = len(body.outputs) - count
    steps: list[list[Value]] = []
    length = _length(op, arrays[0])
    _check_length(op, length)
    slices = [_slices(w, x, length) for x in arrays]
    for i in range(length):
        results = w.body(body, [*(s[i] for s in slices), *states, *rest], i)
        steps.append(results[:outputs])
        states = results[outputs:]
    likes = body.outputs[:outputs]
    rows = [w.stacked([s[n] for s in steps], like, length) for n, like in enumerate(likes)]
    return [*rows, *states]


def _check_length(op: Op, iterations: int) -> None:
    count = iterations * sum(len(region.ops) for region in op.regions)
    if count > _MOST_OPS:
        raise UnsupportedError(
            f"{op.name} with {iterations} iterations would be written out as {count} ops",
            where=str(op.loc),
            hint=f"at most {_MOST_OPS} are: give the loop fewer iterations, or a smaller body",
        )


def _length(op: Op, x: Value) -> int:
    size = x.type.shape[0]
    if isinstance(size, Sym):
        raise UnsupportedError(
            f"{op.name} iterates over the symbolic axis {size}",
            where=str(op.loc),
            hint="give the axis a fixed size: only then the loop can be written out",
        )
    return size


def _slices(w: _Writer, x: Value, length: int) -> list[Value]:
    """All slices along axis 0, by one op: it is one kernel, and its gradient is one as well."""
    if not length:
        return []
    parts = w.o.np.split(x, length, axis=0)
    return [w.o.np.squeeze(p, axis=(0,)) for p in (parts if length > 1 else [parts])]


def _while_loop(w: _Writer, op: Op) -> list[Value]:
    most, count = int(str(op.attrs["max_iterations"])), int(str(op.attrs["variables"]))
    variables, rest = [*op.operands[:count]], op.operands[count:]
    condition, body = op.regions
    outputs = len(body.outputs) - count
    _check_length(op, most)
    steps: list[list[Value]] = []
    running: Value | None = None
    for i in range(most):
        (again,) = w.body(condition, [*variables, *rest], i)
        running = again if running is None else w.o.np.where(running, again, running)
        results = w.body(body, [*variables, *rest], i)
        steps.append([_or_zeros(w, running, x) for x in results[:outputs]])
        pairs = zip(results[outputs:], variables, strict=True)
        variables = [w.chosen(running, new, old) for new, old in pairs]
    likes = body.outputs[:outputs]
    rows = [w.stacked([s[n] for s in steps], like, most) for n, like in enumerate(likes)]
    return [*rows, *variables]


def _or_zeros(w: _Writer, running: Value, x: Value) -> Value:
    zero = np.zeros((), x.type.dtype.numpy)
    made: Value = w.o.np.where(running, x, zero)
    return made


def _cond(w: _Writer, op: Op) -> list[Value]:
    pred, *rest = op.operands
    then, other = (w.body(region, rest, None) for region in op.regions)
    return [w.chosen(pred, yes, no) for yes, no in zip(then, other, strict=True)]


_WRITERS: Mapping[str, Callable[[_Writer, Op], list[Value]]] = {
    FOREACH: _foreach,
    WHILE_LOOP: _while_loop,
    COND: _cond,
}
