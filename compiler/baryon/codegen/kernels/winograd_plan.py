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
from baryon.codegen.kernels.spec import ImplicitGemm, KernelError
from baryon.codegen.kernels.strip import Elementwise
from baryon.codegen.kernels.winograd_cost import schedules
from baryon.codegen.kernels.winograd_schedule import Layout, WinogradSchedule
from baryon.codegen.kernels.winograd_transform import TAPS, WINOGRAD
from baryon.codegen.targets import Target
from baryon.ir import DType


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
        return self.layout.weights_size

    def pack(self, values: NDArray[Any]) -> NDArray[Any]:
        """See `Plan`."""
        layout = self.layout
        transformed = layout.transform.of_weights(values)
        packed = np.empty((layout.positions, *layout.columns.packed_shape), values.dtype)
        for position, matrix in enumerate(transformed):
            packed[position] = pack_weights(matrix, layout.product, layout.product_schedule)
        return packed

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
    whole = min(spec.channels, spec.out_channels) >= target.lanes(4) and spec.strides[3] == 1
    return plain and whole and spec.groups == 1 and spec.dtype == "float32"


def plans(spec: ImplicitGemm, target: Target) -> Sequence[Plan]:
    """The algorithm: tiles of 2 x 2 and 4 x 4 outputs."""
    if not applies(spec, target):
        return []
    found = [pair for outputs in WINOGRAD for pair in schedules(spec, target, outputs)]
    return [Winograd(spec, schedule, efficiency) for schedule, efficiency in found]
