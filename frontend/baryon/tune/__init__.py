"""Tuning: candidates for the expensive kernels, measured inside their network, and remembered."""

from baryon.tune.remembered import Tuning, build_tuned
from baryon.tune.tuner import Report, Settings, tune

__all__ = ["Report", "Settings", "Tuning", "build_tuned", "tune"]
