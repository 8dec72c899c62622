"""Recurrent layers: one kernel walks all time steps.

Each step is a product of the states of all sequences with weights that do not change, and the
gates behind it. Weights lie packed in panels of hidden units that hold all gates of their units, so
that a task has everything for the new states of its panel in registers. Panels are what threads
share; the end of the parallel loop is the barrier between two steps. States alternate between two
places, so the last panel may be moved back and compute units again, with the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from baryon.codegen.expr import Expr, Math, lane_const, splat, tvm_name
from baryon.codegen.expr import bind as named
from baryon.codegen.group import Group, compute_dtype
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.microkernel import Loop, Multiply, bind
from baryon.codegen.kernels.recurrent_cells import CELLS, Cell, Phase
from baryon.codegen.kernels.recurrent_panels import Panels, shape_for
from baryon.codegen.pointwise import Domain, Frame, Place
from baryon.codegen.targets import Target
from baryon.codegen.tvm import T, tirx
from baryon.ir import DType, Sym, TensorType, UnsupportedError, Value
from baryon.ops import TABLE


def build(group: Group, target: Target) -> Kernel:
    """The kernel of all steps of one layer in one direction."""
    layer = _Layer(group, target)
    builder = KernelBuilder()
    with builder.function():
        weight = layer.operand("weight")
        constant = group.payload(weight) is not None
        packed = TensorType((sum(p.size for p in layer.panels),), layer.dtype)
        packs = {weight: (layer.pack, packed)} if constant else None
        frame = Frame(builder, group, packs)
        if layer.is_empty:
            T.evaluate(0)
        else:
            memory = frame.inputs[weight] if constant else layer.pack_at_run_time(frame, weight)
            _Emitter(layer, frame, memory).emit()
    return builder.finish(flops=layer.flops, tiles=" ".join(map(str, layer.panels)))


@dataclass(frozen=True)
class _Layer:
    """The sizes of the problem. steps, batch, units: T, N and H."""

    group: Group
    target: Target

    @cached_property
    def operands(self) -> Mapping[str, Value]:
        """The anchor's operands by name."""
        names = TABLE[self.group.main.name].operand_names
        return dict(zip(names, self.group.main.operands, strict=False))

    def operand(self, name: str) -> Value:
        """An operand that is there."""
        return self.operands[name]

    @cached_property
    def cell(self) -> Cell:
        """What a step computes."""
        return CELLS[self.group.main.name](self.group.attrs)

    @cached_property
    def sizes(self) -> tuple[int, int, int]:
        """Time, batch and hidden units."""
        shape = self.group.main.results[0].type.shape
        if any(isinstance(d, Sym) for d in shape):
            raise UnsupportedError("a recurrent layer of a symbolic batch has no kernel",
                                   hint="compile it for one batch size")  # fmt: skip
        time, batch, _ = (int(str(d)) for d in shape)
        return time, batch, int(str(self.operand("weight").type.shape[1]))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to compute."""
        return 0 in self.sizes

    @cached_property
    def dtype(self) -> DType:
        """The element type of sums and states."""
        element = self.operand("weight").type.dtype
        return compute_dtype([element], element)

    @cached_property
    def panels(self) -> list[Panels]:
        """The panels of each phase."""
        _, batch, units = self.sizes
        lanes = max(min(self.target.lanes(self.dtype.itemsize), units), 1)
        found: list[Panels] = []
        for phase in self.cell.phases:
            gates, depth = phase.gates, phase.depth * units
            shape = shape_for(self.target, max(batch, 1), len(gates), max(units // lanes, 1))
            start = sum(p.size for p in found)
            found.append(Panels(units, depth, gates, phase.transposed, lanes, *shape, start))
        return found

    def pack(self, weight: Any) -> Any:
        """The constant weights in panels, phase after phase."""
        return Panels.pack_all(self.panels, weight, self.dtype)

    def pack_at_run_time(self, frame: Frame, weight: Value) -> Memory:
        """Scratch memory with the panels, and the loops that fill it."""
        packed = Memory.local(sum(p.size for p in self.panels), self.dtype)
        for panels in self.panels:
            panels.emit(frame.inputs[weight], packed)
        return packed

    @property
    def flops(self) -> int:
        """Operations of the products."""
        time, batch, _ = self.sizes
        return 2 * time * batch * sum(p.units * len(p.gates) * p.depth for p in self.panels)


class _Emitter:
    def __init__(self, layer: _Layer, frame: Frame, weights: Memory) -> None:
        self.layer, self.frame, self.weights = layer, frame, weights
        self.time, self.batch, self.units = layer.sizes
        size, cell = self.batch * self.units, layer.cell
        self.states = {n: Memory.local(2 * b * size, layer.dtype) for n, b in cell.states.items()}
        self.passed = {name: Memory.local(size, layer.dtype) for name in cell.passed}
        results = zip(layer.group.outputs, frame.outputs, strict=True)
        by_value = dict(results)
        names = zip(cell.states, layer.group.main.results, strict=True)
        self.results = {n: (by_value[r], r.type) for n, r in names if r in by_value}

    def emit(self) -> None:
        """Emit the loops."""
        for name in self.states:
            self._start(name)
        with T.serial(0, self.time) as step:
            for phase, panels in zip(self.layer.cell.phases, self.layer.panels, strict=True):
                work = panels.columns * panels.depth * self.batch // 8
                with self.frame.builder.tasks([panels.count], work) as [panel]:
                    self._panel(phase, panels, step, panel)

    def _start(self, name: str) -> None:
        """The first state: an operand of its name, or zero."""
        lanes, dtype = self.layer.panels[0].lanes, self.layer.dtype
        value, memory = self.layer.operands.get(name), self.states[name]
        if value is None:
            size = self.layer.cell.states[name] * self.batch * self.units
            with T.serial(0, size) as i:
                memory.store(lane_const(0, dtype, 1), i)
            return
        domain = Domain(self.frame, value.type.shape, [[0], [1]])
        with grid([self.batch, -(-self.units // lanes)]) as [row, v]:
            unit = bind(_back(v, lanes, self.units))
            first = domain.place([row, unit], lanes).value(value)
            memory.store(Math.cast(first, dtype), row * self.units + unit, lanes)

    def _panel(self, phase: Phase, panels: Panels, step: Expr, panel: Expr) -> None:
        """The units of a panel of all sequences: their sums, then what is made of them."""
        unit = bind(_back(panel, panels.width, self.units))
        sums = Memory.local(self.batch * panels.columns, self.layer.dtype)
        height = panels.tile.rows
        with grid([panels.parts]) as [part]:
            with grid([self.batch // height]) as [tile]:
                self._tile(phase, panels, step, sums, (panel, part, bind(tile * height)), height)
            if rest := self.batch % height:
                at = (panel, part, self.batch - rest)
                self._tile(phase, panels, step, sums, at, rest)
        with grid([self.batch, panels.vectors]) as [row, v]:
            spot = Spot(self, step, row, bind(unit + v * panels.lanes), panels.lanes)
            start = bind(row * panels.columns + v * panels.lanes)
            gates = [start + g * panels.width for g in range(len(panels.gates))]
            phase.finish(spot, [named(sums.load(at, panels.lanes)) for at in gates])

    def _tile(
        self, phase: Phase, panels: Panels, step: Expr, sums: Memory,
        at: tuple[Expr, Expr, Expr], height: int,
    ) -> None:  # fmt: skip
        """The sums of some sequences in a part of a panel."""
        panel, part, row = at
        source, now = self._fed_back(phase, panels, step)
        depth, lanes = panels.depth, panels.lanes
        multiply = Multiply(
            source, self.weights, [Loop(depth, 1)], panels.row, lanes, panels.tile.vectors,
            tvm_name(self.layer.dtype),
        )  # fmt: skip
        rows = [bind(now + (row + i) * depth) for i in range(height)]
        first = panels.start + (panel * panels.parts + part) * (depth * panels.row)
        for i, line in enumerate(multiply.emit(rows, first)):
            for j, value in enumerate(line):
                to = (row + i) * panels.columns + part * panels.row + j * lanes
                sums.store(value, to, lanes)

    def _fed_back(self, phase: Phase, panels: Panels, step: Expr) -> tuple[Memory, Expr]:
        """What a phase multiplies, and where it begins."""
        if phase.source in self.passed:
            return self.passed[phase.source], 0
        return self.states[phase.source], bind(step % 2 * (self.batch * panels.depth))


@dataclass(frozen=True)
class Spot:
    """Neighbouring hidden units of one sequence in one step."""

    emitter: _Emitter
    step: Expr
    row: Expr
    unit: Expr
    lanes: int

    def given(self, name: str, gate: int = 0) -> Expr:
        """Elements of an operand: of (T, N, gates * H), (N, H) or (H,)."""
        value = self.emitter.layer.operand(name)
        column = self.unit + gate * self.emitter.units
        index = [self._time, self.row, column][3 - value.type.rank :]
        loaded = self._place(value.type, index).value(value)
        return named(Math.cast(loaded, self.emitter.layer.dtype))

    def old(self, name: str) -> Expr:
        """A state before this step."""
        return named(self.emitter.states[name].load(self._state(name, 0), self.lanes))

    def passed(self, name: str) -> Expr:
        """What an earlier phase of the step left."""
        return named(self.emitter.passed[name].load(self._within, self.lanes))

    def leave(self, name: str, value: Expr) -> None:
        """Leave something to later phases of the step."""
        self.emitter.passed[name].store(value, self._within, self.lanes)

    def chosen(self, new: Expr, ended: Expr) -> Expr:
        """`ended` if the sequence has ended before this step."""
        length = self.emitter.layer.operands.get("length")
        if length is None:
            return new
        place = Domain(self.emitter.frame, length.type.shape, [[0]]).place([self.row])
        inside = Math.cast(self._time, length.type.dtype) < place.value(length)
        return tirx.Select(splat(inside, self.lanes), new, ended)

    def become(self, **states: Expr | Sequence[Expr]) -> None:
        """The states after this step."""
        for name, given in states.items():
            blocks = given if isinstance(given, list) else [given]
            for block, value in enumerate(blocks):
                new = named(value)
                at = self._state(name, 1, block)
                self.emitter.states[name].store(new, at, self.lanes)
                self._give(name, block, new)

    def _give(self, name: str, block: int, value: Expr) -> None:
        """Store a part of a state as a result, if anyone wants it."""
        if name not in self.emitter.results:
            return
        memory, type = self.emitter.results[name]
        column = self.unit + block * self.emitter.units
        offset, step = self._place(type, [self._time, self.row, column]).address(memory)
        memory.store(Math.cast(value, type.dtype), offset, self.lanes, step)

    def _place(self, type: TensorType, index: Sequence[Expr]) -> Place:
        loops = [[axis] for axis in range(type.rank)]
        return Domain(self.emitter.frame, type.shape, loops).place(index, self.lanes)

    @property
    def _time(self) -> Expr:
        backwards = self.emitter.layer.group.attrs["reverse"]
        return self.emitter.time - 1 - self.step if backwards else self.step

    @property
    def _within(self) -> Expr:
        return self.row * self.emitter.units + self.unit

    def _state(self, name: str, later: int, block: int = 0) -> Expr:
        """Where a state lies, of this step or the one after it."""
        size = self.emitter.layer.cell.states[name] * self.emitter.units
        slot = (self.step + later) % 2 * (self.emitter.batch * size)
        return slot + self.row * size + block * self.emitter.units + self.unit


def _back(index: Expr, size: int, total: int) -> Expr:
    """Where part `index` of `total` begins; the last one is moved back to end at the end."""
    return index * size if total % size == 0 else tirx.min(index * size, total - size)
