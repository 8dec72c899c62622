"""From fused groups to object code: each kernel once, on all cores, and only if it is new."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from baryon.codegen.cache import Entry, KernelCache, default_cache, key_of
from baryon.codegen.group import Group
from baryon.codegen.helpers import helpers_for
from baryon.codegen.kernel import Kernel, Rows
from baryon.codegen.kernels import FAMILIES, WRITTEN_FOR, candidates
from baryon.codegen.link import object_bytes
from baryon.codegen.pipeline import lower
from baryon.codegen.targets import Target
from baryon.codegen.tuning import Chooser, by_model
from baryon.ir import (
    CONSTANT,
    Array,
    Attr,
    BaryonError,
    Op,
    TensorType,
    UnsupportedError,
    Value,
    print_op,
)
from baryon.ops.quantize import DEQUANTIZE

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, what is done of it and how much there is."""

NUMBERS = ("flops", "efficiency", "scratch")
"""Fields of a kernel that are kept beside its machine code."""


@dataclass(frozen=True)
class CompiledKernel:
    """A kernel's name in the image, its ELF object, and the parameters that it wants."""

    name: str
    object: bytes
    kernel: Kernel


def silent(stage: str, done: int, total: int) -> None:
    """A progress callback that shows nothing."""


def compile_groups(
    groups: Sequence[Group],
    target: Target,
    jobs: int | None = None,
    progress: Progress = silent,
    chooser: Chooser = by_model,
) -> list[CompiledKernel]:
    """One compiled kernel per group, in order; equal groups share theirs, also with earlier ones
    (see `baryon.codegen.cache`).

    jobs: threads that compile, all CPUs by default (TVM releases the GIL while it works). chooser:
    names the candidate that computes a
    group, which must exist.
    """
    choices = [chooser(group) for group in groups]
    keys = [key_of(_key(g, target), c, target) for g, c in zip(groups, choices, strict=True)]
    unique = dict(zip(keys, zip(groups, choices, strict=True), strict=True))
    store = default_cache()
    # TIR is built in this thread, ahead of the workers that turn it into machine code
    with ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0))) as pool:
        steps = {
            key: _start(pool, f"{group.kind}_{n}", (group, choice), key, target, store)
            for n, (key, (group, choice)) in enumerate(unique.items())
        }
        done = {}
        for n, (key, step) in enumerate(steps.items()):
            done[key] = step()
            progress("kernels", n + 1, len(steps))
    if store:
        store.trim()
    return [done[key] for key in keys]


def _start(
    pool: Executor,
    name: str,
    wanted: tuple[Group, str | None],
    key: str,
    target: Target,
    store: KernelCache | None,
) -> Callable[[], CompiledKernel]:
    """Begin to compile a kernel that the store does not have; call the result to wait for it."""
    group, choice = wanted
    entry = store.find(key) if store else None
    kernel = (from_notes(entry.notes) if entry else None) or build_kernel(group, target, choice)
    if entry:
        return partial(CompiledKernel, name, entry.object, kernel)
    future = pool.submit(_compile, kernel, target)

    def finish() -> CompiledKernel:
        code = future.result()
        if store:
            store.add(key, Entry(code, to_notes(kernel)))
        return CompiledKernel(name, code, kernel)

    return finish


def build_kernel(group: Group, target: Target, choice: str | None = None) -> Kernel:
    """The TIR of one group, by its family. choice: the name of one of its candidates."""
    family = FAMILIES.get(group.kind)
    if family is None:
        raise UnsupportedError(f"there is no kernel family {group.kind}", where=str(group.op.loc))
    try:
        with helpers_for(target) as helpers:
            if choice is None:
                kernel = family(group, target)
            else:
                kernel = next(c for c in candidates(group, target) if c.name == choice).build()
        return replace(kernel, helpers=helpers.text)
    except BaryonError as error:
        error.where = error.where or str(group.op.loc)
        raise


def _compile(kernel: Kernel, target: Target) -> bytes:
    return object_bytes(lower({"kernel": kernel.func}, target, kernel.helpers))


def to_notes(kernel: Kernel) -> dict[str, Any]:
    """A kernel as JSON; nothing if it packs constants, which takes functions of its family."""
    if not all(isinstance(arg, tuple) for arg in kernel.args):
        return {}
    types = [(t.dtype, t.symbol, t.count) for t in kernel.types]
    numbers = {name: getattr(kernel, name) for name in NUMBERS}
    return {"args": kernel.args, "types": types, "notes": dict(kernel.notes), **numbers}


def from_notes(notes: Mapping[str, Any]) -> Kernel | None:
    """The kernel that `to_notes` wrote, without its TIR; None if it has to be built."""
    if not notes:
        return None
    args = tuple((kind, index) for kind, index in notes["args"])
    types = tuple(Rows(*fields) for fields in notes["types"])
    numbers = {name: notes[name] for name in NUMBERS}
    return Kernel(None, args, types, notes=notes["notes"], **numbers)


def _key(group: Group, target: Target) -> tuple[Any, ...]:
    """Equal for groups that want the same machine code: text, operand types, immediates."""
    immediates = tuple(_immediate(group, arg) for arg in group.args)
    written_for = WRITTEN_FOR.get(group.kind)
    attrs = written_for(group, target) if written_for else {}
    types = tuple(str(_plain(v.type)) for v in group.op.operands)
    with _anonymous(group.op, attrs):
        return print_op(group.op, locs=False), types, immediates


def _immediate(group: Group, arg: Value) -> object:
    """What a kernel may know of a constant operand: one element, indices of any number, or only
    that it is one (real numbers, codes), and can be packed before the kernel runs."""
    payload = group.payload(arg)
    if payload is None:
        return None
    is_codes = arg.type.quant is not None or any(u.name == DEQUANTIZE for u in arg.users)
    if payload.size == 1 or arg.type.dtype.is_float or is_codes:
        scalar = group.scalar(arg)
        return "constant" if scalar is None else scalar
    return payload.tobytes()


@contextmanager
def _anonymous(op: Op, attrs: Mapping[Op, Mapping[str, Attr]]) -> Iterator[None]:
    """The op without what does not tell kernels apart: names of values, and what codes mean, which
    attributes say where it matters. attrs: others for some of its ops."""
    values = [(v, v.name, v.type) for v in _values(op)]
    before = [(inner, inner.attrs) for inner in attrs]
    for inner, known in attrs.items():
        inner.attrs = dict(known)
    for value, _, type in values:
        value.name, value.type = "", _plain(type)
    try:
        yield
    finally:
        for value, name, type in values:
            value.name, value.type = name, type
        for inner, own in before:
            inner.attrs = own


def _plain(type: TensorType) -> TensorType:
    return type.with_quant(None)


def _values(op: Op) -> Iterable[Value]:
    yield from (*op.operands, *op.results)
    for region in op.regions:
        yield from region.args
        for inner in region.walk():
            yield from inner.results


def constants_of(ops: Iterable[Op], payloads: Mapping[str, Array]) -> dict[Value, Array]:
    """Payloads of the `ir.constant` ops among `ops`, by their value."""
    return {op.result: payloads[str(op.attrs["name"])] for op in ops if op.name == CONSTANT}
