"""Patterns, the driver and the trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baryon.ir import Module, Value
from baryon.rewrite import (
    Match,
    Matcher,
    NoMatch,
    PatternError,
    RewriteError,
    Rule,
    any_of,
    attr,
    capture,
    constant,
    operands,
    opt,
    repeat,
    rewrite,
    shared,
    tracing,
)
from baryon.rewrite.pattern import build, roots
from passes.support import module_of

X = "%x: f32[2,3], %z: f32[2,3]"


def module(body: str, args: str = X, constants: str = "") -> Module:
    text = f"module {{ {constants} func @main({args}) -> (y) {{ {body} ir.return(%y) }} }}"
    return module_of(text)


def match(pattern: Callable[..., Any], source: Module, index: int = -2) -> Match | None:
    op = source.main.body.ops[index]
    return Matcher(source).match(build(pattern), op)


RELU_OF_SUM = "%s = np.add(%z, %x) : f32[2,3] %y = npx.relu(%s) : f32[2,3]"


def test_names_bind_and_commutative_ops_match_both_orders() -> None:
    source = module("%n = np.negative(%x) : f32[2,3] %y = np.add(%z, %n) : f32[2,3]")
    found = match(lambda o, a, b: o.np.add(o.np.negative(a), b), source)
    assert found is not None
    assert [found["a"].name, found["b"].name] == ["x", "z"]
    assert [op.name for op in found.ops] == ["np.negative", "np.add"]
    assert match(lambda o, a, b: o.np.subtract(o.np.negative(a), b), source) is None


def test_a_name_used_twice_meets_one_value() -> None:
    square = module("%y = np.multiply(%x, %x) : f32[2,3]")
    product = module("%y = np.multiply(%x, %z) : f32[2,3]")
    assert match(lambda o, a: o.np.multiply(a, a), square) is not None
    assert match(lambda o, a: o.np.multiply(a, a), product) is None


def test_a_shared_pattern_object_meets_one_op() -> None:
    def silu(o: Any, a: Any) -> Any:
        inner = o.np.negative(a)
        return o.np.multiply(inner, o.npx.sigmoid(inner))

    one = """%n = np.negative(%x) : f32[2,3] %s = npx.sigmoid(%n) : f32[2,3]
             %y = np.multiply(%n, %s) : f32[2,3]"""
    two = """%n = np.negative(%x) : f32[2,3] %m = np.negative(%x) : f32[2,3]
             %s = npx.sigmoid(%m) : f32[2,3] %y = np.multiply(%n, %s) : f32[2,3]"""
    assert match(silu, module(one)) is not None
    assert match(silu, module(two)) is None


def test_interior_values_may_have_no_other_users() -> None:
    twice = "%s = np.add(%z, %x) : f32[2,3] %r = npx.relu(%s) : f32[2,3]"
    source = module(twice + " %y = np.multiply(%r, %s) : f32[2,3]")
    assert match(lambda o, a, b: o.npx.relu(o.np.add(a, b)), source, 1) is None
    assert match(lambda o, a, b: o.npx.relu(shared(o.np.add(a, b))), source, 1) is not None


def test_combinators() -> None:
    source = module(RELU_OF_SUM)
    assert match(lambda o, a, b: opt(o.npx.relu, o.np.add(a, b)), source, 0) is not None
    found = match(lambda o, a, b: repeat(o.npx.relu, capture("sum", o.np.add(a, b))), source)
    assert found is not None
    assert found.op("sum").name == "np.add"
    either = match(lambda o, a: any_of(o.np.exp(a), o.npx.relu(a)), source)
    assert either is not None
    assert roots(build(lambda o, a: any_of(o.np.exp(a), o.npx.relu(a)))) == {"np.exp", "npx.relu"}
    assert match(lambda o, a: repeat(o.npx.relu, a, at_least=2), source) is None


def test_attributes_and_variadic_operands() -> None:
    source = module("%y = np.concatenate(%x, %z) {axis=1} : f32[2,6]")
    found = match(lambda o: o.np.concatenate(operands("parts"), axis=attr("axis")), source)
    assert found is not None
    assert [v.name for v in found.lists["parts"]] == ["x", "z"]
    assert found.attr("axis") == 1
    assert match(lambda o, a, b: o.np.concatenate([a, b], axis=0), source) is None
    positive = attr(test=lambda axis: axis > 0)
    assert match(lambda o, a, b: o.np.concatenate([a, b], axis=positive), source) is not None


def test_constants_and_numbers() -> None:
    body = '%c = ir.constant() {name="c"} : f32[3] %y = np.add(%x, %c) : f32[2,3]'
    source = module(body, constants="constant @c : f32[3] = splat(2.0)")
    found = match(lambda o, a, c: o.np.add(a, constant(c)), source)
    assert found is not None
    assert found.array("c").tolist() == [2.0, 2.0, 2.0]
    assert match(lambda o, a: o.np.add(a, 2), source) is not None
    assert match(lambda o, a: o.np.add(a, 1), source) is None


@pytest.mark.parametrize("pattern", [lambda o, x: 1, lambda o, x: x, lambda o, x: o.npx.relu("x")])
def test_what_is_not_a_pattern(pattern: Callable[..., Any]) -> None:
    with pytest.raises(PatternError):
        roots(build(pattern))


def rule(name: str, pattern: Any, replace: Any, **more: Any) -> Rule:
    return Rule(name, "For tests.", pattern, replace, (), **more)


RELU_TO_EXP = rule("relu-to-exp", lambda o, x: o.npx.relu(x), lambda o, m: o.np.exp(m["x"]))
EXP_TO_RELU = rule("exp-to-relu", lambda o, x: o.np.exp(x), lambda o, m: o.npx.relu(m["x"]))


def test_rules_that_undo_each_other_are_named() -> None:
    with pytest.raises(RewriteError, match=r"relu-to-exp .*exp-to-relu|exp-to-relu .*relu-to-exp"):
        rewrite(module(RELU_OF_SUM), [RELU_TO_EXP, EXP_TO_RELU])


def test_a_replacement_of_another_type_is_refused() -> None:
    wrong = rule("wrong", lambda o, x: o.npx.relu(x), lambda o, m: o.np.sum(m["x"]))
    with pytest.raises(RewriteError, match="rule wrong replaces"):
        rewrite(module(RELU_OF_SUM), [wrong])


def test_order_is_priority_and_locations_stay() -> None:
    source = module('%y = npx.relu(%x) : f32[2,3] @ "net.py":7')
    to_tanh = rule("relu-to-tanh", lambda o, x: o.npx.relu(x), lambda o, m: o.np.tanh(m["x"]))
    assert rewrite(source, [to_tanh, RELU_TO_EXP])
    made = source.main.body.ops[0]
    assert (made.name, str(made.loc), made.result.name) == ("np.tanh", "net.py:7", "y")


def test_an_op_keeps_the_location_of_the_op_that_it_replaces() -> None:
    def commuted(o: Any, m: Match) -> Value:
        made: Value = o.np.negative(o.np.exp(m["x"]))
        return made

    body = '%e = np.exp(%x) : f32[2,3] @ "a.py":1 %y = npx.relu(%e) : f32[2,3] @ "a.py":2'
    source = module(body)
    rewrite(source, [rule("r", lambda o, x: o.npx.relu(o.np.exp(x)), commuted)])
    assert [str(op.loc) for op in source.main.body.ops[:2]] == ["a.py:1", "a.py:2"]


def test_dead_ops_go() -> None:
    source = module("%d = np.exp(%x) : f32[2,3] %e = np.exp(%d) : f32[2,3]" + RELU_OF_SUM)
    assert rewrite(source, [])
    assert [op.name for op in source.main.body.ops] == ["np.add", "npx.relu", "ir.return"]
    assert not rewrite(source, [])


def test_the_trace_says_why() -> None:
    source = module(RELU_OF_SUM)
    never = rule(
        "never",
        lambda o, x: o.npx.relu(x),
        lambda o, m: m["x"],
        guard=lambda m: NoMatch("not today"),
    )
    product = rule("product", lambda o, a, b: o.npx.relu(o.np.multiply(a, b)), lambda o, m: m["a"])
    with tracing(lambda op: op.results[0].name == "y") as trace:
        rewrite(source, [never, product, RELU_TO_EXP])
    assert str(trace).splitlines() == [
        "%y npx.relu: never: refused: not today",
        "%y npx.relu: product: no match: np.add is not np.multiply",
        "%y npx.relu: relu-to-exp: fired",
    ]
