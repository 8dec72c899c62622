"""The 28 constraints: what parameters and samples must fulfil."""

from baryon.gluon.probability.distributions.bounds import (
    Boolean,
    Constraint,
    GreaterThan,
    GreaterThanEq,
    HalfOpenInterval,
    IntegerGreaterThan,
    IntegerGreaterThanEq,
    IntegerHalfOpenInterval,
    IntegerInterval,
    IntegerLessThan,
    IntegerLessThanEq,
    IntegerOpenInterval,
    Interval,
    LessThan,
    LessThanEq,
    NonNegative,
    NonNegativeInteger,
    OpenInterval,
    Positive,
    PositiveInteger,
    Real,
    UnitInterval,
    as_array,
    is_dependent,
)
from baryon.gluon.probability.distributions.shaped import (
    Cat,
    LowerCholesky,
    LowerTriangular,
    PositiveDefinite,
    Simplex,
    Stack,
)

__all__ = [
    "Boolean", "Cat", "Constraint", "GreaterThan", "GreaterThanEq", "HalfOpenInterval",
    "IntegerGreaterThan", "IntegerGreaterThanEq", "IntegerHalfOpenInterval", "IntegerInterval",
    "IntegerLessThan", "IntegerLessThanEq", "IntegerOpenInterval", "Interval", "LessThan",
    "LessThanEq", "LowerCholesky", "LowerTriangular", "NonNegative", "NonNegativeInteger",
    "OpenInterval", "Positive", "PositiveDefinite", "PositiveInteger", "Real", "Simplex", "Stack",
    "UnitInterval", "as_array", "is_dependent",
]  # fmt: skip
