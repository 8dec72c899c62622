"""Options for networks in two files that do not say the shapes of their inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from baryon.ir import BaryonError, dtype_of


@dataclass(frozen=True)
class Example:
    """The type of an input; `name` is empty for the next one in order."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ShapeOf(click.ParamType["Example"]):
    """NAME=1x3x224x224, with :int32 behind it for another element type than float32."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Example:
        """The type that the text says."""
        if isinstance(value, Example):
            return value
        name, equals, rest = str(value).rpartition("=")
        sizes, _, kind = rest.partition(":")
        try:
            shape = tuple(map(int, sizes.lower().replace(",", "x").split("x")))
            dtype = dtype_of(kind or "float32").numpy
        except (ValueError, BaryonError):
            self.fail(f"{value!r} is not a shape such as data=1x3x224x224:float32", param, ctx)
        if any(d < 1 for d in shape):
            self.fail(f"{value!r} has a size below 1", param, ctx)
        return Example(name if equals else "", shape, dtype)


SHAPES_OPTION = click.option(
    "--shape",
    "shapes",
    type=ShapeOf(),
    multiple=True,
    metavar="NAME=SHAPE[:TYPE]",
    help="Of a -symbol.json: the shape of an input, such as data=1x3x224x224 or words=1x128:int32.",
)
PARAMS_OPTION = click.option(
    "--params",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of a -symbol.json: the file with its parameters. [default: the one beside it]",
)


def foreign_options(
    model: Path, shapes: tuple[Example, ...], params: Path | None
) -> dict[str, Any]:
    """What `to_module` takes besides the model. UsageError for other kinds of models."""
    if model.suffix != ".json":
        if shapes or params is not None:
            raise click.UsageError("--shape and --params are for a -symbol.json of MXNet.")
        return {}
    named = {s.name: s for s in shapes if s.name}
    if named and len(named) < len(shapes):
        raise click.UsageError("--shape: give the names of all inputs, or of none.")
    return {"inputs": (named,) if named else shapes, "params": params}
