"""The documents name files that exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
MENTION = re.compile(r"\bdocs/[a-z0-9_/-]+\.md\b")


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return [ROOT / name for name in sorted(set(done.stdout.split()))]


if not (ROOT / ".git").exists():
    pytest.skip("not a git checkout", allow_module_level=True)


@pytest.mark.parametrize("page", tracked("*.md"), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [t for t in targets if not (page.parent / t).exists()]


def test_documents_that_are_mentioned_exist() -> None:
    mentions = {
        (name, file.relative_to(ROOT).as_posix())
        for file in tracked("*.py", "*.md", "*.cc", "*.h", "*.toml")
        if file.exists()
        for name in MENTION.findall(file.read_text(encoding="utf-8"))
    }
    assert not sorted((n, where) for n, where in mentions if not (ROOT / n).exists())
