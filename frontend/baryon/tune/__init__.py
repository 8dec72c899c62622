"""Tuning: candidates for the expensive kernels, measured inside their network, and remembered."""

from baryon.tune.remembered import Tuning, build_tuned
from baryon.tune.tuner import Report, Settings, tune
from baryon.tune.variants import Variants, build_variants

__all__ = [
    "Report",
    "Settings",
    "Tuning",
    "Variants",
    "build_tuned",
    "build_variants",
    "tune",
]
