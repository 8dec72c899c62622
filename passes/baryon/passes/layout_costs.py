"""What layouts cost, as far as choosing them asks.

The pass is given its costs: code generation knows kernels and the machine, passes do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Protocol

from baryon.ir import Op, TensorType


class LayoutCosts(Protocol):
    """Costs in one unit, rounded to whole numbers. sizes: the symbols' greatest values."""

    def relayout(self, type: TensorType, sizes: Mapping[str, int]) -> int:
        """Moving a value to the other layout."""

    def reads_rows(self, op: Op, sizes: Mapping[str, int]) -> int | None:
        """What an op that works channels-last pays to read its first operand row-major instead.

        None if its kernel cannot.
        """


@dataclass(frozen=True)
class BytesMoved:
    """Without a machine: the bytes that relayouts read and write; no op reads the other layout."""

    def relayout(self, type: TensorType, sizes: Mapping[str, int]) -> int:
        """See `LayoutCosts`."""
        return 2 * prod(type.bound(sizes)) * type.dtype.itemsize

    def reads_rows(self, op: Op, sizes: Mapping[str, int]) -> int | None:
        """See `LayoutCosts`."""
        return None
