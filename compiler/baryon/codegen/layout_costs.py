"""What layouts cost on a target, in core cycles: what `layout` is given when compiling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from baryon.codegen.kernels import algorithms
from baryon.codegen.kernels.contraction import convolution_spec
from baryon.codegen.kernels.cost import FEW_CHANNELS, LAUNCH_CYCLES, RELAYOUT_CYCLES
from baryon.codegen.kernels.spec import ImplicitGemm
from baryon.codegen.targets import Target
from baryon.ir import CHANNELS_LAST, Op, TensorType, f32
from baryon.ops.nn_conv import CONVOLUTION


@dataclass(frozen=True)
class KernelCosts:
    """`baryon.passes.layout.LayoutCosts` by the cost model of kernels."""

    target: Target

    def relayout(self, type: TensorType, sizes: Mapping[str, int]) -> int:
        """A kernel of its own."""
        return round(prod(type.bound(sizes)) * RELAYOUT_CYCLES + LAUNCH_CYCLES)

    def reads_rows(self, op: Op, sizes: Mapping[str, int]) -> int | None:
        """The best kernel on row-major data against the best one on channels-last data.

        None for what only reads channels-last data, and for images of many channels: gathering
        their pixels costs as much as a relayout, and again for every tap that reaches over a block.
        """
        data = op.operands[0].type
        if op.name != CONVOLUTION or data.dtype != f32 or data.rank > 4:
            return None
        few = isinstance(data.shape[1], int) and data.shape[1] <= FEW_CHANNELS
        if not few or op.attrs.get("num_group", 1) != 1:
            return None
        result = op.result.type.with_layout(CHANNELS_LAST)
        images = data.bound(sizes)[0]
        rows = convolution_spec(op, data, result)
        last = convolution_spec(op, data.with_layout(CHANNELS_LAST), result)
        return max(1, round(images * (self._cycles(rows) - self._cycles(last))))

    def _cycles(self, spec: ImplicitGemm) -> float:
        """Core cycles for one image, whichever algorithm is best."""
        useful = spec.macs / (2 * self.target.lanes(4))
        return useful / algorithms.choose(spec, self.target).efficiency
