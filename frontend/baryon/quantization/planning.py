"""From what was seen of values to a plan: element types, scales, and what stays in float."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from baryon.ir import Module, Quant, i8, u8
from baryon.passes.quantize import Params, Site, weight_params
from baryon.quantization.ranges import FEW_NEGATIVE, Range
from baryon.quantization.running import values_by_name
from baryon.rewrite import payload

_LEAST = 1e-30
"""The smallest reach that gets a scale of its own; what is smaller is zero."""


def params_of(range: Range, dtype: str = "auto") -> Params:
    """The codes of a range.

    auto: uint8 for ranges without negative numbers, or with few of them (gelu, silu, hard-swish),
    else int8. int8 is symmetric; uint8 begins at the lower end, and has a code that means 0.
    """
    if range.reach < _LEAST:
        return Params(u8 if dtype != "int8" and range.low >= 0 else i8, Quant.of((1.0,)))
    if dtype == "int8" or (dtype == "auto" and range.low < -FEW_NEGATIVE * range.high):
        return Params(i8, Quant.of((range.reach / 127,)))
    low, high = min(range.low, 0.0), max(range.high, 0.0)
    scale = (high - low) / 255
    return Params(u8, Quant.of((scale,), (round(-low / scale),)))


def ends(params: Params) -> tuple[float, float]:
    """The smallest and the largest number that codes can say (-127 is the least of int8)."""
    low, high = params.dtype.limits
    scale, zero = params.quant.scale[0], params.quant.zero[0]
    least = -127 if params.dtype == i8 and zero == 0 else low
    return scale * (least - zero), scale * (high - zero)


def weights_of(module: Module, sites: Sequence[Site], granularity: str) -> dict[str, Params]:
    """The codes of all weights.

    Convolutions have a scale for each output channel; other weights have one, or one for each
    output with "channel-wise". An embedding's table has one.
    """
    values = values_by_name(module)
    found = {}
    for site in sites:
        array = payload(module, values[site.weight]) if site.weight is not None else None
        if array is not None and site.weight is not None:
            found[site.weight] = weight_params(array, weight_axis(site, array.ndim, granularity))
    return found


def weight_axis(site: Site, rank: int, granularity: str) -> int | None:
    """The axis of a weight along which scales differ."""
    if site.op_type == "npx.convolution":
        return 0
    if granularity == "tensor-wise":
        return None
    return {"npx.fully_connected": 0, "np.matmul": rank - 1 if rank == 2 else None}.get(
        site.op_type
    )


def activations_of(ranges: Mapping[str, Range], dtype: str) -> dict[str, Params]:
    """The codes of activations."""
    return {name: params_of(range, dtype) for name, range in ranges.items()}
