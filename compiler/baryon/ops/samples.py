"""Modules and inputs made from the samples in op declarations, for contract tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from baryon.ir import (
    DTYPES,
    RETURN,
    Array,
    Builder,
    DType,
    Func,
    Lookup,
    Module,
    Op,
    Region,
    Sym,
    TensorType,
    Value,
)
from baryon.ops.opdef import OpDef, Sample

SYMBOL = "N"


def operand_dtypes(sample: Sample) -> list[DType]:
    """The dtype of each operand."""
    names = sample.dtypes if len(sample.dtypes) > 1 else sample.dtypes * len(sample.shapes)
    return [DTYPES[name] for name in names]


def operand_types(sample: Sample, symbolic: bool = False) -> list[TensorType]:
    """The type of each operand; with the symbol N at axis 0 where the sample allows it."""
    types = map(TensorType, sample.shapes, operand_dtypes(sample))
    if not symbolic:
        return list(types)
    return [
        t.with_shape((Sym(SYMBOL), *t.shape[1:])) if i in sample.batch else t
        for i, t in enumerate(types)
    ]


def draw(sample: Sample, seed: int = 0) -> list[Array]:
    """Random inputs in the range that the sample wants, the same for the same seed."""
    rng = np.random.default_rng(seed)
    low, high = (0.1, 2.0) if sample.positive else (-2.0, 2.0)
    return [
        np.asarray(
            rng.uniform(low, high, shape) if dtype.is_float else rng.integers(0, sample.high, shape)
        ).astype(dtype.numpy)
        for shape, dtype in zip(sample.shapes, operand_dtypes(sample), strict=True)
    ]


def module_of(opdef: OpDef, sample: Sample, lookup: Lookup, symbolic: bool = False) -> Module:
    """A module whose `main` takes the operands and returns the results of one op."""
    types = operand_types(sample, symbolic)
    region = Region(types, [f"x{i}" for i in range(len(types))])
    module = Module(symbols={SYMBOL: (1, 64)} if symbolic else {})
    results = Builder(module, region, lookup).emit(
        opdef.name, region.args, opdef.normalize(sample.attrs)
    )
    module.funcs["main"] = close(region, results)
    return module


def close(region: Region, outputs: Sequence[Value]) -> Func:
    """The function `main` that returns these values."""
    region.append(Op(RETURN, outputs, ()))
    return Func("main", region, [f"y{i}" for i in range(len(outputs))])
