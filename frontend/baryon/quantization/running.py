"""Runs modules on arrays: compiled, or by the interpreter where there is no kernel for an op."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from baryon.build import Options, build, in_process
from baryon.interp import run
from baryon.ir import (
    Array,
    Builder,
    Module,
    UnsupportedError,
    Value,
    parse_module,
    print_module,
)
from baryon.ops import lookup

Runner = Callable[[Sequence[Array]], list[Array]]


def copied(module: Module) -> Module:
    """A copy that shares the payload of constants."""
    return parse_module(print_module(module), constants=dict(module.constants))


def values_by_name(module: Module) -> dict[str, Value]:
    """The values of `main` by name."""
    body = module.main.body
    return {v.name: v for v in (*body.args, *(r for op in body.ops for r in op.results))}


def with_outputs(module: Module, names: Iterable[str]) -> Module:
    """A copy that returns the named values after its own outputs."""
    made = copied(module)
    values, func = values_by_name(made), made.main
    names = list(names)
    before = list(func.outputs)
    func.body.terminator.erase()
    Builder(made, func.body, lookup).ret([*before, *(values[name] for name in names)])
    func.output_names = [f"output{i}" for i in range(len(before) + len(names))]
    return made


def runner(module: Module, batch: int, precision: str = "fp32", target: str = "native") -> Runner:
    """What computes the module's outputs; the module is used up.

    batch: the largest size of symbolic dimensions, which says how much memory a run takes.
    """
    for name, (low, high) in module.symbols.items():
        module.symbols[name] = (low, max(min(high, batch), low))
    text = print_module(module)
    constants = dict(module.constants)
    try:
        executable = in_process(build(module, Options(target, precision)))
    except UnsupportedError:
        slow = parse_module(text, constants=constants)
        return lambda arrays: run(slow, arrays)
    return lambda arrays: [np.asarray(y) for y in executable(*arrays)]
