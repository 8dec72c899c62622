"""What quantization costs a trained network, by calibration and with the search."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from baryon.quantization import quantize_net
from fidelity.cases import Case
from fidelity.data import Data
from fidelity.training import accuracy, load, trained

CALIBRATION = 512
"""Training images that ranges are taken from."""
METHODS = ("naive", "entropy", "mse")
ALLOWED, ALLOWED_BY_SEARCH, ALLOWED_KEPT = 0.005, 0.002, 0.05
"""The drop of accuracy that is allowed to the better of the methods and to the search, and the
share of ops that the search may keep in float32 for it."""


@dataclass(frozen=True)
class Row:
    """A case: accuracies on the test images as shares, numbers of ops.

    by_method: of each calibration alone. kept: names of what the search kept in float32.
    """

    case: str
    fp32: float
    by_method: dict[str, float]
    searched: float
    ops: int
    kept: tuple[str, ...]
    is_fragile: bool

    @property
    def drop(self) -> float:
        """Of the best method without a search."""
        return self.fp32 - max(self.by_method.values())

    @property
    def good(self) -> bool:
        """Whether it does what is asked. A fragile network has to fall apart without a search."""
        by_search = self.fp32 - self.searched <= ALLOWED_BY_SEARCH + 1e-9
        few = len(self.kept) <= ALLOWED_KEPT * self.ops
        plain = self.drop > 0.1 if self.is_fragile else self.drop <= ALLOWED + 1e-9
        return by_search and few and plain

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "good": self.good}


def measured(case: Case, folder: Path, max_drop: float = ALLOWED_BY_SEARCH) -> Row:
    """Train the network where `folder` has it not, and quantize it by each method.

    max_drop: what the search may lose.
    """
    notes, data = trained(case, folder), case.data()
    by_method = {mode: _value(case, folder, data, calib_mode=mode)[0] for mode in METHODS}
    searched, report = _value(
        case, folder, data, calib_mode="mse", eval_data=[(data.x_test, data.y_test)],
        metric="accuracy", max_drop=max_drop,
    )  # fmt: skip
    kept, ops = tuple(report.search.kept), len(report.layers)
    return Row(case.name, notes["fp32"], by_method, searched, ops, kept, case.finish is not None)


def _value(case: Case, folder: Path, data: Data, **options: Any) -> tuple[float, Any]:
    """Accuracy on the test images with all ops in INT8, also where that is no faster here."""
    net = quantize_net(
        load(folder, case.name), calib_data=data.x[:CALIBRATION], measure_errors=False,
        refuse_slower=False, **options,
    )  # fmt: skip
    return accuracy(net, data.x_test, data.y_test), net.quantization_report


HEAD = ("network and task", "float32", *METHODS, "drop", "with search", "kept in float32")


def table(rows: list[Row]) -> str:
    """As Markdown; accuracies and drops in points."""
    lines = [HEAD, ("---",) * len(HEAD), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    kept = f"{len(row.kept)} of {row.ops}" + (f": {', '.join(row.kept)}" if row.kept else "")
    values = (row.fp32, *row.by_method.values(), row.drop, row.searched)
    return (row.case, *(f"{100 * value:.2f}" for value in values), kept)
