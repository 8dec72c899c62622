"""A quantization plan, and the module that follows from it.

`insert` puts `dequantize(quantize(x))` in the place of what sites read, and codes in the place of
their weights. Nothing else changes: the pairs alone say what is rounded. Rules move, cancel and
merge them afterwards (`baryon.passes.rules.quantization`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from baryon.ir import (
    CONSTANT,
    BaryonError,
    Builder,
    Module,
    Op,
    Quant,
    Value,
    parse_module,
    print_module,
)
from baryon.ops import lookup
from baryon.ops.quantize import DEQUANTIZE, QUANTIZE, quantized
from baryon.passes.dce import drop_payloads
from baryon.passes.quantize.choice import choose_codes
from baryon.passes.quantize.params import Params, weight_params
from baryon.passes.quantize.sites import Site, sites_of, weight_of
from baryon.rewrite import payload


class PlanError(BaryonError, ValueError):
    """A plan that speaks of what the module does not have."""


Mode = Literal["smart", "full"]


@dataclass(frozen=True)
class QuantizationPlan:
    """What to store as codes. All names are those that `sites` gives.

    activations: for values that sites read; a site without all of its own stays as it is.
    weights: for constants; symmetric, of i8. keep: sites that stay in float, with the reason.
    mode: "full" takes all sites, "smart" supporting ones only between those that gain.
    """

    activations: Mapping[str, Params]
    weights: Mapping[str, Params] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    mode: Mode = "full"


def insert(module: Module, plan: QuantizationPlan) -> Module:
    """A new module with codes where the plan wants them; `module` stays as it is.

    Raises PlanError for names that the module does not have.
    """
    new = parse_module(print_module(module), constants=module.constants)
    found = sites_of(new)
    _check(new, plan, found)
    chosen = choose_codes(found, plan.activations, plan.keep, smart=plan.mode == "smart")
    writer = _Writer(new, plan)
    for op in chosen.sites:
        writer.weight(op)
    for value, readers in chosen.readers.items():
        writer.activation(value, chosen.params[value], readers)
    _drop_unread(new)
    return new


def _check(module: Module, plan: QuantizationPlan, found: Mapping[Op, Site]) -> None:
    body = module.main.body
    values = {v.name for v in (*body.args, *(r for op in body.ops for r in op.results))}
    names = {site.name for site in found.values()}
    for what, given, known in (
        ("value", {*plan.activations, *plan.weights}, values),
        ("site", {*plan.keep}, names),
    ):
        if not given <= known:
            missing = ", ".join(sorted(given - known))
            raise PlanError(f"the plan speaks of a {what} that the module does not have: {missing}")


class _Writer:
    def __init__(self, module: Module, plan: QuantizationPlan) -> None:
        self.module, self.plan, self.region = module, plan, module.main.body
        self.weights: dict[Value, Value] = {}

    def weight(self, op: Op) -> None:
        """Let a site read codes for its weight."""
        old = weight_of(op)
        if old is None:
            return
        if old not in self.weights:
            self.weights[old] = self._coded(op, old)
        new = self.weights[old]
        op.operands = [new if v is old else v for v in op.operands]

    def _coded(self, op: Op, old: Value) -> Value:
        array = payload(self.module, old)
        assert array is not None and old.op is not None
        dtype, quant = self.plan.weights.get(old.name) or weight_params(array, _axis(op))
        codes = quantized(array, dtype, quant)
        if not quant.zero[0]:  # symmetric ones: -128 has no counterpart
            codes = np.maximum(codes, -127)
        name = self.module.add_constant(codes, f"{old.op.attrs['name']}.codes")
        type = old.type.with_dtype(dtype).with_quant(quant)
        new = Op(CONSTANT, (), (type,), {"name": name}, (), old.op.loc)
        new.result.name = f"{old.name}.codes"
        at = self.region.ops.index(old.op)
        self.region.insert(at, new)
        return self._pair(at + 1, old, new.result, quant)

    def activation(self, value: Value, params: Params, readers: list[Op]) -> None:
        """Let readers read what the codes of a value mean."""
        at = 0 if value.op is None else self.region.ops.index(value.op) + 1
        builder = Builder(self.module, self.region, lookup, at)
        attrs = {"dtype": params.dtype, **params.quant.attrs}
        with builder.at(value.op.loc if value.op is not None else builder.loc):
            (codes,) = builder.emit(QUANTIZE, (value,), attrs)
        codes.name = f"{value.name}.codes"
        new = self._pair(at + 1, value, codes, params.quant)
        for op in readers:
            op.operands = [new if v is value else v for v in op.operands]

    def _pair(self, at: int, value: Value, codes: Value, quant: Quant) -> Value:
        assert codes.op is not None
        builder = Builder(self.module, self.region, lookup, at)
        with builder.at(codes.op.loc):
            (meaning,) = builder.emit(DEQUANTIZE, (codes,), quant.attrs)
        meaning.name = f"{value.name}.decoded"
        return meaning


def _axis(op: Op) -> int | None:
    """The axis of a weight along which scales differ: the outputs, or the rows of a table."""
    rows = op.name == "np.take" and op.attrs.get("axis") == 0
    return 0 if rows or op.name in ("npx.convolution", "npx.fully_connected") else None


def _drop_unread(module: Module) -> None:
    """Constants that became codes."""
    ops = module.main.body.ops
    for op in [op for op in ops if op.name == CONSTANT and not op.result.users]:
        op.erase()
    drop_payloads(module)
