"""The error of writing and reading artifacts."""

from __future__ import annotations

from baryon.ir import BaryonError


class ArtifactError(BaryonError, ValueError):
    """An artifact that breaks a rule of docs/spec/artifact.md, or cannot be written or read.

    rule: the rule's id (`A1` to `A31`), or None if the file as such is the problem.
    """

    def __init__(
        self,
        message: str,
        *,
        rule: str | None = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        text = message if rule is None else f"[{rule}] {message}"
        super().__init__(text, where=where, hint=hint)
        self.rule = rule
