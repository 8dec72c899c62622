"""Reverse-mode differentiation: appends the ops that compute gradients to a region.

Each op's rule is its declaration's `gradient`; this file only orders them and adds up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from baryon.ir import Builder, Op, UnsupportedError, Value
from baryon.ops.calls import Calls, recording
from baryon.ops.opdef import Absent, OpDef


def append_gradients(
    table: Mapping[str, OpDef], builder: Builder, seeds: Mapping[Value, Value], wrt: Sequence[Value]
) -> list[Value | None]:
    """Gradients for `wrt`, computed by ops that are appended to the builder's region.

    seeds: for each output value the gradient that comes in, of the same shape and dtype.
    Returns one value for each of `wrt`, or None where the outputs do not depend on it.
    Raises UnsupportedError at an op on the way that has no gradient.
    """
    tape = _Tape(table, builder, seeds)
    ops = list(builder.region.ops)
    active = _depending(ops, wrt)
    for op in reversed(ops):
        if any(r in active and r in tape.grads for r in op.results):
            tape.back(op, active)
    return [tape.grads.get(v) for v in wrt]


def _depending(ops: Sequence[Op], wrt: Sequence[Value]) -> set[Value]:
    """The floating values that depend on `wrt`."""
    active = set(wrt)
    for op in ops:
        if not active.isdisjoint(op.operands):
            active.update(r for r in op.results if r.type.dtype.is_float)
    return active


class _Tape:
    """The gradients found so far, by value."""

    def __init__(
        self, table: Mapping[str, OpDef], builder: Builder, seeds: Mapping[Value, Value]
    ) -> None:
        self.table, self.builder = table, builder
        self.calls: Calls[Value] = recording(table, builder)
        self.grads = dict(seeds)

    def back(self, op: Op, active: set[Value]) -> None:
        """Send the gradients of an op's results to its operands."""
        opdef = self.table[op.name]
        if isinstance(opdef.gradient, Absent):
            raise UnsupportedError(
                f"{op.name} has no gradient: {opdef.gradient.why}", where=str(op.loc)
            )
        with self.builder.at(op.loc):
            given = [self.grads.get(r) or self.calls.np.zeros_like(r) for r in op.results]
            attrs = opdef.normalize(op.attrs)
            found = opdef.gradient(self.calls, op.operands, op.results, given, attrs)
            for operand, grad in zip(op.operands, found, strict=True):
                if grad is not None and operand in active:
                    self.add(operand, grad)

    def add(self, value: Value, grad: Value) -> None:
        """Add a gradient to what a value has."""
        before = self.grads.get(value)
        self.grads[value] = grad if before is None else self.calls.np.add(before, grad)
