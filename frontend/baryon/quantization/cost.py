"""What would not get faster in 8 bits, by the cost model of the target's kernels."""

from __future__ import annotations

from collections.abc import Mapping

from baryon.codegen.code_costs import CodeCosts, Seconds
from baryon.codegen.targets import get_target
from baryon.ir import Module
from baryon.passes.quantize.sites import sites_of

_SLOWER = "would not get faster on {target}: {real:.3g} ms in float32, {codes:.3g} ms in int8"
_NO_KERNEL = "no kernel of {target} multiplies its codes"


def seconds_of(module: Module, target: str, batch: int) -> dict[str, Seconds]:
    """What the contractions of a float module take in both, by site. batch: of symbols."""
    costs = CodeCosts.on(target)
    sizes = dict.fromkeys(module.symbols, batch)
    found = ((site, costs.seconds(op, sizes)) for op, site in sites_of(module).items())
    return {site.name: seconds for site, seconds in found if seconds is not None}


def slower(seconds: Mapping[str, Seconds], target: str) -> dict[str, str]:
    """The sites that a target computes no faster on codes, with the reason."""
    name = get_target(target).name
    return {
        site: _NO_KERNEL.format(target=name)
        if s.codes is None
        else _SLOWER.format(target=name, real=1e3 * s.real, codes=1e3 * s.codes)
        for site, s in seconds.items()
        if s.speedup <= 1
    }
