"""Errors of reading foreign models."""

from baryon.ir import BaryonError


class ModelError(BaryonError, ValueError):
    """A model file that cannot be read, or that contradicts itself; `where` names file and node."""
