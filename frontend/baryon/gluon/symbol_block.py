"""`SymbolBlock`: a block whose computation is a graph, for instance one that `export` wrote."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from baryon.array import ndarray
from baryon.atomic import FileName
from baryon.deferred.tree import flatten, rebuild
from baryon.device import takes_ctx
from baryon.gluon import export, state
from baryon.gluon.errors import CallError, ParameterError, here
from baryon.gluon.hybrid_block import HybridBlock
from baryon.gluon.parameter import Parameter
from baryon.gluon.replay import replay
from baryon.ir import Module


class SymbolBlock(HybridBlock):
    """A block made of a graph: called, hybridized, trained, exported and compiled as any other.

    outputs: a module of the graph IR, as `HybridBlock.export(None)` returns it. inputs: the names
    of the arguments of `main` that are data; the others become parameters.
    params: their values, by name ("weight" or "arg:weight"), or Parameters.
    """

    def __init__(
        self, outputs: Module, inputs: str | Sequence[str], params: Mapping[str, Any] | None = None
    ) -> None:
        names = [inputs] if isinstance(inputs, str) else list(inputs)
        args = [value.name for value in outputs.main.inputs]
        if args[: len(names)] != names:
            raise ParameterError(
                f"the inputs {names} are asked for, but the graph takes {args[: len(names)]}",
                where=here(),
                hint=f"its arguments are {state.brief(args)}",
            )
        count = len(outputs.main.outputs)
        tree: Any = 0 if count == 1 else list(range(count))
        self._init(export.Graph(outputs, names, args[len(names) :], tree), params or {})

    def _init(self, graph: export.Graph, params: Mapping[str, Any]) -> None:
        super().__init__()
        self._of_graph = graph
        values = graph.module.main.inputs[len(graph.inputs) :]
        plain = {name.removeprefix("arg:").removeprefix("aux:"): x for name, x in params.items()}
        for name, value in zip(graph.parameters, values, strict=True):
            given = plain.get(name)
            self._reg_params[name] = (
                given if isinstance(given, Parameter) else _parameter(name, value, given)
            )

    @property
    def input_count(self) -> int:
        """How many arrays a call takes."""
        return len(self._of_graph.inputs)

    @staticmethod
    @takes_ctx
    def imports(
        symbol_file: FileName, input_names: str | Sequence[str],
        param_file: FileName | None = None, device: Any = None, allow_missing: bool = False,
        ignore_extra: bool = False,
    ) -> SymbolBlock:  # fmt: skip
        """The block that `HybridBlock.export` wrote: ours, or that of MXNet 1.x or 2.x.

        input_names: those of the data: "data", or ["data0", "data1"].
        allow_missing, ignore_extra: of parameters in the file, as in `load_parameters`; without a
        file the block needs `initialize` or `load_parameters`.
        Of MXNet's training graphs, losses become predictions, and their labels need not be named.
        Raises ParameterError for files that do not fit, OSError for those that cannot be read;
        for files of MXNet ModelError, and UnsupportedError for operators that baryon lacks.
        """
        names = [input_names] if isinstance(input_names, str) else [*input_names]
        if export.is_foreign(symbol_file):
            how = (device, allow_missing, ignore_extra)
            block = importlib.import_module("baryon.gluon.mxnet_block")
            made: SymbolBlock = block.read_block(symbol_file, names, param_file, *how)
            return made
        graph, arrays = export.read(symbol_file, param_file)
        if names != graph.inputs:
            raise ParameterError(
                f"{Path(symbol_file).name} has the inputs {graph.inputs}, not {names}",
                where=here(),
                hint="pass the names in this order",
            )
        found = SymbolBlock.__new__(SymbolBlock)
        found._init(graph, {})
        if param_file is not None:
            found.load_dict(arrays, device, allow_missing, ignore_extra)
        return found

    def forward(self, *args: Any) -> Any:
        """The graph's outputs on the data."""
        graph = self._of_graph
        data = [x for x in flatten(args) if x is not None]
        if len(data) != len(graph.inputs):
            raise CallError(
                f"the graph takes {len(graph.inputs)} arrays ({', '.join(graph.inputs)}), "
                f"but got {len(data)}",
                where=here(),
            )
        own = [p.data() for p in self._reg_params.values()]
        outputs = replay(graph.module, cast("list[ndarray]", [*data, *own]))
        return rebuild(graph.outputs, lambda number: outputs[number])

    def __repr__(self) -> str:
        graph = self._of_graph
        return f"SymbolBlock({', '.join(graph.inputs)}: {len(graph.module.main.body.ops) - 1} ops)"


def _parameter(name: str, value: Any, given: Any) -> Parameter:
    is_learned = export.kind_of(value) == "arg" and value.type.dtype.is_float
    parameter = Parameter(
        name, "write" if is_learned else "null", value.type.shape, value.type.dtype,
        differentiable=is_learned,
    )  # fmt: skip
    if given is not None:
        parameter.load(given)
    return parameter
