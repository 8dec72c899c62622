"""MXNet 2's switches of semantics, which are always on here."""

from __future__ import annotations

from baryon.ir import UnsupportedError


def set_np(shape: bool = True, array: bool = True, dtype: bool = False) -> None:
    """Accept the only semantics that there are: NumPy's shapes and arrays, float32 by default."""
    if not (shape and array) or dtype:
        raise UnsupportedError(
            f"set_np(shape={shape}, array={array}, dtype={dtype}) is not supported",
            hint="NumPy's shapes and arrays are always on; give dtype='float64' where you need it",
        )


def reset_np() -> None:
    """Do nothing: there are no other semantics to go back to."""


def is_np_array() -> bool:
    """True: arrays have NumPy's semantics."""
    return True


def is_np_shape() -> bool:
    """True: shapes have NumPy's semantics."""
    return True


def is_np_default_dtype() -> bool:
    """False: the default dtype is float32, not NumPy's float64."""
    return False


def waitall() -> None:
    """Do nothing: results are there when a call returns."""


PUBLIC = (set_np, reset_np, is_np_array, is_np_shape, is_np_default_dtype, waitall)
