"""`mx.trace`: run a function on traced arrays and keep what it computed.

Which trace records is a context variable, so that traces in threads and in asyncio tasks do not see
each other, and a trace inside a traced function is a module of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from baryon.deferred.recorder import Trace
from baryon.deferred.tree import paths
from baryon.ir import Dim, IRTypeError, Module, Sym, TensorType, dtype_of

DEFAULT_MAX = 16
"""The largest value of a symbol for which no bounds are given."""

DynamicAxes = Mapping[int | str, Mapping[int, str]]
Bounds = int | tuple[int, int]


def trace(
    f: Callable[..., Any],
    *example_inputs: Any,
    dynamic_axes: DynamicAxes | None = None,
    dynamic_batch: int | None = None,
    symbols: Mapping[str, Bounds] | None = None,
    output_names: Sequence[str] | None = None,
    constant_names: Mapping[int, str] | None = None,
) -> Module:
    """The module whose function `main` computes what `f` does.

    example_inputs: the arguments of `f`. Arrays in them (ours, NumPy's, or anything with `shape`
        and `dtype`; also inside tuples, lists and dicts) become inputs, of which only shape and
        dtype matter; everything else is passed to `f` as it is. Inputs are named after the
        parameters of `f` (`x`, or `x.0` inside a tuple).
    dynamic_axes: for an input's index or name, axes and their symbols: {0: {0: "N"}}.
    dynamic_batch: axis 0 of every input is the symbol N in 1..dynamic_batch.
    symbols: for a symbol its largest value, or (smallest, largest); 1..16 if it is not given.
    output_names: names of the arrays that `f` returns, in the order in which tuples, lists and
        dicts are walked. By default `output`, or `output.0`, `output.name` and so on, or the keys
        of a dict that `f` returns.
    constant_names: names for constants, by the id of the array that they come from.

    Arrays that `f` uses but does not take (weights) become constants, each once. If `f` draws
    random numbers, the module has one more input, the key `rng_key`.
    Raises TraceError where `f` asks a traced array for elements, with the line that did.
    """
    arguments = dict(zip(_parameter_names(f, len(example_inputs)), example_inputs, strict=True))
    leaves = [(name, leaf) for name, leaf in paths(arguments, "") if _is_array(leaf)]
    plan = _Symbols(leaves, dynamic_axes or {}, dynamic_batch, symbols or {})
    recorder = Trace(plan.types, [name for name, _ in leaves], plan.bounds, names=constant_names)
    with recorder.recording(arguments, _is_array) as call:
        return recorder.finish(f(*call.values()), output_names)


def _parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    try:
        names = [*inspect.signature(f).bind(*range(count)).arguments.items()]
    except ValueError:  # a builtin without a signature
        return [f"input{i}" for i in range(count)]
    return [n for name, value in names for n in _spread(name, value)]


def _spread(name: str, value: Any) -> list[str]:
    """The names of a parameter's arguments: those of `*args` are numbered."""
    return [f"{name}.{i}" for i in range(len(value))] if isinstance(value, tuple) else [name]


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


class _Symbols:
    """Types of the inputs, symbols in place of dynamic axes, and the bounds of the symbols."""

    def __init__(
        self, leaves: Sequence[tuple[str, Any]], axes: DynamicAxes, batch: int | None,
        bounds: Mapping[str, Bounds],
    ) -> None:  # fmt: skip
        self.bounds: dict[str, tuple[int, int]] = {}
        self.given = dict(bounds) if batch is None else {"N": batch, **bounds}
        unknown = set(axes) - set(range(len(leaves))) - {name for name, _ in leaves}
        if unknown:
            raise IRTypeError(
                f"dynamic_axes names {sorted(map(str, unknown))}",
                hint=f"inputs: {', '.join(name for name, _ in leaves)}",
            )
        self.types = [
            self.type(leaf, {
                **({0: "N"} if batch is not None else {}), **axes.get(i, {}), **axes.get(name, {}),
            })
            for i, (name, leaf) in enumerate(leaves)
        ]  # fmt: skip

    def type(self, leaf: Any, axes: Mapping[int, str]) -> TensorType:
        dims: list[Dim] = [d if isinstance(d, Sym) else int(d) for d in leaf.shape]
        for axis, name in axes.items():
            if not -len(dims) <= axis < len(dims):
                raise IRTypeError(f"dynamic axis {axis} of an input of the shape {tuple(dims)}")
            dims[axis] = self.symbol(name)
        return TensorType(tuple(dims), dtype_of(leaf.dtype))

    def symbol(self, name: str) -> Sym:
        bounds = self.given.get(name, DEFAULT_MAX)
        self.bounds[name] = bounds if isinstance(bounds, tuple) else (1, bounds)
        return Sym(name)
