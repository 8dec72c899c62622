"""Chains of per-channel arithmetic with constants, as one function y = x * scale + shift.

All factors of a chain are combined in float64 and rounded once, when the new constants are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.ir import Array, Module, Op, Value
from baryon.rewrite import NoMatch, any_of, constant, payload

Vector = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Affine:
    """y = x * scale + shift per channel, in float64."""

    scale: Vector
    shift: Vector

    def then(self, scale: Vector | float, shift: Vector | float) -> Affine:
        """Followed by another affine function."""
        return Affine(self.scale * scale, self.shift * scale + shift)


def batch_norm_affine(op: Op, arrays: list[Array]) -> tuple[Vector, Vector]:
    """Scale and shift of a batch_norm op with the payloads of gamma, beta, mean and variance."""
    gamma, beta, mean, variance = (a.astype(np.float64) for a in arrays)
    scale = 1.0 / np.sqrt(variance + float(op.attrs.get("eps", 1e-3)))  # type: ignore[arg-type]
    if not op.attrs.get("fix_gamma", True):
        scale = scale * gamma
    return scale, beta - mean * scale


def per_channel(array: Array, rank: int, axis: int, count: int) -> Vector | None:
    """The `count` factors that an operand holds, or None if it varies along other axes."""
    shape = (1,) * (rank - array.ndim) + array.shape
    others = shape[:axis] + shape[axis + 1 :]
    if len(shape) != rank or any(d != 1 for d in others) or shape[axis] not in (1, count):
        return None
    return np.broadcast_to(array.reshape(-1).astype(np.float64), (count,))


def chain_affine(module: Module, start: Value, ops: tuple[Op, ...], axis: int) -> Affine | NoMatch:
    """The function of a chain of ops, the first of which reads `start`."""
    count = start.type.shape[axis]
    if not isinstance(count, int) or not start.type.dtype.is_float:
        return NoMatch("the number of channels is not fixed, or they are not floating point")
    affine = Affine(np.ones(count), np.zeros(count))
    for op in ops:
        longer = _then(affine, module, op, start, axis)
        if isinstance(longer, NoMatch):
            return longer
        affine = longer
        start = op.result
    finite = np.isfinite(affine.scale).all() and np.isfinite(affine.shift).all()
    return affine if finite else NoMatch("a constant is not finite")


def _then(affine: Affine, module: Module, op: Op, before: Value, axis: int) -> Affine | NoMatch:
    """`affine` followed by one op, which reads `before` and constants."""
    rank, count = before.type.rank, len(affine.scale)
    found = [payload(module, v) for v in op.operands if v is not before]
    arrays = [a for a in found if a is not None]
    if op.name == "npx.batch_norm":
        if int(op.attrs.get("axis", 1)) % rank != axis:  # type: ignore[arg-type]
            return NoMatch("batch_norm normalizes another axis")
        return affine.then(*batch_norm_affine(op, arrays))
    factor = per_channel(arrays[0], rank, axis, count)
    if factor is None or op.result.type != before.type:
        return NoMatch(f"a constant of shape {arrays[0].shape} is not per channel")
    return affine.then(*_BY_NAME[op.name](factor))


_BY_NAME: dict[str, Callable[[Vector], tuple[Vector | float, Vector | float]]] = {
    "np.multiply": lambda c: (c, 0.0),
    "np.divide": lambda c: (1.0 / c, 0.0),
    "np.add": lambda c: (1.0, c),
    "np.subtract": lambda c: (1.0, -c),
}


def arithmetic_step(o: Any, y: Any) -> Any:
    """The pattern of one multiplication or addition with a constant."""
    c = constant()
    return any_of(o.np.add(y, c), o.np.multiply(y, c), o.np.subtract(y, c), o.np.divide(y, c))


def affine_step(o: Any, y: Any) -> Any:
    """As `arithmetic_step`, or a batch_norm with constant statistics."""
    stats = [constant() for _ in range(4)]
    return any_of(arithmetic_step(o, y), o.npx.batch_norm(y, *stats))
