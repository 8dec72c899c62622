"""What a process has mapped, by Linux's account."""

from __future__ import annotations

from pathlib import Path

COUNTED = ("Rss", "Pss", "Shared_Clean", "Private_Clean", "Private_Dirty")
"""Resident; resident with each page divided among the processes that have it; shared; not."""


def mapped(process: int, suffix: str) -> dict[str, int]:
    """Bytes of a process's mappings of files whose names end so (`man 5 proc`, smaps)."""
    found = dict.fromkeys(COUNTED, 0)
    is_counted = False
    for line in Path(f"/proc/{process}/smaps").read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition(":")
        if name in COUNTED and is_counted:
            found[name] += 1024 * int(rest.split()[0])
        elif "-" in name.partition(" ")[0]:  # the first line of a mapping, with its addresses
            is_counted = line.endswith(suffix)
    return found
