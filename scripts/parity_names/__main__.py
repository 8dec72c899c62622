"""The command line of `scripts/parity`: a table of the names that are there, by section.

Writes docs/parity.md; `--check` only says whether it is up to date.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES = Path(__file__).with_name("names.toml")
ABSENT = Path(__file__).with_name("absent.toml")
TABLE = Path(__file__).parents[2] / "docs" / "parity.md"

HEAD = """# What is there of MXNet 2's interface

Written by `scripts/parity`. Absent names raise an error that gives the reason.

| module | section | names | present | absent |
|---|---|---:|---:|---:|
"""


@dataclass(frozen=True)
class Section:
    """One section of the interface: how many names it has, and which are absent and why."""

    module: str
    title: str
    names: tuple[str, ...]
    absent: Mapping[str, str]

    @property
    def row(self) -> str:
        """Its line of the table."""
        every, gone = len(self.names), len(self.absent)
        return f"| `{self.module}` | {self.title} | {every} | {every - gone} | {gone} |"


def find(path: str) -> Any:
    """A module or class of baryon by its dotted path; None where there is none."""
    module, *rest = "baryon", *path.split(".")
    try:
        found: Any = importlib.import_module(module)
        for name in rest:
            found = getattr(found, name)
    except (ImportError, AttributeError):
        return None
    return found


def sections() -> list[Section]:
    """Every section, compared."""
    reasons = tomllib.loads(ABSENT.read_text(encoding="utf-8"))
    return [_section(s, reasons.get(s["module"], {})) for s in _read()]


def _read() -> list[dict[str, str]]:
    found: list[dict[str, str]] = tomllib.loads(NAMES.read_text(encoding="utf-8"))["section"]
    return found


def _section(given: Mapping[str, str], reasons: Mapping[str, str]) -> Section:
    names = tuple(given["names"].split())
    home = find(given["module"])
    missing = [n for n in names if home is None or not hasattr(home, n)]
    absent = {n: reasons.get(n, reasons.get("*", "NOT REVIEWED")) for n in missing}
    return Section(given["module"], given["title"], names, absent)


def table(found: list[Section]) -> str:
    """The page."""
    total = sum(len(s.names) for s in found)
    gone = sum(len(s.absent) for s in found)
    rows = [s.row for s in found]
    rows.append(f"| | **all** | **{total}** | **{total - gone}** | **{gone}** |")
    reasons = [
        f"- `{s.module}.{name}`: {why}" for s in found for name, why in sorted(s.absent.items())
    ]
    listed = "\n".join(dict.fromkeys(reasons)) or "None."
    return f"{HEAD}{chr(10).join(rows)}\n\n## Absent, and why\n\n{listed}\n"


def main() -> int:
    """Exit status 0 if every absent name has a reason (and with --check, the page is current)."""
    parser = argparse.ArgumentParser(prog="scripts/parity", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    found = sections()
    text = table(found)
    unreviewed = [
        f"{s.module}.{n}" for s in found for n, why in s.absent.items() if why == "NOT REVIEWED"
    ]
    if options.check:
        current = TABLE.exists() and TABLE.read_text(encoding="utf-8") == text
        print("docs/parity.md is current" if current else "docs/parity.md is not current")
        return 0 if current and not unreviewed else 1
    TABLE.write_text(text, encoding="utf-8")
    print("\n".join(s.row for s in found))
    if unreviewed:
        print(f"absent without a reason: {' '.join(unreviewed)}", file=sys.stderr)
    return 1 if unreviewed else 0


if __name__ == "__main__":
    sys.exit(main())
