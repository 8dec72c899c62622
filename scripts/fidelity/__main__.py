"""The command line of `scripts/accuracy`."""

from __future__ import annotations

import argparse
import json
import sys
from fnmatch import fnmatch
from pathlib import Path

from fidelity.cases import CASES, Case
from fidelity.measure import Row, measured, table
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
    parser.add_argument("--train", action="store_true", help="only train what is not there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def train(case: Case, folder: Path) -> bool:
    """Train a case and print its figures; whether it learned what it should."""
    notes = trained(case, folder)
    print(f"{case.name:24} float32 {notes['fp32']:.4f} (of {case.least})  trained in "
          f"{notes['seconds']:.0f} s", flush=True)  # fmt: skip
    return bool(notes["fp32"] >= case.least)


def quantize(case: Case, folder: Path) -> Row:
    """Quantize a case and print its figures."""
    row = measured(case, folder)
    values = "  ".join(f"{name} {value:.4f}" for name, value in row.by_method.items())
    result = "ok" if row.good else "FAILED"
    print(f"{row.case:24} float32 {row.fp32:.4f}  {values}  search {row.searched:.4f}  kept "
          f"{len(row.kept)} of {row.ops}  {result}", flush=True)  # fmt: skip
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
    learned = [train(case, options.folder) for case in chosen]
    if options.train:
        return int(not all(learned))
    rows = [quantize(case, options.folder) for case in chosen]
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([row.to_dict() for row in rows], indent=1))
    return int(not all(learned) or not all(row.good for row in rows))


if __name__ == "__main__":
    sys.exit(main())
