"""From fused groups to object code: build each kernel once, compile them on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel
from baryon.codegen.kernels import FAMILIES
from baryon.codegen.link import object_bytes
from baryon.codegen.pipeline import lower
from baryon.codegen.targets import Target
from baryon.ir import CONSTANT, Array, BaryonError, Op, UnsupportedError, Value, print_op

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, what is done of it and how much there is."""


@dataclass(frozen=True)
class CompiledKernel:
    """A kernel's name in the image, its ELF object, and the parameters that it wants."""

    name: str
    object: bytes
    kernel: Kernel


def silent(stage: str, done: int, total: int) -> None:
    """A progress callback that shows nothing."""


def compile_groups(
    groups: Sequence[Group], target: Target, jobs: int | None = None, progress: Progress = silent
) -> list[CompiledKernel]:
    """One compiled kernel per group, in order; equal groups share theirs.

    jobs: threads that compile, all CPUs by default (TVM releases the GIL while it works).
    """
    keys = [_key(group) for group in groups]
    unique = dict(zip(keys, groups, strict=True))
    names = {key: f"{group.kind}_{n}" for n, (key, group) in enumerate(unique.items())}
    # TIR is built in this thread, ahead of the workers that turn it into machine code
    with ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0))) as pool:
        futures = {
            key: pool.submit(_compile, names[key], build_kernel(group, target), target)
            for key, group in unique.items()
        }
        done = {}
        for n, (key, future) in enumerate(futures.items()):
            done[key] = future.result()
            progress("kernels", n + 1, len(futures))
    return [done[key] for key in keys]


def build_kernel(group: Group, target: Target) -> Kernel:
    """The TIR of one group, by its family."""
    family = FAMILIES.get(group.kind)
    if family is None:
        raise UnsupportedError(f"there is no kernel family {group.kind}", where=str(group.op.loc))
    try:
        return family(group, target)
    except BaryonError as error:
        error.where = error.where or str(group.op.loc)
        raise


def _compile(name: str, kernel: Kernel, target: Target) -> CompiledKernel:
    return CompiledKernel(name, object_bytes(lower({name: kernel.func}, target)), kernel)


def _key(group: Group) -> tuple[Any, ...]:
    """Equal for groups that want the same machine code: text, operand types, immediates."""
    immediates = tuple(_immediate(group, arg) for arg in group.args)
    types = tuple(str(v.type) for v in group.op.operands)
    body = _anonymous(group.op)
    return body, types, immediates


def _immediate(group: Group, arg: Value) -> object:
    """What a kernel may know of a constant operand: one element, or indices of any number."""
    payload = group.payload(arg)
    if payload is None or payload.size == 1 or arg.type.dtype.is_float:
        return group.scalar(arg)
    return payload.tobytes()


def _anonymous(op: Op) -> str:
    """The op's text with its values numbered, so that the user's names do not tell groups apart."""
    named: list[tuple[Value, str]] = [(v, v.name) for v in _values(op)]
    for value, _ in named:
        value.name = ""
    text = print_op(op, locs=False)
    for value, name in named:
        value.name = name
    return text


def _values(op: Op) -> Iterable[Value]:
    yield from (*op.operands, *op.results)
    for region in op.regions:
        yield from region.args
        for inner in region.walk():
            yield from inner.results


def constants_of(ops: Iterable[Op], payloads: Mapping[str, Array]) -> dict[Value, Array]:
    """Payloads of the `ir.constant` ops among `ops`, by their value."""
    return {op.result: payloads[str(op.attrs["name"])] for op in ops if op.name == CONSTANT}
