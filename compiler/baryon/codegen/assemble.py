"""Puts compiled kernels, constants and a memory plan together into an artifact."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from baryon.codegen.artifact import (
    Artifact,
    Call,
    Computed,
    Dim,
    Extent,
    Kernel,
    Plan,
    Port,
    Storage,
    Symbol,
    TensorDesc,
    WeightsBuilder,
)
from baryon.codegen.compiler import CompiledKernel
from baryon.codegen.group import Group
from baryon.codegen.kernel import Arg, Derived, Pack
from baryon.codegen.link import LinkedImage, link
from baryon.codegen.pages import release
from baryon.codegen.targets import Target
from baryon.ir import Array, Module, Sym, TensorType, Value, dtype_of
from baryon.ir.memory import rows


@dataclass(frozen=True)
class Place:
    """Where a value lies: its storage, the number of the input or output, and a byte offset."""

    storage: Storage
    index: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Memory:
    """Places of all values that kernels touch but constants, and the size of the arena."""

    places: Mapping[Value, Place]
    arena_bytes: int


def assemble(
    module: Module,
    groups: Sequence[Group],
    compiled: Sequence[CompiledKernel],
    memory: Memory,
    target: Target,
    meta: Mapping[str, Any],
) -> Artifact:
    """The artifact of a lowered module.

    groups, compiled: the kernels to call, in order. meta: JSON for people and tools.
    """
    builder = _PlanBuilder(module, memory)
    for (group, kernel), arrays in _with_constants(groups, compiled):
        builder.call(group, kernel, arrays)
    unique = {k.name: k.object for k in compiled}
    image = link(unique.items())
    plan = builder.finish(image, list(unique), target)
    return Artifact.single(meta, plan, image.code, builder.weights.finish())


@dataclass
class _PlanBuilder:
    module: Module
    memory: Memory
    weights: WeightsBuilder = field(default_factory=WeightsBuilder)
    tensors: dict[TensorDesc, int] = field(default_factory=dict)
    calls: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    scratch_bytes: int = 0
    computed: dict[str, Computed] = field(default_factory=dict)

    def tensor(self, desc: TensorDesc) -> int:
        """The number of a tensor, equal ones stored once."""
        return self.tensors.setdefault(desc, len(self.tensors))

    def call(
        self, group: Group, compiled: CompiledKernel, constants: Sequence[Array | None]
    ) -> None:
        """Add one step. constants: for each argument what it reads, where that is one."""
        self.scratch_bytes = max(self.scratch_bytes, compiled.kernel.scratch)
        given = [
            self._constant(array) if array is not None else self._kernel_view(group, arg)
            for arg, array in zip(compiled.kernel.args, constants, strict=True)
        ]
        for desc, wanted in zip(given, compiled.kernel.types, strict=True):
            # kernels do not look at their arguments, they go by what was agreed here
            shape = (Dim(wanted.symbol), wanted.count) if wanted.symbol else (wanted.count,)
            assert (desc.dtype, desc.shape) == (wanted.dtype, shape), f"{compiled.name}: {desc}"
        args = tuple(map(self.tensor, given))
        self.calls.append((compiled.name, args))
        self._define(group, args)

    def _constant(self, array: Array) -> TensorDesc:
        flat = np.ascontiguousarray(array).reshape(-1)
        flat = flat.view(dtype_of(flat.dtype).stored.numpy)
        offset = self.weights.add(flat)
        return TensorDesc(flat.dtype.name, (flat.size,), Storage.WEIGHTS, 0, offset)

    def _kernel_view(self, group: Group, arg: Arg) -> TensorDesc:
        """A value as kernels see it: rows of memory (see `baryon.codegen.kernel`)."""
        value = _value(group, arg)
        place = self.memory.places[value]
        symbol, per_row = rows(group.room(value.type))
        shape: tuple[Extent, ...] = (Dim(symbol), per_row) if symbol else (per_row,)
        dtype = value.type.dtype.stored.numpy.name
        return TensorDesc(dtype, shape, place.storage, place.index, place.offset)

    def _define(self, group: Group, args: tuple[int, ...]) -> None:
        """Note the symbol that the last call, of this group, has counted in its last result."""
        for symbol, most in group.bounds.items():
            extent = Dim(most.name, most.factor) if isinstance(most, Sym) else most
            self.computed[symbol] = Computed(len(self.calls) - 1, args[-1], extent)

    def _symbols(self) -> Iterator[Symbol]:
        """Those of the inputs, then computed ones in the order of their calls."""
        for name, (low, high) in self.module.symbols.items():
            if name not in self.computed:
                yield Symbol(name, low, high)
        for name, computed in self.computed.items():
            yield Symbol(name, *self.module.symbols[name], computed)

    def _fixed(self, name: str) -> int | None:
        """The tensor with the value of an input that has to be always the same."""
        if name not in self.module.fixed:
            return None
        array = self.module.constants[self.module.fixed[name]]
        offset = self.weights.add(np.ascontiguousarray(array).reshape(-1))
        return self.tensor(TensorDesc(array.dtype.name, array.shape, Storage.WEIGHTS, 0, offset))

    def finish(self, image: LinkedImage, kernels: list[str], target: Target) -> Plan:
        """The plan; kernels are numbered in the order of `kernels`."""
        main = self.module.main
        numbers = {name: i for i, name in enumerate(kernels)}
        inputs = [
            Port(v.name, self.tensor(_port(v.type, Storage.INPUT, i)), self._fixed(v.name))
            for i, v in enumerate(main.inputs)
        ]
        outputs = [
            Port(name, self.tensor(_port(v.type, Storage.OUTPUT, i)))
            for i, (name, v) in enumerate(zip(main.output_names, main.outputs, strict=True))
        ]
        return Plan(
            name=target.name,
            machine=image.machine,
            tensors=tuple(self.tensors),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            kernels=tuple(Kernel(name, image.entries[name]) for name in kernels),
            calls=tuple(Call(numbers[name], args) for name, args in self.calls),
            symbols=tuple(self._symbols()),
            features=target.required,
            arena_bytes=self.memory.arena_bytes,
            scratch_bytes=self.scratch_bytes,
        )


def _with_constants(
    groups: Sequence[Group], compiled: Sequence[CompiledKernel]
) -> Iterator[tuple[tuple[Group, CompiledKernel], list[Array | None]]]:
    """Each call with its constants; equal calls have theirs packed once."""
    calls = list(zip(groups, compiled, strict=True))
    keys = [_packing(*call) for call in calls]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        unique = dict(zip(keys, calls, strict=True))
        packed = {key: pool.submit(_constants, *call) for key, call in unique.items()}
        for key, call in zip(keys, calls, strict=True):
            yield call, packed[key].result()


def _packing(group: Group, compiled: CompiledKernel) -> tuple[int, ...]:
    """What the packed constants of a call depend on."""
    args = compiled.kernel.args
    if any(isinstance(arg, Derived) for arg in args):
        return id(compiled), id(group)
    payloads = (group.constants.get(_value(group, arg)) for arg in args)
    return id(compiled), *map(id, payloads)


def _constants(group: Group, compiled: CompiledKernel) -> list[Array | None]:
    """The constants among a kernel's arguments, in the form that it reads."""
    return [_constant(group, arg) for arg in compiled.kernel.args]


def _constant(group: Group, arg: Arg) -> Array | None:
    if isinstance(arg, Derived):
        return arg.make(group)
    value = _value(group, arg)
    payload = group.constants.get(value)
    if payload is None:
        return None
    if not isinstance(arg, Pack):
        return in_memory(payload, value.type)
    packed = arg.transform(payload)
    if not np.may_share_memory(packed, payload):
        release(payload)
    return packed


def _value(group: Group, arg: Arg) -> Value:
    assert not isinstance(arg, Derived), "what is derived from a group is no value of it"
    kind, index = ("operand", arg.operand) if isinstance(arg, Pack) else arg
    return (group.op.operands if kind == "operand" else group.op.results)[index]


def _port(type: TensorType, storage: Storage, index: int) -> TensorDesc:
    dims = tuple(Dim(d.name, d.factor) if isinstance(d, Sym) else d for d in type.shape)
    return TensorDesc(type.dtype.numpy.name, dims, storage, index)


def in_memory(array: Array, type: TensorType) -> Array:
    """A constant's elements in the order in which its type lays them out."""
    return array if type.layout is None else array.transpose(type.layout.order(type.rank))
