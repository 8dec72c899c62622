"""`mx.visualization`: the ops of a network as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baryon.array.missing import missing_name
from baryon.deferred import trace
from baryon.ir import CONSTANT, Module, Op, Value

ABSENT = {
    "plot_network": "it needs graphviz: print_summary, Block.summary and `baryon inspect` show "
    "networks as text",
}
"""Names of MXNet that are left out, with the reason."""

_RETURN = "ir.return"
Shapes = Mapping[str, Sequence[int]] | Sequence[int] | None


def print_summary(symbol: Any, shape: Shapes = None, line_length: int = 120,
                  positions: Sequence[float] = (0.44, 0.64, 0.74, 1.0)) -> None:  # fmt: skip
    """Print the ops of a network: output shapes, numbers of parameters, and inputs.

    symbol: a module of the IR, or a block or function, which is traced with inputs of `shape`: a
    shape, or a mapping whose values are the shapes of the arguments in order. positions: where the
    columns end, as parts of `line_length`.
    """
    module = symbol if isinstance(symbol, Module) else trace(symbol, *_inputs(shape))
    ends = [int(line_length * p) for p in positions]
    print(_table(module, ends, line_length))


def _inputs(shape: Shapes) -> list[np.ndarray[Any, Any]]:
    if shape is None:
        raise ValueError("print_summary of a block needs shape, the shape of its input")
    shapes = [*shape.values()] if isinstance(shape, Mapping) else [shape]
    return [np.zeros(tuple(s), np.float32) for s in shapes]


def _table(module: Module, ends: Sequence[int], width: int) -> str:
    ops = [op for op in module.main.body.ops if op.name not in {CONSTANT, _RETURN}]
    names = {op: f"{op.name}.{i}" for i, op in enumerate(ops)}
    head = _row(("Op", "Output Shape", "Param #", "Previous Op"), ends)
    seen: set[Value] = set()
    rows = [_row(_cells(op, names, seen), ends) for op in ops]
    total = sum(_elements(v) for v in seen)
    double, single = "=" * width, "_" * width
    lines = [single, head, double, *rows, double, f"Total params: {total}", single]
    return "\n".join(lines)


def _cells(op: Op, names: Mapping[Op, str], seen: set[Value]) -> tuple[str, ...]:
    constants = [v for v in op.operands if v.is_constant]
    new = [v for v in dict.fromkeys(constants) if v not in seen and v.type.rank]
    seen.update(new)
    count = sum(map(_elements, new))
    before = [v.name if v.op is None else names.get(v.op, v.name) for v in op.operands]
    inputs = [n for v, n in zip(op.operands, before, strict=True) if v not in constants]
    shapes = ", ".join("x".join(map(str, r.type.shape)) for r in op.results)
    return f"{names[op]}", shapes, str(count), ", ".join(inputs)


def _elements(value: Value) -> int:
    sizes = [d for d in value.type.shape if isinstance(d, int)]  # a constant has no symbols
    return int(np.prod(sizes))


def _row(cells: Sequence[str], ends: Sequence[int]) -> str:
    line = ""
    for cell, end in zip(cells, ends, strict=True):
        line = (line + cell)[: end - 1].ljust(end)
    return line.rstrip()


__getattr__ = missing_name(__name__, (), absent=ABSENT)
