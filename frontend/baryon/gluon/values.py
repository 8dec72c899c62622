"""Shapes and values that parameters are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from baryon.array import ndarray
from baryon.gluon.errors import here
from baryon.ir import UnsupportedError


def shape_is_known(shape: Sequence[int] | None) -> bool:
    """True if all sizes are known: none is -1 (or 0, which MXNet 1 wrote)."""
    return shape is not None and all(d > 0 for d in shape)


def known_or_minus_one(shape: int | Sequence[int]) -> tuple[int, ...]:
    """A shape with -1 for unknown sizes."""
    return tuple(int(d) or -1 for d in ((shape,) if isinstance(shape, int) else shape))


def elements(data: Any) -> numpy.ndarray[Any, Any]:
    """The elements of a value: a copy as an array, float32 for Python's floats."""
    if isinstance(data, ndarray):
        return data.asnumpy()
    if hasattr(data, "dtype"):
        return numpy.array(data)
    array = numpy.asarray(data)
    return array.astype(numpy.float32) if array.dtype.kind == "f" else array


def refuse_sparse(name: str, stype: str, grad_stype: str) -> None:
    """UnsupportedError for storage other than "default"."""  # fmt: skip
    for kind in (stype, grad_stype):
        if kind not in ("default", "row_sparse", "csr"):
            raise ValueError(f"storage type {kind!r} is none of default, row_sparse, csr")
        if kind != "default":
            raise UnsupportedError(
                f"parameter {name!r}: {kind} storage is not supported", where=here(),
                hint="arrays of NumPy's interface are dense; use stype='default'",
            )  # fmt: skip
