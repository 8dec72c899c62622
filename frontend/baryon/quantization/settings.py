"""The arguments of `quantize_net`, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from baryon.ir import BaryonError
from baryon.quantization.ranges import THRESHOLDS

DTYPES = ("auto", "int8", "uint8")
MODES = ("full", "smart")
GRANULARITIES = ("tensor-wise", "channel-wise")
CALIBRATIONS = ("none", *THRESHOLDS, "custom")


class SettingError(BaryonError, ValueError):
    """An argument that is none of those there are, or that does not go with another."""


@dataclass(frozen=True)
class Settings:
    """What to do; the names and meanings are those of `quantize_net`.

    smooth_quant: a strength, 0 for none, None for a search to decide.
    """

    quantized_dtype: str = "auto"
    quantize_mode: str = "full"
    quantize_granularity: str = "tensor-wise"
    exclude_layers: tuple[str, ...] = ()
    exclude_layers_match: tuple[str, ...] = ()
    exclude_operators: tuple[str, ...] = ()
    calib_mode: str = "none"
    num_calib_batches: int | None = None
    target: str = "native"
    percentile: float = 99.99
    smooth_quant: float | None = None
    bias_correction: bool = False
    equalize: bool = False
    refuse_slower: bool = True

    def __post_init__(self) -> None:
        for name, known in (
            ("quantized_dtype", DTYPES),
            ("quantize_mode", MODES),
            ("quantize_granularity", GRANULARITIES),
            ("calib_mode", CALIBRATIONS),
        ):
            if getattr(self, name) not in known:
                raise SettingError(
                    f"{name} is {getattr(self, name)!r}", hint=f"use one of {', '.join(known)}"
                )
        if self.num_calib_batches is not None and self.num_calib_batches < 1:
            raise SettingError(f"num_calib_batches is {self.num_calib_batches}, not at least 1")
        if not 0 < self.percentile <= 100:
            raise SettingError(f"percentile is {self.percentile}", hint="it is above 0, up to 100")
        if self.smooth_quant is not None and not 0 <= self.smooth_quant <= 1:
            raise SettingError(f"smooth_quant is {self.smooth_quant}", hint="it is from 0 to 1")

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def names_of(given: str | Sequence[str] | None, what: str) -> tuple[str, ...]:
    """A list of names: one, several or none. SettingError for what are no names."""
    names = (given,) if isinstance(given, str) else tuple(given or ())
    if not all(isinstance(name, str) for name in names):
        raise SettingError(f"{what} has entries that are no names: {names!r}")
    return names
