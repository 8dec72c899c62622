"""Bias correction: rounded weights shift the mean of what a layer computes; the bias takes it back.

E[y - y'] = sum over inputs of (w - w') * E[x], by the means of the channels that calibration saw.
(Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction, 2019.)
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np

from baryon.ir import Builder, Module, Op
from baryon.ops import lookup
from baryon.passes.quantize import Params
from baryon.passes.quantize.sites import Site, sites_of
from baryon.quantization.collect import Channels
from baryon.quantization.links import FloatArray
from baryon.quantization.running import copied
from baryon.quantization.simulate import rounded_weight
from baryon.rewrite import payload

_BIAS = 2


def channel_axis(op: Op, site: Site) -> int | None:
    """The axis of a site's data along which means are needed; None where it has no bias."""
    if site.op_type == "npx.convolution":
        return 1 if op.attrs.get("layout") in (None, "NCHW", "NCW") else None
    if site.op_type != "npx.fully_connected" or site.weight is None:
        return None
    data = op.operands[0].type
    return data.rank - 1 if data.rank == 2 or not op.attrs.get("flatten", True) else None


def corrected(
    module: Module,
    weights: Mapping[str, Params],
    seen: Mapping[str, Channels],
    keep: Container[str],
) -> tuple[Module, list[str]]:
    """A module with corrected biases, and the sites that have one."""
    new = copied(module)
    changed = []
    for op, site in sites_of(new).items():
        channels = seen.get(site.inputs[0]) if site.inputs and site.name not in keep else None
        if channels is None or channel_axis(op, site) is None or site.weight not in weights:
            continue
        weight = payload(new, op.operands[1])
        assert weight is not None and site.weight is not None
        rounded = rounded_weight(weight, weights[site.weight]).astype(np.float64)
        lost = weight.astype(np.float64) - rounded
        _add(new, op, _shift(lost, channels.mean.astype(np.float64), op))
        changed.append(site.name)
    return new, changed


def _shift(lost: FloatArray, means: FloatArray, op: Op) -> FloatArray:
    """What each output lacks on average: lost (out, in / groups, ...), means (in,)."""
    groups = int(str(op.attrs.get("num_group", 1)))
    taps = lost.reshape(groups, len(lost) // groups, lost.shape[1], -1).sum(axis=3)
    found: FloatArray = np.einsum("goi,gi->go", taps, means.reshape(groups, -1)).reshape(-1)
    return found


def _add(module: Module, op: Op, shift: FloatArray) -> None:
    has_bias = len(op.operands) > _BIAS
    before = payload(module, op.operands[_BIAS]) if has_bias else np.zeros(len(shift))
    if before is None:
        return
    total = np.asarray(before.astype(np.float64) + shift, np.float32)
    region = module.main.body
    builder = Builder(module, region, lookup, region.ops.index(op))
    bias = builder.constant(total, f"{op.results[0].name}.bias")
    bias.name = f"{op.results[0].name}.corrected_bias"
    op.operands = [*op.operands[:_BIAS], bias]
