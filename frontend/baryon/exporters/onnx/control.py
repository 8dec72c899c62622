"""Loops and branches: Scan, Loop and If, whose bodies see the tensors around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from baryon.exporters.onnx.form import Call, Form, NoForm
from baryon.exporters.onnx.tensor import Tensor
from baryon.exporters.onnx.writer import Writer
from baryon.ir import Op, Region, Value, boolean, i64
from baryon.ops import TABLE


def _region(call: Call, number: int) -> Region:
    assert call.op is not None
    region = call.op.regions[number]
    if any(TABLE[op.name].random for op in region.walk()):
        raise call.unsupported(
            "a body that draws random numbers", "draw them before the loop, for all iterations"
        )
    return region


def _bind(writer: Writer, arguments: Sequence[Value], tensors: Sequence[Tensor]) -> None:
    writer.values.update(zip(arguments, tensors, strict=True))


def _arguments(o: Writer, values: Sequence[Value], hint: str) -> list[Tensor]:
    return [
        Tensor.of(o.file.unique(f"{o.label}/{v.name or f'{hint}{i}'}"), v.type)
        for i, v in enumerate(values)
    ]


def _foreach(o: Writer, call: Call, operands: Sequence[Tensor]) -> Any:
    data, states = call["data"], call["states"]
    body = _region(call, 0)
    inner = o.inner()
    given = _arguments(o, body.args[: data + states], "in")
    _bind(inner, body.args, [*given, *operands[data + states :]])
    results = inner.region(body)
    count = len(results) - states
    # a Scan has states first, in its inputs and in those of its body
    graph = inner.graph([*given[data:], *given[:data]], [*results[count:], *results[:count]])
    inputs = [*operands[data : data + states], *operands[:data]]
    made = o.with_graphs(
        "Scan", inputs, [v.type.dtype for v in _in_order(call.op, states)],
        body=graph, num_scan_inputs=data,
    )  # fmt: skip
    return [*made[states:], *made[:states]]


def _in_order(op: Op | None, states: int) -> list[Value]:
    assert op is not None
    count = len(op.results) - states
    return [*op.results[count:], *op.results[:count]]


def _while_loop(o: Writer, call: Call, operands: Sequence[Tensor]) -> Any:
    count, most = call["variables"], call["max_iterations"]
    rest = operands[count:]
    condition, body = _region(call, 0), _region(call, 1)
    _bind(o, condition.args, operands)
    (first,) = o.region(condition)
    inner = o.inner()
    given = _arguments(o, body.args[:count], "in")
    step = Tensor(o.file.unique(f"{o.label}/iteration"), i64, ())
    before = Tensor(o.file.unique(f"{o.label}/goes_on"), boolean, ())
    _bind(inner, body.args, [*given, *rest])
    results = inner.region(body)
    rows = len(results) - count
    again = _condition(inner, call, [*results[rows:], *rest])
    graph = inner.graph([step, before, *given], [again, *results[rows:], *results[:rows]])
    limit = o.constant(np.asarray(most, np.int64))
    made = o.with_graphs(
        "Loop", [limit, first, *operands[:count]],
        [v.type.dtype for v in _in_order(call.op, count)], body=graph,
    )  # fmt: skip
    steps = [_filled_up(o, x, t) for x, t in zip(made[count:], call.types, strict=False)]
    return [*steps, *made[:count]]


def _condition(o: Writer, call: Call, operands: Sequence[Tensor]) -> Tensor:
    """The condition written once more, at the end of the body."""
    region = _region(call, 0)
    for op in region.walk():
        for value in op.results:
            o.values.pop(value, None)
    _bind(o, region.args, operands)
    (answer,) = o.region(region)
    return answer


def _filled_up(o: Writer, x: Tensor, type: Any) -> Tensor:
    """The rows of a loop's output, with zeros in place of iterations that were not."""
    rows = o.onnx.Shape(x, start=0, end=1)
    missing = o.onnx.Sub(o.ints(int(type.shape[0])), rows)
    zero = o.constant(np.zeros((), type.dtype.numpy))
    if type.rank > 1:
        missing = o.onnx.Concat(missing, o.dims(type.shape[1:]), axis=0)
    return o.onnx.Concat(x, o.onnx.Expand(zero, missing), axis=0)


def _cond(o: Writer, call: Call, operands: Sequence[Tensor]) -> Any:
    graphs = []
    for number in range(2):
        region, inner = _region(call, number), o.inner()
        _bind(inner, region.args, operands[1:])
        graphs.append(inner.graph([], inner.region(region)))
    dtypes = [t.dtype for t in call.types]
    branches = {"then_branch": graphs[0], "else_branch": graphs[1]}
    return o.with_graphs("If", [operands[0]], dtypes, **branches)


OPS: tuple[Form | NoForm, ...] = (
    Form("ir.foreach", _foreach),
    Form("ir.while_loop", _while_loop),
    Form("ir.cond", _cond),
)
