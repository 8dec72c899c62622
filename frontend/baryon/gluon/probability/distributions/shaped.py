"""Constraints on vectors and matrices, and combinations of constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon import np
from baryon.array import ndarray
from baryon.gluon.probability.distributions.bounds import Constraint, both
from baryon.gluon.probability.distributions.utils import last_size


class Simplex(Constraint):
    """Vectors on the last axis that are not negative and whose sum is 1."""

    said = "probabilities with the sum 1"
    event_dim = 1

    def holds(self, value: ndarray) -> Any:
        """True for each such vector."""
        at_one = np.less(np.abs(np.sum(value, -1) - 1), 1e-6 * max(last_size(value), 2))
        return both(np.greater_equal(np.min(value, -1), 0), at_one)


class LowerTriangular(Constraint):
    """Square matrices with zeros above the diagonal."""

    said = "a lower triangular matrix"
    event_dim = 2

    def holds(self, value: ndarray) -> Any:
        """True for each such matrix."""
        above = np.sum(np.abs(value - np.tril(value)), (-2, -1))
        return np.equal(above, 0)


class LowerCholesky(LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    said = "a lower triangular matrix with a positive diagonal"

    def holds(self, value: ndarray) -> Any:
        """True for each such matrix."""
        diagonal = np.diagonal(value, axis1=-2, axis2=-1)
        return both(super().holds(value), np.greater(np.min(diagonal, -1), 0))


class PositiveDefinite(Constraint):
    """Symmetric matrices with positive eigenvalues."""

    said = "a positive definite matrix"
    event_dim = 2

    def holds(self, value: ndarray) -> Any:
        """True for each such matrix."""
        difference = np.abs(value - np.swapaxes(value, -1, -2))
        symmetric = np.less(np.max(difference, (-2, -1)), 1e-5)
        return both(symmetric, np.greater(np.min(np.linalg.eigvalsh(value), -1), 0))


class Cat(Constraint):
    """Several constraints on consecutive parts of an axis."""

    said = "valid in each part"

    def __init__(
        self, constraint_seq: Sequence[Constraint], axis: int = 0,
        lengths: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        self._parts, self._axis = constraint_seq, axis
        self._lengths = [1] * len(constraint_seq) if lengths is None else lengths
        if len(self._lengths) != len(constraint_seq):
            raise ValueError(f"{len(constraint_seq)} constraints, {len(self._lengths)} lengths")

    def holds(self, value: ndarray) -> Any:
        """What the constraints say, joined along the axis."""
        ends = [sum(self._lengths[: i + 1]) for i in range(len(self._lengths) - 1)]
        parts = np.split(value, ends, self._axis) if ends else [value]
        found = [c.holds(part) for c, part in zip(self._parts, parts, strict=True)]
        return np.concatenate(found, self._axis)


class Stack(Constraint):
    """One constraint for each place of an axis."""

    said = "valid in each place"

    def __init__(self, constraint_seq: Sequence[Constraint], axis: int = 0) -> None:
        self._parts, self._axis = constraint_seq, axis

    def holds(self, value: ndarray) -> Any:
        """What the constraints say, stacked along the axis."""
        places = np.split(value, len(self._parts), self._axis)
        found = [
            c.holds(np.squeeze(place, self._axis))
            for c, place in zip(self._parts, places, strict=True)
        ]
        return np.stack(found, self._axis)
