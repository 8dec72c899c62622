"""Gradients of ops by differentiating what they are made of.

For an op with a kernel of its own whose meaning is a combination of other ops, a rule need not be
derived by hand: the combination is written in op calls, and their rules are chained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baryon.ir import UnsupportedError, Value
from baryon.ops.calls import Calls
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.opdef import Absent, Expansion, Gradient, OpDef

_Call = tuple[OpDef, Sequence[Value], Mapping[str, Any], Sequence[Value]]


def gradient_of(expansion: Expansion) -> Gradient:
    """The gradient rule of an op that means what its expansion computes.

    The rule computes the expansion again and goes back through its calls.
    """

    def gradient(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
        log: list[_Call] = []
        results = expansion(_logging(o, log), x, attrs)
        seeds = dict(zip(map(id, results), g, strict=True))
        return _back(o, log, seeds, x)

    return gradient


def _logging(o: Recorder, log: list[_Call]) -> Recorder:
    """The calls of `o`, each also put into `log`."""

    def emit(opdef: OpDef, operands: Sequence[Value], attrs: Mapping[str, Any]) -> Sequence[Value]:
        results = o.emit(opdef, operands, attrs)
        log.append((opdef, operands, attrs, results))
        return results

    return Calls(o.table, emit, o.lift)


def _back(o: Recorder, log: Sequence[_Call], grads: dict[int, Any], wrt: Values) -> Grads:
    """Gradients of `wrt`; values are known by identity, which the log keeps alive."""
    active = _depending(log, wrt)
    for opdef, operands, attrs, results in reversed(log):
        if not any(id(r) in active and id(r) in grads for r in results):
            continue
        if isinstance(opdef.gradient, Absent):
            raise UnsupportedError(f"{opdef.name} has no gradient: {opdef.gradient.why}")
        given = [grads[id(r)] if id(r) in grads else o.np.zeros_like(r) for r in results]
        found = opdef.gradient(o, operands, results, given, attrs)
        for operand, grad in zip(operands, found, strict=True):
            if grad is not None and id(operand) in active:
                before = grads.get(id(operand))
                grads[id(operand)] = grad if before is None else o.np.add(before, grad)
    return [grads.get(id(v)) for v in wrt]


def _depending(log: Sequence[_Call], wrt: Values) -> set[int]:
    """The floating values that depend on `wrt`, by identity."""
    active = {id(v) for v in wrt if v is not None and v.type.dtype.is_float}
    for _, operands, _, results in log:
        if any(id(v) in active for v in operands):
            active.update(id(r) for r in results if r.type.dtype.is_float)
    return active
