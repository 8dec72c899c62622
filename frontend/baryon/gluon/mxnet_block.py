"""The block of a network that MXNet exported: `SymbolBlock.imports` makes it of its two files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from baryon.array import ndarray
from baryon.atomic import FileName
from baryon.deferred.tree import flatten
from baryon.gluon.errors import CallError, DeferredInitializationError, ParameterError, here
from baryon.gluon.parameter import Parameter
from baryon.gluon.state import brief
from baryon.gluon.symbol_block import SymbolBlock
from baryon.importers.mxnet import Checkpoint, open_checkpoint
from baryon.importers.mxnet.checkpoint import read_parameters, stated_dtype, stated_shape
from baryon.ir import Array, dtype_of


class MXNetBlock(SymbolBlock):
    """A symbol of MXNet with its parameters: computed, trained, hybridized and exported as others.

    Losses at its end give predictions; a label may be passed, and is not used. The weights of
    layers that MXNet quantized are constants, not parameters.
    """

    def __init__(
        self, network: Checkpoint, inputs: Sequence[str], arrays: Mapping[str, Array]
    ) -> None:
        super(SymbolBlock, self).__init__()
        self._network, self._inputs = network, [*inputs]
        frozen = network.program.frozen & arrays.keys()
        self._constants = {name: ndarray(arrays[name]) for name in frozen}
        for name in network.program.inputs:
            if name not in inputs and name not in frozen:
                self._reg_params[name] = _parameter(network, name, arrays.get(name))

    @property
    def constants(self) -> Mapping[str, ndarray]:
        """Weights that cannot be trained."""
        return self._constants

    @property
    def input_count(self) -> int:
        """How many arrays a call takes."""
        return len(self._inputs)

    def infer_shape(self, *args: Any) -> None:
        """Refuses sizes that neither of the files tells."""
        open_ones = [n for n, p in self._reg_params.items() if not p.is_initialized and _open(p)]
        if open_ones:
            raise DeferredInitializationError(
                f"{self._network.path.name} does not know the shape of {brief(open_ones)}",
                where=here(),
                hint="pass the file of parameters to SymbolBlock.imports",
            )

    def forward(self, *args: Any) -> Any:
        """The symbol's outputs on the data."""
        data = [x for x in flatten(args) if x is not None]
        if len(data) != len(self._inputs):
            raise CallError(
                f"the network takes {len(self._inputs)} arrays ({', '.join(self._inputs)}), "
                f"but got {len(data)}",
                where=here(),
            )
        weights = self._constants | {name: p.data() for name, p in self._reg_params.items()}
        outputs = self._network.run(dict(zip(self._inputs, data, strict=True)), weights)
        return outputs[0] if len(outputs) == 1 else outputs

    def __repr__(self) -> str:
        computed = len(self._network.program.order) - len(self._network.program.inputs)
        return f"SymbolBlock({', '.join(self._inputs)}: {computed} ops)"


def read_block(
    symbol: FileName, inputs: Sequence[str], params: FileName | None, device: Any,
    allow_missing: bool, ignore_extra: bool,
) -> MXNetBlock:  # fmt: skip
    """See `SymbolBlock.imports`."""
    network = open_checkpoint(symbol, search=False)
    arrays = {} if params is None else read_parameters(params)
    _check_inputs(network, inputs, arrays)
    block = MXNetBlock(network, inputs, arrays)
    if params is not None:
        learned = {name: x for name, x in arrays.items() if name not in block.constants}
        block.load_dict(learned, device, allow_missing, ignore_extra)
    return block


def _check_inputs(network: Checkpoint, inputs: Sequence[str], arrays: Mapping[str, Array]) -> None:
    known = {node.name for node in network.program.symbol.variables}
    unknown = [name for name in inputs if name not in known]
    if unknown or len({*inputs}) != len(inputs):
        free = [name for name in network.program.inputs if name not in arrays]
        raise ParameterError(
            f"{Path(network.path).name} has no inputs {brief(unknown)}" if unknown else
            f"an input is named twice in {brief([*inputs])}",
            where=here(),
            hint=f"what has no value in the file of parameters is {brief(free)}",
        )  # fmt: skip


def _parameter(network: Checkpoint, name: str, array: Array | None) -> Parameter:
    """A parameter of the size that its array has, else of the one that the symbol says."""
    attrs = network.program.variable(name).attrs
    kind = array.dtype if array is not None else stated_dtype(attrs) or "float32"
    shape = array.shape if array is not None else stated_shape(attrs)
    is_learned = dtype_of(kind).is_float and not network.is_statistic(name)
    return Parameter(
        name, "write" if is_learned else "null", shape, kind, differentiable=is_learned,
        allow_deferred_init=True,
    )  # fmt: skip


def _open(parameter: Parameter) -> bool:
    return parameter.shape is None or any(d < 1 for d in parameter.shape)
