"""Runs a lowered module in one block of memory, as the runtime does, but with NumPy kernels.

Every value is read and written through its placement and its type's strides, and groups see no
other memory. Whatever overlaps wrongly gives wrong numbers; the arena starts as NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from baryon.interp import Interpreter
from baryon.ir import Array, Module, Op, Sym, TensorType, Value
from baryon.ir.memory import strides
from baryon.ops.structure import FUSED
from baryon.passes import MemoryPlan, Placement
from baryon.passes.memory import Storage


class Arena:
    """The memory of one run."""

    def __init__(self, module: Module, plan: MemoryPlan, inputs: list[Array]) -> None:
        self.module, self.plan = module, plan
        self.sizes = sizes_of(module, inputs)
        self.arena = np.full(plan.arena_bytes, 0xFF, np.uint8)
        self.inputs = [np.ascontiguousarray(x).reshape(-1).view(np.uint8) for x in inputs]
        self.outputs = [self.bytes_of(v.type) for v in module.main.outputs]

    def bytes_of(self, type: TensorType) -> Array:
        return np.full(int(np.prod(type.bound(self.sizes))) * type.dtype.itemsize, 0xFF, np.uint8)

    def run(self) -> list[Array]:
        for op in self.module.main.body.ops:
            if op.name == FUSED:
                self.kernel(op)
        values = self.module.main.outputs
        return [self.view(v).copy() for v in values]

    def kernel(self, op: Op) -> None:
        interpreter = Interpreter(self.module.constants, self.sizes)
        with np.errstate(all="ignore"):
            results = interpreter.region(op.regions[0], [self.read(v) for v in op.operands])
        for value, array in zip(op.results, results, strict=True):
            self.view(value)[...] = array

    def memory(self, place: Placement) -> Array:
        if place.storage is Storage.ARENA:
            return self.arena
        return (self.inputs if place.storage is Storage.INPUT else self.outputs)[place.index]

    def read(self, value: Value) -> Array:
        return self.view(value).copy()

    def view(self, value: Value) -> Array:
        """The value's elements in the memory where the plan puts them."""
        place = self.plan.placements[value]
        if place.storage is Storage.WEIGHTS:
            return self.module.constants[place.constant].reshape(value.type.bound(self.sizes))
        memory = self.memory(place)
        size = value.type.dtype.itemsize
        shape, dtype = value.type.bound(self.sizes), value.type.dtype.numpy
        steps = [s * size for s in strides(value.type)]
        if 0 in shape:
            return np.empty(shape, dtype)
        last = sum((d - 1) * s for d, s in zip(shape, steps, strict=True)) + size
        part = memory[place.offset : place.offset + last]
        assert part.size == last, f"{value} reaches behind its memory"
        return as_strided(part[: part.size // size * size].view(dtype), shape, steps)


def sizes_of(module: Module, inputs: list[Array]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value, array in zip(module.main.inputs, inputs, strict=True):
        for dim, size in zip(value.type.shape, array.shape, strict=True):
            if isinstance(dim, Sym):
                found[dim.name] = size // dim.factor
    return found
