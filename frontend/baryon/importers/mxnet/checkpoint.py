"""The two files of a trained network: its symbol and its parameters.

What the parameters have is known by its name, with or without the prefixes `arg:` and `aux:`; the
other variables are inputs. Labels that only losses read are neither.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baryon.array import mode_of, ndarray
from baryon.array.files import FileError, load_arrays
from baryon.deferred import trace
from baryon.importers.errors import ModelError
from baryon.importers.mxnet.attributes import Attributes, dtype, whole
from baryon.importers.mxnet.missing import refuse_missing
from baryon.importers.mxnet.program import Program
from baryon.importers.mxnet.reader import load_json, parse_symbol
from baryon.ir import Array, Module

PathLike = str | os.PathLike[str]

_PREFIXES = ("arg:", "aux:")
_SUFFIX = "-symbol.json"
_STATISTICS = (
    frozenset({
        "BatchNorm", "BatchNorm_v1", "CuDNNBatchNorm", "_npx_batch_norm", "_npx_sync_batch_norm",
        "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU", "_npx_batch_norm_with_relu",
    }),
    (3, 4),
)  # fmt: skip
"""Operators with inputs that training updates by itself, and which."""


@dataclass(frozen=True)
class Spec:
    """The type of an input."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Checkpoint:
    """A network: its program, and arrays by the names of its variables.

    params: the file that they are from. inputs: the variables that have none, in order.
    """

    path: Path
    params: Path | None
    program: Program
    arrays: Mapping[str, Array]
    inputs: tuple[str, ...]

    def run(self, data: Mapping[str, ndarray], weights: Mapping[str, ndarray]) -> list[ndarray]:
        """The outputs."""
        return self.program.run({**weights, **data})

    def error(self, message: str, hint: str | None = None) -> ModelError:
        """A ModelError that names the file."""
        return ModelError(message, where=str(self.path), hint=hint)

    def specs(self, examples: Sequence[Any]) -> list[Any]:
        """Something with a shape and a dtype for each input: the examples, or what the file says.

        examples: in order, or one dictionary of them by name.
        Raises ModelError where these are too few, or the file does not say all sizes.
        """
        given = self._given(examples)
        open_ones = self._unsized(given)
        if open_ones:
            hint = "give an example for each input"
            if self.params is None:
                hint += ", or name the file of the parameters: none is beside it"
            raise self.error(f"it does not say the shape of {_brief(open_ones)}", hint)
        return [given[name] if name in given else self._stated(name) for name in self.inputs]

    def unsized(self, examples: Sequence[Any]) -> list[str]:
        """The inputs whose shapes neither the file nor an example says; examples: as in `specs`."""
        return self._unsized(self._given(examples))

    def _unsized(self, given: Mapping[str, Any]) -> list[str]:
        return [name for name in self.inputs if name not in given and self._stated(name) is None]

    def _given(self, examples: Sequence[Any]) -> Mapping[str, Any]:
        """Examples by the names of inputs; ModelError for unknown names."""
        given = self._named(examples)
        unknown = sorted(given.keys() - {*self.inputs})
        if unknown:
            raise self.error(
                f"examples are given for {', '.join(map(str, unknown))}",
                f"its inputs are {_brief(self.inputs)}",
            )
        return given

    def _named(self, examples: Sequence[Any]) -> Mapping[str, Any]:
        if len(examples) == 1 and isinstance(examples[0], Mapping):
            return examples[0]
        if len(examples) > len(self.inputs):
            raise self.error(
                f"it has {len(self.inputs)} inputs, but {len(examples)} are given",
                f"its inputs are {_brief(self.inputs)}",
            )
        return dict(zip(self.inputs, examples, strict=False))

    def _stated(self, name: str) -> Spec | None:
        attributes = self.program.variable(name).attrs
        shape = stated_shape(attributes)
        if shape is None or any(d < 1 for d in shape):
            return None
        return Spec(shape, np.dtype(stated_dtype(attributes) or "float32"))

    def is_statistic(self, name: str) -> bool:
        """Whether a variable is a running statistic, which training updates by itself."""
        names, places = _STATISTICS
        return any(node.op in names and at in places for node, at in self.program.readers(name))


def _brief(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def stated_shape(attrs: Mapping[str, str]) -> tuple[int, ...] | None:
    """The shape that the file gives a variable; sizes that it leaves open are 0 or -1."""
    text = {"shape": attrs["__shape__"]} if "__shape__" in attrs else {}
    found: tuple[int, ...] | None = whole("shape", None).of(Attributes(text))
    return found


def stated_dtype(attrs: Mapping[str, str]) -> str | None:
    """The element type that the file gives a variable; -1 stands for none."""
    given = attrs.get("__dtype__", "-1")
    found: str | None = dtype().of(Attributes({"dtype": "None" if given == "-1" else given}))
    return found


def is_symbol(path: PathLike) -> bool:
    """Whether a .json file is a symbol of MXNet (or is damaged), and not a graph of baryon."""
    content = load_json(Path(path)) if Path(path).suffix == ".json" else None
    return Path(path).suffix == ".json" and not (isinstance(content, dict) and "ir" in content)


def open_checkpoint(
    path: PathLike, params: PathLike | None = None, *, search: bool = True
) -> Checkpoint:
    """The network in a `-symbol.json` and a file of parameters (`.params` or `.npz`).

    params: None for the one beside it, as in NAME-symbol.json and NAME-0000.params (with `search`,
    else there are no parameters).
    Raises ModelError for files that cannot be read or contradict themselves, and for several files
    of parameters; UnsupportedError for operators that baryon lacks, all at once.
    """
    file = Path(path)
    symbol = parse_symbol(load_json(file), str(file))
    refuse_missing(symbol, str(file))
    program = Program(symbol, str(file))
    found = Path(params) if params is not None else _beside(file) if search else None
    arrays = {} if found is None else read_parameters(found)
    inputs = tuple(name for name in program.inputs if name not in arrays)
    return Checkpoint(file, found, program, arrays, inputs)


def _beside(path: Path) -> Path | None:
    """The file of parameters beside a symbol, if there is one; ModelError if there are several."""
    prefix = re.escape(path.name.removesuffix(_SUFFIX).removesuffix(".json"))
    pattern = re.compile(prefix + r"(-\d{1,6})?\.(params|npz)")
    found = sorted(p for p in path.parent.iterdir() if pattern.fullmatch(p.name))
    if len(found) > 1:
        raise ModelError(
            f"{len(found)} files of parameters are beside it: "
            + ", ".join(p.name for p in found[:8]),
            where=str(path),
            hint="name one of them: params=... in Python, --params on the command line",
        )
    return found[0] if found else None


def read_parameters(path: PathLike) -> dict[str, Array]:
    """Arrays by the names of their variables. Raises ModelError for a file that holds none."""
    try:
        named = load_arrays(path)
    except OSError as error:
        raise ModelError(f"cannot read the file: {error.strerror}", where=str(path)) from error
    except FileError as error:
        raise ModelError(error.message, where=str(path), hint=error.hint) from error
    found = {plain_name(name): array for name, array in named.items()}
    if len(found) != len(named):
        raise ModelError("it has a parameter and an auxiliary state of one name", where=str(path))
    return found


def plain_name(name: str) -> str:
    """The name of a variable, without the prefix that files of parameters give it."""
    return name[4:] if name.startswith(_PREFIXES) else name


def import_mxnet(
    source: PathLike | Checkpoint,
    *examples: Any,
    params: PathLike | None = None,
    dynamic_axes: Mapping[Any, Mapping[int, str]] | None = None,
    dynamic_batch: int | None = None,
) -> Module:
    """Read a `-symbol.json` with its parameters into a module whose function is `main`.

    examples: arrays, or anything with a shape and a dtype, for the inputs in order; those that are
        left out need a shape in the file.
    params: the file of the parameters; None for the one beside the symbol.
    dynamic_axes, dynamic_batch: as in `mx.trace`; axes of inputs by number or name.
    Inputs, constants and outputs keep their names; each op's location is `file#node`.
    Raises what `open_checkpoint` does, and UnsupportedError for options that baryon lacks.
    """
    network = source if isinstance(source, Checkpoint) else open_checkpoint(source, params)
    given = network.specs(examples)
    weights = {name: ndarray(array) for name, array in network.arrays.items()}

    def compute(*data: ndarray) -> list[ndarray]:
        return network.run(dict(zip(network.inputs, data, strict=True)), weights)

    with mode_of(recording=False, training=False):
        module = trace(
            compute, *given, dynamic_axes=_by_number(network, dynamic_axes),
            dynamic_batch=dynamic_batch, output_names=network.program.output_names,
            constant_names={id(x): name for name, x in weights.items()},
        )  # fmt: skip
    for value, name in zip(module.main.inputs, network.inputs, strict=False):
        value.name = name
    return module


def _by_number(
    network: Checkpoint, axes: Mapping[Any, Mapping[int, str]] | None
) -> dict[int | str, Mapping[int, str]]:
    """Dynamic axes by the numbers of the inputs."""
    places = {name: i for i, name in enumerate(network.inputs)}
    return {places.get(key, key): value for key, value in (axes or {}).items()}
