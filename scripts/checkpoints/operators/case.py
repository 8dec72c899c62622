"""A call of an operator as a row of a table."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

Draw = Callable[[np.random.RandomState], Any]
Inputs = Mapping[str, Any]
"""By name: a shape, which stands for normal float32 numbers, an array, or a Draw."""


@dataclass(frozen=True)
class Case:
    """A function of symbols (MXNet 1) or arrays (MXNet 2), by place, and what it is called with.

    output: the only one that is wanted, of an operator that has more than it says; None for all.
    """

    name: str
    function: Callable[..., Any]
    inputs: Inputs
    output: int | None = None

    def arrays(self) -> dict[str, Any]:
        """The inputs. Their numbers depend on the name only, so a new case changes no other."""
        random = np.random.RandomState(crc32(self.name.encode()))
        return {name: _drawn(given, random) for name, given in self.inputs.items()}

    def call(self, *operands: Any) -> Any:
        """What the operator makes of symbols or arrays."""
        found = self.function(*operands)
        return found if self.output is None else found[self.output]


def _drawn(given: Any, random: np.random.RandomState) -> Any:
    if callable(given):
        return given(random)
    return random.normal(0, 1, given).astype("float32") if isinstance(given, tuple) else given


class Namespace:
    """Makes cases of a module's operators, which are looked up when they are called."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __call__(
        self, name: str, inputs: Inputs, *, output: int | None = None, **attributes: Any
    ) -> Case:
        """A call by name, such as "contrib.box_nms" or "Pooling-max"; behind - is a label."""

        def call(*operands: Any) -> Any:
            found = operator.attrgetter(name.partition("-")[0])(self._module)
            return found(*operands, **attributes)

        return Case(name.rpartition(".")[2], call, inputs, output)


def whole(high: int, *shape: int) -> Draw:
    """Whole numbers below `high`, as float32."""
    return lambda random: random.randint(0, high, shape).astype("float32")


def unit(*shape: int) -> Draw:
    """Numbers within 0 and 1, not close to either."""
    return lambda random: (random.rand(*shape) * 0.9 + 0.05).astype("float32")


def boxes(*shape: int) -> Draw:
    """Boxes by their corners, within 0 and 1; the last axis is added."""
    return lambda random: _boxes(random, *shape)


def detections(count: int) -> Draw:
    """Rows of class, score and box: (1, count, 6)."""

    def draw(random: np.random.RandomState) -> Any:
        head = np.stack([random.randint(0, 2, count), random.rand(count)], axis=1)
        return np.concatenate([head, _boxes(random, count)], axis=1).astype("float32")[None]

    return draw


def _boxes(random: np.random.RandomState, *shape: int) -> Any:
    low = random.rand(*shape, 2) * 0.5
    size = random.rand(*shape, 2) * 0.5
    return np.concatenate([low, low + size], axis=-1).astype("float32")


def floats(*numbers: Any) -> Any:
    """An array of float32."""
    return np.array(numbers, "float32")


X: Inputs = {"x": (2, 3, 4)}
PAIR: Inputs = {**X, "y": (2, 3, 4)}
INSIDE: Inputs = {"x": unit(2, 3, 4)}
IMAGE: Inputs = {"x": (2, 4, 6, 6)}
