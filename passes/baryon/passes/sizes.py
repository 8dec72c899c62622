"""Bytes and aliases of values, as layout and memory planning count them."""

from __future__ import annotations

from baryon.ir import CHANNELS_LAST, Module, Op, TensorType
from baryon.ir.memory import extent, memory_order, rows
from baryon.ops import Role, lookup
from baryon.ops.structure import RELAYOUT


def largest(module: Module, type: TensorType) -> tuple[int, ...]:
    """The shape when every symbol is at its maximum."""
    return type.bound({name: high for name, (_, high) in module.symbols.items()})


def nbytes(module: Module, type: TensorType) -> int:
    """Bytes of memory from the value's first to behind its last element, symbols at maximum."""
    return extent(type, largest(module, type)) * type.dtype.itemsize


def row_bytes(module: Module, type: TensorType) -> int:
    """Bytes that a run counts as a slice's memory, symbols at maximum: whole rows of symbolic ones.

    They are more than `nbytes`, by what follows the last element of a slice of a wider buffer.
    """
    symbol, per_row = rows(type)
    count = module.symbols[symbol][1] if symbol else 1
    return count * per_row * type.dtype.itemsize


def is_trivial(type: TensorType) -> bool:
    """True when channels-last and row-major order are the same: no two axes trade places."""
    order = memory_order(type.with_layout(CHANNELS_LAST))
    kept = [a for a in order if type.shape[a] != 1]
    return kept == sorted(kept)


def is_free(op: Op) -> bool:
    """True for ops that give another name to the same bytes: views and trivial relayouts."""
    if op.name == RELAYOUT:
        source, result = op.operands[0].type, op.result.type
        return is_trivial(source) and _dense(source) and _dense(result)
    opdef = lookup(op.name)
    return opdef is not None and opdef.role is Role.VIEW


def _dense(type: TensorType) -> bool:
    return type.layout is None or type.layout.pitch in (None, type.shape[1])
