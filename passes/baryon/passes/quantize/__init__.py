"""From a float module and ranges to a module with codes: sites, plan, insertion."""

from baryon.passes.quantize.names import NameValues
from baryon.passes.quantize.params import Params, weight_params
from baryon.passes.quantize.plan import QuantizationPlan, insert
from baryon.passes.quantize.sites import Site, sites

__all__ = ["NameValues", "Params", "QuantizationPlan", "Site", "insert", "sites", "weight_params"]
