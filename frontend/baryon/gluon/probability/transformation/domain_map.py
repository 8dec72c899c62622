"""Which transformation maps all numbers to what a constraint allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from baryon.gluon.probability.distributions.constraint import (
    Constraint,
    GreaterThan,
    HalfOpenInterval,
    Interval,
    LessThan,
    Positive,
)
from baryon.gluon.probability.transformation.transformation import (
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    SigmoidTransform,
    Transformation,
)

Maker = Callable[[Any], Transformation]


class domain_map:  # noqa: N801 - MXNet's name
    """A table from kinds of constraints to transformations; call it with a constraint."""

    def __init__(self) -> None:
        self._storage: dict[type[Constraint], Maker] = {}

    def register(
        self, constraint: type[Constraint] | Iterable[type[Constraint]], factory: Any = None
    ) -> Any:
        """Let `factory(constraint)` make the transformation; also a decorator."""
        if factory is None:
            return lambda f: self.register(constraint, f)
        kinds = [constraint] if isinstance(constraint, type) else [*constraint]
        for kind in kinds:
            if not (isinstance(kind, type) and issubclass(kind, Constraint)):
                raise TypeError(f"{kind!r} is not a kind of Constraint")
            self._storage[kind] = factory
        return factory

    def __call__(self, constraint: Constraint) -> Transformation:
        """The transformation; NotImplementedError if there is none."""
        for kind in type(constraint).__mro__:
            if kind in self._storage:
                return self._storage[kind](constraint)
        raise NotImplementedError(f"no transformation is known for {constraint!r}")


biject_to = domain_map()
transform_to = domain_map()


def _positive(_: Positive) -> Transformation:
    return ExpTransform()


def _above(constraint: GreaterThan) -> Transformation:
    return ComposeTransform([ExpTransform(), AffineTransform(constraint._lower_bound, 1)])


def _below(constraint: LessThan) -> Transformation:
    return ComposeTransform([ExpTransform(), AffineTransform(constraint._upper_bound, -1)])


def _between(constraint: Interval) -> Transformation:
    low, high = constraint._lower_bound, constraint._upper_bound
    if isinstance(low, int | float) and (low, high) == (0, 1):
        return SigmoidTransform()
    return ComposeTransform([SigmoidTransform(), AffineTransform(low, high - low)])


for _table in (biject_to, transform_to):
    _table.register(Positive, _positive)
    _table.register(GreaterThan, _above)
    _table.register(LessThan, _below)
    _table.register([Interval, HalfOpenInterval], _between)
