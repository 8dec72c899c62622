"""The matcher: meets a pattern with the values around an op and returns what was bound.

It backtracks over operand orders and alternatives, so a match is found if there is one. It keeps no
state between calls; bindings are copied when they grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from baryon.ir import CONSTANT, Array, Attr, Module, Op, Value
from baryon.ops import TABLE
from baryon.rewrite.pattern import (
    AttrPattern,
    Capture,
    Choice,
    Node,
    Number,
    Pattern,
    Rest,
    Var,
)


@dataclass(frozen=True)
class Match:
    """What a pattern bound. ops: the matched ops, operands before users, the root last."""

    module: Module
    root: Op
    ops: tuple[Op, ...]
    values: Mapping[str, Value]
    lists: Mapping[str, tuple[Value, ...]]
    attrs: Mapping[str, Attr]

    def __getitem__(self, name: str) -> Value:
        """The value bound to a name."""
        return self.values[name]

    def get(self, name: str) -> Value | None:
        """The value bound to a name, or None where an optional part is missing."""
        return self.values.get(name)

    def op(self, name: str) -> Op:
        """The op that defines the value bound to a name."""
        op = self.values[name].op
        assert op is not None, f"{name} is bound to an argument"
        return op

    def attr(self, name: str) -> Any:
        """The attribute bound to a name."""
        return self.attrs[name]

    def array(self, name: str) -> Array:
        """The payload of the constant bound to a name."""
        array = payload(self.module, self.values[name])
        assert array is not None, f"{name} is not bound to a constant"
        return array


def payload(module: Module, value: Value) -> Array | None:
    """The array of a constant, None for any other value."""
    op = value.op
    return module.constants[str(op.attrs["name"])] if op and op.name == CONSTANT else None


def compact(array: Array) -> Array:
    """The array with repeated axes (stride 0) cut to one element; broadcasting restores it."""
    cut = (slice(0, 1) if s == 0 and n > 1 else slice(None) for s, n in _axes(array))
    return array[tuple(cut)]


def _axes(array: Array) -> Iterator[tuple[int, int]]:
    return zip(array.strides, array.shape, strict=True)


def is_filled_with(array: Array, value: float) -> bool:
    """True when every element equals `value`; looks at one element first."""
    few = compact(array)
    return bool(few.size) and bool(few.flat[0] == value) and bool(np.all(few == value))


@dataclass(frozen=True)
class _State:
    root: Op
    values: Mapping[str, Value] = field(default_factory=dict)
    lists: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    attrs: Mapping[str, Attr] = field(default_factory=dict)
    met: Mapping[Pattern, Value] = field(default_factory=dict)
    outside: frozenset[Pattern] = frozenset()
    """Nodes whose op may have users outside the match."""

    def bind(self, name: str, value: Value) -> _State:
        return replace(self, values={**self.values, name: value})

    def meet(self, pattern: Pattern, value: Value) -> _State:
        return replace(self, met={**self.met, pattern: value})


class Matcher:
    """Matches patterns in one module; `why` collects reasons of failures when it is a list."""

    def __init__(self, module: Module, why: list[str] | None = None) -> None:
        self.module, self.why = module, why
        self._by_type: dict[type, Callable[[Any, Value, _State], Iterator[_State]]] = {
            Var: self._var,
            Number: self._number,
            Capture: self._capture,
            Choice: self._choice,
            Node: self._node,
        }

    def match(self, pattern: Pattern, op: Op) -> Match | None:
        """The first way in which the pattern meets the op (by its first result)."""
        for state in self._value(pattern, op.results[0], _State(root=op)):
            match = self._finish(op, state)
            if match is not None:
                return match
        return None

    def _finish(self, root: Op, state: _State) -> Match | None:
        ops = _in_order(state.met, root)
        inside = {*ops}
        for pattern, value in state.met.items():
            free = value.op is root or pattern in state.outside
            if not free and not inside.issuperset(value.users):
                self._fail(f"%{value.name or '?'} has users outside the match")
                return None
        return Match(self.module, root, ops, state.values, state.lists, state.attrs)

    def _value(self, pattern: Pattern, value: Value, state: _State) -> Iterator[_State]:
        if pattern in state.met:
            if state.met[pattern] is value:
                yield state
            return
        yield from self._by_type[type(pattern)](pattern, value, state)

    def _var(self, var: Var, value: Value, state: _State) -> Iterator[_State]:
        if var.constant and payload(self.module, value) is None:
            self._fail(f"{var.name or 'an operand'} is not a constant")
        elif not var.name:
            yield state
        elif state.values.get(var.name, value) is value:
            yield state.bind(var.name, value)
        else:
            self._fail(f"{var.name} stands for two different values")

    def _number(self, number: Number, value: Value, state: _State) -> Iterator[_State]:
        array = payload(self.module, value)
        if array is not None and is_filled_with(array, number.value):
            yield state
        else:
            self._fail(f"an operand is not the constant {number.value:g}")

    def _capture(self, capture: Capture, value: Value, state: _State) -> Iterator[_State]:
        state = state.bind(capture.name, value) if capture.name else state
        if capture.shared:
            state = replace(state, outside=state.outside | {capture.of})
        yield from self._value(capture.of, value, state)

    def _choice(self, choice: Choice, value: Value, state: _State) -> Iterator[_State]:
        for alternative in choice.alternatives:
            yield from self._value(alternative, value, state)

    def _node(self, node: Node, value: Value, state: _State) -> Iterator[_State]:
        op = value.op
        if op is None or op.name != node.opdef.name:
            if op is state.root:  # another alternative of the pattern has this root: no reason
                return
            self._fail(f"{op.name if op else 'an argument'} is not {node.opdef.name}")
            return
        if op is not state.root and (len(op.results) != 1 or op.parent is not state.root.parent):
            self._fail(f"{op.name} has several results or is in another region")
            return
        bound = self._attrs(node, op, state)
        if bound is None:
            return
        for given in self._orders(node, op):
            yield from self._operands(node.operands, given, bound.meet(node, value))

    def _orders(self, node: Node, op: Op) -> Iterator[Sequence[Value]]:
        yield op.operands
        if node.opdef.commutative and op.operands[0] is not op.operands[1]:
            yield (op.operands[1], op.operands[0])

    def _operands(
        self, patterns: Sequence[Pattern], given: Sequence[Value], state: _State
    ) -> Iterator[_State]:
        if patterns and isinstance(patterns[0], Rest):
            yield replace(state, lists={**state.lists, patterns[0].name: tuple(given)})
        elif len(patterns) != len(given) and not _has_rest(patterns):
            self._fail(f"there are {len(given)} operands, not {len(patterns)}")
        elif not given and patterns:
            self._fail("there are too few operands")
        elif not patterns:
            yield state
        else:
            for bound in self._value(patterns[0], given[0], state):
                yield from self._operands(patterns[1:], given[1:], bound)

    def _attrs(self, node: Node, op: Op, state: _State) -> _State | None:
        actual = TABLE[op.name].normalize(op.attrs) if node.attrs else {}
        for key, wanted in node.attrs:
            value = actual[key]
            if not _accepts(wanted, value):
                self._fail(f"{key} is {value}")
                return None
            if isinstance(wanted, AttrPattern) and wanted.name:
                state = replace(state, attrs={**state.attrs, wanted.name: value})
        return state

    def _fail(self, reason: str) -> None:
        if self.why is not None:
            self.why.append(reason)


def _has_rest(patterns: Sequence[Pattern]) -> bool:
    return bool(patterns) and isinstance(patterns[-1], Rest)


def _accepts(wanted: Any, value: Attr) -> bool:
    if isinstance(wanted, AttrPattern):
        return wanted.test is None or wanted.test(value)
    return bool(wanted == value)


def _in_order(met: Mapping[Pattern, Value], root: Op) -> tuple[Op, ...]:
    """The distinct matched ops; patterns are met from the root down, so the reverse is in order."""
    found = dict.fromkeys(v.op for v in reversed([*met.values()]) if v.op and v.op is not root)
    return (*(op for op in found if op), root)
