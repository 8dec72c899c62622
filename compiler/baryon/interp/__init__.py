"""The meaning of the IR: every op by its NumPy reference, in order. Slow, simple, and the judge.

Kernels, passes and gradients are compared with it; with `precise=True` it computes all floating
point in float64, so that what remains is the error of the other side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from baryon.ir import (
    CONSTANT,
    RETURN,
    Array,
    IRTypeError,
    Module,
    Op,
    Region,
    Sym,
    Value,
    dtype_of,
)
from baryon.ops import TABLE
from baryon.ops.control import RUN, attrs_in
from baryon.ops.structure import FUSED


def run(
    module: Module, inputs: Sequence[Array], *, func: str = "main", precise: bool = False
) -> list[Array]:
    """Outputs of a function on arrays in the order of its arguments.

    precise: floating-point inputs and constants are widened to float64 first.
    Raises IRTypeError for an input that is fixed to another value.
    """
    if func == "main":
        _check_fixed(module, inputs)
    constants = {k: _widen(v) for k, v in module.constants.items()} if precise else module.constants
    body = module.funcs[func].body
    sizes = _symbol_sizes(body, inputs)
    arrays = [_widen(x) if precise else x for x in inputs]
    return Interpreter(constants, sizes).region(body, arrays)


def _check_fixed(module: Module, inputs: Sequence[Array]) -> None:
    arrays = {v.name: x for v, x in zip(module.main.inputs, inputs, strict=True)}
    for name, constant in module.fixed.items():
        if arrays[name].tobytes() != module.constants[constant].tobytes():
            raise IRTypeError(f"the input {name!r} is fixed to {module.constants[constant]}")


def _symbol_sizes(body: Region, inputs: Sequence[Array]) -> dict[str, int]:
    """What the shapes of the inputs say about symbolic dimensions."""
    pairs = [
        pair
        for arg, x in zip(body.args, inputs, strict=True)
        for pair in zip(arg.type.shape, x.shape, strict=True)
    ]
    return {dim.name: size // dim.factor for dim, size in pairs if isinstance(dim, Sym)}


def _widen(array: Array) -> Array:
    dtype = dtype_of(array.dtype)
    return array.astype(np.float64) if dtype.is_float and not dtype.is_small else array


class Interpreter:
    """Evaluates regions; values live in a dictionary until their last use.

    sizes: the values of symbolic dimensions, which attributes may name; ops that define a symbol
        add it.
    iterations: the numbers of the loops' iterations around the region, the innermost first.
    """

    def __init__(
        self,
        constants: Mapping[str, Array],
        sizes: Mapping[str, int],
        iterations: tuple[int, ...] = (),
    ) -> None:
        self.constants, self.iterations = constants, iterations
        self.sizes = sizes if isinstance(sizes, dict) else dict(sizes)
        self.values: dict[Value, Array] = {}

    def region(self, region: Region, args: Sequence[Array]) -> list[Array]:
        """The outputs of one region."""
        self.values.update(zip(region.args, args, strict=True))
        last_use = {v: op for op in region.ops for v in op.operands}
        for op in region.ops[:-1]:
            self.values.update(zip(op.results, self.op(op), strict=True))
            for value in {v for v in op.operands if last_use[v] is op}:
                del self.values[value]
        return [self.values[v] for v in region.outputs]

    def op(self, op: Op) -> Sequence[Array]:
        """The results of one op."""
        assert op.name != RETURN
        if op.name == CONSTANT:
            return [self.constants[str(op.attrs["name"])]]
        arrays = [self.values[v] for v in op.operands]
        if op.name == FUSED:
            return self.inner(op.regions[0], arrays)
        if op.name in RUN:
            return RUN[op.name](op, arrays, self.inner)
        opdef, attrs = TABLE[op.name], op.attrs
        for iteration in self.iterations:
            attrs = dict(attrs_in(opdef, attrs, iteration))
        results = opdef.evaluate(arrays, opdef.bind_symbols(attrs, self.sizes))
        defined = opdef.defined(op)
        if defined is not None:
            self.sizes[defined[0]] = int(results[-1].item())
        return results

    def inner(
        self, region: Region, args: Sequence[Array], iteration: int | None = None
    ) -> list[Array]:
        """The outputs of a region of an op; `iteration`: its number, where the op is a loop."""
        around = self.iterations if iteration is None else (iteration, *self.iterations)
        return Interpreter(self.constants, self.sizes, around).region(region, args)
