"""split-batch: the images of a batch pass one after the other through kernels with large values.

Eight images of 112 x 112 pixels and 96 channels are 38 MB: each kernel writes them to memory and
the next one reads them from there. Taken one image at a time, what one kernel writes is still in a
cache when the next one reads it. So a run of kernels that work image by image is copied for each
part of the batch; the copies are the same kernels on slices of the same memory. It ends where the
weights, which each part reads anew, are larger than what a part reads and writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from baryon.ir import CONSTANT, RETURN, Module, Op, Region, TensorType, Value
from baryon.ops import TABLE, Role, lookup
from baryon.ops.structure import FUSED, IN_PLACE, RELAYOUT, ROWS
from baryon.passes.base import Pass
from baryon.passes.machine import Machine
from baryon.passes.sizes import nbytes
from baryon.passes.stages import LOWERED, Stage

CACHE = 4 << 20
"""A core's share of a level 3 cache, where nobody says more."""

ALONE = frozenset(
    {
        "npx.convolution", "npx.fully_connected", "npx.pooling", "npx.lrn", "npx.softmax",
        "npx.log_softmax", "npx.layer_norm", RELAYOUT,
    }
)  # fmt: skip
"""Ops that compute row i of axis 0 from row i of their first operand."""
ALONG = frozenset({"np.concatenate", IN_PLACE, "npx.softmax", "npx.log_softmax", "npx.layer_norm"})
"""Ops that keep rows apart if they do not work along axis 0."""


def _is_by_image(op: Op) -> bool:
    if op.name not in ALONG:
        return op.name in ALONE
    axis = TABLE[op.name].normalize(op.attrs)["axis"]
    return isinstance(axis, int) and axis % op.operands[0].type.rank != 0


@dataclass(frozen=True)
class SplitBatch(Pass):
    """Copy runs of kernels for parts of a batch whose size is known.

    cache: bytes that stay in a cache from one kernel to the next; 0 for what the target has. least:
    kernels of a run.
    """

    name: ClassVar[str] = "split-batch"
    needs: ClassVar[Stage] = LOWERED
    leaves: ClassVar[Stage] = LOWERED
    least: int = 2
    cache: int = 0

    def on(self, machine: Machine) -> Self:
        """With the machine's cache, where none was named."""
        return self if self.cache else replace(self, cache=machine.cache)

    def run(self, module: Module) -> bool:
        """Do it for the first run of each function: values shrink from there on."""
        changed = False
        for func in module.funcs.values():
            batch = func.inputs[0].type.shape[:1] if func.inputs else ()
            if batch and isinstance(batch[0], int) and batch[0] > 1:
                split = _Run(module, func.body, batch[0], self.cache or CACHE).found(self.least)
                changed = split or changed
        return changed


class _Run:
    """Kernels of a region one after the other that work image by image."""

    def __init__(self, module: Module, region: Region, batch: int, cache: int) -> None:
        self.module, self.region, self.batch, self.cache = module, region, batch, cache
        self.carrying: set[Value] = {v for v in region.args if v.type.shape[:1] == (batch,)}
        self.ops: list[Op] = []

    def found(self, least: int) -> bool:
        """Whether there was a run that pays; it is split then."""
        self.ops = self._worth(list(self._by_image()))
        exits = self._exits()
        if len([op for op in self.ops if op.name == FUSED]) < least or any(map(_pitched, exits)):
            return False
        self._write(exits)
        return True

    def _by_image(self) -> Iterator[Op]:
        """The first ops that work image by image, constants left out."""
        for op in self.region.ops:
            if op.name == CONSTANT:
                continue
            if not self._is_by_image(op):
                return
            self.carrying.update(op.results)
            yield op

    def _is_by_image(self, op: Op) -> bool:
        carried = {*op.operands} & self.carrying
        if not carried or len(op.results) != 1 or op.name == RETURN:
            return False
        if op.name == FUSED:
            return self._is_group_by_image(op)
        return _is_by_image(op)

    def _is_group_by_image(self, group: Op) -> bool:
        body = group.regions[0]
        pairs = zip(body.args, group.operands, strict=True)
        carrying = {arg for arg, value in pairs if value in self.carrying}
        for op in body.ops[:-1]:
            if {*op.operands} & carrying:
                if not self._keeps_images_apart(op, carrying):
                    return False
                carrying.update(op.results)
        return {*body.outputs} <= carrying

    def _keeps_images_apart(self, op: Op, carrying: set[Value]) -> bool:
        opdef = lookup(op.name)
        assert opdef is not None
        result, carried = op.result.type, [v for v in op.operands if v in carrying]
        if result.shape[:1] != (self.batch,):
            return False
        if opdef.role is not Role.ELEMENTWISE and not _is_by_image(op):
            return False
        if op.name in ALONE:
            return carried == [op.operands[0]]
        whole = [v for v in op.operands if v.type.rank == result.rank and v.type.shape[0] != 1]
        return all(v in whole for v in carried) and all(v in carried for v in whole)

    def _worth(self, ops: Sequence[Op]) -> list[Op]:
        """Those from the first to the last that pays."""
        paying = [n for n, op in enumerate(ops) if self._pays(op)]
        return list(ops[paying[0] : paying[-1] + 1]) if paying else []

    def _pays(self, op: Op) -> bool:
        values = [v for v in {*op.operands, *op.results} if v in self.carrying]
        moved = sum(nbytes(self.module, v.type) for v in values)
        weights = sum(nbytes(self.module, v.type) for v in op.operands if v not in self.carrying)
        return moved > self.cache and weights < moved // self.batch

    def _exits(self) -> list[Value]:
        inside = {*self.ops}
        made = (r for op in self.ops for r in op.results)
        return [v for v in made if any(user not in inside for user in v.users)]

    # writing

    def _write(self, exits: Sequence[Value]) -> None:
        size = self._images()
        at = self.region.ops.index(self.ops[-1]) + 1
        made = [self._part(first, size) for first in range(0, self.batch, size)]
        new = [op for part, _ in made for op in part]
        for value in exits:
            parts = [values[value] for _, values in made]
            joined = Op(IN_PLACE, parts, [value.type], {"axis": 0}, (), value.op.loc)  # type: ignore[union-attr]
            joined.result.name = value.name
            outside = [user for user in dict.fromkeys(value.users) if user not in self.ops]
            for user in outside:
                user.operands = [joined.result if v is value else v for v in user.operands]
            new.append(joined)
        self.region.ops[at:at] = new
        for op in reversed(self.ops):
            op.erase()

    def _images(self) -> int:
        """Images of a part: as many as the cache holds at each kernel, at least one."""
        moved = max(
            sum(nbytes(self.module, v.type) for v in (*op.operands, *op.results))
            for op in self.ops
        )  # fmt: skip
        fitting = [n for n in range(1, self.batch) if self.batch % n == 0]
        return max((n for n in fitting if n * moved <= self.cache * self.batch), default=1)

    def _part(self, first: int, count: int) -> tuple[list[Op], dict[Value, Value]]:
        """The run for some images, and what stands for its values."""
        ops: list[Op] = []
        values: dict[Value, Value] = {}
        for op in self.ops:
            for value in op.operands:
                if value not in values and value in self.carrying:
                    attrs = {"start": first, "count": count}
                    ops.append(Op(ROWS, [value], [_rows(value.type, count)], attrs, (), op.loc))
                    ops[-1].result.name = f"{value.name}.{first}"
                    values[value] = ops[-1].result
            ops.append(self._copy(op, values, count))
            ops[-1].result.name = f"{op.result.name}.{first}"
            values[op.result] = ops[-1].result
        return ops, values

    def _copy(self, op: Op, values: Mapping[Value, Value], count: int) -> Op:
        operands = [values.get(v, v) for v in op.operands]
        regions = [_copied(op.regions[0], operands, count)] if op.regions else []
        types = [_rows(r.type, count) for r in op.results]
        return Op(op.name, operands, types, op.attrs, regions, op.loc)


def _copied(region: Region, operands: Sequence[Value], count: int) -> Region:
    """A group's region for other operands, those of `count` images among them."""
    new = Region([v.type for v in operands], [a.name for a in region.args])
    inner = dict(zip(region.args, new.args, strict=True))
    carrying = {a for a, n in inner.items() if a.type != n.type}
    for op in region.ops:
        carries = not carrying.isdisjoint(op.operands)
        types = [_rows(r.type, count) if carries else r.type for r in op.results]
        copy = new.append(Op(op.name, [inner[v] for v in op.operands], types, op.attrs, (), op.loc))
        for result, made in zip(op.results, copy.results, strict=True):
            made.name, inner[result] = result.name, made
        carrying.update(op.results if carries else ())
    return new


def _rows(type: TensorType, count: int) -> TensorType:
    return replace(type, shape=(count, *type.shape[1:]))


def _pitched(value: Value) -> bool:
    return value.type.layout is not None and value.type.layout.pitch is not None
