"""fold: ops on constants become constants, by their NumPy meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from baryon.ir import CONSTANT, RETURN, Array, Module, Op
from baryon.ops import OpDef, Role, lookup
from baryon.ops.quantize import DEQUANTIZE
from baryon.ops.structure import FUSED, IN_PLACE, ROWS
from baryon.passes.arrays import elementwise, stored_bytes
from baryon.passes.base import Pass
from baryon.rewrite import compact, payload

_STRUCTURE = frozenset({CONSTANT, RETURN, FUSED, IN_PLACE, ROWS})
_FILLS = frozenset({"np.zeros", "np.ones", "np.full"})
_MOVES = frozenset({"np.broadcast_to", "np.transpose"})
"""Ops whose NumPy meaning is a view of the operand's memory."""


@dataclass(frozen=True)
class Fold(Pass):
    """Evaluate ops whose operands are all constants.

    grow_limit: an op may always fold to this many bytes; a larger result only when it takes no
        more bytes than the operands do.
    """

    name: ClassVar[str] = "fold"
    grow_limit: int = 65536

    def run(self, module: Module) -> bool:
        """Do it in program order, so that results of folded ops fold on."""
        changed = False
        for func in module.funcs.values():
            for op in list(func.body.ops):
                changed = _fold(module, op, self.grow_limit) or changed
        return changed


def _fold(module: Module, op: Op, limit: int) -> bool:
    opdef = lookup(op.name)
    if opdef is None or op.name in _STRUCTURE or opdef.random or keeps_codes(op):
        return False
    arrays = [payload(module, v) for v in op.operands]
    known = [a for a in arrays if a is not None]
    if len(known) != len(arrays) or not all(r.type.is_static for r in op.results):
        return False
    if not _worth_it(op, opdef, known, limit):
        return False
    _replace(module, op, _evaluate(opdef, op, known))
    return True


def keeps_codes(op: Op) -> bool:
    """Whether an op says what the codes of a weight mean, which kernels read as they are."""
    return op.name == DEQUANTIZE and any(not _is_light(user) for user in op.result.users)


def _is_light(op: Op) -> bool:
    opdef = lookup(op.name)
    return opdef is not None and opdef.role is Role.ELEMENTWISE


def _worth_it(op: Op, opdef: OpDef, arrays: list[Array], limit: int) -> bool:
    return _result_bytes(op, opdef, arrays) <= max(limit, sum(map(stored_bytes, arrays)))


def _result_bytes(op: Op, opdef: OpDef, arrays: list[Array]) -> int:
    """Bytes of the payload: elementwise results and views stay as repeated as their operands."""
    if opdef.role is Role.VIEW or op.name in _FILLS | _MOVES:
        return 0
    if opdef.role is not Role.ELEMENTWISE:
        return sum(r.type.numel() * r.type.dtype.itemsize for r in op.results)
    shape = np.broadcast_shapes(*(compact(a).shape for a in arrays))
    return math.prod(shape) * op.result.type.dtype.itemsize


def _evaluate(opdef: OpDef, op: Op, arrays: list[Array]) -> tuple[Array, ...]:
    if op.name in _FILLS:
        one = opdef.evaluate((), {**op.attrs, "shape": ()})
        return (np.broadcast_to(one[0], op.result.type.static_shape),)
    with np.errstate(all="ignore"):
        if opdef.role is Role.ELEMENTWISE:
            return (elementwise(lambda *few: opdef.evaluate(few, op.attrs)[0], *arrays),)
        return opdef.evaluate(arrays, op.attrs)


def _replace(module: Module, op: Op, results: tuple[Array, ...]) -> None:
    region = op.parent
    assert region is not None
    at = region.ops.index(op)
    for old, array in zip(op.results, results, strict=True):
        typed = np.asarray(array, old.type.dtype.numpy)
        name = module.add_constant(typed, old.name or "folded")
        new = Op(CONSTANT, (), (old.type,), {"name": name}, (), op.loc)
        new.result.name = old.name
        region.insert(at, new)
        old.replace_by(new.result)
    op.erase()
