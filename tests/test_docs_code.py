"""The code in docs/gluon.md runs: its blocks in order, and each cell of a column called `now`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "gluon.md"
SPAN = re.compile(r"`([^`]+)`")


def pieces(text: str) -> list[tuple[int, str]]:
    """(line, code) of the blocks and cells, in order."""
    found: list[tuple[int, str]] = []
    column: int | None = None
    block: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if block is not None:
            if line.startswith("```"):
                found.append((number - len(block), "\n".join(block)))
                block = None
            else:
                block.append(line)
        elif line.startswith("```python"):
            block = []
        elif line.startswith("|"):
            cells = [c.strip() for c in line.strip("|").split(" | ")]
            column = cells.index("now") if "now" in cells else column
            if column is not None and (code := SPAN.findall(cells[-1])) and "now" not in cells:
                found.append((number, code[0]))
        else:
            column = None
    return found


def test_gluon_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "docs"}
    failures = []
    for number, code in pieces(PAGE.read_text(encoding="utf-8")):
        ready = code.replace("/tmp/", f"{tmp_path}/")
        try:
            exec(compile("\n" * (number - 1) + ready, str(PAGE), "exec"), names)
        except Exception as error:
            failures.append(f"line {number}: {code.splitlines()[0]}: {error!r}")
    assert not failures, "\n".join(failures)
