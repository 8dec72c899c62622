"""The graph of a block with its parameters as named inputs: exported, and read back.

<path>-symbol.json holds the graph as IR text: `main` takes the data, then the parameters in the
order that the file lists. <path>-0000.params holds arrays by name: `arg:` parameters, `aux:`
running statistics, `const:` other arrays that `forward` used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import baryon
from baryon.array import mode_of, ndarray
from baryon.array.files import load_arrays, save_arrays, save_text
from baryon.atomic import FileName
from baryon.deferred import trace
from baryon.deferred.tree import flatten, rebuild
from baryon.gluon.errors import ParameterError
from baryon.gluon.parameter import Parameter
from baryon.gluon.tracking import substituted
from baryon.ir import Array, BaryonError, Module, Value, parse_module, print_module
from baryon.passes import run_pipeline

Axes = Mapping[int | str, Mapping[int, str]]
"""For inputs by number: their symbolic axes, and what these are called."""

FORMAT = 1
_MAX_SIZE = 65535
"""The largest size of a symbolic axis."""
_STATISTICS = slice(3, 5)
"""The operands of npx.batch_norm that training updates."""


@dataclass(frozen=True)
class Spec:
    """What a trace needs to know of an input."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Graph:
    """A module whose `main` takes the inputs, then the parameters.

    outputs: what the block returns, with the numbers of `main`'s outputs as leaves.
    """

    module: Module
    inputs: list[str]
    parameters: list[str]
    outputs: Any


def specs(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Shapes and element types in place of arrays."""
    found: tuple[Any, ...] = rebuild(
        args, lambda x: Spec(tuple(x.shape), x.dtype) if hasattr(x, "shape") else x
    )
    return found


def input_names(count: int) -> list[str]:
    """`data`, or `data0`, `data1`, ..."""
    return ["data"] if count == 1 else [f"data{i}" for i in range(count)]


def trace_shapes(compute: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Trace a computation for its side effect, the shapes of parameters."""
    with mode_of(recording=False, training=False):
        trace(lambda data: flatten(compute(*data)), args)


def graph_of(
    compute: Callable[..., Any], parameters: Mapping[str, Parameter], args: tuple[Any, ...],
    axes: Axes | None = None,
) -> Graph:  # fmt: skip
    """The graph for prediction, with a symbolic batch where that can be.

    axes: the symbolic axes of each input instead, by number, with their names.
    """
    if axes is not None:
        return _graph(compute, parameters, args, axes)
    batches = {x.shape[:1] for x in flatten(args) if isinstance(x, Spec)}
    if len(batches) == 1 and () not in batches:
        try:
            count = sum(isinstance(x, Spec) for x in flatten(args))
            return _graph(compute, parameters, args, {i: {0: "N"} for i in range(count)})
        except (BaryonError, TypeError, ValueError):
            pass  # the batch size went into a shape: the graph is for this batch alone
    return _graph(compute, parameters, args, {})


def _graph(
    compute: Callable[..., Any], parameters: Mapping[str, Parameter], args: tuple[Any, ...],
    axes: Axes,
) -> Graph:  # fmt: skip
    names = {id(p): name for name, p in parameters.items()}
    returned: list[Any] = []

    def entry(data: Any, parameter: Mapping[str, ndarray]) -> Any:
        with substituted({key: parameter[name] for key, name in names.items()}):
            returned.append(compute(*data))
        return flatten(returned[-1])

    count = sum(isinstance(x, Spec) for x in flatten(args))
    with mode_of(recording=False, training=False):
        module = trace(
            entry, args, {name: parameters[name].data() for name in names.values()},
            dynamic_axes=axes,
            symbols={name: _MAX_SIZE for named in axes.values() for name in named.values()},
        )  # fmt: skip
    inputs = input_names(count)
    for value, name in zip(module.main.inputs, [*inputs, *names.values()], strict=True):
        value.name = name
    numbers = iter(range(len(module.main.outputs)))
    return Graph(module, inputs, [*names.values()], rebuild(returned[-1], lambda _: next(numbers)))


def arrays_of(graph: Graph, parameters: Mapping[str, Parameter]) -> dict[str, Array]:
    """What the file of parameters holds."""
    values = graph.module.main.inputs[len(graph.inputs) :]
    found = {
        f"{kind_of(value)}:{name}": parameters[name].data().asnumpy()
        for name, value in zip(graph.parameters, values, strict=True)
    }
    return found | {f"const:{name}": a for name, a in graph.module.constants.items()}


def kind_of(value: Value) -> str:
    """"aux" for the running statistics of a batch_norm, "arg" for other parameters."""  # fmt: skip
    is_statistic = any(
        op.name == "npx.batch_norm" and value in op.operands[_STATISTICS] for op in value.users
    )
    return "aux" if is_statistic else "arg"


def save(
    graph: Graph, arrays: Mapping[str, Array], path: FileName, epoch: int
) -> tuple[str, str | None]:
    """Write both files; returns their names."""
    symbol, params = f"{path}-symbol.json", f"{path}-{epoch:04d}.params"
    if arrays:
        save_arrays(params, arrays)
    content = {
        "baryon": baryon.__version__,
        "format": FORMAT,
        "inputs": graph.inputs,
        "parameters": graph.parameters,
        "constants": [*graph.module.constants],
        "outputs": _encoded(graph.outputs),
        "ir": print_module(graph.module, locs=False),
    }
    save_text(symbol, json.dumps(content, indent=1))
    return symbol, params if arrays else None


def read(symbol: FileName, params: FileName | None) -> tuple[Graph, dict[str, Array]]:
    """The graph of a file, and the arrays of another by key ("arg:weight").

    Raises ParameterError for files that `save` did not write, ParseError and VerifyError for a
    damaged graph, OSError for files that cannot be read.
    """
    arrays = {} if params is None else load_arrays(params)
    content = _content(symbol)
    missing = [n for n in content["constants"] if f"const:{n}" not in arrays]
    if missing:
        raise ParameterError(
            f"{symbol} needs the arrays {missing} of the file of parameters",
            hint="pass the .params file that export wrote with it",
        )
    constants = {name: arrays.pop(f"const:{name}") for name in content["constants"]}
    module = parse_module(content["ir"], constants=constants)
    run_pipeline(module, "unroll")  # a replay runs ops, not loops
    expected = len(content["inputs"]) + len(content["parameters"])
    if len(module.main.inputs) != expected:
        raise ParameterError(f"{symbol}: the graph has not the {expected} inputs that it lists")
    outputs = _decoded(content["outputs"])
    return Graph(module, content["inputs"], content["parameters"], outputs), arrays


def is_foreign(symbol: FileName) -> bool:
    """Whether a file is a graph that MXNet wrote."""
    try:
        content = json.loads(Path(symbol).read_text())
    except (ValueError, RecursionError):
        return False  # and `read` says what is wrong with it
    return isinstance(content, dict) and "nodes" in content


def _content(symbol: FileName) -> dict[str, Any]:
    try:
        content = json.loads(Path(symbol).read_text())
        if content["format"] != FORMAT:
            raise ParameterError(f"{symbol} has the format {content['format']}, not {FORMAT}")
        _check(content)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(f"{symbol} is not what export writes: {error!r}") from error
    found: dict[str, Any] = content
    return found


def _check(content: Mapping[str, Any]) -> None:
    for key in ("inputs", "parameters", "constants"):
        if not all(isinstance(name, str) for name in content[key]):
            raise TypeError(f"{key} are not names")
    if not isinstance(content["ir"], str):
        raise TypeError("the graph is not text")


def _encoded(tree: Any) -> Any:
    """Outputs as JSON, in which tuples differ from lists."""
    if isinstance(tree, dict):
        return {str(k): _encoded(v) for k, v in tree.items()}
    if isinstance(tree, tuple | list):
        return ["tuple" if isinstance(tree, tuple) else "list", *map(_encoded, tree)]
    return tree


def _decoded(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {k: _decoded(v) for k, v in tree.items()}
    if isinstance(tree, list):
        items = [_decoded(item) for item in tree[1:]]
        return tuple(items) if tree[0] == "tuple" else items
    return int(tree)
