"""Update rules as programs: what a rule computes is taken down once and compiled.

A rule is Python over NumPy's ufuncs. It runs here on stand-ins for its arrays, which take down each
ufunc. Numbers (learning rate, weight decay, bias corrections, ...) become inputs of the program, so
a rule whose numbers change with every step keeps its program.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from baryon.build import Options, build, in_process
from baryon.ir import (
    RETURN,
    BaryonError,
    Builder,
    DType,
    Func,
    Module,
    Op,
    Region,
    TensorType,
    Value,
    dtype_of,
)
from baryon.ops import TABLE, lookup, recording
from baryon.ops.structure import FUSED
from baryon.runtime import Executable

PIECE = 4096
"""Elements of a parameter that a thread updates at a time: what it reads and writes of seven arrays
fits its level 2 cache."""

_NAMES = {"absolute": "abs", "true_divide": "divide"}

Operand = tuple[str, int]
"""("array", number of an argument), ("number", number), or ("step", number)."""


class UntraceableError(BaryonError):
    """A rule does what cannot be taken down: its update stays with NumPy."""


@dataclass(frozen=True)
class Recipe:
    """What a rule does, without its numbers.

    steps: op and operands. results: the new weight and states. arrays: how many arguments are
    arrays. numbers: how many numbers it takes.
    """

    steps: tuple[tuple[str, tuple[Operand, ...]], ...]
    results: tuple[Operand, ...]
    arrays: int
    numbers: int


class _Hidden:
    """Stands for the index of a parameter: a rule that looks at it is not the same for all."""

    def _refuse(self, *_: Any) -> Any:
        raise UntraceableError("the index of a parameter in an update rule")

    __eq__ = __hash__ = __str__ = __index__ = _refuse


HIDDEN: Any = _Hidden()


@dataclass
class _Notes:
    steps: list[tuple[str, tuple[Operand, ...]]] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)

    def operand(self, x: Any) -> Operand:
        """An array's, or the next number."""
        if isinstance(x, _Stand):
            return x.operand
        if not isinstance(x, int | float):
            raise UntraceableError(f"a {type(x).__name__} in an update rule")
        self.numbers.append(float(x))
        return "number", len(self.numbers) - 1


class _Stand(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array."""

    def __init__(self, notes: _Notes, operand: Operand) -> None:
        self.notes, self.operand = notes, operand

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> _Stand:
        name = f"np.{_NAMES.get(ufunc.__name__, ufunc.__name__)}"
        if method != "__call__" or kwargs or name not in TABLE:
            raise UntraceableError(f"{name} in an update rule")
        self.notes.steps.append((name, tuple(map(self.notes.operand, inputs))))
        return _Stand(self.notes, ("step", len(self.notes.steps) - 1))

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise UntraceableError("an update rule asks for elements, or for more than ufuncs")

    __array__ = __array_function__ = __bool__ = __float__ = __int__ = __index__ = _refuse


def trace(rule: Callable[..., Sequence[Any]], arrays: int) -> tuple[Recipe, list[float]]:
    """What a rule of so many arrays does, and the numbers that it does it with.

    Raises UntraceableError.
    """
    notes = _Notes()
    try:
        found = rule(*(_Stand(notes, ("array", n)) for n in range(arrays)))
    except (AttributeError, TypeError, ValueError) as error:  # shapes, means, branches on elements
        raise UntraceableError(str(error)) from error
    results = tuple(notes.operand(x) for x in found)
    return Recipe(tuple(notes.steps), results, arrays, len(notes.numbers)), notes.numbers


@lru_cache(maxsize=64)
def program(recipe: Recipe, dtype: np.dtype[Any]) -> Executable:
    """The program of a recipe: pieces of its arrays, then its numbers, to pieces of its results."""
    return in_process(build(module_of(recipe, dtype_of(dtype)), Options(pipeline="")))


def module_of(recipe: Recipe, dtype: DType) -> Module:
    """The recipe as one kernel: a group of element-wise ops with several results."""
    types = [TensorType((PIECE,), dtype)] * recipe.arrays
    types += [TensorType((), dtype)] * recipe.numbers
    module, body = Module(), Region(types)
    builder = Builder(module, body, lookup)
    calls = recording(TABLE, builder)
    values: dict[Operand, Value] = {("array", n): body.args[n] for n in range(recipe.arrays)}
    for n, value in enumerate(body.args[recipe.arrays :]):
        values["number", n] = value
    for n, (name, operands) in enumerate(recipe.steps):
        function = operator.attrgetter(name)(calls)
        values["step", n] = function(*(values[x] for x in operands))
    builder.ret([values[x] for x in recipe.results])
    region = Region(types, [f"x{n}" for n in range(len(types))])
    results = [types[0]] * len(recipe.results)
    group = region.append(Op(FUSED, region.args, results, {"kind": "elementwise"}, [body]))
    region.append(Op(RETURN, group.results, ()))
    module.funcs["main"] = Func("main", region, [f"new{n}" for n in range(len(results))])
    return module
