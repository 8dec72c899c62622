"""What runs a graph: one executable, or executables with ops of the host between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from baryon.build import Options, build, in_process
from baryon.deferred.graph import Graph
from baryon.ir import CONSTANT, RETURN, Array, Builder, Func, Module, Op, Region, Sym, Value
from baryon.ops import TABLE, lookup
from baryon.passes import (
    LOWERINGS,
    NOTHING,
    SIMPLIFY,
    Off,
    early_calls,
    has_kernel,
    parse_pipeline,
    run_pipeline,
    waiting_ops,
    without_patterns,
)
from baryon.runtime import Executable, Session
from baryon.runtime.spec import leading

Port = tuple[tuple[int, ...], np.dtype[Any], np.dtype[Any]]
"""Shape, the dtype of the buffer that the engine writes, and the dtype that its elements have."""


Shapes = Sequence[tuple[int, ...]]


class Run(Protocol):
    """One run in two parts. Both take all inputs and outputs."""

    def early(self, inputs: list[Array], outputs: list[Array]) -> None:
        """Compute what needs no late input."""

    def late(self, inputs: list[Array], outputs: list[Array]) -> None:
        """Compute the rest, once, from what the early part left."""


class Engine(Protocol):
    """Runs a graph on arrays; `outputs` says what they must look like."""

    outputs: list[Port]
    raw: list[bool]

    def run(self, inputs: list[Array], outputs: list[Array]) -> Shapes | None:
        """Compute everything. raw: which inputs are wanted as bit patterns (bfloat16).

        Where sizes depend on data, `outputs` has memory for the largest and the shapes are told.
        """

    def start(self) -> Run:
        """Begin a run in two parts."""


def engine_of(graph: Graph, off: Off = NOTHING, precision: str = "fp32") -> Engine:
    """The engine for a graph, whose module is changed; `off` are pattern groups.

    Raises UnsupportedError.
    """
    run_pipeline(graph.module, without_patterns(parse_pipeline(SIMPLIFY), off))
    ops = graph.module.main.body.ops
    engine = Whole if all(map(has_kernel, ops)) else Pieces
    return engine(graph, off, precision)


class Whole:
    """A graph as one executable."""

    def __init__(self, graph: Graph, off: Off, precision: str) -> None:
        late = f",forward-first{{late={graph.late}}}" if graph.late else ""
        options = Options(precision=precision, pipeline=LOWERINGS[precision] + late, off=off)
        self.executable = in_process(build(graph.module, options))
        self._native = self.executable._native
        self._early = early_calls(graph.module, graph.late)
        self._rest = self._native.call_count() - self._early
        self.raw = [s.buffer_dtype is not s.dtype for s in self.executable.inputs]
        self.outputs: list[Port] = [
            (s.max_shape, s.buffer_dtype, s.dtype) for s in self.executable.outputs
        ]
        self.run: Callable[[list[Array], list[Array]], Shapes | None] = (
            self._native.run_shapes if self.executable.counts_sizes else self._native.run
        )

    def start(self) -> Run:
        """Begin a run whose intermediate values stay in one arena."""
        return _Parts(Session(self.executable), self._early, self._rest)


@dataclass(frozen=True)
class _Parts:
    session: Session
    count: int
    rest: int

    def early(self, inputs: list[Array], outputs: list[Array]) -> None:
        self.session.run(0, self.count, inputs, outputs)

    def late(self, inputs: list[Array], outputs: list[Array]) -> None:
        self.session.run(self.count, self.rest, inputs, outputs)


@dataclass(frozen=True)
class _Piece:
    """Some ops of a graph: an op of the host, or an executable for a run of the others."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    work: Op | Executable

    def run(self, values: dict[Value, Array]) -> None:
        arrays = [values[v] for v in self.inputs]
        if isinstance(self.work, Op):
            found: Sequence[Array] = TABLE[self.work.name].evaluate(arrays, self.work.attrs)
        else:
            found = self.work(*(np.asarray(x, order="C") for x in arrays))
        values.update(zip(self.outputs, found, strict=True))


class Pieces:
    """A graph in which some ops have no kernel: those are evaluated by their NumPy meaning."""

    def __init__(self, graph: Graph, off: Off, precision: str) -> None:
        self._options = Options(precision=precision, pipeline=LOWERINGS[precision], off=off)
        body = graph.module.main.body
        self._symbols = dict(graph.module.symbols)
        waiting = waiting_ops(body, graph.late)
        self._body = body
        self._constants: dict[Value, Array] = {
            op.result: graph.module.constants[str(op.attrs["name"])]
            for op in body.ops
            if op.name == CONSTANT
        }
        ops = [op for op in body.ops if op.name not in (CONSTANT, RETURN)]
        early, late = ([op for op in ops if (op in waiting) == later] for later in (False, True))
        self._early = [self._piece(run) for run in _runs(early)]
        self._late = [self._piece(run) for run in _runs(late)]
        self.raw = [False] * len(body.args)
        self.outputs: list[Port] = [_port(graph.module, v) for v in body.outputs]

    def run(self, inputs: list[Array], outputs: list[Array]) -> Shapes | None:
        """Compute everything."""
        steps = _Steps(self)
        steps.early(inputs, outputs)
        return [steps.values[v].shape for v in self._body.outputs]

    def start(self) -> Run:
        """Begin a run whose values stay in a dictionary."""
        return _Steps(self)

    def _piece(self, ops: Sequence[Op]) -> _Piece:
        """One op of the host alone, or an executable for several others."""
        if not has_kernel(ops[0]):
            return _Piece(tuple(ops[0].operands), ops[0].results, ops[0])
        made = {r for op in ops for r in op.results}
        inside = set(ops)
        read = dict.fromkeys(v for op in ops for v in op.operands if v not in made)
        taken = tuple(v for v in read if v not in self._constants)
        given = tuple(r for op in ops for r in op.results if not inside.issuperset(r.users))
        module = _module_of(self._symbols, ops, taken, given, self._constants)
        return _Piece(taken, given, in_process(build(module, self._options)))


@dataclass
class _Steps:
    engine: Pieces

    def __post_init__(self) -> None:
        self.values: dict[Value, Array] = dict(self.engine._constants)

    def early(self, inputs: list[Array], outputs: list[Array]) -> None:
        self.values.update(zip(self.engine._body.args, inputs, strict=True))
        self._run(self.engine._early, outputs)

    def late(self, inputs: list[Array], outputs: list[Array]) -> None:
        self.values.update(zip(self.engine._body.args, inputs, strict=True))
        self._run(self.engine._late, outputs)

    def _run(self, pieces: Sequence[_Piece], outputs: list[Array]) -> None:
        for piece in pieces:
            piece.run(self.values)
        for value, into in zip(self.engine._body.outputs, outputs, strict=True):
            if value in self.values:
                found = self.values[value]
                np.copyto(leading(into, found.shape), found)


def _port(module: Module, value: Value) -> Port:
    dtype = value.type.dtype.numpy
    return tuple(map(module.largest, value.type.shape)), dtype, dtype


def _runs(ops: Sequence[Op]) -> Iterator[list[Op]]:
    """The ops in order: each op of the host alone, those between them together."""
    run: list[Op] = []
    for op in ops:
        if not has_kernel(op):
            yield from [run] if run else []
            yield [op]
            run = []
        else:
            run.append(op)
    yield from [run] if run else []


def _module_of(
    symbols: Mapping[str, tuple[int, int]],
    ops: Sequence[Op],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    constants: Mapping[Value, Array],
) -> Module:
    """A module of copies of some ops."""
    names = [f"input{i}" for i in range(len(inputs))]
    used = {d.name for v in inputs for d in v.type.shape if isinstance(d, Sym)}
    module = Module(symbols={name: symbols[name] for name in used})
    region = Region([v.type for v in inputs], names)
    builder = Builder(module, region, lookup)
    copies: dict[Value, Value] = dict(zip(inputs, region.args, strict=True))
    for op in ops:
        for value in op.operands:
            if value not in copies:
                copies[value] = builder.constant(constants[value])
        with builder.at(op.loc):
            made = builder.emit(op.name, [copies[v] for v in op.operands], op.attrs)
        copies.update(zip(op.results, made, strict=True))
    builder.ret([copies[v] for v in outputs])
    module.funcs["main"] = Func("main", region, [f"output{i}" for i in range(len(outputs))])
    return module
