"""Choices that were measured: which candidate computes a problem best, on which machine.

They are kept in a text file that can be shipped with a network (docs/spec/tuning.md). It is never
trusted: an entry whose digest does not fit is left out and counted, and a choice is a name that has
to be among the candidates which the code generator itself finds for the problem.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baryon.codegen.group import Group
from baryon.codegen.targets import Target
from baryon.ir import BaryonError

OFF = "off"
FORMAT, VERSION = "baryon tuning", 1


class TuningFileError(BaryonError, ValueError):
    """A file that holds no measured choices at all."""


@dataclass(frozen=True)
class Machine:
    """What choices are made for. cpu: its model. threads: numbers of threads that run a network."""

    cpu: str
    features: tuple[str, ...]
    threads: tuple[int, ...]

    @staticmethod
    def of(target: Target, threads: Sequence[int]) -> Machine:
        """This machine, running code for a target."""
        return Machine(_cpu_model(), target.features, tuple(sorted(set(threads))))


@dataclass(frozen=True)
class Choice:
    """What was measured for one problem.

    name: the best candidate. ratios: for each candidate that was measured its time over that of the
    one which the cost model chose.
    """

    machine: Machine
    problem: str
    name: str
    ratios: Mapping[str, float]

    @property
    def key(self) -> tuple[Machine, str]:
        """What it is found by."""
        return self.machine, self.problem

    def to_json(self) -> dict[str, Any]:
        """The entry in the file, with its digest."""
        machine = {
            "cpu": self.machine.cpu,
            "features": " ".join(self.machine.features),
            "threads": list(self.machine.threads),
        }
        ratios = {name: round(ratio, 4) for name, ratio in self.ratios.items()}
        body = {**machine, "problem": self.problem, "choice": self.name, "ratios": ratios}
        return {**body, "sha256": _digest(body)}

    @staticmethod
    def from_json(entry: Any) -> Choice | None:
        """The choice of an entry; None if it is damaged."""
        try:
            body = {key: value for key, value in entry.items() if key != "sha256"}
            if _digest(body) != entry["sha256"]:
                return None
            threads = tuple(int(n) for n in body["threads"])
            machine = Machine(str(body["cpu"]), tuple(body["features"].split()), threads)
            ratios = {str(name): float(ratio) for name, ratio in body["ratios"].items()}
            return Choice(machine, str(body["problem"]), str(body["choice"]), ratios)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


@dataclass
class Choices:
    """Choices by machine and problem, as a file held them. damaged: entries that were left out."""

    path: Path | None = None
    found: dict[tuple[Machine, str], Choice] = field(default_factory=dict)
    damaged: int = 0

    @staticmethod
    def read(path: Path) -> Choices:
        """Those of a file; none if there is no file.

        Raises OSError; TuningFileError for a file of another kind or version.
        """
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            return Choices(path)
        except ValueError as error:
            raise _not_a_file(path, f"it is no JSON: {error}") from error
        header = (document.get("format"), document.get("version")) if _is(document, dict) else ()
        if header != (FORMAT, VERSION) or not _is(document.get("entries"), list):
            raise _not_a_file(path, f"it is not of the format {FORMAT!r}, version {VERSION}")
        choices = [Choice.from_json(entry) for entry in document["entries"]]
        valid = {choice.key: choice for choice in choices if choice}
        return Choices(path, valid, choices.count(None))

    def add(self, new: Iterable[Choice]) -> None:
        """Take choices in; what was measured before for the same problem is kept beside them."""
        for choice in new:
            old = self.found.get(choice.key)
            ratios = {**(old.ratios if old else {}), **choice.ratios}
            self.found[choice.key] = Choice(choice.machine, choice.problem, choice.name, ratios)

    def write(self, new: Sequence[Choice]) -> None:
        """Add choices to the file, and to what other processes wrote there meanwhile.

        A file that was damaged as a whole is replaced. Raises OSError.
        """
        assert self.path is not None
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self.path.parent):
            try:
                self.found = Choices.read(self.path).found
            except TuningFileError:
                self.found = {}
            self.add(new)
            _replace(self.path, self._text())

    def _text(self) -> str:
        """The file: one line for each entry, in a fixed order."""
        entries = sorted(json.dumps(c.to_json(), sort_keys=True) for c in self.found.values())
        head = f'{{"format": {json.dumps(FORMAT)}, "version": {VERSION}, "entries": [\n'
        return head + ",\n".join(entries) + "\n]}\n"


def problem_of(group: Group) -> str:
    """A group in one line: its ops with their attributes, types of operands and results.

    Constants are told from inputs (kernels pack them beforehand), but not by their values.
    """
    ops = " ".join(
        op.name + (f"{{{attrs}}}" if (attrs := _attributes(op.attrs)) else "") for op in group.body
    )
    operands = ", ".join(
        f"{v.type}{' const' if v in group.constants else ''}" for v in group.op.operands
    )
    results = ", ".join(str(v.type) for v in group.op.results)
    return f"{group.kind}: {ops}: {operands} -> {results}"


Chooser = Callable[[Group], str | None]
"""The name of the candidate that computes a group; None for what the cost model likes best."""


def by_model(group: Group) -> str | None:
    """The choice of a compilation without measurements."""
    return None


def _attributes(attrs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in sorted(attrs.items()))


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind)


def _not_a_file(path: Path, why: str) -> TuningFileError:
    return TuningFileError(
        f"{path} holds no measured choices: {why}",
        hint="remove it, or name another one with --tune-cache (off: none)",
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change a folder's files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _cpu_model() -> str:
    """As Linux names the first CPU, with family and model: names alone are few; or `unknown`."""
    try:
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return "unknown"
    pairs = (line.partition(":") for line in first.splitlines())
    known = {key.strip(): value.strip() for key, _, value in pairs}
    parts = [known[key] for key in ("model name", "cpu family", "model") if key in known]
    return " ".join(parts) or "unknown"
