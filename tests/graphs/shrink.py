"""Makes a graph that fails smaller, as long as it fails in the same way.

What is left out does not change what is left: a value that is no longer computed becomes an
argument, with the numbers that it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from baryon.interp import Interpreter
from baryon.ir import CONSTANT, RETURN, Array, Func, Module, Op, Region, Sym, Value, verify
from baryon.ops import lookup
from graphs.generate import Drawn
from graphs.growth import widened
from graphs.judge import Check, Mismatch


def shrink(drawn: Drawn, check: Check, failure: Mismatch, most_tries: int = 200) -> Drawn:
    """A smaller graph with a failure of the same kind; `drawn` itself if none was found."""
    tries = 0
    improved = True
    while improved:
        improved = False
        for smaller in candidates(drawn):
            tries += 1
            if tries > most_tries:
                return drawn
            found = check(smaller)
            if found is not None and found.kind == failure.kind:
                drawn, improved = smaller, True
                break
    return drawn


def candidates(drawn: Drawn) -> Iterator[Drawn]:
    """Graphs with fewer ops, those that leave out most first."""
    body = drawn.module.main.body
    values = values_of(drawn)
    size = len(body.ops)
    for outputs, cuts in choices(body):
        smaller = part(drawn, values, outputs, cuts)
        if len(smaller.module.main.body.ops) < size or len(outputs) < len(body.outputs):
            yield smaller


def choices(body: Region) -> Iterator[tuple[Sequence[Value], set[Value]]]:
    """Outputs to keep and values to take as arguments: first halves, then single ops."""
    outputs = list(dict.fromkeys(body.outputs))
    if len(body.outputs) > 1:
        yield from (([v], set()) for v in outputs)
    ops = [op for op in body.ops if op.name not in (CONSTANT, RETURN)]
    step = len(ops) // 2
    while step:
        for start in range(0, len(ops), step):
            yield outputs, {r for op in ops[start : start + step] for r in op.results}
        step //= 2
    for op in reversed(ops):
        yield from (([v], set()) for v in op.operands if v.op and v.op.name != CONSTANT)


def values_of(drawn: Drawn) -> dict[Value, Array]:
    """Every value of the graph, in float64."""
    body = drawn.module.main.body
    pairs = [
        pair
        for arg, x in zip(body.args, drawn.inputs, strict=True)
        for pair in zip(arg.type.shape, x.shape, strict=True)
    ]
    sizes = {d.name: n // d.factor for d, n in pairs if not isinstance(d, int)}
    interpreter = Interpreter({k: widened(v) for k, v in drawn.module.constants.items()}, sizes)
    values = dict(zip(body.args, map(widened, drawn.inputs), strict=True))
    for op in body.ops[:-1]:
        interpreter.values.update(values)
        values.update(zip(op.results, interpreter.op(op), strict=True))
    return values


def part(
    drawn: Drawn, values: dict[Value, Array], outputs: Sequence[Value], cuts: set[Value]
) -> Drawn:
    """The graph of some values, with those of `cuts` as arguments."""
    body = drawn.module.main.body
    needed = closure(outputs, cuts)
    given = dict(zip(body.args, drawn.inputs, strict=True))
    args = [v for v in [*body.args, *(r for op in body.ops for r in op.results)]
            if v in needed and (v in cuts or v.op is None)]  # fmt: skip
    region = Region([v.type for v in args], [f"x{n}" for n in range(len(args))])
    new = dict(zip(args, region.args, strict=True))
    for op in body.ops[:-1]:
        if any(r in needed and r not in new for r in op.results):
            made = region.append(
                Op(op.name, [new[v] for v in op.operands], [r.type for r in op.results], op.attrs)
            )
            new = dict(zip(op.results, made.results, strict=True)) | new
    region.append(Op(RETURN, [new[v] for v in outputs], ()))
    names = {d.name for v in args for d in v.type.shape if isinstance(d, Sym)}
    symbols = {name: drawn.module.symbols[name] for name in sorted(names)}
    module = Module(symbols=symbols, constants=used(drawn.module, region.ops))
    module.funcs["main"] = Func("main", region, [f"y{n}" for n in range(len(outputs))])
    inputs = [given[v] if v in given else rounded(values[v], v) for v in args]
    verify(module, lookup)
    return Drawn(module, inputs, expected(module, inputs, outputs))


def closure(outputs: Iterable[Value], cuts: set[Value]) -> set[Value]:
    """The values that outputs need, those of `cuts` taken as given."""
    needed: set[Value] = set()
    todo = list(outputs)
    while todo:
        value = todo.pop()
        if value not in needed:
            needed.add(value)
            todo += value.op.operands if value.op and value not in cuts else ()
    return needed


def used(module: Module, ops: Iterable[Op]) -> dict[str, Array]:
    """The constants that ops read."""
    names = {str(op.attrs["name"]) for op in ops if op.name == CONSTANT}
    return {name: array for name, array in module.constants.items() if name in names}


def rounded(array: Array, value: Value) -> Array:
    """As an argument of the value's type."""
    return np.array(array, value.type.dtype.numpy, order="C")


def expected(module: Module, inputs: Sequence[Array], outputs: Sequence[Value]) -> list[Array]:
    """Outputs in float64."""
    drawn = Drawn(module, list(inputs), [])
    values = values_of(drawn)
    return [values[v] for v in module.main.outputs]
