"""The command line of `scripts/accuracy`."""

from __future__ import annotations

import argparse
import json
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from fidelity.cases import CASES, Case
from fidelity.training import trained

FOLDER = Path("build/accuracy")


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="scripts/accuracy",
        description="Train small networks from fixed seeds, quantize them, and show what INT8 "
        "costs in accuracy.",
    )
    parser.add_argument("--only", default="*", metavar="GLOB", help="cases, such as 'resnet*'")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where trained networks are "
                        f"kept; what is there is not trained again (default {FOLDER})")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def row_of(case: Case, folder: Path) -> dict[str, Any]:
    """The figures of a case, printed as they come."""
    row = {"case": case.name} | trained(case, folder)
    print(f"{case.name:24} float32 {row['fp32']:.4f} (of {case.least})  trained in "
          f"{row['seconds']:.0f} s", flush=True)  # fmt: skip
    return row


def main() -> int:
    """Exit status 0 if every network does what is asked of it."""
    options = arguments()
    chosen = [case for case in CASES if fnmatch(case.name, options.only)]
    if not chosen:
        sys.exit(f"error: no case is called {options.only}; --list names them")
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0
    rows = [row_of(case, options.folder) for case in chosen]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return int(any(row["fp32"] < row["least"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
