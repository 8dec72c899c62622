"""Every op of the registry is written in ONNX, or there is a reason why not.

Its samples are exported, checked, and run by ONNX Runtime (by the standard's reference where that
has no kernel for float64); the interpreter is the judge.
"""

from __future__ import annotations

import pytest

from baryon.exporters.onnx.form import Form, NoForm
from baryon.exporters.onnx.kernels import KERNELS, carrier
from baryon.exporters.onnx.model import OLDEST
from baryon.exporters.onnx.table import table
from baryon.ir import DTYPES
from baryon.ops import TABLE, Absent, OpDef, Sample, lookup
from baryon.ops.samples import draw, module_of
from exporters.onnx_runs import compare

WRITTEN = [op for op in TABLE.values() if isinstance(table().get(op.name), Form)]
CASES = [
    pytest.param(op, sample, symbolic, id=f"{op.name}-{i}{'-symbolic' if symbolic else ''}")
    for op in WRITTEN
    if not isinstance(op.samples, Absent)
    for i, sample in enumerate(op.samples)
    for symbolic in ((False, True) if sample.batch else (False,))
]


@pytest.mark.parametrize("name", TABLE)
def test_each_op_has_a_form_or_a_reason(name: str) -> None:
    form = table().get(name)
    assert form is not None, f"say in exporters/onnx how {name} is written, or why it is not"
    assert isinstance(form, Form) or len(form.why) > 10


def test_nothing_is_declared_that_is_no_op() -> None:
    assert set(table()) <= set(TABLE)


@pytest.mark.parametrize(("op", "sample", "symbolic"), CASES)
def test_what_is_written_means_the_same(op: OpDef, sample: Sample, symbolic: bool) -> None:
    compare(module_of(op, sample, lookup, symbolic), draw(sample))


@pytest.mark.parametrize("name", ["np.add", "npx.gelu", "npx.layer_norm", "np.max", "npx.lstm"])
def test_older_opset(name: str) -> None:
    op = TABLE[name]
    assert not isinstance(op.samples, Absent)
    sample = op.samples[0]
    proto = compare(module_of(op, sample, lookup), draw(sample), opset=OLDEST)
    assert proto.opset_import[0].version == OLDEST


def test_wider_types_hold_the_narrow_ones() -> None:
    for op, known in KERNELS.items():
        for name, dtype in DTYPES.items():
            wide = carrier(op, dtype)
            assert wide == dtype or wide.name in known
            assert name in known or wide.bits >= dtype.bits


def test_refusal_names_the_op_and_why() -> None:
    reasons = {op.name: op.why for op in table().values() if isinstance(op, NoForm)}
    assert "ir.fused" in reasons
    assert all(not why.endswith(".") for why in reasons.values())
