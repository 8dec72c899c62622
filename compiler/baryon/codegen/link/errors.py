"""The one error that linking raises."""

from __future__ import annotations

from baryon.ir import BaryonError


class LinkError(BaryonError, ValueError):
    """Object code that cannot become part of a position-independent image."""
