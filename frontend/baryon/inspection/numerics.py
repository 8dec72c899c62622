"""The first NaN or infinity of a run: which op made it, of which node, from what.

    found = check_numerics(executable, {"data": x})
    if found:
        print(found)

The network runs call by call (`baryon.runtime.Steps`) and the results of each are looked at; a run
that is not checked pays nothing. Inside the first kernel with a bad result its ops are interpreted
one by one. That takes their constants: an artifact has them where kernels read them as they are,
but not the weights that were packed for a kernel; `check_model` knows all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from baryon.api import to_module
from baryon.build import Options, generate, in_process, lower
from baryon.inspection.replay import Replay, arguments
from baryon.ir import Array, Module
from baryon.runtime import Executable, Steps

Kinds = Literal["all", "nan"]
"""What is looked for: NaN and infinities, or NaN alone. Masks of -inf are no errors."""


@dataclass(frozen=True)
class Statistics:
    """Of a tensor's elements. low, high: of those that are finite; None if there are none."""

    dtype: str
    size: int
    nans: int
    infinities: int
    low: float | None
    high: float | None

    @staticmethod
    def of(array: Array) -> Statistics:
        """Of any array; whole numbers and bools are finite."""
        values = array.astype(np.float64) if is_real(array) else array.astype(np.int64)
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
        nans, infinities = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        return Statistics(array.dtype.name, array.size, nans, infinities, low, high)

    def __str__(self) -> str:
        bad = [f"{n} {word}" for n, word in ((self.nans, "NaN"), (self.infinities, "Inf")) if n]
        span = "no finite element" if self.low is None else f"{self.low:.6g} to {self.high:.6g}"
        return f"{self.dtype}, {self.size} elements, {', '.join([*bad, span])}"


@dataclass(frozen=True)
class Finding:
    """The first bad value of a run.

    where: "input", "weights" (a constant has it already) or "kernel". call: the number of the
    kernel call, -1 for an input; kernel: its name. name: the input's, or the node of the user's
    network. op: the op, "" where it is not known which op of the kernel it was; nodes and ops: all
    of the kernel's. bad: the tensor that has it. operands: what the op, or the kernel, read.
    """

    where: Literal["input", "weights", "kernel"]
    name: str
    bad: Statistics
    call: int = -1
    kernel: str = ""
    op: str = ""
    nodes: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()
    operands: tuple[tuple[str, Statistics], ...] = ()

    def __str__(self) -> str:
        return "\n".join([self._sentence(), *(f"  {n}: {s}" for n, s in self.operands)])

    def _sentence(self) -> str:
        what = "NaN" if self.bad.nans else "Inf"
        if self.where == "input":
            return f"{what} in the input {self.name} ({self.bad})"
        place = f"call {self.call}, kernel {self.kernel}"
        if self.where == "weights":
            return f"{what} in the weights of {self.name} ({self.bad}), {place}"
        if self.op:
            return f"{what} made by {self.op} of {self.name} ({self.bad}), {place}"
        return (
            f"{what} made by {place} ({self.bad}), in one of {', '.join(self.ops)} of "
            f"{', '.join(self.nodes)}; its weights are packed: check the model itself for the op"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        known = {k: v for k, v in vars(self).items() if k not in ("bad", "operands")}
        operands = {name: vars(statistics) for name, statistics in self.operands}
        return known | {"bad": vars(self.bad), "operands": operands}


def check_numerics(
    executable: Executable,
    feeds: Mapping[str, object],
    kinds: Kinds = "all",
    constants: Mapping[str, Array] | None = None,
) -> Finding | None:
    """The first bad value of a run; None where all are good.

    feeds: inputs by name, as a call takes them. constants: of the lowered module, by name, where
    they are known. Raises InputError for inputs that the network does not take.
    """
    given = executable.bind(**feeds)
    for name, array in given.items():
        if is_bad(array, kinds):
            return Finding("input", name, Statistics.of(array))
    steps, groups = Steps(executable, **given), executable.meta["groups"]
    while steps.done < steps.total:
        number, group = steps.done, groups[steps.done]
        steps.advance()
        results = arguments(steps, group, number, "result")
        bad = next((array for _, array in results if is_bad(array, kinds)), None)
        if bad is not None:
            replay = Replay.of(executable, given, number, constants or {})
            return _finding(group, number, bad, replay, kinds)
    return None


def check_model(
    source: Module | str | os.PathLike[str],
    feeds: Mapping[str, Array],
    kinds: Kinds = "all",
    threads: int | None = None,
) -> Finding | None:
    """The same of a module or a model file, compiled for this machine first; it finds every op.

    Raises BaryonError for what cannot be compiled.
    """
    options = Options(refuse_slower=not isinstance(source, Module))
    lowered = lower(to_module(source), options)
    executable = in_process(generate(lowered, options), threads)
    constants = lowered.module.constants
    return check_numerics(executable, feeds, kinds, constants)


def _finding(
    group: Mapping[str, Any], number: int, bad: Array, replay: Replay, kinds: Kinds
) -> Finding:
    """What a call with a bad result says: a bad constant, one of its ops, or the call itself."""
    nodes, ops = tuple(group["nodes"]), tuple(group["ops"])
    known = {"call": number, "kernel": group["name"], "nodes": nodes, "ops": ops}
    for array in replay.constants:
        if is_bad(array, kinds):
            return Finding("weights", nodes[0], Statistics.of(array), **known)
    for step in replay.ops():
        if step is None:  # what cannot be interpreted may have made it
            break
        result = next((x for x in step.results if is_bad(x, kinds)), None)
        if result is not None:
            node = nodes[group["op_nodes"][step.number]]
            read = _statistics(step.operands)
            op = ops[step.number]
            return Finding("kernel", node, Statistics.of(result), op=op, operands=read, **known)
    read = _statistics(replay.operands)
    return Finding("kernel", nodes[0], Statistics.of(bad), operands=read, **known)


def _statistics(arrays: Iterable[tuple[str, Array]]) -> tuple[tuple[str, Statistics], ...]:
    return tuple((name, Statistics.of(array)) for name, array in arrays)


def is_real(array: Array) -> bool:
    """Whether elements can be NaN."""
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def is_bad(array: Array, kinds: Kinds) -> bool:
    """Whether an array has what is looked for."""
    if not is_real(array):
        return False
    return bool(np.isnan(array).any() if kinds == "nan" else not np.isfinite(array).all())
