"""The weight gradient of a depthwise convolution: products of images, summed over pixels.

Vectors run over channels, as in the forward kernel. A task sums one tap of a block of channels over
a share of the images; the shares are added up in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from baryon.codegen.expr import Expr, Math, bind, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory, grid
from baryon.codegen.kernels.pool import channel_block
from baryon.codegen.kernels.weight_gradient_plan import WeightGradient
from baryon.codegen.pointwise import Domain, Frame
from baryon.codegen.tvm import T, tirx
from baryon.ir import Sym, TensorType
from baryon.ir.memory import strides

MAX_VECTORS = 4
"""Accumulators side by side: enough to hide the latency of an addition."""

SHARES = 16
"""Shares of the images, each with sums of its own."""


def is_depthwise(plan: WeightGradient) -> bool:
    """True where each group has one channel and one filter, and pixels hold their channels."""
    types = [v.type for v in plan.op.operands]
    innermost = all(strides(t)[1] == 1 for t in types)
    return plan.channels == plan.filters == 1 < plan.groups and innermost


def build(group: Group, plan: WeightGradient) -> Kernel:
    """The kernel of a group whose anchor `is_depthwise`."""
    builder = KernelBuilder()
    with builder.function():
        _Emitter(plan, Frame(builder, group)).emit()
    return builder.finish(plan.flops)


class _Emitter:
    def __init__(self, plan: WeightGradient, frame: Frame) -> None:
        self.plan, self.frame = plan, frame
        self.types = [v.type for v in plan.op.operands]
        self.memories = [frame.inputs[v] for v in frame.group.main.operands]
        lanes = plan.target.lanes(plan.dtype.itemsize)
        self.block = channel_block(plan.groups, lanes, MAX_VECTORS)
        self.batch = frame.builder.symbols.dim(plan.batch)
        symbolic = isinstance(plan.batch, Sym)
        self.shares = SHARES if symbolic else min(SHARES, plan.batch)

    def emit(self) -> None:
        """Sums of all shares, then their sum."""
        plan, block = self.plan, self.block
        sums = Memory.local(self.shares * plan.taps * plan.groups, plan.dtype)
        work = plan.out_size[0] * plan.out_size[1] * block.width
        with self.frame.builder.tasks([self.shares, plan.taps, block.count], work) as indices:
            share, tap, index = indices
            self._tap(sums, share, bind(tap), bind(block.start(index)))
        self._write(sums)

    def _tap(self, sums: Memory, share: Expr, tap: Expr, channel: Expr) -> None:
        """One tap's products over a share of the images."""
        plan, lanes = self.plan, self.block.lanes
        totals = [Memory.local(lanes, plan.dtype) for _ in range(self.block.vectors)]
        for total in totals:
            total.store(lane_const(0, plan.dtype, lanes), 0, lanes)
        each = (self.batch + (self.shares - 1)) // self.shares
        first = bind(share * each)
        count = tirx.max(tirx.min(self.batch - first, each), 0)
        (top, bottom), (left, right) = self._inside(tap)
        with (
            T.serial(0, count) as image,
            T.serial(top, bottom) as y,
            T.serial(left, right) as x,
        ):
            self._pixel(totals, first + image, (y, x), tap, channel)
        at = bind((share * plan.taps + tap) * plan.groups + channel)
        for i, total in enumerate(totals):
            sums.store(total.load(0, lanes), at + i * lanes, lanes)

    def _inside(self, tap: Expr) -> list[tuple[Expr, Expr]]:
        """The output rows and columns for which a tap lies inside the data."""
        plan, found = self.plan, []
        for axis, number in enumerate((tap // plan.kernel[1], tap % plan.kernel[1])):
            step, start = plan.stride[axis], number * plan.dilate[axis] - plan.before[axis]
            first = tirx.max((step - 1 - start) // step, 0)
            last = (plan.size[axis] - 1 - start + step) // step
            end = tirx.min(tirx.max(last, first), plan.out_size[axis])
            found.append((bind(tirx.min(first, end)), bind(end)))
        return found

    def _pixel(
        self, totals: list[Memory], image: Expr, at: tuple[Expr, Expr], tap: Expr, channel: Expr
    ) -> None:
        plan, lanes = self.plan, self.block.lanes
        taps = (tap // plan.kernel[1], tap % plan.kernel[1])
        seen = [
            o * s + t * d - b
            for o, s, t, d, b in zip(at, plan.stride, taps, plan.dilate, plan.before, strict=True)
        ]
        places = [
            bind(_offset(type, image, pixel) + channel)
            for type, pixel in zip(self.types, (seen, at), strict=True)
        ]
        for i, total in enumerate(totals):
            x, g = (
                Math.cast(memory.load(place + i * lanes, lanes), plan.dtype)
                for memory, place in zip(self.memories, places, strict=True)
            )
            total.store(total.load(0, lanes) + x * g, 0, lanes)

    def _write(self, sums: Memory) -> None:
        """Add up the shares, channel by channel."""
        plan, result = self.plan, self.frame.group.main.result
        axes = tuple(range(2, result.type.rank))
        domain = Domain(self.frame, result.type.shape, [(0,), (1,), axes])
        with grid([plan.groups, plan.taps]) as [channel, tap]:
            total = Memory.local(1, plan.dtype)
            total.store(lane_const(0, plan.dtype, 1), 0)
            with grid([self.shares]) as [share]:
                at = (share * plan.taps + tap) * plan.groups + channel
                total.store(total.load(0) + sums.load(at), 0)
            place = domain.place([channel, 0, tap])
            place.known[result] = bind(Math.cast(total.load(0), result.type.dtype))
            place.store()


def _offset(type: TensorType, image: Expr, pixel: Sequence[Expr]) -> Expr:
    step = strides(type)
    rows = pixel[0] * step[-2] if len(step) > 3 else 0
    return image * step[0] + rows + pixel[1] * step[-1]
