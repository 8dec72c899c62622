"""Options for networks whose files leave the shapes of their inputs open, or are two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from baryon.ir import BaryonError, dtype_of


@dataclass(frozen=True)
class Example:
    """The type of an input, as a user says it.

    name: empty for the next one in order. shape: a string is a size that is open. given: the
    element type; None where nothing is said.
    """

    name: str
    shape: tuple[int | str, ...]
    given: np.dtype[Any] | None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type, float32 where nothing is said."""
        return self.given or np.dtype(np.float32)


class ShapeOf(click.ParamType["Example"]):
    """NAME=1x3x224x224 or NAME=1,3,224,224, with :int32 behind it for an element type.

    A size may be a name in the place of a number: NAME=batch,128.
    """

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
            parts = sizes.split(",") if "," in sizes else sizes.lower().split("x")
            shape = tuple(part if part.isidentifier() else int(part) for part in parts)
            dtype = dtype_of(kind).numpy if kind else None
        except (ValueError, BaryonError):
            self.fail(f"{value!r} is not a shape such as data=1x3x224x224:float32", param, ctx)
        if any(isinstance(d, int) and d < 1 for d in shape):
            self.fail(f"{value!r} has a size below 1", param, ctx)
        return Example(name if equals else "", shape, dtype)


SHAPES_OPTION = click.option(
    "--shape",
    "shapes",
    type=ShapeOf(),
    multiple=True,
    metavar="NAME=SHAPE[:TYPE]",
    help="The shape of an input that the file leaves open: ids=1x128, or ids=batch,128 for any "
    "batch. Of a -symbol.json also its element type: words=1x128:int32.",
)
PARAMS_OPTION = click.option(
    "--params",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of a -symbol.json: the file with its parameters. [default: the one beside it]",
)


def foreign_options(
    model: Path, shapes: tuple[Example, ...], params: Path | None
) -> dict[str, Any]:
    """What `to_module` takes besides the model. UsageError for what its kind does not take."""
    if model.suffix == ".json":
        return {"inputs": _in_order_or_named(shapes), "params": params}
    if params is not None:
        raise click.UsageError("--params is for a -symbol.json of MXNet.")
    if shapes and model.suffix != ".onnx":
        raise click.UsageError("--shape is for an .onnx file or a -symbol.json of MXNet.")
    return {"input_shapes": onnx_shapes(shapes)} if shapes else {}


def onnx_shapes(shapes: tuple[Example, ...]) -> dict[str, tuple[int | str, ...]]:
    """What `import_onnx` takes: shapes by the names of the inputs."""
    for shape in shapes:
        if not shape.name or shape.given is not None:
            raise click.UsageError(
                "--shape: for an .onnx file, whose inputs have names and element types, write "
                "NAME=SHAPE."
            )
    return {shape.name: shape.shape for shape in shapes}


def _in_order_or_named(shapes: tuple[Example, ...]) -> tuple[Any, ...]:
    named = {s.name: s for s in shapes if s.name}
    if named and len(named) < len(shapes):
        raise click.UsageError("--shape: give the names of all inputs, or of none.")
    if any(isinstance(d, str) for s in shapes for d in s.shape):
        raise click.UsageError("--shape: the sizes of a -symbol.json's inputs are numbers.")
    return (named,) if named else shapes
