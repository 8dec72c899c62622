"""Looking inside compiled networks: what they cost, what is in them, where their numbers go wrong.

estimate = estimate_file("net.baryon", threads=2)      time and memory, before it runs
"""

from baryon.inspection.estimate import Estimate, estimate_file, estimate_run
from baryon.inspection.machine import Machine

__all__ = ["Estimate", "Machine", "estimate_file", "estimate_run"]
