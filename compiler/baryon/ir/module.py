"""The module, the IR's outermost unit, and its text."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from baryon.ir.core import Array, Func
from baryon.ir.dtypes import dtype_of
from baryon.ir.printer import print_func, quote_name, quote_value
from baryon.ir.types import Dim, bind_dim

INLINE_CONSTANT = 16
"""Constants of up to this many elements are printed in full."""


@dataclass(eq=False)
class Module:
    """Functions, the payload of large constants, and the bounds of symbolic dimensions.

    constants: arrays that `ir.constant` ops refer to by name.
    symbols: for each symbolic dimension its smallest and largest value.
    fixed: inputs of `main` that decided shapes and so have to be what they were then: for each, by
        name, the name of the constant with its value.
    """

    funcs: dict[str, Func] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    symbols: dict[str, tuple[int, int]] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    _taken: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    """For each hint the number up to which names are taken, as long as no constant goes."""
    _count: int = field(default=0, init=False, repr=False)

    @property
    def main(self) -> Func:
        """The entry function, `main`."""
        return self.funcs["main"]

    def add_constant(self, array: Array, hint: str = "c") -> str:
        """Store an array under a new name made from `hint`; returns the name."""
        if len(self.constants) != self._count:  # some are gone, and their names are free again
            self._taken.clear()
        n = self._taken.get(hint, 0)
        name = f"{hint}_{n}" if n else hint
        while name in self.constants:
            n += 1
            name = f"{hint}_{n}"
        self._taken[hint] = n
        self.constants[name] = array
        self._count = len(self.constants)
        return name

    def largest(self, dim: Dim) -> int:
        """The value of a dimension with its symbol at the maximum."""
        return bind_dim(dim, {name: high for name, (_, high) in self.symbols.items()})

    def fresh_symbol(self, hint: str = "k") -> str:
        """A name that no symbol has, made from `hint`."""
        name, n = hint, 0
        while name in self.symbols:
            n += 1
            name = f"{hint}{n}"
        return name

    def __str__(self) -> str:
        return print_module(self)


def print_module(module: Module, *, locs: bool = True) -> str:
    """The text of a module; `locs` adds the source lines of the ops."""
    lines = [f"  symbol {name} in {lo}..{hi}" for name, (lo, hi) in module.symbols.items()]
    lines += [_constant(name, array) for name, array in module.constants.items()]
    lines += [
        f"  fixed %{quote_value(name)} = @{quote_name(constant)}"
        for name, constant in module.fixed.items()
    ]
    for func in module.funcs.values():
        lines += [*([""] if lines else []), print_func(func, locs=locs, indent="  ")]
    return "\n".join(["module {", *lines, "}"]) + "\n"


def _constant(name: str, array: Array) -> str:
    dims = ",".join(map(str, array.shape))
    type = f"{dtype_of(array.dtype)}[{dims}]"
    return f"  constant @{quote_name(name)} : {type} = {_payload(array)}"


def _payload(array: Array) -> str:
    if 0 < array.size <= INLINE_CONSTANT:
        return "(" + ", ".join(map(_element, array.reshape(-1))) + ")"
    if array.size and _is_splat(array):
        return f"splat({_element(array[(0,) * array.ndim])})"
    return "external" if array.size else "()"


def _is_splat(array: Array) -> bool:
    """Whether all elements have the same bits; large arrays are mostly told by their first few."""
    if all(step == 0 for step, size in zip(array.strides, array.shape, strict=True) if size > 1):
        return True
    bits = array.view(f"u{array.dtype.itemsize}")
    first = bits[(0,) * array.ndim]
    few = bits[(0,) * (array.ndim - 1)][: 2 * INLINE_CONSTANT]
    return bool((few == first).all() and (bits == first).all())


def _element(x: np.generic) -> str:
    return repr(x.item())
