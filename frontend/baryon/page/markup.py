"""Elements of HTML and SVG as text."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is markup already; other text is escaped where it goes in."""

    __slots__ = ()


def element(tag: str, *children: str | Iterable[str], **attributes: object) -> Markup:
    """`<tag attribute="...">children</tag>`.

    Attributes: class_ is class, other underscores are hyphens; False and None leave one out, True
    gives the name alone.
    """
    inside = "".join(_inner(child) for child in children)
    return Markup(f"<{tag}{_attributes(attributes)}>{inside}</{tag}>")


def _inner(child: str | Iterable[str]) -> str:
    if isinstance(child, Markup):
        return child
    return escape(child) if isinstance(child, str) else "".join(_inner(part) for part in child)


def _attributes(given: dict[str, object]) -> str:
    names = {name: name.rstrip("_").replace("_", "-") for name in given}
    return "".join(
        f" {names[name]}" if value is True else f' {names[name]}="{escape(_text(value))}"'
        for name, value in given.items()
        if value is not None and value is not False
    )


def _text(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)


def number(value: float) -> str:
    """With one digit after the point, for positions in a drawing; short."""
    return f"{value:.1f}".removesuffix(".0")


def significant(value: float) -> str:
    """Three digits, for people."""
    return f"{value:.3g}"


def percent(share: float) -> str:
    """Such as 0.32 %."""
    return f"{100 * share:.3g} %"


def milliseconds(value: float) -> str:
    """Milliseconds, or microseconds where there is less than a tenth of one."""
    return f"{value:.3g} ms" if value >= 0.1 else f"{1000 * value:.3g} us"
