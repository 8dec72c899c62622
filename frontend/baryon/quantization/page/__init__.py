"""The report of a quantization as one HTML file that needs nothing else."""

from baryon.quantization.page.page import to_html, verdict

__all__ = ["to_html", "verdict"]
