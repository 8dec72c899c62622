"""Types of the arguments that array functions take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import typing as npt

from baryon.array.ndarray import ndarray
from baryon.ir import Array, DType, Sym

ArrayLike = ndarray | Array | np.generic | bool | int | float | Sequence[Any]
"""An operand: an array of ours or NumPy's, a number, or nested sequences of numbers."""

DTypeLike = npt.DTypeLike | DType
"""An element type: NumPy's dtypes and their names, or ours."""

Axes = int | Sequence[int]
"""An axis, or several."""

Number = bool | int | float

Shape = int | str | Sym | Sequence[int | str | Sym]
"""A shape; a symbol is an `ir.Sym` (from `x.shape`) or its text (`"N"`, `"4*N"`)."""
