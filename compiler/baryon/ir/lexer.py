"""Tokens of the IR's text form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from baryon.ir.diagnostics import ParseError

_TOKENS = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>-?(?:inf|nan)(?![A-Za-z0-9_.])|-?\d+(?:\.(?!\.)\d*)?(?:[eE][-+]?\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
      | (?P<punct>->|\.\.|[{}()\[\]<>,:=@%!*])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """kind: string, number, name, punct or end. text: as written, strings unquoted."""

    kind: str
    text: str
    offset: int


class Tokens:
    """A cursor over the tokens of one text, which it keeps for its error messages."""

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        self._tokens = list(self._scan())
        self._at = 0

    def _scan(self) -> Iterator[Token]:
        offset = 0
        while offset < len(self.text):
            match = _TOKENS.match(self.text, offset)
            if match is None:
                raise self.error(f"unexpected character {self.text[offset]!r}", offset)
            kind, text = str(match.lastgroup), match.group()
            if kind != "space":
                yield Token(kind, self._unquote(match) if kind == "string" else text, offset)
            offset = match.end()
        yield Token("end", "end of text", offset)

    def _unquote(self, match: re.Match[str]) -> str:
        try:
            return str(json.loads(match.group()))
        except ValueError as error:
            raise self.error("bad string: write it as JSON does", match.start()) from error

    @property
    def peek(self) -> Token:
        """The next token, left in place."""
        return self._tokens[self._at]

    def ahead(self, count: int) -> list[Token]:
        """The next `count` tokens, left in place; fewer at the end of the text."""
        return self._tokens[self._at : self._at + count]

    def take(self) -> Token:
        """The next token."""
        token = self.peek
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def skip(self, text: str) -> bool:
        """Take the next token if it is this punctuation or name."""
        found = self.peek.text == text and self.peek.kind in ("punct", "name")
        if found:
            self.take()
        return found

    def need(self, *texts: str) -> None:
        """Take the next tokens, which must be this punctuation or these names."""
        for text in texts:
            if not self.skip(text):
                raise self.error(f"expected {text!r} but found {self.peek.text!r}")

    def kind(self, *kinds: str) -> str:
        """Take the next token, which must be of one of these kinds; returns its text."""
        if self.peek.kind not in kinds:
            raise self.error(f"expected {' or '.join(kinds)} but found {self.peek.text!r}")
        return self.take().text

    def error_before(self, message: str) -> ParseError:
        """An error with the caret under the token that was taken last."""
        return self.error(message, self._tokens[max(self._at - 1, 0)].offset)

    def error(self, message: str, offset: int | None = None) -> ParseError:
        """An error that shows the line and a caret under the next token (or under `offset`)."""
        at = self.peek.offset if offset is None else offset
        start = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        line = self.text[start : len(self.text) if end < 0 else end]
        where = f"{self.source}:{self.text.count(chr(10), 0, at) + 1}:{at - start + 1}"
        return ParseError(message, where=where, excerpt=f"  {line}\n  {' ' * (at - start)}^")
