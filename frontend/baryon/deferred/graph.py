"""The graph of one call of a function: its module, and where inputs come from and outputs go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from baryon.array import ArrayBase, ndarray
from baryon.deferred.recorder import Trace, Variable
from baryon.deferred.tree import flatten, rebuild
from baryon.ir import Builder, Module, UnsupportedError, Value
from baryon.ops import TABLE, lookup
from baryon.ops.vjp import append_gradients
from baryon.passes import run_pipeline


@dataclass(frozen=True)
class Graph:
    """A traced call.

    module: its `main` takes the arrays of the arguments, then variables and the random key in the
        order of their first use, then the gradients that come in (`late` of them); it returns the
        outputs, then new values of state, then the gradients of inputs.
    structure: the nested result with numbers of outputs as leaves.
    variables: for each input after the arguments its array; None stands for the random key.
    state: the arrays that get the values after the outputs.
    seeded: the outputs that have a gradient. wanted: for each gradient its number of input.
    """

    module: Module
    structure: Any
    arguments: int
    variables: tuple[ndarray | None, ...]
    outputs: int
    state: tuple[ndarray, ...]
    seeded: tuple[int, ...] = ()
    wanted: tuple[int, ...] = ()
    watched: tuple[tuple[list[int], int], ...] = ()

    @property
    def is_stale(self) -> bool:
        """True once an array was written whose elements are constants of the module."""
        return any(count[0] != before for count, before in self.watched)

    @property
    def late(self) -> int:
        """How many inputs are gradients that come in."""
        return len(self.seeded)


def trace_call(function: Callable[..., Any], arguments: Any, variables: Sequence[ndarray]) -> Graph:
    """Trace a call on nested arguments; arrays in them are inputs, and so are the variables.

    Raises TraceError where the function asks a traced array for elements.
    """
    leaves = [x for x in flatten(arguments) if isinstance(x, ArrayBase)]
    names = [f"input{i}" for i in range(len(leaves))]
    listed = [Variable(x, f"weight{i}") for i, x in enumerate(variables)]
    recorder = Trace([x.type for x in leaves], names, {}, listed)
    with recorder.recording(arguments, lambda x: isinstance(x, ArrayBase)) as given:
        result = function(*given)
        values = [recorder.output(x) for x in flatten(result)]
    return _close(recorder, result, values, len(leaves))


def _close(recorder: Trace, result: Any, values: list[Value], arguments: int) -> Graph:
    numbers = iter(range(len(values)))
    effects = list(recorder.effects.values())
    every = [*values, *(value for _, value in effects)]
    module = recorder.close(every, [f"output{i}" for i in range(len(every))])
    arrays = {v.value: v.array for v in recorder.used}
    return Graph(
        module,
        rebuild(result, lambda _: next(numbers)),
        arguments,
        tuple(arrays.get(value) for value in module.main.inputs[arguments:]),
        len(values),
        tuple(target for target, _ in effects),
        watched=tuple(recorder.watched),
    )


def with_gradients(graph: Graph, wanted: Sequence[int]) -> Graph:
    """The graph that also computes the gradients of its inputs `wanted`; changes its module.

    Raises UnsupportedError at an op on the way that has no gradient, and at one whose result has a
    size that depends on data.
    """
    for op in graph.module.main.body.ops:
        if TABLE[op.name].most is not None:
            raise UnsupportedError(
                "a size that depends on data has no compiled gradient", where=str(op.loc)
            )
    run_pipeline(graph.module, "unroll")
    body = graph.module.main.body
    before = list(body.outputs)
    body.terminator.erase()
    seeded = [i for i in range(graph.outputs) if before[i].type.dtype.is_float]
    builder = Builder(graph.module, body, lookup)
    seeds: dict[Value, Value] = {}
    for i in seeded:
        seed = Value(before[i].type.with_layout(None), body, f"gradient{i}")
        body.args.append(seed)
        seeds[before[i]] = _added(builder, seeds.get(before[i]), seed)
    found = append_gradients(TABLE, builder, seeds, [body.args[i] for i in wanted])
    reached = [(i, g) for i, g in zip(wanted, found, strict=True) if g is not None]
    builder.ret([*before, *(g for _, g in reached)])
    graph.module.main.output_names += [f"gradient{i}" for i, _ in reached]
    return replace(graph, seeded=tuple(seeded), wanted=tuple(i for i, _ in reached))


def _added(builder: Builder, before: Value | None, seed: Value) -> Value:
    """An output that is returned twice gets the sum of both gradients."""
    if before is None:
        return seed
    (total,) = builder.emit("np.add", [before, seed])
    return total
