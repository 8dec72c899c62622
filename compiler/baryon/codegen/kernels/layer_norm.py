"""layer_norm: mean, variance around it, normalized row, all within the cache; rms_norm: no mean."""

from __future__ import annotations

from typing import Any

from baryon.codegen.expr import Expr, Math, bind, const, lanes_of, splat
from baryon.codegen.group import Group, compute_dtype
from baryon.codegen.kernel import Kernel, KernelBuilder
from baryon.codegen.kernels.fold import Fold, Line
from baryon.codegen.pointwise import Frame, Place
from baryon.codegen.space import View
from baryon.codegen.targets import Target
from baryon.ir import Value


def build(group: Group, target: Target) -> Kernel:
    """The kernel of a normalization with element-wise neighbours."""
    builder = KernelBuilder()
    with builder.function():
        _Normalization(Frame(builder, group), target).emit()
    return builder.finish()


class _Normalization:
    def __init__(self, frame: Frame, target: Target) -> None:
        self.frame, self.op = frame, frame.group.main
        self.source, self.gamma, *self.beta = self.op.operands
        self.attrs = frame.group.attrs
        self.axis = self.attrs["axis"] % self.source.type.rank
        self.dtype = compute_dtype([self.source.type.dtype], self.op.result.type.dtype)
        self.loops = Fold(frame, target, self.source, {self.axis})
        size = self.source.type.shape[self.axis]
        ones = self.source.type.rank - 1 - self.axis
        for vector in (self.gamma, *self.beta):
            self.loops.domain.see(vector, View((size, *[1] * ones), (1, *[0] * ones)))
        self.count = frame.builder.symbols.dim(size)

    def emit(self) -> None:
        """Emit the loops."""
        if 0 not in self.source.type.shape:
            self.loops.emit(self._line)

    def _line(self, line: Line) -> None:
        def total(term: Any) -> list[Expr]:
            return line.reduce(term, lambda a, b: a + b, 0, self.dtype)

        is_centred = self.op.name == "npx.layer_norm"
        means = [self._mean(s) for s in total(lambda p, _: self._x(p))] if is_centred else []

        def distance(place: Place, number: int) -> Expr:
            return self._x(place) - line.of(means, place, number) if means else self._x(place)

        squares = total(lambda p, n: _square(distance(p, n)))
        eps = self.attrs["eps"]
        scales = [bind(Math.rsqrt(self._mean(s) + const(eps, s))) for s in squares]

        def store(place: Place, number: int) -> None:
            normal = distance(place, number) * line.of(scales, place, number)
            value = normal * self._cast(place, self.gamma)
            for shift in self.beta:
                value = value + self._cast(place, shift)
            place.known[self.op.result] = bind(Math.cast(value, self.op.result.type.dtype))
            place.store()

        line.each(store)

    def _mean(self, total: Expr) -> Expr:
        if isinstance(self.count, int):
            return bind(total / const(self.count, total))
        return bind(total / splat(Math.cast(self.count, self.dtype), lanes_of(total)))

    def _x(self, place: Place) -> Expr:
        return self._cast(place, self.source)

    def _cast(self, place: Place, value: Value) -> Expr:
        return Math.cast(place.value(value), self.dtype)


def _square(x: Expr) -> Expr:
    x = bind(x)
    return x * x
