"""`gluon.contrib`: the estimator, and data loaders for images with boxes."""

from baryon.gluon.contrib import data, estimator

__all__ = ["data", "estimator"]
