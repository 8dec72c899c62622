"""Convolutions over three spatial axes mean the same as what `expand` makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.interp import run
from baryon.ir import Builder, Dim, Func, Module, Region, Sym, TensorType, dtype_of, verify
from baryon.ops import TABLE, Absent, OpDef, Sample, lookup
from baryon.ops.volumes import RANK
from baryon.passes.expand import Expand

OPS = ("npx.convolution", "npx.deconvolution", "ir.convolution_weight_gradient")


def samples() -> Iterator[tuple[OpDef, Sample]]:
    for opdef in map(TABLE.__getitem__, OPS):
        assert not isinstance(opdef.samples, Absent)
        yield from ((opdef, s) for s in opdef.samples if len(s.shapes[0]) == RANK)


def module_of(opdef: OpDef, sample: Sample, symbolic: bool) -> Module:
    """A module of the op; symbolic: the batch is N, of at most 4."""
    module = Module()
    if symbolic:
        module.symbols["N"] = (1, 4)
    batch = sample.batch if symbolic else ()
    shapes: list[tuple[Dim, ...]] = [
        (Sym("N"), *s[1:]) if i in batch else s for i, s in enumerate(sample.shapes)
    ]
    types = [TensorType(s, dtype_of("f32")) for s in shapes]
    body = Region(types, [f"x{i}" for i in range(len(types))])
    builder = Builder(module, body, lookup)
    builder.ret(builder.emit(opdef.name, body.args, opdef.normalize(sample.attrs)))
    module.funcs["main"] = Func("main", body, ["y"])
    return module


@pytest.mark.parametrize(("opdef", "sample"), [*samples()])
@pytest.mark.parametrize("symbolic", [False, True])
def test_planes_mean_what_volumes_do(opdef: OpDef, sample: Sample, symbolic: bool) -> None:
    rng = np.random.default_rng(3)
    inputs = [rng.normal(size=s).astype(np.float32) for s in sample.shapes]
    module = module_of(opdef, sample, symbolic and bool(sample.batch))
    want: Any
    expanded: Any
    (want,) = run(module, inputs)
    (compiled,) = mx.compile(module)(*inputs)
    assert Expand().run(module)
    verify(module, lookup)
    left = [op for op in module.funcs["main"].body.ops if op.name in OPS]
    assert all(v.type.rank < RANK for op in left for v in op.operands)
    (expanded,) = run(module, inputs)
    np.testing.assert_allclose(expanded, want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(compiled, want, rtol=1e-5, atol=1e-5)
