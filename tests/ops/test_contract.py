"""Every op keeps the contract of its declaration, on every sample that it declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from baryon import interp
from baryon.ir import (
    DTYPES,
    Builder,
    IRTypeError,
    Module,
    Region,
    TensorType,
    f64,
    parse_module,
    print_module,
    tensor_type_of,
    verify,
)
from baryon.ops import TABLE, Absent, OpDef, Sample, lookup
from baryon.ops.numerics import Arr
from baryon.ops.samples import SYMBOL, close, draw, module_of, operand_types
from baryon.ops.structure import OPS as STRUCTURE_OPS
from baryon.ops.vjp import append_gradients

OPS = list(TABLE.values())
CASES = [(op, s) for op in OPS if not isinstance(op.samples, Absent) for s in op.samples]


def case_id(value: OpDef | Sample) -> str:
    if isinstance(value, OpDef):
        return value.name
    attrs = ",".join(f"{k}={v}" for k, v in value.attrs.items())
    return f"{value.shapes}{attrs}{value.dtypes}".replace(" ", "")


def both_forms(cases: Sequence[tuple[OpDef, Sample]]) -> list[Any]:
    """Each case as it is, and with a symbolic batch where its sample allows that."""
    forms = [(*case, symbolic) for case in cases for symbolic in (False, True)]
    return [
        pytest.param(op, s, n, id=f"{op.name}-{case_id(s)}{'-symbolic' if n else ''}")
        for op, s, n in forms
        if s.batch or not n
    ]


each_op = pytest.mark.parametrize("op", OPS, ids=case_id)
each_case = pytest.mark.parametrize(("op", "sample"), CASES, ids=case_id)


def infer(op: OpDef, types: Sequence[TensorType], sample: Sample) -> list[TensorType]:
    result = op.infer(*op.arrange(types), **op.normalize(sample.attrs))
    return [result] if isinstance(result, TensorType) else list(result)


@each_op
def test_aspects(op: OpDef) -> None:
    for aspect in (op.gradient, op.lowering, op.samples):
        assert not isinstance(aspect, Absent) or len(aspect.why) > 4
    assert op.namespace in ("np", "npx", "ir")
    assert op.doc.strip()
    assert op.doc.strip()[-1] in ".)"
    assert op.source or op in STRUCTURE_OPS
    assert all(p.doc and "\n" not in p.doc for p in op.params)
    assert len({p.name for p in op.params}) == len(op.params)


@each_op
def test_defaults_are_normalized(op: OpDef) -> None:
    for param in op.params:
        if repr(param.default) == "<required>":
            continue
        others = {p.name: p.default for p in op.params if repr(p.default) != "<required>"}
        assert others[param.name] == param.default
    if all(repr(p.default) != "<required>" for p in op.params):
        given = op.normalize({})
        assert op.normalize(given) == given


@each_op
def test_unknown_attributes_and_operands_are_refused(op: OpDef) -> None:
    with pytest.raises(IRTypeError, match=op.name):
        op.normalize({"no_such_attribute": 1})
    if not op.variadic:
        with pytest.raises(IRTypeError, match=op.name):
            op.arrange([None] * (len(op.operands) + 1))


def counts(op: OpDef, sample: Sample) -> dict[str, int]:
    """The value of the symbol that the op defines on the sample's operands; its name is empty."""
    if op.most is None:
        return {}
    most = op.most(*op.arrange(operand_types(sample)), **op.normalize(sample.attrs))
    found = int(op.evaluate(draw(sample), sample.attrs)[-1].item())
    assert isinstance(most, int)
    assert 0 <= found <= most
    return {"": found}


@each_case
def test_reference_has_the_inferred_types(op: OpDef, sample: Sample) -> None:
    arrays = draw(sample)
    before = [x.copy() for x in arrays]
    found = [tensor_type_of(y) for y in op.evaluate(arrays, sample.attrs)]
    inferred = [t.with_quant(None) for t in infer(op, operand_types(sample), sample)]
    sizes = counts(op, sample)
    assert found == [replace(t, shape=t.bound(sizes)) for t in inferred]
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


@pytest.mark.parametrize(("op", "sample"), [c for c in CASES if c[1].batch], ids=case_id)
def test_symbolic_batch(op: OpDef, sample: Sample) -> None:
    types = infer(op, operand_types(sample, symbolic=True), sample)
    size = sample.shapes[sample.batch[0]][0]
    sizes = {SYMBOL: size} | counts(op, sample)
    fixed = [replace(t, shape=t.bound(sizes)) for t in types]
    known = infer(op, operand_types(sample), sample)
    assert fixed == [replace(t, shape=t.bound(sizes)) for t in known]


@pytest.mark.parametrize(("op", "sample", "symbolic"), both_forms(CASES))
def test_text_round_trip(op: OpDef, sample: Sample, symbolic: bool) -> None:
    module = module_of(op, sample, lookup, symbolic)
    verify(module, lookup)
    text = print_module(module)
    again = parse_module(text)
    verify(again, lookup)
    assert print_module(again) == text
    arrays = draw(sample)
    for a, b in zip(interp.run(again, arrays), op.evaluate(arrays, sample.attrs), strict=True):
        np.testing.assert_array_equal(a, b)


def follows_its_operands(op: OpDef, sample: Sample) -> bool:
    """Whether floating operands decide the dtype of the result, rather than an attribute."""
    is_free = op.name != "npx.cast" and "dtype" not in sample.attrs
    return is_free and any(t.dtype.is_float for t in operand_types(sample))


@pytest.mark.parametrize(
    ("op", "sample"), [c for c in CASES if follows_its_operands(*c)], ids=case_id
)
def test_float64_in_float64_out(op: OpDef, sample: Sample) -> None:
    """The reference computes in the precision of its operands, so that it can be the judge."""
    types = infer(op, operand_types(sample), sample)
    arrays = [x.astype(np.float64) if t.dtype.is_float else x for x, t in in_order(sample)]
    for y, t in zip(op.evaluate(arrays, sample.attrs), types, strict=True):
        assert not t.dtype.is_float or y.dtype == np.float64


def in_order(sample: Sample) -> list[tuple[Arr, TensorType]]:
    return list(zip(draw(sample), operand_types(sample), strict=True))


def differentiable(op: OpDef, sample: Sample) -> bool:
    types = operand_types(sample)
    halves = any(t.dtype.name in ("f16", "bf16") for t in types)
    results = infer(op, types, sample)
    given = any(t.dtype.is_float for t in types) and any(t.dtype.is_float for t in results)
    return given and not halves and not isinstance(op.gradient, Absent)


def gradient_module(op: OpDef, sample: Sample, symbolic: bool) -> tuple[Module, set[int]]:
    """`main` takes the operands and one seed for each result; it returns the gradients.

    Operands without a gradient are returned themselves; the set names the floating ones.
    """
    module = module_of(op, sample, lookup, symbolic)
    inner = module.main.body
    types = [v.type for v in (*inner.args, *inner.outputs)]
    region = Region(types)
    builder = Builder(module, region, lookup)
    operands, seeds = region.args[: len(inner.args)], region.args[len(inner.args) :]
    results = builder.emit(op.name, operands, op.normalize(sample.attrs))
    pairs = dict(zip(results, seeds, strict=True))
    found = append_gradients(TABLE, builder, pairs, [v for v in operands if v.type.dtype.is_float])
    inner.clear()
    kept = iter(found)
    grads = [next(kept) if v.type.dtype.is_float else None for v in operands]
    outputs = [v if g is None else g for v, g in zip(operands, grads, strict=True)]
    for output, operand in zip(outputs, operands, strict=True):
        assert output.type == operand.type, "a gradient has the type of its operand"
    module.funcs["main"] = close(region, outputs)
    floats = (i for i, v in enumerate(operands) if v.type.dtype.is_float)
    return module, {i for i in floats if grads[i] is None}


STEP = 1e-6


def check_direction(op: OpDef, sample: Sample, arrays: Sequence[Arr], at: int, grad: Arr,
                    seeds: Sequence[Arr]) -> None:  # fmt: skip
    """The gradient along a random direction equals the central difference."""
    rng = np.random.default_rng(at + 1)
    direction = rng.uniform(-1, 1, arrays[at].shape)

    def loss(step: float) -> float:
        moved = [x + step * direction if i == at else x for i, x in enumerate(arrays)]
        results = op.evaluate(moved, sample.attrs)
        return sum(float((y * s).sum()) for y, s in zip(results, seeds, strict=True))

    expected = (loss(STEP) - loss(-STEP)) / (2 * STEP)
    np.testing.assert_allclose((grad * direction).sum(), expected, rtol=2e-6, atol=2e-7)


FLAT = {
    "np.sign", "np.floor", "np.ceil", "np.trunc", "np.fix", "np.rint", "np.around",
    "np.floor_divide", "npx.stop_gradient", "np.zeros_like", "np.ones_like",
}  # fmt: skip
NOT_SMOOTH = {
    "npx.round_ste", "npx.sign_ste",  # their gradient is, on purpose, not the slope
    "np.arcsin", "np.arccos", "np.arccosh", "np.arctanh", "npx.erfinv",  # see test_math.py
}  # fmt: skip
"""Ops whose gradient is not the slope of their results at all points of their samples."""


def without_gradient(op: OpDef, sample: Sample) -> set[int]:
    """The floating operands for which the rule says None."""
    if op.name == "npx.batch_norm":
        return {3, 4, *([1] if sample.attrs.get("fix_gamma", True) else [])}
    if op.name in ("ir.batch_norm_train", "ir.batch_norm_gradient"):
        return {1} if sample.attrs.get("fix_gamma", True) else set()
    floats = {i for i, t in enumerate(operand_types(sample)) if t.dtype.is_float}
    if op.random:
        return floats
    if op.name in ("np.copysign", "ir.roi_pooling"):
        return floats & {1}
    return floats if op.name in FLAT else set()


def smooth(op: OpDef, sample: Sample) -> bool:
    at_zero = op.name == "np.std" and sample.shapes == ((),)  # the square root's slope is infinite
    return not at_zero and op.name not in NOT_SMOOTH


SMOOTH = [c for c in CASES if differentiable(*c) and smooth(*c)]


@pytest.mark.parametrize(("op", "sample", "symbolic"), both_forms(SMOOTH))
def test_gradient(op: OpDef, sample: Sample, symbolic: bool) -> None:
    names = [t.dtype.name for t in operand_types(sample)]
    attrs = {**sample.attrs, **({"dtype": "f64"} if op.name == "npx.cast" else {})}
    dtypes = tuple("f64" if DTYPES[name].is_float else name for name in names)
    wide = replace(sample, attrs=attrs, dtypes=dtypes)
    arrays = draw(wide)
    rng = np.random.default_rng(9)
    seeds = [np.asarray(rng.uniform(-1, 1, y.shape)) for y in op.evaluate(arrays, wide.attrs)]
    module, missing = gradient_module(op, wide, symbolic)
    assert missing == without_gradient(op, wide)
    verify(module, lookup)
    grads = interp.run(module, [*arrays, *seeds])
    for i, (x, grad) in enumerate(zip(arrays, grads, strict=True)):
        if tensor_type_of(x).dtype == f64 and i not in missing:
            check_direction(op, wide, arrays, i, grad, seeds)
