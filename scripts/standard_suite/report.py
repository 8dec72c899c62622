"""What came out: a table by kind, failures by reason, exclusions that are out of date."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from standard_suite.cases import KINDS, SuiteTest
from standard_suite.processes import Outcome

EXCLUDED = Path(__file__).with_name("excluded.toml")


@dataclass(frozen=True)
class Exclusion:
    """Tests that are not expected to pass. path: `compiled` or `meaning`; "" for both."""

    pattern: str
    reason: str
    path: str = ""

    def matches(self, test: SuiteTest) -> bool:
        """Whether it is about a test."""
        return self.path in ("", test.path) and bool(re.fullmatch(self.pattern, test.name))


@dataclass(frozen=True)
class Reviewed:
    """The reviewed list. random: patterns of tests whose outputs are random numbers."""

    exclusions: Sequence[Exclusion]
    random: Sequence[str]

    @classmethod
    def read(cls, path: Path = EXCLUDED) -> Reviewed:
        """The list in a file."""
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls([Exclusion(**e) for e in found.get("exclude", [])], found.get("random", []))

    def is_random(self, test: SuiteTest) -> bool:
        """Whether only shapes and types of the outputs can be compared."""
        return any(re.fullmatch(pattern, test.name) for pattern in self.random)

    def find(self, test: SuiteTest) -> Exclusion | None:
        """The exclusion of a test."""
        return next((e for e in self.exclusions if e.matches(test)), None)


@dataclass(frozen=True)
class Report:
    """The outcomes of a run, by the reviewed list. whole: whether all tests were run."""

    outcomes: Sequence[Outcome]
    reviewed: Reviewed
    whole: bool

    @property
    def failures(self) -> list[Outcome]:
        """Those that failed and are not excluded."""
        return [o for o in self.outcomes if not o.passed and not self.reviewed.find(o.test)]

    @property
    def stale(self) -> list[str]:
        """What is out of date in the list: tests that pass, patterns without a test."""
        passing = [
            f"{o.test.path} {o.test.name} is excluded, and passes"
            for o in self.outcomes
            if o.passed and self.reviewed.find(o.test)
        ]
        tests = [o.test for o in self.outcomes]
        unused = [
            f"{e.pattern!r} matches no test"
            for e in self.reviewed.exclusions
            if self.whole and not any(e.matches(t) for t in tests)
        ]
        return [*passing, *unused]

    def rows(self) -> list[dict[str, Any]]:
        """For each path and kind, and for each path in all, the numbers of tests."""
        found: list[dict[str, Any]] = []
        for path in sorted({o.test.path for o in self.outcomes}):
            mine = [o for o in self.outcomes if o.test.path == path]
            kinds = [[o for o in mine if o.test.kind == kind] for kind in KINDS.values()]
            found += [self._row(path, part[0].test.kind, part) for part in kinds if part]
            found.append(self._row(path, "all", mine))
        return found

    def _row(self, path: str, kind: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        excluded = sum(self.reviewed.find(o.test) is not None for o in outcomes)
        passed = sum(o.passed and self.reviewed.find(o.test) is None for o in outcomes)
        count = len(outcomes)
        return {
            "path": path, "kind": kind, "tests": count, "passed": passed,
            "failed": count - excluded - passed, "excluded": excluded,
            "percent": round(100 * passed / count, 2),
            "percent_without_excluded": round(100 * passed / max(count - excluded, 1), 2),
            "by_shape_only": sum(self.reviewed.is_random(o.test) and o.passed for o in outcomes),
        }  # fmt: skip

    def text(self) -> str:
        """The report for people."""
        lines = [_LINE.format(*_HEAD)]
        for row in self.rows():
            shares = (f"{row[key]:.2f} %" for key in ("percent", "percent_without_excluded"))
            counts = (row[key] for key in _HEAD[:6])
            lines.append(_LINE.format(*counts, *shares))
        drawn = sum(row["by_shape_only"] for row in self.rows() if row["kind"] == "all")
        lines.append(
            f"of the passed, {drawn} draw random numbers: their shapes and types are right"
        )
        lines += self._reasons("excluded", [o for o in self.outcomes if self._is_excluded(o)])
        lines += self._reasons("failed", self.failures)
        return "\n".join([*lines, *(f"out of date: {problem}" for problem in self.stale)])

    def _is_excluded(self, outcome: Outcome) -> bool:
        return not outcome.passed and self.reviewed.find(outcome.test) is not None

    def _reasons(self, what: str, outcomes: Sequence[Outcome]) -> list[str]:
        lines = []
        for reason, names in self._grouped(outcomes).items():
            more = ", ..." if len(names) > 6 else ""
            lines += [f"{what} {len(names)} x {reason}", f"    {', '.join(names[:6])}{more}"]
        return lines

    def _grouped(self, outcomes: Iterable[Outcome]) -> Mapping[str, list[str]]:
        groups: dict[str, list[str]] = defaultdict(list)
        for outcome in outcomes:
            exclusion = self.reviewed.find(outcome.test)
            reason = exclusion.reason if exclusion else _common(outcome.error)
            groups[f"{outcome.test.path}: {reason}"].append(outcome.test.name)
        return dict(sorted(groups.items(), key=lambda item: -len(item[1])))

    def data(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "rows": self.rows(),
            "stale": self.stale,
            "tests": [
                {**asdict(o.test), "error": o.error, "seconds": round(o.seconds, 3),
                 "excluded": bool(self.reviewed.find(o.test))}
                for o in sorted(self.outcomes, key=lambda o: o.test)
            ],
        }  # fmt: skip


_HEAD = ("path", "kind", "tests", "passed", "failed", "excluded", "of all", "without excluded")
_LINE = "{:<10}{:<19}{:>7}{:>8}{:>8}{:>10}{:>10}{:>18}"


def _common(error: str) -> str:
    """An error without what is different in each test: names, numbers, places."""
    plain = re.sub(r"\(at .*", "", error)
    plain = re.sub(r"'[^']*'|\[[^\]]*\]|\([^)]*\)", "..", plain)
    return re.sub(r"\d+(\.\d+)?(e-?\d+)?", "#", plain)[:120]
