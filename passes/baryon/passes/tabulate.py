"""tabulate: element-wise ops from 8-bit codes to 8-bit codes become a look-up in a table.

What computes one value of codes from one other, element by element, is a function of 256 arguments:
it is evaluated when compiling, by the meaning of its ops. Files that round between all steps of an
activation (quantizers do so to gelu and to swish) have long chains of these. A look-up costs about
as much as a division, so a chain is worth it only if it holds a function that costs more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from baryon.ir import CONSTANT, Array, Attr, Module, Op, Region, Sym, TensorType, Value
from baryon.ops import TABLE
from baryon.ops.quantize import DEQUANTIZE, QUANTIZE
from baryon.passes.base import Pass
from baryon.passes.dce import drop_payloads
from baryon.passes.families import is_elementwise
from baryon.passes.recompute import CHEAP
from baryon.rewrite import payload

ENTRIES = 256
ARITHMETIC = CHEAP | {QUANTIZE, DEQUANTIZE, "np.divide", "np.clip", "np.sqrt", "npx.leaky_relu"}
"""Ops that cost no more than a look-up; a chain of these alone stays."""


@dataclass(frozen=True)
class Tabulate(Pass):
    """Put `np.take` of a constant table in the place of chains. least: elements worth it."""

    name: ClassVar[str] = "tabulate"
    least: int = 4096

    def run(self, module: Module) -> bool:
        """Do it from the last op to the first, so that chains are as long as can be."""
        changed = False
        for func in module.funcs.values():
            for chain in self._chains(module, func.body):
                _write(module, func.body, chain)
                changed = True
        if changed:
            drop_payloads(module)
        return changed

    def _chains(self, module: Module, region: Region) -> list[_Chain]:
        position = {op: n for n, op in enumerate(region.ops)}
        taken: set[Op] = set()
        found = []
        for op in reversed(region.ops):
            if op.name != QUANTIZE or op in taken or not self._is_large(op.result.type):
                continue
            chain = _chain(module, op, position)
            if chain is not None and any(o.name not in ARITHMETIC for o in chain.ops):
                found.append(chain)
                taken.update(chain.ops)
        return found

    def _is_large(self, type: TensorType) -> bool:
        return any(isinstance(d, Sym) for d in type.shape) or type.numel() >= self.least


@dataclass(frozen=True)
class _Chain:
    """Ops in program order, which compute the last one's result from the codes `source` alone."""

    source: Value
    ops: list[Op]


def _chain(module: Module, last: Op, position: Mapping[Op, int]) -> _Chain | None:
    """The longest chain that ends with an op; None where it does not begin with codes.

    Ops join from the last to the first, so that all users of a value are known before its op. Where
    all ways come from one value of codes, a chain may begin.
    """
    inside, found = [last], None
    while True:
        sources = _sources(module, inside)
        if len(sources) == 1 and _is_codes(sources[0], last.result):
            found = _Chain(sources[0], inside[::-1])
        makers = [v.op for v in sources if v.op is not None and v.op in position]
        if not makers:
            return found
        op = max(makers, key=position.__getitem__)
        if not _joins(op, inside):
            return found
        inside.append(op)


def _sources(module: Module, ops: list[Op]) -> list[Value]:
    """What ops read beside each other's results and numbers."""
    read = dict.fromkeys(v for op in ops for v in op.operands)
    return [v for v in read if v.op not in ops and not _is_number(module, v)]


def _joins(op: Op, inside: list[Op]) -> bool:
    """Whether an op of one element each is read inside alone, and makes the shape of the rest."""
    if not is_elementwise(op) or TABLE[op.name].random or not {*op.result.users} <= {*inside}:
        return False
    return op.result.type.shape == inside[0].result.type.shape and op.attrs.get("axis") is None


def _is_number(module: Module, value: Value) -> bool:
    array = payload(module, value)
    return array is not None and array.size == 1


def _is_codes(value: Value, result: Value) -> bool:
    is_byte = value.type.dtype.bits == 8 and value.type.dtype.kind in ("int", "uint")
    return is_byte and value.type.shape == result.type.shape


def _write(module: Module, region: Region, chain: _Chain) -> None:
    last = chain.ops[-1]
    name = module.add_constant(_table(module, chain), f"{last.result.name or 'codes'}.table")
    type = TensorType((ENTRIES,), last.result.type.dtype, last.result.type.quant)
    table = Op(CONSTANT, (), (type,), {"name": name}, (), last.loc)
    attrs: dict[str, Attr] = {"axis": 0, "mode": "wrap"}
    taken = Op("np.take", (table.result, chain.source), (last.result.type,), attrs, (), last.loc)
    table.result.name, taken.result.name = name, last.result.name
    at = region.ops.index(last)
    region.insert(at, table)
    region.insert(at + 1, taken)
    last.result.replace_by(taken.result)
    numbers = {v.op: None for op in chain.ops for v in op.operands if v is not chain.source}
    for op in (*reversed(chain.ops), *numbers):
        if op is not None and op.parent is not None and not any(r.users for r in op.results):
            op.erase()


def _table(module: Module, chain: _Chain) -> Array:
    """The chain's result by code; below 0 a code counts from the end of the table."""
    known = {chain.source: np.arange(ENTRIES).astype(np.uint8).view(chain.source.type.dtype.numpy)}
    for op in chain.ops:
        numbers = (payload(module, v) for v in op.operands)
        given = [
            known[v] if number is None else number.reshape(())
            for v, number in zip(op.operands, numbers, strict=True)
        ]
        (known[op.result],) = TABLE[op.name].evaluate(given, op.attrs)
    return known[chain.ops[-1].result]
