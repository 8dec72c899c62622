"""The recorder of a trace: a module under construction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.array import ArrayBase, TraceError, mode_of, ndarray, recording_to
from baryon.deferred.tree import flatten, names_of, rebuild
from baryon.ir import (
    Array,
    Builder,
    Func,
    IRTypeError,
    Module,
    Region,
    TensorType,
    Value,
    caller_loc,
    u64,
    verify,
)
from baryon.ops import OpDef, lookup

KEY = "rng_key"
"""The input that a module with random numbers has beside those of its function."""


@dataclass
class Variable:
    """A concrete array that the graph reads when it runs, rather than when it is traced.

    value: its input of the graph, once something has used it.
    """

    array: ndarray
    name: str
    value: Value | None = None


class Trace:
    """Takes down op calls in a module.

    variables: arrays whose elements become inputs, in the order in which they are first used; every
    other concrete array becomes a constant, each once. names: what to call constants, by the id of
    their array.
    """

    def __init__(
        self,
        types: Sequence[TensorType],
        input_names: Sequence[str],
        bounds: Mapping[str, tuple[int, int]],
        variables: Sequence[Variable] = (),
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.module = Module(symbols=dict(bounds))
        self.region = Region(types, input_names)
        self.builder = Builder(self.module, self.region, lookup)
        self.variables = {id(v.array): v for v in variables}
        self.used: list[Variable] = []
        self.effects: dict[int, tuple[ndarray, Value]] = {}
        self.key: Value | None = None
        self._streams = 0
        self._names = names or {}
        self._constants: dict[object, tuple[Any, Value]] = {}
        self.watched: list[tuple[list[int], int]] = []

    @contextmanager
    def recording(self, arguments: Any, is_input: Callable[[Any], bool]) -> Iterator[Any]:
        """Record inside the block, off the gradient tape; gives the arguments with traced arrays.

        is_input: which of their leaves the inputs stand for, in order.
        """
        inputs = iter([ndarray(None, value, self) for value in self.region.args])
        given = rebuild(arguments, lambda leaf: next(inputs) if is_input(leaf) else leaf)
        with recording_to(self), mode_of(recording=False):
            yield given

    def takes(self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]) -> bool:
        """True for ops on traced arrays or variables, and for shapes that hold symbols.

        What depends on neither is computed at once, and its result is a constant.
        """
        if any(x.is_traced or id(x) in self.variables for x in operands):
            return True
        shapes = (attrs[p.name] or () for p in opdef.params if p.kind.startswith("shape"))
        return any(isinstance(d, str) for dims in shapes for d in dims)

    def watch(self, operands: Sequence[ArrayBase]) -> None:
        """Note what the constants of the graph come from: how often it was written until now."""
        counts = [x.writes() for x in operands if not x.is_traced]
        self.watched += [(count, count[0]) for count in counts]

    def emit(
        self, opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]
    ) -> Sequence[Value]:
        """Append an op at the user's line."""
        with self.builder.at(caller_loc("baryon")):
            return self.builder.emit(opdef.name, [self.value(x) for x in operands], attrs)

    def draw(self) -> tuple[ndarray, int]:
        """The key input, and a stream of random numbers that no one else in the graph has."""
        if self.key is None:
            self.key = self._input(TensorType((), u64), KEY)
        self._streams += 1
        return ndarray(None, self.key, self), self._streams - 1

    def assign(self, target: ArrayBase, value: ArrayBase) -> None:
        """Make the graph write a value into a concrete array after each run."""
        if target.type != value.type:
            raise IRTypeError(f"assignment of {value.type} to state of {target.type}")
        assert isinstance(target, ndarray)
        self.effects[id(target)] = target, self.value(value)

    def value(self, x: ArrayBase) -> Value:
        """The value of an array in this graph."""
        if x.is_traced:
            return x.value_for(self)
        if id(x) in self.effects:
            return self.effects[id(x)][1]
        if id(x) in self.variables:
            return self._variable(self.variables[id(x)])
        return self._constant(x)

    def _variable(self, variable: Variable) -> Value:
        if variable.value is None:
            variable.value = self._input(variable.array.type, variable.name)
            self.used.append(variable)
        return variable.value

    def _input(self, type: TensorType, name: str) -> Value:
        value = Value(type, self.region, name)
        self.region.args.append(value)
        return value

    def _constant(self, x: ArrayBase) -> Value:
        data = x.elements("a constant", "")
        small = data.ndim == 0 and id(x) not in self._names
        key = (data.dtype, data.tobytes()) if small else id(data)
        self.watch([x])
        if key not in self._constants:  # the entry keeps the array alive, so its id stays its own
            payload: Array = data.copy()
            value = self.builder.constant(payload, self._names.get(id(x), "c"))
            self._constants[key] = (data, value)
        return self._constants[key][1]

    def finish(self, result: Any, names: Sequence[str] | None) -> Module:
        """Close the function with the arrays of `result`; refuses effects, which need a caller."""
        if self.effects:
            raise TraceError(
                "the traced function assigns state, as batch_norm does in training",
                hint="trace it outside autograd.train_mode() and autograd.record()",
            )
        root = "" if isinstance(result, dict) else "output"
        return self.close([self.output(x) for x in flatten(result)],
                          list(names or names_of(result, root)))  # fmt: skip

    def close(self, values: Sequence[Value], names: Sequence[str]) -> Module:
        """Close the function with the given outputs."""
        if len(names) != len(values):
            raise IRTypeError(f"output_names has {len(names)} names for {len(values)} outputs")
        self.builder.ret(values)
        self.module.funcs["main"] = Func("main", self.region, list(names))
        verify(self.module, lookup)
        return self.module

    def output(self, leaf: Any) -> Value:
        """The value of something that the function returned."""
        if isinstance(leaf, ArrayBase):
            return self.value(leaf)
        if isinstance(leaf, np.ndarray | np.generic | int | float):
            return self.value(ndarray(np.asarray(leaf)))
        raise TraceError(
            f"the traced function returned {leaf!r}",
            where=str(caller_loc("baryon")),
            hint="return arrays, or tuples, lists and dicts of arrays",
        )
