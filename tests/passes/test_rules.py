"""Every rule's examples: text, changed-bit, equal meaning; and that refusals give their reason."""

from __future__ import annotations

import pytest

from baryon.ir import Module, parse_module, print_module
from baryon.passes import PASSES, RulePass
from baryon.passes.dce import DeadCode
from baryon.rewrite import Example, Refusal, Rule, rewrite, tracing
from passes.support import assert_close, module_of, outputs, random_inputs

RULE_PASSES = [cls for cls in PASSES.values() if issubclass(cls, RulePass)]
RULES = {rule.name: rule for cls in RULE_PASSES for rule in cls.rules}
BACKWARD = {rule for cls in RULE_PASSES if cls.backward for rule in cls.rules}
EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.name}-{n}")
    for rule in RULES.values()
    for n, example in enumerate(rule.examples)
]


def text(module: Module) -> str:
    """Printed without constants that nobody reads and without the names of values."""
    DeadCode().run(module)
    return print_module(module, locs=False)


def same_names(module: Module) -> str:
    for op in module.main.body.walk():
        for result in op.results:
            result.name = ""
    return text(module)


@pytest.mark.parametrize("rule", [pytest.param(r, id=n) for n, r in RULES.items()])
def test_every_rule_has_an_example(rule: Rule) -> None:
    assert rule.doc.endswith("."), "doc is a sentence"
    assert rule.examples, "a rule shows what it does"


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_example(rule: Rule, example: Example | Refusal) -> None:
    if isinstance(example, Refusal):
        check_refusal(rule, example)
        return
    module = module_of(example.before)
    inputs = random_inputs(module)
    expected = outputs(module, inputs)
    assert rewrite(module, [rule], backward=rule in BACKWARD), "the rule does not fire"
    assert_close(outputs(module, inputs), expected)
    assert same_names(module) == expected_text(module, example.after)


def expected_text(made: Module, after: str) -> str:
    """The example's text; constants that it does not give are those that the rule made."""
    wanted = parse_module(after)
    wanted.constants = {**made.constants, **wanted.constants}
    return same_names(wanted)


def check_refusal(rule: Rule, example: Refusal) -> None:
    module = module_of(example.before)
    before = str(module)
    with tracing() as trace:
        assert not rewrite(module, [rule])
    refused = [a.reason for a in trace.attempts if a.outcome == "refused"]
    assert any(example.reason in reason for reason in refused), trace
    assert str(module) == before
