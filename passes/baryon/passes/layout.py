"""layout: channels-last memory around convolutions, as cheaply as possible over a whole function.

Each op works in one layout. Some must (convolution, pooling, their gradients: channels-last; views,
products and the function's interface: row-major), others take either (element-wise ops,
concatenation). A value whose producer and a user differ is relaid once; or the user's kernel reads
the other layout, which has its price, too. The cheapest choice is a minimum cut
(docs/decisions/0019-choices-are-measured-in-place.md). A relayout that moves nothing, because all
spatial sizes or the channels are 1, is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import ClassVar, Self

from baryon.ir import CHANNELS_LAST, CONSTANT, Func, Layout, Module, Op, Region, Value
from baryon.ops import Role, lookup
from baryon.ops.nn_conv import WEIGHT_GRADIENT
from baryon.ops.quantize import DEQUANTIZE, QUANTIZE
from baryon.ops.structure import RELAYOUT
from baryon.passes.base import GIVEN, Pass
from baryon.passes.cut import INFINITE, SINK, SOURCE, Cut, Node
from baryon.passes.layout_costs import BytesMoved, LayoutCosts
from baryon.passes.machine import Machine
from baryon.passes.sizes import is_trivial


class Wish(Enum):
    """What layout an op works in."""

    CHANNELS_LAST = "channels-last"
    ROW_MAJOR = "row-major"
    EITHER = "either, the same for operands and results"
    RESULT = "row-major results, reads any layout"
    OPERANDS = "channels-last operands, row-major results"


NEEDS_CHANNELS_LAST = frozenset(
    {"npx.convolution", "npx.deconvolution", "npx.pooling", "npx.lrn", "npx.batch_norm"}
)
"""Ops whose kernels work on rows of channels (at rank 3 and more): their first operand's."""

IMAGES = frozenset({"ir.pooling_gradient", "ir.convolution_weight_gradient"})
"""Ops whose kernels work on rows of channels of all operands."""

ALONG_CHANNELS = frozenset({"npx.softmax", "npx.log_softmax"})
"""Ops that take either layout, as long as they work along axis 1."""


@dataclass(frozen=True)
class ChooseLayout(Pass):
    """Choose layouts and insert `ir.relayout`; a module that has layouts already stays."""

    name: ClassVar[str] = "layout"
    costs: LayoutCosts = field(default=BytesMoved(), metadata=GIVEN)

    def on(self, machine: Machine) -> Self:
        """With the prices of the machine's kernels."""
        return replace(self, costs=machine.layouts)

    def run(self, module: Module) -> bool:
        """Do it for each function; arguments and results of functions stay row-major."""
        prices = _Prices(module, self.costs)
        changed = [_choose(prices, func) for func in module.funcs.values()]
        return any(changed)


@dataclass(frozen=True)
class _Prices:
    """The costs, with the symbols of a module at their greatest values."""

    module: Module
    costs: LayoutCosts

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        return {name: high for name, (_, high) in self.module.symbols.items()}

    def relayout(self, value: Value) -> int:
        """Of a value. A free relayout keeps neighbours from sharing a kernel: it costs a little,
        and least where the value is narrow, so that what widens it is beside what reads it."""
        least = value.type.dtype.itemsize
        if is_trivial(value.type):
            return least
        return max(least, self.costs.relayout(value.type, self.sizes))

    def reads_rows(self, op: Op, value: Value) -> int | None:
        """Of an op that works channels-last, for its first operand as it is; None if it cannot."""
        is_read = op.operands[0] is value and not is_trivial(value.type)
        return self.costs.reads_rows(op, self.sizes) if is_read else None


def _choose(prices: _Prices, func: Func) -> bool:
    ops = func.body.ops
    wishes = {op: wish(op) for op in ops}
    has_layout = any(r.type.layout for op in ops for r in op.results)
    if has_layout or {Wish.CHANNELS_LAST, Wish.OPERANDS}.isdisjoint(wishes.values()):
        return False
    layouts = _cheapest(prices, func, wishes)
    _Writer(func.body, layouts, wishes).run()
    return True


def wish(op: Op) -> Wish:
    """The layout that an op works in."""
    opdef = lookup(op.name)
    ranks = {v.type.rank for v in op.operands}
    if opdef is None or op.name == CONSTANT or max(ranks, default=0) < 3 or _is_weight(op):
        return Wish.ROW_MAJOR
    if op.name == WEIGHT_GRADIENT:
        return Wish.OPERANDS
    if op.name in NEEDS_CHANNELS_LAST | IMAGES:
        return Wish.CHANNELS_LAST
    along = op.attrs.get("axis", -1) == 1
    if opdef.role is Role.ELEMENTWISE or (op.name in ALONG_CHANNELS and along):
        return Wish.EITHER
    if opdef.role is Role.REDUCTION:
        return Wish.RESULT
    data = op.operands[1:] if _is_table(op) else op.operands[:1]
    same_rank = all(v.type.rank == r.type.rank for v in data for r in op.results)
    return Wish.EITHER if opdef.role is Role.INJECTIVE and same_rank else Wish.ROW_MAJOR


def _is_table(op: Op) -> bool:
    """Whether an op looks each element up in a table, wherever it lies."""
    return op.name == "np.take" and op.operands[0].type.rank == 1


def _is_weight(op: Op) -> bool:
    """Whether an op says what constant codes mean: kernels pack them as they lie."""
    return op.name == DEQUANTIZE and op.operands[0].is_constant


def follows(op: Op, operand: Value) -> bool:
    """Whether an operand lies in the layout of the op: it has the rank and is not a parameter."""
    if op.name in NEEDS_CHANNELS_LAST:
        return operand is op.operands[0]
    if op.name in IMAGES:
        return True
    return operand.type.rank >= 3 and any(r.type.rank == operand.type.rank for r in op.results)


@dataclass(frozen=True)
class _Layouts:
    """ops: those that work channels-last. row_readers: those of them that read row-major data."""

    ops: set[Op]
    row_readers: set[Op]


def _cheapest(prices: _Prices, func: Func, wishes: Mapping[Op, Wish]) -> _Layouts:
    """A cheapest assignment."""
    cut, ports = Cut(), dict[Op, Node]()

    def place(op: Op) -> Node:
        return _RESULTS.get(wishes[op], op)

    def reader(op: Op, value: Value) -> Node:
        cost = prices.reads_rows(op, value) if wishes[op] is Wish.CHANNELS_LAST else None
        if cost is None:
            return _OPERANDS.get(wishes[op], op)
        port = ports[op] = (op, "reads")
        cut.edge(SOURCE, port, cost)
        return port

    values = [*func.inputs, *(r for op in func.body.ops for r in op.results)]
    for value in values:
        if value.type.rank >= 3 and not value.is_constant:
            producer = place(value.op) if value.op else SINK
            readers = [reader(u, value) for u in _readers(value, wishes)]
            _edges(cut, prices.relayout(value), value, producer, readers)
    rows = cut.sink_side()
    last = {op for op in wishes if place(op) not in rows and _touched(op)}
    return _Layouts(last, {op for op, port in ports.items() if port in rows})


_FIXED: Mapping[Wish, Node] = {
    Wish.CHANNELS_LAST: SOURCE, Wish.ROW_MAJOR: SINK, Wish.RESULT: SINK
}  # fmt: skip
_RESULTS: Mapping[Wish, Node] = {**_FIXED, Wish.OPERANDS: SINK}
_OPERANDS: Mapping[Wish, Node] = {**_FIXED, Wish.OPERANDS: SOURCE}
"""Ops that are on one side in any case, as producers and as readers."""


def _touched(op: Op) -> bool:
    """Whether an op has results for which a layout can be chosen."""
    return any(r.type.rank >= 3 for r in op.results)


def _readers(value: Value, wishes: Mapping[Op, Wish]) -> list[Op]:
    """Users that want the value in their own layout."""
    readers = (u for u in value.users if wishes.get(u) is not Wish.RESULT)
    return [u for u in readers if follows(u, value) or wishes.get(u) is Wish.ROW_MAJOR]


def _edges(cut: Cut, cost: int, value: Value, producer: Node, readers: list[Node]) -> None:
    """The value is relaid, once, if any reader is on the other side than its producer."""
    others = dict.fromkeys(r for r in readers if r != producer)
    if not others:
        return
    to_rows, to_channels = (value, "to rows"), (value, "to channels")
    cut.edge(producer, to_rows, cost)
    cut.edge(to_channels, producer, cost)
    for reader in others:
        cut.edge(to_rows, reader, INFINITE)
        cut.edge(reader, to_channels, INFINITE)


def _is_copied(op: Op) -> bool:
    """Whether an op may as well make its result again in another layout.

    The codes of an argument are a kernel of their own in any case, which writes any layout.
    """
    encodes = op.name == QUANTIZE and op.operands[0].op is None
    return op.name == CONSTANT or encodes


class _Writer:
    """Sets the chosen layouts and inserts relayouts before the first user that needs one."""

    def __init__(self, region: Region, layouts: _Layouts, wishes: Mapping[Op, Wish]) -> None:
        self.region, self.layouts, self.wishes = region, layouts, wishes
        self.relaid: dict[tuple[Value, Layout | None], Value] = {}
        self.ops: list[Op] = []

    def run(self) -> None:
        """Rewrite the region's ops in one sweep."""
        for op in self.region.ops:
            self.visit(op)
            self.ops.append(op)
        self.region.ops[:] = self.ops
        for op in [op for op in self.ops if _is_copied(op) and not op.result.users]:
            op.erase()

    def visit(self, op: Op) -> None:
        if op.name == CONSTANT:
            return
        layout = CHANNELS_LAST if op in self.layouts.ops else None
        if self.wishes[op] is not Wish.RESULT:
            reads = CHANNELS_LAST if self.wishes[op] is Wish.OPERANDS else layout
            reads = None if op in self.layouts.row_readers else reads
            operands = [self.operand(op, v, reads) for v in op.operands]
            if operands != [*op.operands]:
                op.operands = operands
        for result in op.results if layout else ():
            if result.type.rank >= 3:
                result.type = result.type.with_layout(layout)

    def operand(self, op: Op, value: Value, layout: Layout | None) -> Value:
        wanted = layout if follows(op, value) else None
        if value.type.layout == wanted:
            return value
        key = (value, wanted)
        if key not in self.relaid:
            self.relaid[key] = self.relay(op, value, wanted)
        return self.relaid[key]

    def relay(self, op: Op, value: Value, layout: Layout | None) -> Value:
        """The value in another layout: made by another op of its kind, or a relayout."""
        type, made = value.type.with_layout(layout), value.op
        if made is not None and _is_copied(made):
            new = Op(made.name, made.operands, (type,), made.attrs, (), op.loc)
        else:
            new = Op(RELAYOUT, (value,), (type,), None, (), op.loc)
        new.result.name = value.name
        new.parent = self.region
        self.ops.append(new)
        return new.result
