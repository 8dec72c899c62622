"""Data loaders and transforms that are not in `gluon.data`."""

from baryon.gluon.contrib.data import vision

__all__ = ["vision"]
