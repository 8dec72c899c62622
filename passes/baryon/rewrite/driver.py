"""Applies rules to a module until none fires: greedy, in order, deterministic.

Ops wait in a worklist, first in program order (or last first). At each op the rules are tried in
their order, which is their priority. A replacement puts the new ops, the users of its results and
the producers of the old operands back on the list. Ops without users are removed on the way.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from baryon.ir import BaryonError, Builder, Func, Loc, Module, Op, Region, Value
from baryon.ops import TABLE, Calls, OpDef, as_operand, lookup
from baryon.rewrite import trace as tracer
from baryon.rewrite.match import Match, Matcher
from baryon.rewrite.rule import Named, Rule

PATIENCE = 20
"""Rewrites allowed per op of the function before the rules are taken to be cyclic."""


class RewriteError(BaryonError, RuntimeError):
    """Rules that do not terminate, or a replacement that does not fit."""


def rewrite(module: Module, rules: Sequence[Rule], *, backward: bool = False) -> bool:
    """Apply rules to all functions; True when anything changed.

    backward: start with the last op, so that the longest chain that ends there matches first.
    """
    changed = [_Driver(module, f, rules, backward).run() for f in module.funcs.values()]
    return any(changed)


class _Driver:
    def __init__(self, module: Module, func: Func, rules: Sequence[Rule], backward: bool) -> None:
        self.module, self.func = module, func
        ops = list(func.body.walk())
        self.waiting = deque(reversed(ops) if backward else ops)
        self.listed = set(ops)
        self.budget = PATIENCE * (len(ops) + 50)
        self.fired: Counter[str] = Counter()
        self.changed = False
        self.trace = tracer.current()
        self.by_root: dict[str, list[Rule]] = {}
        for rule in rules:
            for name in rule.roots:
                self.by_root.setdefault(name, []).append(rule)

    def run(self) -> bool:
        while self.waiting:
            op = self.waiting.popleft()
            self.listed.discard(op)
            if op.parent is None:
                continue
            if op.results and not any(r.users for r in op.results):
                self.remove(op)
            else:
                self.visit(op)
        return self.changed

    def visit(self, op: Op) -> None:
        for rule in self.by_root.get(op.name, ()):
            match = self.attempt(rule, op)
            if match is not None:
                self.fire(rule, match)
                return

    def attempt(self, rule: Rule, op: Op) -> Match | None:
        if self.trace is not None and self.trace.choose(op):
            return self.attempt_traced(self.trace, rule, op)
        match = Matcher(self.module).match(rule.built, op)
        if match is None or rule.guard(match) is not None:
            return None
        if self.trace is not None:
            self.trace.record_parts(rule.name, match.ops)
        return match

    def attempt_traced(self, trace: tracer.Trace, rule: Rule, op: Op) -> Match | None:
        why: list[str] = []
        match = Matcher(self.module, why).match(rule.built, op)
        if match is None:
            trace.record(rule.name, op, "no match", "; ".join(dict.fromkeys(why)))
            return None
        refused = rule.guard(match)
        trace.record(
            rule.name, op, "refused" if refused else "fired", refused.reason if refused else ""
        )
        return None if refused else match

    def fire(self, rule: Rule, match: Match) -> None:
        self.changed = True
        self.fired[rule.name] += 1
        if self.fired.total() > self.budget:
            often = ", ".join(f"{name} ({n} times)" for name, n in self.fired.most_common(4))
            raise RewriteError(
                f"the rules do not come to an end in @{self.func.name}: {often}",
                where=str(match.root.loc),
                hint="two of these rules undo each other; tighten a guard",
            )
        root = match.root
        new = self.replacement(rule, match)
        for old, value in zip(root.results, new, strict=True):
            value.name = value.name or old.name
            self.enqueue(*old.users)
            old.replace_by(value)
        self.remove(root)

    def replacement(self, rule: Rule, match: Match) -> Sequence[Value]:
        root = match.root
        calls = _Edit(self.module, match)
        made = rule.replace(calls, match)
        values = (made,) if isinstance(made, Value) else tuple(made)
        if [v.type for v in values] != [r.type for r in root.results]:
            raise RewriteError(
                f"rule {rule.name} replaces {[str(r.type) for r in root.results]} "
                f"by {[str(v.type) for v in values]}",
                where=str(root.loc),
                hint="this is a bug of the rule: a replacement must keep the type",
            )
        self.enqueue(*calls.made)
        return values

    def remove(self, op: Op) -> None:
        """Erase an op, and at once what only it read: guards count living users."""
        self.changed = True
        dead = [op]
        while dead:
            last = dead.pop()
            producers = dict.fromkeys(v.op for v in last.operands if v.op is not None)
            last.erase()
            unread = [p for p in producers if not any(r.users for r in p.results)]
            dead += unread
            self.enqueue(*(p for p in producers if p not in unread))

    def enqueue(self, *ops: Op) -> None:
        new = [op for op in dict.fromkeys(ops) if op not in self.listed and op.parent is not None]
        self.listed.update(new)
        self.waiting.extend(new)


class _Edit(Calls[Value]):
    """Op calls that insert before the root of a match."""

    def __init__(self, module: Module, match: Match) -> None:
        super().__init__(TABLE, self._emit, self._lift)
        region = match.root.parent
        assert isinstance(region, Region)
        self.builder = Builder(module, region, lookup, region.ops.index(match.root))
        self.locs: dict[str, Loc] = {op.name: op.loc for op in match.ops}
        self.default = self.builder.loc = match.root.loc
        self.made: list[Op] = []

    def _emit(
        self, opdef: OpDef, operands: Sequence[Value], attrs: Mapping[str, Any]
    ) -> Sequence[Value]:
        with self.builder.at(self.locs.get(opdef.name, self.default)):
            results = self.builder.emit(opdef.name, operands, _given(opdef, attrs))
        self.made += [results[0].op] if results[0].op else []
        return results

    def _lift(self, x: Any, opdef: OpDef, operands: Sequence[Any]) -> Value:
        if isinstance(x, Value):
            return x
        if isinstance(x, Named):
            return self.builder.constant(x.array, x.hint)
        dtypes = [v.type.dtype.numpy for v in operands if isinstance(v, Value)]
        return self.builder.constant(as_operand(x, dtypes))


def _given(opdef: OpDef, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes without those that have their default value."""
    defaults = {p.name: p.default for p in opdef.params}
    return {k: v for k, v in attrs.items() if (type(v), v) != (type(defaults[k]), defaults[k])}
