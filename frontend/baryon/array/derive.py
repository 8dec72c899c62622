"""Functions of `np` and `npx`, derived from the op declarations.

A derived function has the signature, the docstring and the name that the declaration gives.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Mapping
from typing import Any

from baryon.array.border import bordered, manual
from baryon.array.calls import calls
from baryon.array.fast import shortcut
from baryon.array.write import stored
from baryon.ir import DType
from baryon.ops import REQUIRED, TABLE, OpDef, Param

_EMPTY = inspect.Parameter.empty
_KIND = inspect.Parameter.POSITIONAL_OR_KEYWORD

ANNOTATIONS: Mapping[str, str] = {
    "bool": "bool",
    "dtype": "DTypeLike",
    "float": "float",
    "floats": "Sequence[float]",
    "int": "int",
    "int_or_ints": "Axes",
    "ints": "Axes",
    "number": "Number",
    "shape": "Shape",
    "str": "str",
}
"""For each kind of attribute the annotation in signatures and stubs."""


def public_ops(space: str) -> dict[str, OpDef]:
    """The ops of a public module by their names in it."""
    return {d.name.split(".")[1]: d for d in TABLE.values() if d.namespace == space}


def namespace(space: str, with_out: Container[str] = ()) -> dict[str, Callable[..., Any]]:
    """The derived functions of a module; those named in `with_out` take `out` last."""
    return {
        name: derived(opdef, takes_out=name in with_out)
        for name, opdef in public_ops(space).items()
    }


def derived(opdef: OpDef, *, takes_out: bool) -> Callable[..., Any]:
    """The function that calls one op."""
    border = bordered(manual(opdef.namespace, opdef.name.split(".")[1]))
    own_arguments = len(opdef.operands) + len(opdef.params)
    short = shortcut(opdef.name)

    def function(*args: Any, **kwargs: Any) -> Any:
        return calls.call(opdef, args, kwargs)

    def function_out(*args: Any, **kwargs: Any) -> Any:
        if short is not None and len(args) == own_arguments and not kwargs:
            return short(*args)
        out = args[own_arguments] if len(args) > own_arguments else kwargs.pop("out", None)
        return stored(calls.call(opdef, args[:own_arguments], kwargs), out)

    made: Any = border(function_out if takes_out else function)
    made.__name__ = made.__qualname__ = opdef.name.split(".")[1]
    made.__module__ = f"baryon.{opdef.namespace}"
    made.__signature__ = signature_of(opdef, takes_out=takes_out)
    made.__doc__ = _doc(opdef, takes_out)
    return made  # type: ignore[no-any-return]


def signature_of(opdef: OpDef, *, takes_out: bool) -> inspect.Signature:
    """Operands, then attributes, then `out` if the function takes it."""
    parameters = [_operand(name) for name in opdef.operands]
    for param in opdef.params:
        after_optional = bool(parameters) and parameters[-1].default is not _EMPTY
        parameters.append(_attribute(param, needs_default=after_optional))
    if takes_out:
        parameters.append(_parameter("out", "ndarray | None", None))
    return inspect.Signature(parameters, return_annotation="ndarray")


def _parameter(name: str, annotation: str, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, _KIND, default=default, annotation=annotation)


def _operand(name: str) -> inspect.Parameter:
    plain = name.strip("*?")
    if name.startswith("*"):
        return _parameter(plain, "Sequence[ArrayLike]", _EMPTY)
    optional = name.endswith("?")
    return _parameter(
        plain, "ArrayLike | None" if optional else "ArrayLike", None if optional else _EMPTY
    )


def _attribute(param: Param, *, needs_default: bool) -> inspect.Parameter:
    annotation = ANNOTATIONS[param.kind.removesuffix("?")] + (" | None" if param.optional else "")
    default = param.default.numpy.name if isinstance(param.default, DType) else param.default
    if default is REQUIRED:
        default = None if needs_default else _EMPTY
        annotation += " | None" if needs_default else ""
    return _parameter(param.name, annotation, default)


def _doc(opdef: OpDef, takes_out: bool) -> str:
    attributes = [f"{p.name}: {p.doc}." for p in opdef.params]
    if takes_out:
        attributes.append("out: an array of the result's shape and dtype, which gets the result.")
    return "\n".join([opdef.doc, *(["", *attributes] if attributes else [])])
