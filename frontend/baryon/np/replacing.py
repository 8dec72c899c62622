"""Functions that put other elements in the place of some."""

from __future__ import annotations

import ml_dtypes

from baryon.array import Ops, ndarray, stored
from baryon.array.types import ArrayLike
from baryon.np.arguments import operand

_np = Ops("np")


def nan_to_num(
    x: ArrayLike,
    copy: bool = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> ndarray:
    """Numbers in place of NaN and infinities: by default 0 and the largest finite ones.

    copy: False to change `x` itself. Whole numbers stay as they are.
    """
    given = operand(x)
    if given.dtype.kind in "biu":
        return given.copy() if copy else given
    limits = ml_dtypes.finfo(given.dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    result = _np.where(_np.isnan(given), nan, given)
    result = _np.where(_np.isposinf(given), high, result)
    result = _np.where(_np.isneginf(given), low, result)
    return stored(result, None if copy else given)


PUBLIC = (nan_to_num,)
