"""Parameters by name as a whole: initialization, saving, loading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baryon import initializer
from baryon.array.files import load_arrays, save_arrays, save_text
from baryon.gluon.errors import ParameterError, here
from baryon.gluon.parameter import CAST, Parameter
from baryon.gluon.values import elements
from baryon.ir import Array

_PREFIXES = ("arg:", "aux:")
_SHOWN = 8
"""Names that an error lists."""


def initialize(
    parameters: Mapping[str, Parameter], init: Any, device: Any, verbose: bool, force: bool
) -> None:
    """Initialize each parameter once; see `Block.initialize`."""
    default = initializer.create("uniform" if init is None else init)
    if verbose:
        default.set_verbosity(verbose=True)
    for parameter in {id(p): p for p in parameters.values()}.values():
        parameter.initialize(None, device, default, force_reinit=force)


def values(parameters: Mapping[str, Parameter], deduplicate: bool) -> dict[str, Array]:
    """The arrays to save."""
    named = parameters
    if deduplicate:
        last = {id(p): name for name, p in parameters.items()}
        named = {name: parameters[name] for name in last.values()}
    return {name: p.data().asnumpy() for name, p in named.items()}


def load(
    parameters: Mapping[str, Parameter],
    found: Mapping[str, Any],
    source: str,
    *,
    allow_missing: bool,
    ignore_extra: bool,
    cast_dtype: bool,
    dtype_source: Any,
) -> None:
    """Check names and values, then load all of them; see `Block.load_parameters`."""
    saved = {
        name[4:] if name.startswith(_PREFIXES) else name: value for name, value in found.items()
    }
    present = {id(parameters[name]) for name in saved if name in parameters}
    missing = [n for n, p in parameters.items() if id(p) not in present]
    extra = [n for n in saved if n not in parameters]
    if missing and not allow_missing:
        _fail(f"{source} does not have", missing, [*saved], "allow_missing=True to go on without")
    if extra and not ignore_extra:
        _fail(f"{source} has parameters that the net does not:", extra, [*parameters],
              "ignore_extra=True to skip them")  # fmt: skip
    suitable = {name: value for name, value in saved.items() if name in parameters}
    _check(parameters, suitable, source, cast_dtype)
    for name, value in suitable.items():
        parameters[name].load(value, cast_dtype=cast_dtype, dtype_source=dtype_source)


def _check(
    parameters: Mapping[str, Parameter], saved: Mapping[str, Any], source: str, cast: bool
) -> None:
    """ParameterError that lists all values that do not suit: nothing is loaded then."""
    found = {
        name: parameters[name].mismatch(elements(value), cast_dtype=cast)
        for name, value in saved.items()
    }
    problems = [f"{name} {problem}" for name, problem in found.items() if problem is not None]
    if problems:
        raise ParameterError(
            f"{source} does not suit the net: {brief(problems)}", where=here(), hint=CAST
        )


def _fail(what: str, names: list[str], others: list[str], option: str) -> None:
    raise ParameterError(
        f"{what} {brief(names)}",
        where=here(),
        hint=f"the other side has {brief(others)}; pass {option}",
    )


def brief(names: list[str]) -> str:
    """The first names of a list."""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "nothing") + rest


def save_model(prefix: str, outline: Any, parameters: Mapping[str, Parameter]) -> None:
    """Write <prefix>-model.json and <prefix>-model.params."""
    save_arrays(f"{prefix}-model.params", values(parameters, deduplicate=False))
    save_text(f"{prefix}-model.json", json.dumps({"baryon": "model", "tree": outline}, indent=1))


def read_model(prefix: str, outline: Any) -> dict[str, Array]:
    """The parameters of a saved model, whose tree must be `outline`."""
    path = Path(f"{prefix}-model.json")
    try:
        tree = json.loads(path.read_text())["tree"]
        _compare(tree, outline, "the net")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(f"{path} is not what Block.save writes: {error}") from error
    return load_arrays(f"{prefix}-model.params")


def _compare(saved: Any, own: Any, where: str) -> None:
    if saved["class"] != own["class"] or saved["params"] != own["params"]:
        raise ParameterError(
            f"{where} is a {own['class']} with {brief(own['params'])}, saved was a "
            f"{saved['class']} with {brief(saved['params'])}",
            hint="make the net as it was made before save()",
        )
    if [*saved["children"]] != [*own["children"]]:
        raise ParameterError(
            f"{where} has the children {brief([*own['children']])}, saved were "
            f"{brief([*saved['children']])}"
        )
    for name, child in own["children"].items():
        _compare(saved["children"][name], child, f"{where}.{name}")
