"""What would not get faster in 8 bits, by the cost model of the target's kernels."""

from __future__ import annotations

from collections.abc import Mapping

from baryon.codegen.code_costs import CodeCosts, Seconds
from baryon.ir import Module
from baryon.passes.quantize.sites import sites_of


def seconds_of(module: Module, target: str, batch: int) -> dict[str, Seconds]:
    """What the contractions of a float module take in both, by site. batch: of symbols."""
    costs = CodeCosts.on(target)
    sizes = dict.fromkeys(module.symbols, batch)
    found = ((site, costs.seconds(op, sizes)) for op, site in sites_of(module).items())
    return {site.name: seconds for site, seconds in found if seconds is not None}


def slower(seconds: Mapping[str, Seconds], target: str) -> dict[str, str]:
    """The sites that a target computes no faster on codes, with the reason."""
    costs = CodeCosts.on(target)
    reasons = ((site, costs.reason(found)) for site, found in seconds.items())
    return {site: why for site, why in reasons if why is not None}
