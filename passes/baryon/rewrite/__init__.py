"""Rewriting by rules: patterns over op calls, a matcher, a driver, and a trace that explains.

How to add a rule: docs/recipes/add-a-rule.md.
"""

from baryon.rewrite.driver import RewriteError, rewrite
from baryon.rewrite.match import Match, Matcher, compact, is_filled_with, payload
from baryon.rewrite.pattern import (
    PatternError,
    any_of,
    anything,
    attr,
    capture,
    constant,
    operands,
    opt,
    repeat,
    shared,
)
from baryon.rewrite.rule import (
    Example,
    Named,
    NoMatch,
    Refusal,
    Rule,
    example,
    function_text,
    refusal,
)
from baryon.rewrite.trace import Attempt, Trace, tracing

__all__ = [
    "Attempt", "Example", "Match", "Matcher", "Named", "NoMatch", "PatternError", "Refusal",
    "RewriteError", "Rule", "Trace", "any_of", "anything", "attr", "capture", "compact", "constant",
    "example", "function_text", "is_filled_with", "operands", "opt", "payload", "refusal", "repeat",
    "rewrite", "shared", "tracing",
]  # fmt: skip
