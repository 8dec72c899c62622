"""Files of networks, imported, compiled and run, against ONNX Runtime."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import baryon as mx
from baryon.importers.onnx import import_onnx
from baryon.ir import Array, BaryonError

LIMIT = 1e-4
"""How far an output may be off: absolute, and relative to the largest of its output."""


@dataclass(frozen=True)
class Verdict:
    """What came of a file.

    batches: those that it was run with. kind: of its batch; symbolic, any; fixed, that of the file;
    given, one that the caller says. error: the largest difference; None where something failed, and
    `problem` says at which stage and why.
    """

    batches: tuple[int, ...] = ()
    kind: str = "fixed"
    error: float | None = None
    problem: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it ran with all batches and no output is off."""
        return self.error is not None and self.error <= LIMIT


def batches_of(inputs: Mapping[str, Array]) -> dict[int, dict[str, Array]]:
    """Inputs by batch and name, from the keys `BATCH/INPUT` of an archive."""
    found: dict[int, dict[str, Array]] = defaultdict(dict)
    for key, x in inputs.items():
        batch, _, name = key.partition("/")
        found[int(batch)][name] = x
    return dict(found)


def judge(path: Path, feeds: Mapping[int, Mapping[str, Array]]) -> Verdict:
    """The verdict on a file; the first batch is that of the example that it was exported with.

    A file that cannot be imported for every batch is imported for each one of them.
    """
    try:
        module = import_onnx(path)
    except BaryonError as error:
        return _of_each_batch(path, feeds, f"import: {error.message}")
    kind = "symbolic" if module.symbols else "fixed"
    batches = tuple(feeds) if module.symbols else tuple(feeds)[:1]
    try:
        run = mx.compile(module)
    except BaryonError as error:
        return Verdict(problem=f"compile: {error.message}", kind=kind)
    session = _session(path)
    return Verdict(batches, kind, max(_error(session, run, feeds[batch]) for batch in batches))


def _of_each_batch(path: Path, feeds: Mapping[int, Mapping[str, Array]], why: str) -> Verdict:
    session = _session(path)
    known = {i.name for i in session.get_inputs()}
    errors = []
    for feed in feeds.values():
        shapes = {name: x.shape for name, x in feed.items() if name in known}
        try:
            run = mx.compile(path, input_shapes=shapes)
        except BaryonError:
            return Verdict(problem=why)
        errors.append(_error(session, run, feed))
    return Verdict(tuple(feeds), "given", max(errors))


def _session(path: Path) -> Any:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def _error(session: Any, run: Any, given: Mapping[str, Array]) -> float:
    """Between both, over all outputs; infinite where shapes or types differ."""
    known = [i.name for i in session.get_inputs()]  # an input that nothing reads is left out
    expected = session.run(None, {name: given[name] for name in known})
    found = run(*(given[name] for name in known))
    results = [np.asarray(x) for x in (found if isinstance(found, tuple | list) else [found])]
    return worst(expected, results)


def worst(expected: Sequence[Array], found: Sequence[Array]) -> float:
    """The largest difference over all outputs."""
    return max(difference(a, b) for a, b in zip(expected, found, strict=True))


def difference(expected: Array, found: Array) -> float:
    """The largest difference, over the largest number where that is more than 1."""
    if (expected.shape, expected.dtype) != (found.shape, found.dtype):
        return float("inf")
    if not expected.size:
        return 0.0
    wide, other = expected.astype(np.float64), found.astype(np.float64)
    largest = float(np.abs(wide - other).max() / max(1.0, float(np.abs(wide).max())))
    return largest if np.isfinite(largest) else float("inf")
