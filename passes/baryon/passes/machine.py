"""What passes ask of the machine that a module is compiled for.

Code generation knows kernels and targets, passes do not: whoever compiles gives them this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from baryon.ir import Op
from baryon.passes.layout_costs import LayoutCosts


class CodeSpeed(Protocol):
    """Whether kernels of 8-bit codes pay."""

    def refusal(self, op: Op, sizes: Mapping[str, int]) -> str | None:
        """Why a contraction with filters had better compute in float32; None if on codes.

        sizes: the symbols' greatest values.
        """


@dataclass(frozen=True)
class Machine:
    """layouts: what moving values costs. cache: bytes that stay from one kernel to the next.

    codes: None where it was decided before what is computed on codes.
    """

    layouts: LayoutCosts
    cache: int
    codes: CodeSpeed | None = None
