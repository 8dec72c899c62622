"""Checks the import layers of pyproject.toml with import-linter, in any kind of installation.

import-linter looks for a package in one folder, but a source tree or an editable install has baryon
in four; so the package is imported first and its finder told of all of them.
"""

from __future__ import annotations

import importlib.util
import sys

from importlinter.cli import lint_imports

import baryon


def main() -> int:
    """Exit status 0 when all contracts hold."""
    spec = importlib.util.find_spec("baryon")
    assert spec is not None
    spec.submodule_search_locations = [*baryon.__path__]
    return int(lint_imports(cache_dir=None, no_cache=True))


if __name__ == "__main__":
    sys.exit(main())
