"""A graph run op by op on arrays: with gradients, in training, and inside other traces.

The ops are called as a program would call them, so that batch_norm and dropout do what they do in
training when the net is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from baryon import npx
from baryon.array import ndarray, recorder
from baryon.array.calls import calls
from baryon.deferred import trace
from baryon.deferred.recorder import Trace
from baryon.deferred.tree import flatten, rebuild
from baryon.gluon.errors import CallError, here
from baryon.ir import CONSTANT, Array, Dim, Module, Op, Sym, Value
from baryon.ops import TABLE
from baryon.passes import run_pipeline

Observer = Callable[[Op, Sequence[ndarray], Sequence[ndarray]], None]
"""Called with each op, its operands and its results."""

_MODAL: Mapping[str, Callable[..., ndarray]] = {
    "npx.batch_norm": npx.batch_norm,
    "npx.dropout": npx.dropout,
}
"""Functions in place of ops that behave differently in training."""


def replay(
    module: Module, inputs: Sequence[ndarray], observe: Observer | None = None
) -> list[ndarray]:
    """The outputs of `main` on arrays."""
    body = module.main.body
    sizes = _sizes(body.args, inputs)
    values: dict[Value, ndarray] = dict(zip(body.args, inputs, strict=True))
    for op in body.ops[:-1]:
        operands = [values[v] for v in op.operands]
        results = _perform(op, operands, module, sizes)
        values.update(zip(op.results, results, strict=True))
        if observe is not None:
            observe(op, operands, results)
    return [values[v] for v in body.outputs]


def _perform(
    op: Op, operands: Sequence[ndarray], module: Module, sizes: Mapping[str, Any]
) -> Sequence[ndarray]:
    if op.name == CONSTANT:
        return [_constant(module.constants[str(op.attrs["name"])], str(op.attrs["name"]))]
    opdef = TABLE[op.name]
    attrs = opdef.bind_symbols(op.attrs, sizes)
    if op.name in _MODAL:
        return [_MODAL[op.name](*operands, **attrs)]
    found: Any = calls.emit(opdef, operands, attrs)
    return list(found)


def _constant(payload: Array, name: str) -> ndarray:
    """A constant; inside a trace one of its graph, as what is computed of it there belongs to it.

    Codes of weights, for example: computed at once, they would be floats.
    """
    trace = recorder()
    if not isinstance(trace, Trace):
        return ndarray(payload)
    return ndarray(None, trace.builder.constant(payload, name), trace)


def _sizes(args: Sequence[Value], inputs: Sequence[ndarray]) -> dict[str, int]:
    """The sizes of symbolic axes; CallError if an input does not suit its type."""
    sizes: dict[str, int] = {}
    for arg, x in zip(args, inputs, strict=True):
        if len(arg.type.shape) != x.ndim or not all(map(_agrees, arg.type.shape, x.shape)):
            raise CallError(
                f"input {arg.name} is {x.type}, the graph was made for {arg.type}",
                where=here(),
                hint="export the block again after a call with inputs of this shape",
            )
        for dim, size in zip(arg.type.shape, x.shape, strict=True):
            if isinstance(dim, Sym) and isinstance(size, int):
                sizes[dim.name] = size // dim.factor
    return sizes


def _agrees(expected: Dim, given: Dim) -> bool:
    return isinstance(expected, Sym) or expected == given


def monitored(
    compute: Callable[..., Any], args: tuple[Any, ...], callback: Callable[..., None],
    monitor_all: bool,
) -> Any:  # fmt: skip
    """The outputs of a computation, each op of which is shown to `callback(name, op, array)`."""
    returned: list[Any] = []

    def entry(data: Any) -> Any:
        returned.append(compute(*data))
        return flatten(returned[-1])

    def observe(op: Op, operands: Sequence[ndarray], results: Sequence[ndarray]) -> None:
        if op.name == CONSTANT:
            return
        number = numbers[op]
        for i, x in enumerate(operands if monitor_all else ()):
            callback(f"node_{number}_input{i}", op.name, x)
        for i, x in enumerate(results):
            callback(f"node_{number}_output{i or ''}", op.name, x)

    module = trace(entry, args)
    run_pipeline(module, "unroll")
    computing = [op for op in module.main.body.ops if op.name != CONSTANT]
    numbers = {op: i for i, op in enumerate(computing)}
    outputs = iter(replay(module, [x for x in flatten(args) if isinstance(x, ndarray)], observe))
    return rebuild(returned[-1], lambda _: next(outputs))
