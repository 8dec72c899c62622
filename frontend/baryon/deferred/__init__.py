"""Deferred computation: a Python function over arrays becomes a module of the graph IR."""

from baryon.array import TraceError
from baryon.deferred.trace import DEFAULT_MAX, trace
from baryon.deferred.tree import flatten, names_of, rebuild

__all__ = ["DEFAULT_MAX", "TraceError", "flatten", "names_of", "rebuild", "trace"]
