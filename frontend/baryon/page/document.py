"""The frame of a page: its head, what is shared of style and script, and the content."""

from __future__ import annotations

from pathlib import Path

from baryon.page.markup import Markup, element


def document(title: str, content: Markup, style: str = "") -> str:
    """One file for a browser, without references to other files; it works without JavaScript.

    style: CSS beside that of all pages.
    """
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        element("title", title),
        element("style", _file("style.css"), Markup(style)),
    )
    body = element("body", content, element("script", _file("tables.js")))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _file(name: str) -> Markup:
    return Markup(Path(__file__).with_name(name).read_text(encoding="utf-8"))
