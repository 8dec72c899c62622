"""How far quantized ops are from float ones, on a few samples, by the meaning of the ops.

The interpreter evaluates the float network and the quantized one side by side, so what is compared
needs no compilation and no more memory than both take for these samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baryon.interp import Interpreter
from baryon.ir import RETURN, Array, Module, Op, Sym, Value
from baryon.ops.quantize import dequantized, quantized
from baryon.passes.quantize import Params, QuantizationPlan
from baryon.passes.quantize.choice import Chosen, choose_codes
from baryon.passes.quantize.sites import sites_of, weight_of
from baryon.quantization.report import MAX_SQNR, ErrorReport
from baryon.quantization.simulate import rounded_weight

_CHUNK = 1 << 15
"""Elements that are compared at a time: their doubles stay in the cache."""


@dataclass
class Comparison:
    """Running sums of a value and of what stands for it."""

    own: float = 0.0
    other: float = 0.0
    product: float = 0.0
    error: float = 0.0

    def add(self, x: Array, y: Array) -> None:
        """Take in a value and the quantized one."""
        flat, other = x.reshape(-1), y.reshape(-1)
        for start in range(0, flat.size, _CHUNK):
            here = slice(start, start + _CHUNK)
            a, b = flat[here].astype(np.float64), other[here].astype(np.float64)
            self.own += _product(a, a)
            self.other += _product(b, b)
            self.product += _product(a, b)
            a -= b
            self.error += _product(a, a)

    def report(self) -> ErrorReport:
        """As decibels and a cosine."""
        norm = (self.own * self.other) ** 0.5
        cosine = min(self.product / norm, 1.0) if norm else float(self.own == self.other)
        return ErrorReport(sqnr(self.own, self.error), cosine)


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of two vectors, the same on any number of threads: BLAS sums up by threads."""
    return float(np.einsum("i,i->", a, b))


def sqnr(signal: float, error: float) -> float:
    """Decibels, at most MAX_SQNR either way."""
    if error == 0:
        return MAX_SQNR
    if signal == 0:
        return -MAX_SQNR
    return float(np.clip(10 * np.log10(signal / error), -MAX_SQNR, MAX_SQNR))


@dataclass(frozen=True)
class Errors:
    """alone, accumulated: of each site's first result, by its name. output: of the network."""

    alone: Mapping[str, ErrorReport]
    accumulated: Mapping[str, ErrorReport]
    output: ErrorReport


def measure(module: Module, plan: QuantizationPlan, samples: Sequence[Sequence[Array]]) -> Errors:
    """Errors of a plan on some batches of a float module."""
    walk = _Walk(module, plan)
    for inputs in samples:
        walk.batch(inputs)
    return Errors(
        {name: c.report() for name, c in walk.alone.items()},
        {name: c.report() for name, c in walk.accumulated.items()},
        walk.output.report(),
    )


class _Walk:
    def __init__(self, module: Module, plan: QuantizationPlan) -> None:
        self.module, self.body = module, module.main.body
        self.sites = sites_of(module)
        everything = QuantizationPlan(plan.activations, plan.weights)
        # errors alone are those of sites that stay in float, too: they say why
        self.alone_params = self._chosen(everything).params
        chosen = self._chosen(plan)
        self.params = {(op, v): chosen.params[v] for v, ops in chosen.readers.items() for op in ops}
        self.coded = {*chosen.sites}
        self.plan = plan
        self.alone = {s.name: Comparison() for s in self.sites.values()}
        self.accumulated = {s.name: Comparison() for s in self.sites.values()}
        self.output = Comparison()

    def _chosen(self, plan: QuantizationPlan) -> Chosen:
        smart = plan.mode == "smart"
        return choose_codes(self.sites, plan.activations, plan.keep, smart=smart)

    def batch(self, inputs: Sequence[Array]) -> None:
        sizes = {
            d.name: n // d.factor
            for arg, x in zip(self.body.args, inputs, strict=True)
            for d, n in zip(arg.type.shape, x.shape, strict=True)
            if isinstance(d, Sym)
        }
        floating = Interpreter(self.module.constants, sizes)
        rounded = Interpreter(self.module.constants, sizes)
        last = {v: op for op in self.body.ops for v in op.operands}
        for side in (floating, rounded):
            side.values.update(zip(self.body.args, inputs, strict=True))
        for op in self.body.ops:
            if op.name != RETURN:
                self._op(op, floating, rounded)
                for value in {v for v in op.operands if last[v] is op}:
                    del floating.values[value], rounded.values[value]
        for value in self.body.outputs:
            self.output.add(floating.values[value], rounded.values[value])

    def _op(self, op: Op, floating: Interpreter, rounded: Interpreter) -> None:
        results = floating.op(op)
        site = self.sites.get(op)
        if site is not None:
            shadow = self._evaluate(op, floating, self.alone_params, is_coded=True)
            self.alone[site.name].add(results[0], shadow[0])
        params = {v: p for (reader, v), p in self.params.items() if reader is op}
        seen = self._evaluate(op, rounded, params, is_coded=op in self.coded)
        floating.values.update(zip(op.results, results, strict=True))
        rounded.values.update(zip(op.results, seen, strict=True))
        if site is not None:
            self.accumulated[site.name].add(results[0], seen[0])

    def _evaluate(
        self, op: Op, side: Interpreter, params: Mapping[Value, Params], *, is_coded: bool
    ) -> Sequence[Array]:
        """The results of an op that reads some of its operands rounded."""
        before = {v: side.values[v] for v in op.operands}
        weight = weight_of(op) if is_coded and op in self.sites else None
        for value, x in before.items():
            if value is weight and value.name in self.plan.weights:
                side.values[value] = rounded_weight(x, self.plan.weights[value.name])
            elif value in params:
                side.values[value] = _rounded(x, params[value])
        results = side.op(op)
        side.values.update(before)
        return results


def _rounded(x: Array, params: Params) -> Array:
    return np.asarray(dequantized(quantized(x, params.dtype, params.quant), params.quant))


def weight_sqnr(array: Array, params: Params) -> float:
    """Of the codes of a weight."""
    comparison = Comparison()
    comparison.add(array, rounded_weight(array, params))
    return comparison.report().sqnr
