"""Deferred computation: a Python function over arrays becomes a module of the graph IR."""

import baryon.np  # noqa: F401 - the methods of arrays are its functions
from baryon.array import TraceError
from baryon.deferred.cached import Cached, EagerWarning
from baryon.deferred.tracing import DEFAULT_MAX, trace
from baryon.deferred.tree import flatten, names_of, rebuild

__all__ = [
    "DEFAULT_MAX",
    "Cached",
    "EagerWarning",
    "TraceError",
    "flatten",
    "names_of",
    "rebuild",
    "trace",
]
