"""Running sums: each line in order, lines side by side in vectors where they are not innermost."""

from __future__ import annotations

from baryon.codegen.expr import Math, bind, lane_const
from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder, Memory
from baryon.codegen.kernels.fold import Fold, Line
from baryon.codegen.pointwise import Frame, Place
from baryon.codegen.targets import Target
from baryon.ir import DType, f32


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a running sum with its epilogue."""
    builder = KernelBuilder()
    with builder.function():
        _Scan(Frame(builder, group), target).emit()
    return builder.finish()


class _Scan:
    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame, self.op = frame, frame.group.main
        self.source, self.result = self.op.operands[0], self.op.result
        self.dtype = _wide(self.result.type.dtype)
        axis = frame.group.attrs["axis"] % self.source.type.rank
        self.loops = Fold(frame, target, self.source, {axis}, vectors=False)

    def emit(self) -> None:
        """Emit the loops."""
        if 0 not in self.source.type.shape:
            self.loops.emit(self._line)

    def _line(self, line: Line) -> None:
        lanes = [n for _, n in line.slots]
        sums = [Memory.local(n, self.dtype) for n in lanes]
        for total, n in zip(sums, lanes, strict=True):
            total.store(lane_const(0, self.dtype, n), 0, n)

        def visit(place: Place, number: int) -> None:
            total, n = sums[number], lanes[number]
            x = Math.cast(place.value(self.source), self.dtype)
            now = bind(total.load(0, n) + x)
            total.store(now, 0, n)
            place.known[self.result] = bind(Math.cast(now, self.result.type.dtype))
            place.store()

        line.each(visit)


def _wide(dtype: DType) -> DType:
    """The element type in which sums run."""
    return f32 if dtype.is_float and dtype.bits == 16 else dtype
