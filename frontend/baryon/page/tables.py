"""Tables that a reader can sort and filter (`tables.js`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from baryon.page.markup import Markup, element


class Cell(NamedTuple):
    """shown: what is read. value: what is sorted by; numbers stand at the right."""

    shown: str
    value: float | str

    @staticmethod
    def of(text: str) -> Cell:
        """Text that is sorted as it is."""
        return Cell(text, text)


def sortable(
    name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell]]
) -> Markup:
    """A table that is sorted by a click on a head.

    name: its id. columns: heads, and whether "number" or "text" is sorted.
    """
    heads = [
        element("th", head, scope="col", data_sort=kind, class_="right" if _right(kind) else None)
        for head, kind in columns
    ]
    body = [element("tr", [_cell(cell) for cell in row]) for row in rows]
    head = element("thead", element("tr", heads))
    table = element("table", head, element("tbody", body), id=name, class_="sortable")
    return element("div", table, class_="wide")


def _right(kind: str) -> bool:
    return kind == "number"


def _cell(cell: Cell) -> Markup:
    value = cell.value
    is_number = not isinstance(value, str)
    text = repr(value) if isinstance(value, float) else value
    return element("td", cell.shown, data_value=text, class_="right" if is_number else None)


def filter_of(name: str, hint: str) -> Markup:
    """The field by which a table's rows are filtered; it is seen where scripts run."""
    field = element("input", id="filter", type="search", placeholder=hint, aria_label="filter")
    field = Markup(field.removesuffix("</input>"))
    shown = element("span", id="shown")
    return element("p", field, " ", shown, id="tools", data_for=name, hidden=True)
