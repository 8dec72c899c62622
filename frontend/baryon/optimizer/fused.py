"""One launch that updates all parameters: their rules compiled, pieces of them shared by threads.

What cannot go that way is left to NumPy (`baryon.optimizer.kernel`): rules that are not
element-wise, numbers of 16 bits, and optimizers of few elements, for which compiling does not pay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from baryon.array import ArrayBase
from baryon.ir import Array
from baryon.optimizer.kernel import apply, gradient_of, writable
from baryon.optimizer.traced import HIDDEN, Recipe, UntraceableError, program, trace

LEAST = 1 << 16
"""Elements from which an update is compiled: below, NumPy takes less than 0.1 ms."""

Rule = Callable[..., Sequence[Any]]


@dataclass(frozen=True)
class Update:
    """One parameter's update. rule: takes the pace (a `Pace`), weight, gradient and states."""

    rule: Rule
    pace: Any
    weight: ArrayBase
    grad: ArrayBase
    states: Sequence[ArrayBase]


def update_all(updates: Sequence[Update], *, elementwise: bool, least: int = LEAST) -> None:
    """Write what the rules give into weights and states.

    elementwise: the rules may be applied to parts of a parameter.
    """
    rest = _launch(updates) if elementwise and _elements(updates) >= least else updates
    for u in rest:
        apply(partial(u.rule, u.pace), u.weight, u.grad, u.states, blocked=elementwise)


def _elements(updates: Sequence[Update]) -> int:
    return sum(u.weight.elements("the update of a parameter", "").size for u in updates)


def _launch(updates: Sequence[Update]) -> list[Update]:
    """Update what can be compiled, in one launch for each program; returns the others."""
    rest: list[Update] = []
    sets = defaultdict(list)
    traced: dict[Any, tuple[Recipe, list[float]]] = {}
    for u in updates:
        dtype = _compiled_dtype(u)
        pace = u.pace._replace(index=HIDDEN)
        key = pace[1:], len(u.states)
        try:
            if dtype is None:
                raise UntraceableError("arrays that no program takes")
            if key not in traced:
                traced[key] = trace(partial(u.rule, pace), 2 + len(u.states))
        except UntraceableError:
            rest.append(u)
            continue
        recipe, numbers = traced[key]
        scalars = [np.array(x, dtype) for x in numbers]
        targets = [writable(x, "the update of a parameter") for x in (u.weight, *u.states)]
        arrays = [targets[0], gradient_of(u.grad, targets[0]), *targets[1:]]
        sets[recipe, dtype].append(([*arrays, *scalars], targets))
    for (recipe, dtype), arrays_of_all in sets.items():
        program(recipe, dtype).map(recipe.arrays, arrays_of_all)
    return rest


def _compiled_dtype(u: Update) -> np.dtype[Any] | None:
    """The one dtype of an update's arrays, if a program can have it and their memory is plain."""
    arrays: list[Array] = [
        x.elements("the update of a parameter", "give it concrete arrays")
        for x in (u.weight, u.grad, *u.states)
    ]
    first = arrays[0]
    same = all(a.dtype == first.dtype and a.shape == first.shape for a in arrays)
    plain = all(a.flags.c_contiguous and a.flags.aligned for a in arrays)
    return first.dtype if same and plain and first.dtype.name in ("float32", "float64") else None
