"""Winograd convolution among the algorithms: where it applies, and its plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baryon.codegen.kernel import Memory
from baryon.codegen.kernels import winograd
from baryon.codegen.kernels.implicit_gemm import Operands
from baryon.codegen.kernels.microkernel import Buffer
from baryon.codegen.kernels.packing import pack_weights
from baryon.codegen.kernels.plan import Plan
from baryon.codegen.kernels.spec import SUM_BITS, ImplicitGemm, KernelError
from baryon.codegen.kernels.strip import Elementwise
from baryon.codegen.kernels.winograd_cost import schedules
from baryon.codegen.kernels.winograd_schedule import Layout, WinogradSchedule
from baryon.codegen.kernels.winograd_transform import OF_CODES, TAPS, WINOGRAD
from baryon.codegen.targets import Target
from baryon.ir import DType, i16

CODES_BYTES = 4 << 20
"""Of transformed codes at most: they take 3.6 or 8 bytes for 1, and networks of codes are to be
small. Larger filters belong to small images, whose time is that of loading them."""


@dataclass(frozen=True)
class Winograd:
    """F(m x m, 3 x 3). Weights are transformed when compiling, in float64."""

    spec: ImplicitGemm
    schedule: WinogradSchedule
    efficiency: float = 0.0
    takes_inputs = False

    @property
    def name(self) -> str:
        """See `Plan`."""
        return f"winograd {self.schedule}"

    @cached_property
    def layout(self) -> Layout:
        """Sizes."""
        return Layout(self.spec, self.schedule)

    @property
    def packed_size(self) -> int:
        """See `Plan`."""
        return self.layout.weights_size * self.layout.product.depths

    def stored(self, dtype: DType) -> DType:
        """See `Plan`."""
        return i16 if self.spec.codes else dtype

    def pack(self, values: NDArray[Any]) -> NDArray[Any]:
        """See `Plan`."""
        layout = self.layout
        transformed = layout.transform.of_weights(values)
        packed = [
            pack_weights(matrix, layout.product, layout.product_schedule) for matrix in transformed
        ]
        return np.stack(packed)

    def pack_at_run_time(self, source: Memory, dtype: DType) -> Buffer:
        """Not possible: see `takes_inputs`."""
        raise KernelError("weights of a Winograd convolution are transformed when compiling")

    def emit(
        self, operands: Operands, epilogue: Elementwise | None, prologue: Elementwise | None
    ) -> None:
        """See `Plan`."""
        winograd.emit(self.spec, self.schedule, operands, epilogue, prologue)


def applies(spec: ImplicitGemm, target: Target) -> bool:
    """Whether a problem is a 3 x 3 convolution of stride 1 with whole vectors of channels."""
    plain = spec.kernel == (TAPS, TAPS) and spec.stride == spec.dilation == (1, 1)
    source, lanes = (2, target.lanes(2)) if spec.codes else (1, target.lanes(4))
    whole = spec.channels >= lanes and spec.out_channels >= target.lanes(4)
    fits = whole and spec.channels % source == 0 and spec.strides[3] == 1
    multiplied = spec.dtype == "float32" or (spec.codes is not None and spec.depths == 2)
    return plain and fits and spec.groups == 1 and multiplied


def _suits(spec: ImplicitGemm, outputs: int) -> bool:
    """Whether tiles of so many outputs are computed in 32 bits, with weights that stay small."""
    if spec.codes is None:
        return True
    transform = OF_CODES[outputs]
    size = 2 * transform.positions**2 * spec.channels * spec.out_channels
    return spec.sum_bits + transform.shift <= SUM_BITS and size <= CODES_BYTES


def plans(spec: ImplicitGemm, target: Target) -> Sequence[Plan]:
    """The algorithm: tiles of 2 x 2 and 4 x 4 outputs."""
    if not applies(spec, target):
        return []
    suited = [outputs for outputs in WINOGRAD if _suits(spec, outputs)]
    found = [pair for outputs in suited for pair in schedules(spec, target, outputs)]
    return [Winograd(spec, schedule, efficiency) for schedule, efficiency in found]
