"""The quantized network in float32, with ranges and choices that can differ from run to run.

A search asks for hundreds of plans, and compiling each would take seconds. So one module is made
of the float network in which every reader of a value can see it rounded: scale, its reciprocal and
the ends of the codes are inputs, and a scale of 0 says that the reader sees the value itself.
Weights are inputs, too. It computes what the codes mean; sums of products differ from those of
whole numbers in their last bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from baryon.ir import Array, Builder, Module, Op, Region, TensorType, Value, f32
from baryon.ops import lookup
from baryon.ops.quantize import dequantized, quantized
from baryon.passes.quantize import Params, QuantizationPlan, Site, weight_params
from baryon.passes.quantize.choice import Chosen, choose_codes
from baryon.passes.quantize.sites import sites_of, weight_of
from baryon.quantization.running import copied, runner
from baryon.rewrite import payload

_KNOBS = 4
"""Inputs of a rounding: scale, reciprocal, and the ends of the codes, counted from zero."""

Reader = tuple[str, str]
"""A value, and the first result of an op that reads it."""


class Simulator:
    """Runs a float module under plans for which `full` has all values that are ever rounded.

    batch: the largest number of samples of a run.
    """

    def __init__(self, module: Module, full: QuantizationPlan, batch: int) -> None:
        self.module = module
        self.found: Mapping[Op, Site] = sites_of(module)
        self.readers = _readers(self._chosen(full))
        self.weights = self._weights()
        self.run_module = runner(_switched(module, self.readers, self.weights), batch)
        self.count = len(module.main.outputs)

    def __call__(self, plan: QuantizationPlan | None, inputs: Sequence[Array]) -> list[Array]:
        """The outputs under a plan; None: of the float network."""
        return self.run_module([*inputs, *self.settings(plan)])

    def settings(self, plan: QuantizationPlan | None) -> list[Array]:
        """The inputs that make the module follow a plan."""
        chosen = Chosen() if plan is None else self._chosen(plan)
        params = {v.name: p for v, p in chosen.params.items()}
        active = set(_readers(chosen))
        knobs = [
            x for reader in self.readers
            for x in _knobs(params[reader[0]] if reader in active else None)
        ]  # fmt: skip
        coded = {w.name for op in chosen.sites if (w := weight_of(op)) is not None}
        weights = [self._weight(name, name in coded, plan) for name in self.weights]
        return [*knobs, *weights]

    def _chosen(self, plan: QuantizationPlan) -> Chosen:
        smart = plan.mode == "smart"
        return choose_codes(self.found, plan.activations, plan.keep, smart=smart)

    def _weights(self) -> dict[str, Value]:
        found = (weight_of(op) for op in self.found)
        return {w.name: w for w in found if w is not None}

    def _weight(self, name: str, is_coded: bool, plan: QuantizationPlan | None) -> Array:
        array = payload(self.module, self.weights[name])
        assert array is not None
        if not is_coded or plan is None:
            return array
        return rounded_weight(array, plan.weights.get(name) or weight_params(array, None))


def rounded_weight(array: Array, params: Params) -> Array:
    """What the codes of a weight mean."""
    codes = quantized(array, params.dtype, params.quant)
    if not any(params.quant.zero):
        codes = np.maximum(codes, -127)
    return np.asarray(dequantized(codes, params.quant))


def _readers(chosen: Chosen) -> list[Reader]:
    return [(v.name, op.results[0].name) for v, ops in chosen.readers.items() for op in ops]


def _knobs(params: Params | None) -> list[Array]:
    if params is None:
        return [np.float32(x) for x in (0, 0, 0, 0)]  # type: ignore[misc]
    scale, zero = np.float32(params.quant.scale[0]), params.quant.zero[0]
    low, high = params.dtype.limits
    return [np.asarray(x, np.float32)
            for x in (scale, np.float32(1) / scale, low - zero, high - zero)]  # fmt: skip


def _switched(module: Module, readers: Iterable[Reader], weights: Mapping[str, Value]) -> Module:
    """The module with a rounding before each reader, and weights as inputs."""
    new = copied(module)
    body = new.main.body
    values = {v.name: v for v in (*body.args, *(r for op in body.ops for r in op.results))}
    for name, reader in readers:
        knobs = [_argument(body, TensorType((), f32), f"{name}/{reader}/{i}")
                 for i in range(_KNOBS)]  # fmt: skip
        op = values[reader].op
        assert op is not None
        builder = Builder(new, body, lookup, body.ops.index(op))
        seen = _rounding(builder, values[name], knobs)
        op.operands = [seen if v is values[name] else v for v in op.operands]
    for name in weights:
        values[name].replace_by(_argument(body, values[name].type, f"{name}/weight"))
    return new


def _argument(body: Region, type: TensorType, name: str) -> Value:
    value = Value(type, body, name)
    body.args.append(value)
    return value


def _rounding(builder: Builder, x: Value, knobs: Sequence[Value]) -> Value:
    """x as its codes say it; x where the scale is 0."""
    scale, inverse, low, high = knobs
    (nothing,) = (builder.constant(np.zeros((), np.float32)),)
    (y,) = builder.emit("np.multiply", (x, inverse))
    (y,) = builder.emit("np.rint", (y,))
    (y,) = builder.emit("np.maximum", (y, low))
    (y,) = builder.emit("np.minimum", (y, high))
    (y,) = builder.emit("np.multiply", (y, scale))
    (is_on,) = builder.emit("np.greater", (scale, nothing))
    return builder.emit("np.where", (is_on, y, x))[0]
