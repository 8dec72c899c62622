"""What is inside a compiled network, as one HTML file that needs nothing else."""

from baryon.inspection.page.page import to_html

__all__ = ["to_html"]
