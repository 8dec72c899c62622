"""Reports as one HTML file that needs nothing else: markup, tables, the frame of a page."""

from baryon.page.document import document
from baryon.page.markup import (
    Markup,
    element,
    milliseconds,
    number,
    percent,
    significant,
)
from baryon.page.tables import Cell, filter_of, sortable

__all__ = [
    "Cell",
    "Markup",
    "document",
    "element",
    "filter_of",
    "milliseconds",
    "number",
    "percent",
    "significant",
    "sortable",
]
