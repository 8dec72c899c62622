"""Functions that have no vector form: computed for one lane after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from baryon.codegen.maths.lanes import Expr, dtype_of, is_f32, lanes_of, splat
from baryon.codegen.tvm import T, tirx


class Lanes:
    """Values in memory, of which single lanes are read and written."""

    def __init__(self, dtype: str, lanes: int) -> None:
        self.lanes = lanes
        self.buffer = T.alloc_buffer((lanes,), dtype)

    @staticmethod
    def of(x: Expr) -> Lanes:
        """The lanes of a value."""
        made = Lanes(dtype_of(x).partition("x")[0], lanes_of(x))
        T.buffer_store(made.buffer, x, [made._index()])
        return made

    def _index(self) -> Expr:
        return tirx.Ramp(0, 1, self.lanes) if self.lanes > 1 else 0

    def __getitem__(self, lane: Expr) -> Expr:
        return self.buffer[(lane,)]

    def __setitem__(self, lane: Expr, value: Expr) -> None:
        T.buffer_store(self.buffer, value, [lane])

    def all(self) -> Expr:
        """The vector."""
        return self.buffer[(self._index(),)]


def per_lane(function: Callable[..., Expr], *operands: Expr) -> Expr:
    """A function of scalars, for each lane of operands of one type."""
    given = [Lanes.of(x) for x in operands]
    out = Lanes(dtype_of(operands[0]).partition("x")[0], lanes_of(operands[0]))
    with T.serial(0, out.lanes) as lane:
        out[lane] = function(*(x[lane] for x in given))
    return out.all()


def libm(name: str, *operands: Expr) -> Expr:
    """A function of the C library; the runtime offers those that docs/spec/artifact.md lists."""
    return per_lane(lambda *x: _extern(name, x), *operands)


def _extern(name: str, operands: Sequence[Expr]) -> Expr:
    single = is_f32(operands[0])
    dtype = "float32" if single else "float64"
    return tirx.call_extern(dtype, name + "f" if single else name, *operands)


def libm_unless(usual: Expr, value: Expr, name: str, *operands: Expr) -> Expr:
    """`value`, but the C library's function in the lanes where a condition fails, which is rare."""
    one, zero = (splat(tirx.const(v, "int32"), lanes_of(value)) for v in (1, 0))
    fits = Lanes.of(tirx.Select(usual, one, zero))
    given, out = [Lanes.of(x) for x in operands], Lanes.of(value)
    with T.serial(0, out.lanes) as lane, T.If(fits[lane] == 0), T.Then():
        out[lane] = _extern(name, [x[lane] for x in given])
    return out.all()
