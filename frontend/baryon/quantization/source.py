"""Networks to be quantized: blocks, modules and files, as modules whose weights are constants."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baryon.array import ndarray
from baryon.gluon import HybridBlock, SymbolBlock, export
from baryon.importers.onnx import import_onnx
from baryon.importers.onnx.reader import ModelFile
from baryon.ir import CONSTANT, Array, BaryonError, Module, Op, UnsupportedError, tensor_type_of
from baryon.quantization.batches import as_numpy
from baryon.quantization.ranges import CalibrationError
from baryon.quantization.running import copied

Network = HybridBlock | Module | str | os.PathLike[str]

MOST_SAMPLES = 65535
"""The largest batch of a network that takes any."""

_LAYERS = ("npx.convolution", "npx.fully_connected")

_FILES = "it reads .onnx files, and <path>-symbol.json beside <path>-0000.params of export()"


@dataclass(frozen=True)
class Source:
    """A float network. name: for people. module: `main` takes data only, weights are constants.

    outputs: what the network returns, with the numbers of `main`'s outputs as leaves.
    """

    name: str
    module: Module
    outputs: Any

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        return [v.name for v in self.module.main.inputs]


def source_of(network: Network, example: Sequence[Any] | None) -> Source:
    """The float network of a block, a module or a file.

    example: the arrays of a batch, of which a block takes those that it needs, and an ONNX file the
        sizes that it leaves open.
    Raises CalibrationError for a block without example, the importers' errors for files.
    """
    if isinstance(network, Module):
        return _of_module("module", copied(network))
    if isinstance(network, HybridBlock):
        return _of_block(network, example)
    if isinstance(network, str | os.PathLike):
        return _of_file(Path(network), example or ())
    raise UnsupportedError(
        f"{type(network).__name__} cannot be quantized",
        hint="give a HybridBlock, a module of the IR, or the path of a file",
    )


def _of_module(name: str, module: Module) -> Source:
    count = len(module.main.outputs)
    for symbol, (low, _) in module.symbols.items():
        module.symbols[symbol] = (low, MOST_SAMPLES)
    return Source(name, module, 0 if count == 1 else list(range(count)))


def _of_file(path: Path, example: Sequence[Any]) -> Source:
    if path.suffix == ".onnx":
        file = ModelFile(path)
        names = (info.name for info in file.free_inputs)
        examples = dict(zip(names, map(as_numpy, example), strict=False))
        return _of_module(path.name, import_onnx(file, examples=examples))
    symbol, params = _exported_files(path)
    graph, arrays = export.read(symbol, params)
    return _bound(path.name, graph, arrays)


def _exported_files(path: Path) -> tuple[Path, Path]:
    """The two files of an exported network, of which `path` is one, or their common beginning."""
    prefix = re.sub(r"(-symbol\.json|-\d{4}\.params)$", "", path.name)
    symbol = path.with_name(f"{prefix}-symbol.json")
    found = sorted(path.parent.glob(f"{prefix}-[0-9][0-9][0-9][0-9].params"))
    params = path if path.suffix == ".params" else next(reversed(found), None)
    if not symbol.is_file() or params is None:
        missing = symbol.name if not symbol.is_file() else f"{prefix}-0000.params"
        raise UnsupportedError(f"{path} is no network: {missing} is not there", hint=_FILES)
    return symbol, params


def _of_block(block: HybridBlock, example: Sequence[Any] | None) -> Source:
    if example is None:
        raise CalibrationError(
            f"nothing says which inputs {type(block).__name__} takes",
            hint="give calib_data, or data_shapes=[(1, 3, 224, 224)]",
        )
    block.hybridize()
    graph, arrays = _traced(block, [_array(x) for x in example])
    return _bound(type(block).__name__, graph, arrays)


def _array(x: Any) -> ndarray:
    """An array as a network takes it: float64 of NumPy is float32 here."""
    data = as_numpy(x)
    return ndarray(data.astype(np.float32) if data.dtype == np.float64 else data)


def _traced(block: HybridBlock, arrays: Sequence[ndarray]) -> tuple[export.Graph, dict[str, Array]]:
    """The graph on the first arrays of a batch: as many as `forward` needs, else as it can take.

    What comes after them are labels.
    """
    need = _needed(block)
    counts = [n for n in (need, *range(len(arrays), 0, -1)) if 0 < n <= len(arrays)]
    problems: list[BaryonError] = []
    for count in dict.fromkeys(counts):
        try:
            return block.graph_for(*arrays[:count])
        except (BaryonError, TypeError) as error:
            if not isinstance(error, BaryonError):
                raise
            problems.append(error)
    if not problems:
        raise CalibrationError(f"{type(block).__name__} needs {need} arrays, a batch has none")
    raise problems[0]


def _needed(block: HybridBlock) -> int:
    """How many arguments `forward` needs."""
    if isinstance(block, SymbolBlock):
        return block.input_count
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(block.forward).parameters.values()
    return sum(p.kind in kinds and p.default is p.empty for p in parameters)


def _bound(name: str, graph: export.Graph, arrays: Mapping[str, Array]) -> Source:
    """A graph with its parameters as constants, which keep their names."""
    plain = {key.partition(":")[2]: array for key, array in arrays.items()}
    module, body = graph.module, graph.module.main.body
    for value in body.args[len(graph.inputs) :]:
        array = np.asarray(plain[value.name])
        key = module.add_constant(array, value.name)
        constant = Op(CONSTANT, (), (tensor_type_of(array),), {"name": key})
        constant.result.name = value.name
        body.insert(0, constant)
        value.replace_by(constant.result)
    del body.args[len(graph.inputs) :]
    _name_ops(module)
    return Source(name, module, graph.outputs)


def _name_ops(module: Module) -> None:
    """Give results of layers the layers' names: what reads 0.conv.weight makes 0.conv.

    A normalization after a layer will be folded into it, and then has the layer's name. Numbers
    alone are no names in the IR's text: what reads 0.weight makes 0.convolution.
    """
    for op in module.main.body.ops:
        owners = {v.name.rpartition(".")[0] for v in op.operands if v.name in module.constants}
        if len(op.results) != 1 or op.result.name or len(owners) != 1 or owners == {""}:
            continue
        (owner,) = owners
        before = op.operands[0].op if op.name == "npx.batch_norm" else None
        if before is not None and before.name in _LAYERS and before.result.name:
            op.result.name = before.result.name
        else:
            op.result.name = f"{owner}.{op.name.rpartition('.')[2]}" if owner.isdigit() else owner
