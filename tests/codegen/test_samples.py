"""Every op's kernel gives what the op means, on the op's own samples."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from baryon.codegen.kernels import FAMILIES
from baryon.ir import Builder, Func, Module, Op, Region, TensorType, dtype_of
from baryon.ops import TABLE, Absent, Lowering, OpDef, Role, Sample, lookup
from codegen.harness import Case, compile_cases

TESTED_ELSEWHERE = ("implicit_gemm", "deconvolution")
TOLERANCE = {"f16": 2e-3, "bf16": 2e-2, "f64": 1e-12}


def family_of(opdef: OpDef) -> str | None:
    """The kind of a group of this op alone."""
    if not isinstance(opdef.lowering, Lowering) or opdef.role in (Role.VIEW, Role.STRUCTURE):
        return None
    kind = opdef.lowering.family or opdef.role.value
    # products and convolutions have tests of their own
    return kind if kind in FAMILIES and kind not in TESTED_ELSEWHERE else None


def types_of(sample: Sample) -> list[TensorType]:
    """The types of a sample's operands."""
    dtypes = sample.dtypes if len(sample.dtypes) > 1 else sample.dtypes * len(sample.shapes)
    return [TensorType(s, dtype_of(d)) for s, d in zip(sample.shapes, dtypes, strict=True)]


def sample_text(opdef: OpDef, sample: Sample) -> str:
    """A module whose @main is the op on operands of the sample's types."""
    module = Module()
    body = Region(types_of(sample))
    builder = Builder(module, body, lookup)
    results = builder.emit(opdef.name, body.args, opdef.normalize(sample.attrs))
    builder.ret(results)
    module.funcs["main"] = Func("main", body, [f"o{i}" for i in range(len(results))])
    return str(module)


OPS = [op for op in TABLE.values() if family_of(op) and not isinstance(op.samples, Absent)]


@pytest.mark.parametrize("opdef", OPS, ids=lambda op: op.name)
def test_kernel_means_the_op(opdef: OpDef) -> None:
    assert not isinstance(opdef.samples, Absent)
    cases = [
        Case(sample_text(opdef, s), family_of(opdef) or "", positive=s.positive, high=s.high)
        for s in opdef.samples
        if not opdef.beyond_kernel(types_of(s))
    ]
    compile_cases(cases)
    for case in cases:
        tolerance = max(TOLERANCE.get(d, 2e-6) for d in _dtypes(case.group.body))
        case.check(rtol=tolerance, atol=tolerance)


def _dtypes(ops: Sequence[Op]) -> list[str]:
    return [v.type.dtype.name for op in ops for v in (*op.operands, *op.results)]
