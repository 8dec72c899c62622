"""Where the elements of a value lie in an earlier one: chains of reshapes, transposes and slices.

A view is a list of axes, each a list of factors (size, step), outermost first: position i along an
axis of the factors (2, 30), (5, 1) is element i // 5 * 30 + i % 5 of the source. So a reshape is
always a view, as long as it cuts factors at whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from baryon.ir import Dim, Module, Op, Value
from baryon.ops import TABLE
from baryon.ops.indexing import slice_spans
from baryon.ops.manipulation import order_of
from baryon.rewrite import payload

Factor = tuple[int, int]
Axis = tuple[Factor, ...]

_STAND_IN = 1_000_003
"""What stands for a symbol: a prime, so that only whole symbolic axes are split and joined."""


def sizes(shape: Sequence[Dim]) -> tuple[int, ...]:
    """A shape as numbers; `_STAND_IN` stands for a symbol."""
    return tuple(d if isinstance(d, int) else d.factor * _STAND_IN for d in shape)


@dataclass(frozen=True)
class View:
    """source: the value whose elements these are. offset: of the first. factor: multiplies all."""

    source: Value
    axes: tuple[Axis, ...]
    offset: int = 0
    factor: float = 1.0

    @staticmethod
    def whole(value: Value) -> View:
        """A value as itself."""
        shape = sizes(value.type.shape)
        steps = [prod(shape[i + 1 :]) for i in range(len(shape))]
        return View(value, tuple(((n, s),) for n, s in zip(shape, steps, strict=True)))

    @property
    def factors(self) -> list[Factor]:
        """The factors of all axes, those of size 1 left out."""
        return [f for axis in self.axes for f in axis if f[0] != 1]

    def reshaped(self, shape: Sequence[int]) -> View | None:
        """The same elements in another shape; None where a factor would have to be cut oddly."""
        waiting, axes = self.factors[::-1], list[Axis]()
        for size in shape:
            axis = _take(waiting, size)
            if axis is None:
                return None
            axes.append(axis)
        return replace(self, axes=tuple(axes))

    def transposed(self, order: Sequence[int]) -> View:
        """Axes in another order."""
        return replace(self, axes=tuple(self.axes[a] for a in order))

    def sliced(self, axis: int, first: int, step: int, count: int) -> View | None:
        """Some positions of an axis; None where they do not lie in equal steps."""
        size = prod(n for n, _ in self.axes[axis])
        if (first, step, count) == (0, 1, size):
            return self
        found = cut(self.axes[axis], first, step, count)
        if found is None:
            return None
        begin, left = found
        axes = (*self.axes[:axis], left, *self.axes[axis + 1 :])
        return replace(self, axes=axes, offset=self.offset + begin)


def _take(waiting: list[Factor], size: int) -> Axis | None:
    """The next factors of an axis of `size`, from the end of the list; a last one may be cut."""
    axis: list[Factor] = []
    while size != 1:
        if not waiting:
            return None
        count, step = waiting.pop()
        if count > size:
            if count % size:
                return None
            waiting.append((count // size, step))
            count, step = size, step * (count // size)
        if size % count:
            return None
        axis.append((count, step))
        size //= count
    return tuple(axis)


def joined(axis: Axis) -> Axis:
    """An axis with neighbouring factors joined where they are one."""
    found: list[Factor] = []
    for count, step in axis:
        if found and found[-1][1] == count * step:
            found[-1] = (found[-1][0] * count, step)
        else:
            found.append((count, step))
    return tuple(found)


def cut(axis: Axis, first: int, step: int, count: int) -> tuple[int, Axis] | None:
    """(offset, rest) of some positions of an axis."""
    flat = joined(axis)
    if count == 1:
        begin = 0
        for size, unit in reversed(flat):
            begin, first = begin + first % size * unit, first // size
        return begin, ()
    if len(flat) != 1:
        return None
    unit = flat[0][1]
    return first * unit, ((count, step * unit),)


def views(module: Module, value: Value, scalars: bool = False) -> Iterator[View]:
    """The views that a value is of earlier values, of the earliest first.

    scalars: look through factors that are one number, too.
    """
    chain = [value]
    while (source := _source(module, chain[-1], scalars)) is not None:
        chain.append(source)
    for start in range(len(chain) - 1, 0, -1):
        found: View | None = View.whole(chain[start])
        for step in reversed(chain[:start]):
            found = found and _apply(module, found, step)
        if found is not None:
            yield found


def _source(module: Module, value: Value, scalars: bool) -> Value | None:
    op = value.op
    if op is None or any(v.type.layout for v in (value, *op.operands)):
        return None
    if op.name in _STEPS:
        return op.operands[0]
    return _scaled(module, op)[0] if scalars and op.name in _SCALES else None


def _scaled(module: Module, op: Op) -> tuple[Value | None, float]:
    """The operand that an op multiplies by one number, and the number."""
    for value, other in (op.operands, op.operands[::-1]):
        array = payload(module, other)
        if array is not None and array.size == 1 and value.type == op.result.type:
            number = float(array.reshape(-1)[0])
            if op.name == "np.multiply":
                return value, number
            return (value, 1 / number) if other is op.operands[1] and number else (None, 1.0)
    return None, 1.0


def _apply(module: Module, view: View, value: Value) -> View | None:
    op = value.op
    assert op is not None
    if op.name in _SCALES:
        return replace(view, factor=view.factor * _scaled(module, op)[1])
    return _STEPS[op.name](module, view, op, value)


def _reshape(module: Module, view: View, op: Op, value: Value) -> View | None:
    return view.reshaped(sizes(value.type.shape))


def _transpose(module: Module, view: View, op: Op, value: Value) -> View:
    return view.transposed(order_of(_attrs(op)["axes"], len(view.axes)))  # type: ignore[arg-type]


def _slice(module: Module, view: View, op: Op, value: Value) -> View | None:
    spans = slice_spans(op.operands[0].type.shape, **_attrs(op))  # type: ignore[arg-type]
    found: View | None = view
    for axis, (first, step, count) in enumerate(spans):
        size = sizes((count,))[0]
        found = found and found.sliced(axis, first, step, size)
    return found


def _split(module: Module, view: View, op: Op, value: Value) -> View | None:
    axis = int(_attrs(op)["axis"]) % value.type.rank  # type: ignore[call-overload]
    parts = [sizes(r.type.shape)[axis] for r in op.results]
    number = [*op.results].index(value)
    return view.sliced(axis, sum(parts[:number]), 1, parts[number])


def _take_one(module: Module, view: View, op: Op, value: Value) -> View | None:
    index, axis = payload(module, op.operands[1]), _attrs(op)["axis"]
    if index is None or index.ndim or not isinstance(axis, int):
        return None
    axis %= op.operands[0].type.rank
    size = prod(n for n, _ in view.axes[axis])
    if not -size <= int(index) < size:
        return None
    found = view.sliced(axis, int(index) % size, 1, 1)
    return found and replace(found, axes=(*found.axes[:axis], *found.axes[axis + 1 :]))


def _broadcast(module: Module, view: View, op: Op, value: Value) -> View:
    shape = sizes(value.type.shape)
    own: tuple[Axis, ...] = (*[()] * (len(shape) - len(view.axes)), *view.axes)
    axes = (
        axis if prod(n for n, _ in axis) == size else ((size, 0),)
        for axis, size in zip(own, shape, strict=True)
    )
    return replace(view, axes=tuple(axes))


def _attrs(op: Op) -> Mapping[str, object]:
    return TABLE[op.name].normalize(op.attrs)


_STEPS: Mapping[str, Callable[[Module, View, Op, Value], View | None]] = {
    "np.reshape": _reshape,
    "np.expand_dims": _reshape,
    "np.squeeze": _reshape,
    "np.transpose": _transpose,
    "npx.slice": _slice,
    "np.split": _split,
    "np.take": _take_one,
    "np.broadcast_to": _broadcast,
}
"""Ops whose results are views of their first operand, mostly."""

_SCALES = frozenset({"np.multiply", "np.divide"})
