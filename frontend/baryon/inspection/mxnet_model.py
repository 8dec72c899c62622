"""What is in a `-symbol.json` of MXNet and its parameters, whether or not it can be compiled."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from baryon.importers.errors import ModelError
from baryon.importers.mxnet import Checkpoint, import_mxnet, is_symbol, open_checkpoint
from baryon.importers.mxnet.checkpoint import stated_dtype, stated_shape
from baryon.importers.mxnet.missing import missing_ops
from baryon.importers.mxnet.reader import VARIABLE, Symbol, SymbolNode, read_symbol
from baryon.inspection.arithmetic import count_flops
from baryon.inspection.model_report import ModelReport, OpReport, PortReport
from baryon.ir import BaryonError, Module, UnsupportedError, Value

PathLike = str | os.PathLike[str]


def inspect_mxnet(path: PathLike, *examples: Any, params: PathLike | None = None) -> ModelReport:
    """The report of a symbol. examples, params: as `import_mxnet` takes them.

    Raises ModelError for files that cannot be read.
    """
    if not is_symbol(path):
        raise ModelError("it is a graph that baryon exported, not one of MXNet", where=str(path))
    symbol = read_symbol(Path(path))
    try:
        network = open_checkpoint(path, params)
    except UnsupportedError as error:
        return _report(path, symbol, None, problem=error.message, hint=error.hint)
    unsized = network.unsized(examples)
    if unsized:
        return _report(path, symbol, network, unsized=tuple(unsized))
    module, refused = _try_import(network, examples)
    return _report(
        path, symbol, network, module,
        problem=refused.message if refused else None, hint=refused.hint if refused else None,
    )  # fmt: skip


def _try_import(
    network: Checkpoint, examples: Sequence[Any]
) -> tuple[Module | None, BaryonError | None]:
    try:
        return import_mxnet(network, *examples), None
    except BaryonError as error:
        return None, error


def _report(
    path: PathLike,
    symbol: Symbol,
    network: Checkpoint | None,
    module: Module | None = None,
    **more: Any,
) -> ModelReport:
    """network, module: None where it is unsupported, or some shape is not known."""
    arrays = network.arrays.values() if network else ()
    return ModelReport(
        file=os.fspath(path),
        format="a symbol",
        producer=f"MXNet {_version(symbol.version)}",
        opsets={},
        inputs=_inputs(symbol, network, module),
        outputs=_outputs(network, module),
        ops=_ops(symbol),
        parameters=sum(a.size for a in arrays),
        parameter_bytes=sum(a.nbytes for a in arrays),
        flops=count_flops(module) if module else None,
        params=str(network.params) if network and network.params else None,
        **more,
    )


def _version(number: int) -> str:
    """Such as 1.9.1 of 10901."""
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def _ops(symbol: Symbol) -> tuple[OpReport, ...]:
    """The operators, the most frequent first."""
    counts = Counter(node.op for node in symbol.walk() if node.op != VARIABLE)
    missing = {op.name: op.remedy for op in missing_ops(symbol)}
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        OpReport(name, count, name not in missing, missing.get(name, "")) for name, count in rows
    )


def _inputs(
    symbol: Symbol, network: Checkpoint | None, module: Module | None
) -> tuple[PortReport, ...]:
    """Inputs with what the file says of them; of an unsupported network all variables."""
    if module is not None:
        return tuple(map(_typed, module.main.inputs))
    if network is None:
        return tuple(map(_stated, symbol.variables))
    return tuple(_stated(network.program.variable(name)) for name in network.inputs)


def _outputs(network: Checkpoint | None, module: Module | None) -> tuple[PortReport, ...]:
    names = network.program.output_names if network else ()
    if module is None:
        return tuple(PortReport(name, "?", None) for name in names)
    return tuple(map(_typed, module.main.outputs, names))


def _typed(value: Value, name: str = "") -> PortReport:
    sizes = tuple(d if isinstance(d, int) else str(d) for d in value.type.shape)
    return PortReport(name or value.name, str(value.type.dtype), sizes)


def _stated(variable: SymbolNode) -> PortReport:
    shape = stated_shape(variable.attrs)
    sizes = None if shape is None else tuple(d if d > 0 else "?" for d in shape)
    return PortReport(variable.name, stated_dtype(variable.attrs) or "?", sizes)
