"""Op calls on arrays: recorded in a graph, or computed at once and put on the gradient tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from baryon.array.base import ArrayBase, recorder
from baryon.array.dispatch import ArrayCalls, as_array, evaluate
from baryon.array.tape import GradientError, Node, Pull, mode
from baryon.ops import TABLE, Absent, OpDef

if TYPE_CHECKING:
    from baryon.array.ndarray import ndarray

_CLASS: list[type[ArrayBase]] = [ArrayBase]


def set_array_class(cls: type[ArrayBase]) -> None:
    """The class that op calls return; `ndarray` says here that it is the one."""
    _CLASS[0] = cls


def wrap(data: Any) -> ndarray:
    """A concrete array of ours around NumPy's, which nobody else may write."""
    made: Any = _CLASS[0](data)
    return made  # type: ignore[no-any-return]


def _emit(
    opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]
) -> Sequence[ArrayBase]:
    active = recorder()
    if active is not None:
        if active.takes(opdef, operands, attrs):
            return [_CLASS[0](None, v, active) for v in active.emit(opdef, operands, attrs)]
        active.watch(operands)
    results = [_CLASS[0](a) for a in evaluate(opdef, operands, attrs)]
    if mode().recording and any(x.needs_gradient for x in operands):
        note(opdef, operands, attrs, results)
    return results


def note(
    opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any],
    results: Sequence[ArrayBase],
) -> None:  # fmt: skip
    """Put an op that was computed on the gradient tape, if its results can have gradients."""
    if any(r.type.dtype.is_float for r in results):
        Node(opdef.name, operands, results, rule_of(opdef, attrs))


def rule_of(opdef: OpDef, attrs: Mapping[str, Any]) -> Pull:
    """The op's gradient rule as the tape calls it."""

    def pull(
        node: Node, grads: Sequence[ArrayBase | None], create: bool
    ) -> Sequence[ArrayBase | None]:
        if isinstance(opdef.gradient, Absent):
            raise GradientError(
                f"{opdef.name} has no gradient: {opdef.gradient.why}", where=str(node.loc),
                hint="compute it inside autograd.pause(), or cut it off with x.detach()",
            )  # fmt: skip
        results = [_CLASS[0](data) for data in node.outputs]
        if create:
            for i, result in enumerate(results):
                result._node, result._index = node, i
                result._writes = node.writes[len(node.inputs) + i]
        full = [
            calls.np.zeros_like(r) if g is None else g for g, r in zip(grads, results, strict=True)
        ]
        rule: Any = opdef.gradient  # its `Value`s are arrays here: both have a type
        found: Sequence[ArrayBase | None] = rule(calls, node.inputs, results, full, attrs)
        return found

    return pull


def _lift(x: Any, opdef: OpDef, operands: Sequence[Any]) -> ArrayBase:
    if isinstance(x, ArrayBase):
        return x
    others = [v.dtype for v in operands if isinstance(v, ArrayBase | np.ndarray)]
    return _CLASS[0](as_array(x, others))


calls = ArrayCalls(TABLE, _emit, _lift)
"""Op calls on arrays: `calls.np.add(x, 2)`."""


@cache
def op(name: str) -> Callable[..., ndarray]:
    """The call of an op with one result, by its dotted name."""
    space, plain = name.split(".")
    found: Callable[..., ndarray] = getattr(getattr(calls, space), plain)
    return found


class Ops:
    """The ops of a public module that have one result: `Ops("np").add(x, y)`."""

    def __init__(self, space: str) -> None:
        self._space = space

    def __getattr__(self, name: str) -> Callable[..., ndarray]:
        return op(f"{self._space}.{name}")
