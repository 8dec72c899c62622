"""Op calls as a user writes them, over any kind of value.

`Calls(emit, lift).np.add(x, 2)` binds arguments by the op's declaration, lifts Python numbers and
arrays to values, and hands (op, operands, attributes) to `emit`. Recording, gradient rules, rewrite
patterns and replacements differ only in their `emit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from baryon.ir import Array, Attr, Builder, IRTypeError, UnsupportedError, Value, bf16, dtype_of
from baryon.ops.opdef import OpDef
from baryon.ops.shapes import promote

V = TypeVar("V")
Emit = Callable[[OpDef, Sequence[V], Mapping[str, Any]], Sequence[V]]
Lift = Callable[[Any, OpDef, Sequence[Any]], V]


class Calls(Generic[V]):
    """Namespaces `np`, `npx` and `ir` whose attributes are op calls.

    emit: makes the results of an op. lift: makes a value of an operand that is not one yet.
    """

    def __init__(self, table: Mapping[str, OpDef], emit: Emit[V], lift: Lift[V]) -> None:
        self.table, self.emit, self.lift = table, emit, lift
        self.np, self.npx, self.ir = (Namespace(self, name) for name in ("np", "npx", "ir"))

    def call(self, opdef: OpDef, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """One result for ops that have one, else a tuple."""
        operands, attrs = bind(opdef, args, kwargs)
        lifted = [self.lift(x, opdef, operands) for x in operands]
        results = self.emit(opdef, lifted, attrs)
        return results[0] if len(results) == 1 else tuple(results)


class Namespace:
    """The ops of one public module, each an attribute."""

    def __init__(self, calls: Calls[Any], name: str) -> None:
        self._calls, self._name = calls, name

    def __getattr__(self, name: str) -> Callable[..., Any]:
        opdef = self._calls.table.get(f"{self._name}.{name}")
        if opdef is None:
            raise UnsupportedError(f"there is no op {self._name}.{name}")
        return lambda *args, **kwargs: self._calls.call(opdef, args, kwargs)


def bind(
    opdef: OpDef, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Attr]]:
    """Split a call's arguments into operands and normalized attributes.

    Positional arguments fill the operands, then the attributes, in the order of the declaration; a
    variadic operand takes one sequence, as in `np.concatenate([a, b], axis=1)`.
    """
    names, order = opdef.operand_names, opdef.argument_names
    if len(args) > len(order):
        raise IRTypeError(f"{opdef.name} takes at most {len(order)} arguments, not {len(args)}")
    bound = dict(zip(order, args, strict=False))
    for key, value in kwargs.items():
        if key in bound:
            raise IRTypeError(f"{opdef.name} got {key} twice")
        bound[key] = value
    operands = [bound.pop(name, None) for name in names]
    if opdef.variadic:
        operands[-1:] = [*(operands[-1] or ())]
    while operands and operands[-1] is None:
        operands.pop()
    if any(x is None for x in operands):
        missing = [n for n, x in zip(names, operands, strict=False) if x is None]
        raise IRTypeError(f"{opdef.name} needs {', '.join(missing)}")
    return operands, opdef.normalize(bound)


def recording(table: Mapping[str, OpDef], builder: Builder) -> Calls[Value]:
    """Calls that append ops to a builder's region; numbers and arrays become constants."""

    def emit(opdef: OpDef, operands: Sequence[Value], attrs: Mapping[str, Any]) -> Sequence[Value]:
        return builder.emit(opdef.name, operands, attrs)

    def lift(x: Any, opdef: OpDef, operands: Sequence[Any]) -> Value:
        if isinstance(x, Value):
            return x
        dtypes = [v.type.dtype.numpy for v in operands if isinstance(v, Value)]
        return builder.constant(as_operand(x, dtypes))

    return Calls(table, emit, lift)


def as_operand(x: Any, others: Sequence[np.dtype[np.generic]]) -> Array:
    """The array that stands for a number or array-like beside operands of the dtypes `others`.

    A Python number takes the dtype that NumPy gives the result (a float beside float32 is float32).
    """
    if isinstance(x, bool | int | float) and others:
        if bf16.numpy in others:  # of which NumPy does not know that it is a float
            return np.asarray(x, promote("", map(dtype_of, others)).numpy)
        return np.asarray(x, np.result_type(*others, x))
    array = np.asarray(x)
    return array.astype(np.float32) if isinstance(x, float) else array
