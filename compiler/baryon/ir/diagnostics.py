"""Errors that say what was wrong, where, and what to do.

Every error that baryon raises on purpose derives from `BaryonError`; the command line prints it as
one line and exits with status 1. Subclasses also derive from the builtin that a NumPy user would
expect (`ValueError`, `TypeError`), so that ordinary `except` clauses keep working.
"""

from __future__ import annotations


class BaryonError(Exception):
    """Base of all designed errors.

    message: what was wrong. where: the place in the user's code, file or IR. hint: what to do.
    excerpt: IR text around the place, printed below the message.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        excerpt: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.where, self.hint, self.excerpt = message, where, hint, excerpt

    def __str__(self) -> str:
        text = self.message if self.where is None else f"{self.message} (at {self.where})"
        if self.hint is not None:
            text = f"{text}\n  {self.hint}"
        return text if self.excerpt is None else f"{text}\n{self.excerpt}"


class IRTypeError(BaryonError, TypeError):
    """An op got operands or attributes that its declaration does not allow."""


class VerifyError(BaryonError, ValueError):
    """The IR breaks a rule of docs/spec/ir.md; `rule` is the rule's id."""

    def __init__(self, rule: str, message: str, **context: str | None) -> None:
        super().__init__(f"[{rule}] {message}", **context)
        self.rule = rule


class ParseError(BaryonError, ValueError):
    """IR text that cannot be read; the message carries line and column."""


class UnsupportedError(BaryonError, NotImplementedError):
    """Something valid that baryon does not do; the hint says what does work."""
