"""The compiled form of a function: traced and compiled once for each signature of its calls."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from baryon.array import ArrayBase, is_recording, is_training, ndarray, recorder, wrap
from baryon.deferred.graph import Graph, trace_call, with_gradients
from baryon.deferred.tracing import trace
from baryon.deferred.tree import flatten, rebuild
from baryon.ir import Module, UnsupportedError, caller_loc
from baryon.passes import switched_off

Run = Callable[[Any, Sequence[ndarray]], Any]
"""Takes the arguments and the arrays in them."""


def _not_compiled(arguments: Any, arrays: Sequence[ndarray]) -> Any:
    raise AssertionError("the caller compiles first")


_NOTHING: tuple[Graph | None, Run] = (None, _not_compiled)


class EagerWarning(UserWarning):
    """A hybridized block runs eagerly, because something in it has no kernel."""


class Cached:
    """A function that runs as machine code.

    variables: gives the arrays (parameters, running statistics) that the function reads besides its
        arguments; their elements may change between calls. Other arrays that it reads become
        constants; writing into one makes the next call compile again. name: for messages.
    patterns: as of `mx.compile`; with the variables of the environment that switch some off, they
        are read now, not at each call. precision: as of `mx.compile`; of calls outside
        `autograd.record()`.

    Each new combination of shapes and dtypes of the arguments is traced and compiled when it is
    first called; so is a call under `autograd.record()`, whose forward and backward passes are
    compiled together. Ops without a kernel run on the host between the compiled parts; a call that
    cannot be compiled even so runs eagerly, with an EagerWarning.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        variables: Callable[[], Sequence[ndarray]],
        name: str = "",
        patterns: str | Iterable[str] = "all",
        precision: str = "fp32",
    ) -> None:
        self._function, self._variables = function, variables
        self._name = name or getattr(function, "__name__", "function")
        self._off, self._precision = switched_off(patterns, os.environ), precision
        self._programs: dict[Hashable, tuple[Graph | None, Run]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """The function's result. Raises TraceError for what cannot be traced."""
        if recorder() is not None:  # part of a bigger trace
            return self._function(*arguments)
        arguments, arrays, key = _signature(arguments)
        return self._prepared(arguments, arrays, key)(arguments, arrays)

    def _prepared(self, arguments: Any, arrays: Sequence[ndarray], key: Hashable) -> Run:
        """What runs a call with this signature, compiled now if it is the first."""
        mask = self._mask(arrays) if is_recording() else None
        full = (key, is_training(), mask)
        graph, program = self._programs.get(full, _NOTHING)
        if graph is None or graph.is_stale:
            graph, program = self._programs[full] = self._compile(arguments, arrays, mask)
        return program

    def compile(self, *arguments: Any) -> None:
        """Do what the first call on such arguments does, without running it."""
        self._prepared(*_signature(arguments))

    def module(self, *arguments: Any) -> Module:
        """The graph of a call, with the variables as constants."""
        return trace(self._function, *arguments)

    def _mask(self, arrays: Sequence[ndarray]) -> tuple[bool, ...] | None:
        """Which arguments and variables need gradients; None if none does."""
        mask = tuple([x.needs_gradient for x in (*arrays, *self._variables())])
        return mask if True in mask else None

    def _compile(
        self, arguments: Any, arrays: Sequence[ndarray], mask: tuple[bool, ...] | None
    ) -> tuple[Graph, Run]:
        variables = list(self._variables())
        graph = trace_call(self._function, arguments, variables)
        try:
            if mask is not None:
                needing = {id(v) for v in variables if v.needs_gradient}
                wanted = [i for i in range(len(arrays)) if mask[i]]
                wanted += [
                    i for i, v in enumerate(graph.variables, len(arrays)) if id(v) in needing
                ]
                graph = with_gradients(graph, wanted)
            # loads TVM, for which programs that compile nothing should not wait
            program = importlib.import_module("baryon.deferred.program")
            precision = self._precision if mask is None else "fp32"
            return graph, program.Program(graph, self._function, self._off, precision)
        except UnsupportedError as error:
            at = caller_loc("baryon")
            message = f"{self._name} runs eagerly: {error.message} (at {error.where})"
            warnings.warn_explicit(message, EagerWarning, at.source, at.line)
            return graph, lambda given, _: self._function(*given)


def _signature(arguments: tuple[Any, ...]) -> tuple[Any, Sequence[ndarray], Hashable]:
    """The arguments without arrays of NumPy, the arrays in them, and what they look like."""
    if all(type(x) is ndarray for x in arguments):
        return arguments, arguments, tuple([(x._data.shape, x._data.dtype) for x in arguments])
    ours = rebuild(arguments, lambda x: wrap(x.copy()) if isinstance(x, np.ndarray) else x)
    leaves = flatten(ours)
    arrays = [x for x in leaves if isinstance(x, ArrayBase)]
    shape = rebuild(ours, lambda x: (x.shape, x.dtype) if isinstance(x, ArrayBase) else _Plain(x))
    return ours, arrays, _frozen(shape)  # type: ignore[return-value]


class _Plain(tuple[Any, ...]):
    """A leaf that is no array: calls with another value are another signature."""

    __slots__ = ()

    def __new__(cls, value: Any) -> _Plain:
        return super().__new__(cls, (type(value), value if _hashable(value) else id(value)))


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _frozen(tree: Any) -> Hashable:
    """Nested lists and dicts as tuples."""
    if isinstance(tree, dict):
        return tuple((k, _frozen(v)) for k, v in tree.items())
    if isinstance(tree, list):
        return ("list", *map(_frozen, tree))
    return tuple(map(_frozen, tree)) if type(tree) is tuple else tree
