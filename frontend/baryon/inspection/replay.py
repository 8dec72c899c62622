"""One kernel call again, op by op, by the interpreter, on what the kernel read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from baryon.interp import Interpreter
from baryon.ir import CONSTANT, Array, BaryonError, Module, Op, Sym, TensorType, Value, parse_module
from baryon.ir.memory import extent, strides
from baryon.ops.structure import FUSED
from baryon.passes import unpack
from baryon.runtime import Executable, Session, Steps

_EXTERNAL = re.compile(r"^(\s*constant @([^\s:]+) : (\w+)\[.*) = external$", re.MULTILINE)
"""A constant whose elements are not in the text: what stands before, its name, its type."""


@dataclass(frozen=True)
class Step:
    """An op that was interpreted. number: its place in the group. operands: with their names."""

    number: int
    operands: tuple[tuple[str, Array], ...]
    results: tuple[Array, ...]


@dataclass(frozen=True)
class Replay:
    """What a kernel call reads.

    operands: what it reads, as it lies in memory, with names. constants: those of them that no
    call writes, also in the form that the kernel wants. body: its ops, None where the text does
    not say. values: what is known of the group's arguments. sizes: of symbols.
    """

    operands: tuple[tuple[str, Array], ...]
    constants: tuple[Array, ...]
    body: tuple[Op, ...] | None
    values: Mapping[Value, Array]
    sizes: Mapping[str, int]

    @staticmethod
    def of(
        executable: Executable,
        feeds: Mapping[str, Array],
        number: int,
        constants: Mapping[str, Array],
    ) -> Replay:
        """Run as far as call `number`. constants: of the lowered module, where they are known."""
        before, group = Steps(executable, **feeds), executable.meta["groups"][number]
        before.advance(number)
        read = dict(arguments(before, group, number, "operand"))
        packed = dict(arguments(before, group, number, "packed"))
        named = [(f"operand {n}", array) for n, array in read.items()]
        module = _lowered(executable, constants)
        if module is None:
            return Replay(tuple(named), tuple(packed.values()), None, {}, {})
        op = [op for op in module.main.body.ops if op.name == FUSED][number]
        inline = _inline(module)
        fixed = {n: name for n, v in enumerate(op.operands) if (name := _constant_name(v))}
        weights = [array for n, array in (read | packed).items() if n in fixed]
        weights += [inline[name] for name in fixed.values() if name in inline]
        sizes = _sizes(module, feeds)
        values = _values(op, read, {**inline, **constants}, sizes)
        body = tuple(op.regions[0].ops[:-1])
        return Replay(tuple(named), tuple(weights), body, values, sizes)

    def ops(self) -> Iterator[Step | None]:
        """The group's ops in order; None from where on something is not known."""
        if self.body is None:
            yield None
            return
        interpreter = Interpreter({}, self.sizes)
        interpreter.values.update(self.values)
        for number, op in enumerate(self.body):
            if any(v not in interpreter.values for v in op.operands):
                yield None
                return
            read = tuple((f"%{v.name}", interpreter.values[v]) for v in op.operands)
            results = tuple(interpreter.op(op))
            interpreter.values.update(zip(op.results, results, strict=True))
            yield Step(number, read, results)


def arguments(
    session: Session, group: Mapping[str, Any], number: int, role: str
) -> Iterator[tuple[int, Array]]:
    """A call's arguments of one role ("operand", "packed", "result"), with their numbers."""
    for n, text in enumerate(group["args"]):
        kind, _, index = text.partition(" ")
        array = session.argument(number, n) if kind == role else None
        if array is not None:
            yield int(index), array


def _lowered(executable: Executable, constants: Mapping[str, Array]) -> Module | None:
    """The module as compiled, zeros in place of constants that are not known.

    None where there is no record of it, or one that only people can read.
    """
    packed = executable.meta.get("passes")
    if not packed:
        return None
    text = _EXTERNAL.sub(
        lambda m: m[0] if m[2] in constants else _zeros(m), unpack(packed)[-1].text
    )
    try:
        return parse_module(text, constants=constants)
    except BaryonError:  # scales of channels are cut short
        return None


def _zeros(constant: re.Match[str]) -> str:
    zero = "0.0" if "f" in constant[3] else "false" if constant[3] == "bool" else "0"
    return f"{constant[1]} = splat ({zero})"


def _constant_name(value: Value) -> str:
    """ "" for a value that is no constant."""
    is_constant = value.op is not None and value.op.name == CONSTANT
    return str(value.op.attrs["name"]) if value.op is not None and is_constant else ""


def _inline(module: Module) -> dict[str, Array]:
    """Constants of one element, which kernels hold as immediates and texts in full."""
    return {name: array for name, array in module.constants.items() if array.size == 1}


def _sizes(module: Module, feeds: Mapping[str, Array]) -> dict[str, int]:
    pairs = [
        pair
        for value in module.main.inputs
        for pair in zip(value.type.shape, feeds[value.name].shape, strict=True)
    ]
    return {dim.name: size // dim.factor for dim, size in pairs if isinstance(dim, Sym)}


def _values(
    op: Op, read: Mapping[int, Array], constants: Mapping[str, Array], sizes: Mapping[str, int]
) -> dict[Value, Array]:
    """The group's arguments that are known: constants, and what lies in memory as its type says."""
    values: dict[Value, Array] = {}
    for n, (value, argument) in enumerate(zip(op.operands, op.regions[0].args, strict=True)):
        array = constants.get(_constant_name(value))
        if array is None and n in read:
            array = logical(read[n], argument.type, sizes)
        if array is not None:
            values[argument] = array
    return values


def logical(memory: Array, type: TensorType, sizes: Mapping[str, int]) -> Array | None:
    """The value of a type in a kernel's rows of memory; None where they are too few."""
    flat, shape = memory.reshape(-1), type.bound(sizes)
    if extent(type, shape) > flat.size:
        return None
    steps = [step * flat.itemsize for step in strides(type)]
    return np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)
