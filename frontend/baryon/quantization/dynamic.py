"""Quantization without calibration: ranges are those of the values in each run.

A contraction's data is divided by its largest absolute value, 127 steps long, and its products are
multiplied by that again; its bias is added afterwards, in float. It costs a pass over the data, and
a result depends on what else is in its batch (MXNet's calib_mode="none").
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np

from baryon.ir import Builder, Module, Op, Value, i8
from baryon.ops import lookup
from baryon.ops.quantize import AS_QUANTIZED, DEQUANTIZE, quantized
from baryon.passes import run_pipeline
from baryon.passes.quantize import Params, Site
from baryon.passes.quantize.sites import sites_of
from baryon.quantization.running import copied
from baryon.rewrite import payload

_STEPS = 127
_LEAST = 1e-30
"""A range of data that is 0 everywhere."""

CONTRACTIONS = frozenset({"npx.convolution", "npx.fully_connected"})
"""Sites whose products can be scaled afterwards: of data and a weight, plus a bias."""

_BIAS = 2


def with_run_time_ranges(
    module: Module, weights: Mapping[str, Params], keep: Container[str]
) -> Module:
    """A new module in which contractions with a constant weight measure their data."""
    new = copied(module)
    for op, site in sites_of(new).items():
        if is_dynamic(site) and site.name not in keep:
            _measure(new, op, weights)
    run_pipeline(new, "dce")
    return new


def is_dynamic(site: Site) -> bool:
    """Whether a site can do without calibration."""
    return site.op_type in CONTRACTIONS and site.weight is not None and bool(site.inputs)


def _measure(module: Module, op: Op, weights: Mapping[str, Params]) -> None:
    """Let a contraction read its data in steps of its range, and codes for its weight."""
    region = module.main.body
    builder = Builder(module, region, lookup, region.ops.index(op))
    with builder.at(op.loc):
        step = _step(builder, op.operands[0])
        steps = builder.emit("np.rint", builder.emit("np.divide", (op.operands[0], step)))
        codes = builder.emit("npx.cast", steps, {"dtype": i8})
        (data,) = builder.emit(DEQUANTIZE, codes, {"scale": (1.0,)})
        bias = op.operands[_BIAS] if len(op.operands) > _BIAS else None
        weight = _codes(builder, op.operands[1], weights)
        products = builder.emit(op.name, (data, weight), op.attrs)
        (scaled,) = builder.emit("np.multiply", (*products, step))
        if bias is not None:
            (scaled,) = builder.emit("np.add", (scaled, _aligned(builder, bias, op)))
    scaled.name = op.results[0].name
    op.results[0].replace_by(scaled)
    op.erase()


def _step(builder: Builder, x: Value) -> Value:
    reach = builder.emit("np.max", builder.emit("np.abs", (x,)))
    least = builder.constant(np.asarray(_LEAST, np.float32))
    (reach_or_least,) = builder.emit("np.maximum", (*reach, least))
    steps = builder.constant(np.asarray(_STEPS, np.float32))
    return builder.emit("np.divide", (reach_or_least, steps))[0]


def _codes(builder: Builder, weight: Value, weights: Mapping[str, Params]) -> Value:
    """What the codes of a constant mean."""
    array = payload(builder.module, weight)
    assert array is not None
    dtype, quant = weights[weight.name]
    codes = np.maximum(quantized(array, dtype, quant), -127)
    constant = builder.constant(codes, f"{weight.name}.codes")
    (typed,) = builder.emit(AS_QUANTIZED, (constant,), quant.attrs)
    return builder.emit(DEQUANTIZE, (typed,), quant.attrs)[0]


def _aligned(builder: Builder, bias: Value, op: Op) -> Value:
    """A bias in a shape that broadcasts to the results: channels are axis 1 of a convolution."""
    if op.name != "npx.convolution":
        return bias
    shape = (-1, *(1,) * (op.results[0].type.rank - 2))
    return builder.emit("np.reshape", (bias,), {"newshape": shape})[0]
